/** Rows merged by minute and by hour: what they counted is conserved to the octet, and nothing is told that is not so of all. */
import { describe, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { presenceBit, ROW_BYTES, rowFamilies, rowFields } from '../../src/flow/row_layout.ts';
import { type MergeSpan, RowMerge } from '../../src/forward/row_merge.ts';
import { anyFamily, startNs, writeRow } from './rows.ts';

const secondNs = 1_000_000_000n;

type Change = (row: RowCursor, i: number) => void;
function rowsOf(
  count: number,
  family: Parameters<typeof writeRow>[2],
  change: Change,
  twoWay?: (i: number) => boolean,
): Uint8Array {
  const bytes = new Uint8Array(count * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let i = 0; i < count; i++) {
    writeRow(row.at(i), i, family, twoWay?.(i));
    change(row.at(i), i);
  }
  return bytes;
}
const sameKey: Change = (row) => {
  row.setSourceAddress(Uint8Array.of(10, 0, 0, 1));
  row.destinationTransportPort = 443;
};
function merged(span: MergeSpan, rows: Uint8Array): RowCursor[] {
  const merge = new RowMerge(span, 0n);
  merge.add(rows, 0, rows.length / ROW_BYTES);
  const result = merge.finish();
  return Array.from({ length: merge.count }, (_, i) => new RowCursor(result).at(i));
}
/** Every field that counts, summed over rows. */
function sums(rows: Uint8Array): Record<string, bigint> {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const found: Record<string, bigint> = {};
  for (const { name, offset, octets } of rowFields) {
    if (!/DeltaCount$/i.test(name) && name !== 'deltaFlowCount') continue;
    for (let base = 0; base < rows.length; base += ROW_BYTES) {
      let value = 0n;
      for (let i = 0; i < octets; i++) value = value * 256n + BigInt(view.getUint8(base + offset + i));
      found[name] = (found[name] ?? 0n) + value;
    }
  }
  return found;
}

describe('rows merged', () => {
  test.each(['minute', 'hour'] as const)('by %s: every count is conserved, whatever the rows', (span) => {
    const bytes = new Uint8Array(600 * ROW_BYTES);
    const row = new RowCursor(bytes);
    for (let i = 0; i < 600; i++) {
      writeRow(row.at(i), i, anyFamily(i), i % 3 === 0);
      row.at(i).flowStartNs = startNs + BigInt(i % 200) * secondNs;
      row.destinationTransportPort = [53, 443, 80][i % 3]!;
      if (i % 2 === 0) row.setSourceAddress(new Uint8Array(16).fill(i % 5));
    }
    const merge = new RowMerge(span, 0n);
    merge.add(bytes, 0, 250);
    merge.add(bytes, 250 * ROW_BYTES, 350);
    expect(sums(merge.finish())).toEqual(sums(bytes));
    expect(merge.count).toBeLessThan(500);
  });

  test('flows of one pair, protocol and server port in a minute become one; the client’s port is of none', () => {
    const rows = merged(
      'minute',
      rowsOf(5, 'ipv4', (row, i) => {
        sameKey(row, i);
        row.flowStartNs = startNs + BigInt(i) * secondNs;
        row.flowEndNs = startNs + BigInt(10 - i) * secondNs;
      }),
    );
    expect(rows).toHaveLength(1);
    const [row] = rows;
    const { deltaFlowCount, destinationTransportPort, sourceTransportPort, protocolIdentifier } = row!;
    expect([deltaFlowCount, destinationTransportPort, sourceTransportPort, protocolIdentifier]).toEqual([5, 443, 0, 6]);
    expect(row!.flowStartNs).toBe(startNs);
    expect(row!.flowEndNs).toBe(startNs + 10n * secondNs);
    expect(rowFamilies[row!.family]).toBe('aggregate');
    expect([...row!.sourceAddress.subarray(0, 4)]).toEqual([10, 0, 0, 1]);
    expect(row!.flowEndReason).toBe(5); // lack of resources
    expect(row!.has(presenceBit('mac'))).toBe(false); // every row had another
    expect([...row!.sourceMacAddress]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('what differs in VLAN, interface, selector or minute stays apart', () => {
    const differ: Change[] = [
      (row, i) => {
        row.setPresent(presenceBit('vlan'));
        row.dot1qVlanId = 10 + i;
      },
      (row, i) => {
        row.ingressInterface = i;
      },
      (row, i) => {
        row.selectorId = i;
      },
      (row, i) => {
        row.flowStartNs = startNs + BigInt(i) * 3_600n * secondNs;
      },
    ];
    for (const change of differ)
      for (const span of ['minute', 'hour'] as const)
        expect(
          merged(
            span,
            rowsOf(2, 'ipv4', (row, i) => {
              sameKey(row, i);
              change(row, i);
            }),
          ),
        ).toHaveLength(2);
  });

  test('a row that meets no other is not touched', () => {
    const rows = rowsOf(1, 'ipv6', sameKey);
    const merge = new RowMerge('hour', 0n);
    merge.add(rows, 0, 1);
    expect(Buffer.compare(merge.finish(), rows)).toBe(0);
  });

  test('one-way and two-way rows meet: the reverse direction’s bounds are those of the rows that have one', () => {
    for (const twoWay of [(i: number) => i === 0, (i: number) => i === 1]) {
      const [row] = merged(
        'minute',
        rowsOf(
          2,
          'ipv4',
          (one, i) => {
            sameKey(one, i);
            if (one.has(presenceBit('reverse'))) one.reverseMinimumTTL = one.reverseMaximumTTL = 57;
          },
          twoWay,
        ),
      );
      expect(row!.has(presenceBit('reverse'))).toBe(true);
      expect([row!.reverseMinimumTTL, row!.reverseMaximumTTL, row!.minimumTTL]).toEqual([57, 57, 64]);
    }
  });

  test('IPv6 by minute keeps its addresses; by hour nothing tells of addresses', () => {
    const v6 = rowsOf(3, 'ipv6', (row) => {
      row.setSourceAddress(Uint8Array.of(0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 7));
    });
    const [minute] = merged('minute', v6);
    expect(rowFamilies[minute!.family]).toBe('aggregate');
    expect(rowToJson(minute!.bytes, minute!.base)).toMatchObject({ sourceIPv6Address: '2001:db8::7', ipVersion: 6 });
    expect([...minute!.sourceAddress].at(-1)).toBe(7);
    const [hour] = merged('hour', v6);
    expect(rowFamilies[hour!.family]).toBe('aggregate');
    expect(hour!.has(presenceBit('addresses'))).toBe(false);
    expect([...hour!.sourceAddress].every((octet) => octet === 0)).toBe(true);
  });

  test('counts that a field cannot hold stay at the most it can', () => {
    const [row] = merged(
      'minute',
      rowsOf(2, 'ipv4', (one, i) => {
        sameKey(one, i);
        one.retransmittedPacketDeltaCount = 3_000_000_000;
      }),
    );
    expect(row!.retransmittedPacketDeltaCount).toBe(2 ** 32 - 1);
    expect(row!.packetDeltaCount).toBe(3);
  });
});
