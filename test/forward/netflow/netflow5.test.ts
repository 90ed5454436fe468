/** Messages of version 5, read field by field: what does not fit ends a message or is left out, nothing is cut. */
import { expect, test } from 'vitest';
import { RowCursor } from '../../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES } from '../../../src/flow/row_layout.ts';
import type { ExportFacts } from '../../../src/forward/ipfix/options_tables.ts';
import { Netflow5Session } from '../../../src/forward/netflow/netflow5.ts';
import { blockOf, startNs } from '../rows.ts';

const exportTimeS = Number(startNs / 1_000_000_000n) + 100;
const facts = (...selectors: ExportFacts['selectors']): ExportFacts => ({ selectors }) as unknown as ExportFacts;

/** Every message of the rows, and which rows were left out. */
function messagesOf(session: Netflow5Session, count: number, change: (row: RowCursor, n: number) => void = () => {}) {
  const block = blockOf(0, count);
  const row = new RowCursor(block.bytes);
  for (let n = 0; n < count; n++) change(row.at(n, block.firstRow), n);
  const messages: DataView[] = [];
  const leftOut: number[] = [];
  for (let done = 0; done < count; ) {
    const encoded = session.dataMessage(block.bytes, block.firstRow + done * ROW_BYTES, count - done, 0n, exportTimeS);
    expect(encoded.rows).toBeGreaterThan(0);
    for (const { from, count: rows } of encoded.notRepresentable ?? [])
      leftOut.push(...Array.from({ length: rows }, (_, index) => done + from + index));
    if (encoded.records > 0)
      messages.push(new DataView(encoded.message.buffer, encoded.message.byteOffset, encoded.message.length));
    done += encoded.rows;
  }
  return { messages, leftOut };
}
const session = (messageOctetsMax = 1_472, ports = false): Netflow5Session =>
  new Netflow5Session({ observationDomainId: 0x1234, messageOctetsMax, leaveOut: { ports, macs: false } });

test('at most 30 records a message, the sequence counts records, both directions of a row stay together', () => {
  const { messages } = messagesOf(session(), 100);
  const counts = messages.map((message) => message.getUint16(2));
  expect(Math.max(...counts)).toBeLessThanOrEqual(30);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(150);
  let sequence = 0;
  messages.forEach((message, index) => {
    expect(message.byteLength).toBe(24 + 48 * counts[index]!);
    expect([message.getUint16(0), message.getUint32(16), message.getUint8(21)]).toEqual([5, sequence, 0x34]);
    expect(message.getUint32(8) * 1_000 - message.getUint32(4) + message.getUint32(24 + 24)).toBeGreaterThanOrEqual(
      Number(startNs / 1_000_000n),
    );
    sequence += counts[index]!;
  });
  expect(messagesOf(session(24 + 5 * 48), 10).messages.map((message) => message.getUint16(2))).toEqual([5, 4, 5, 1]);
});

test('a message holds one sampling rate; a rate beyond fourteen bits is left out', () => {
  const one = session();
  one.optionsMessages(
    facts(
      { selectorId: 1, kind: 'none', interval: 1 },
      { selectorId: 2, kind: 'count', interval: 100 },
      { selectorId: 3, kind: 'random', interval: 16_383 },
      { selectorId: 4, kind: 'random', interval: 16_384 },
    ),
  );
  const { messages, leftOut } = messagesOf(one, 8, (row, n) => {
    row.selectorId = 1 + (n >> 1);
  });
  expect(messages.map((message) => message.getUint16(22))).toEqual([0, (1 << 14) | 100, (2 << 14) | 16_383]);
  expect(leftOut).toEqual([6, 7]);
});

test('ICMP type and code stand in the destination port; ports left out are zero; a large interface number is 0', () => {
  const icmp = (row: RowCursor, n: number): void => {
    row.protocolIdentifier = 1;
    row.icmpTypeCode = 0x0803;
    row.setPresent(presenceBit('icmp'));
    row.sourceTransportPort = row.destinationTransportPort = 0;
    row.ingressInterface = 70_000 + n;
  };
  const [shown] = messagesOf(session(), 2, icmp).messages;
  expect([shown!.getUint16(24 + 32), shown!.getUint16(24 + 34), shown!.getUint16(24 + 12)]).toEqual([0, 0x0803, 0]);
  const [hidden] = messagesOf(session(1_472, true), 2).messages;
  expect([hidden!.getUint16(24 + 32), hidden!.getUint16(24 + 34)]).toEqual([0, 0]);
});

test('messages too small for both directions of a row are refused', () => {
  expect(() => session(24 + 48)).toThrow('needs 120');
});
