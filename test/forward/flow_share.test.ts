/** Which member of a balance group a flow belongs to. */
import { describe, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES, type RowFamily } from '../../src/flow/row_layout.ts';
import { FlowShare, flowHash } from '../../src/forward/flow_share.ts';
import { writeRow } from './rows.ts';

const names = ['a', 'b', 'c', 'd'];
const count = 4_000;

function rowsOf(family: RowFamily): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(count * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let n = 0; n < count; n++) writeRow(row.at(n), n, family);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** The row as it would be, had the other end been seen first. */
function turned(bytes: Uint8Array, n: number): DataView {
  const copy = bytes.slice(n * ROW_BYTES, (n + 1) * ROW_BYTES);
  const [from, to] = [new RowCursor(bytes).at(n), new RowCursor(copy)];
  to.setSourceAddress(from.destinationAddress);
  to.setDestinationAddress(from.sourceAddress);
  to.setSourceMacAddress(from.destinationMacAddress);
  to.setDestinationMacAddress(from.sourceMacAddress);
  to.sourceTransportPort = from.destinationTransportPort;
  to.destinationTransportPort = from.sourceTransportPort;
  return new DataView(copy.buffer);
}

describe.each(['ipv4', 'ipv6', 'ethernet'] as const)('shares of %s flows', (family) => {
  const { bytes, view } = rowsOf(family);

  test('both directions of a flow belong to one member', () => {
    for (let n = 0; n < 500; n++) expect(flowHash(turned(bytes, n), 0)).toBe(flowHash(view, n * ROW_BYTES));
  });

  test('each flow belongs to exactly one member, and each member has about its share', () => {
    const shares = names.map((name) => new FlowShare(name, names));
    const owned = names.map(() => 0);
    for (let n = 0; n < count; n++) {
      const owners = shares.flatMap((share, member) => (share.owns(view, n * ROW_BYTES) ? [member] : []));
      expect(owners).toHaveLength(1);
      owned[owners[0]!]!++;
    }
    for (const flows of owned) expect(Math.abs(flows - count / 4)).toBeLessThan(count / 20);
  });

  test('a member more takes flows from the others and moves none between them', () => {
    const before = new FlowShare('a', ['a', 'b', 'c']);
    const after = new FlowShare('a', ['c', 'd', 'a', 'b']);
    let left = 0;
    for (let n = 0; n < count; n++) {
      if (after.owns(view, n * ROW_BYTES)) expect(before.owns(view, n * ROW_BYTES)).toBe(true);
      else if (before.owns(view, n * ROW_BYTES)) left++;
    }
    expect(Math.abs(left - count / 12)).toBeLessThan(count / 30);
  });

  test('what is selected stands together, with the place where each row was', () => {
    const own = new FlowShare('b', names).select(bytes, 3 * ROW_BYTES, 200);
    expect(own.places.length).toBeGreaterThan(20);
    own.places.forEach((place, index) => {
      const row = own.bytes.subarray(index * ROW_BYTES, (index + 1) * ROW_BYTES);
      expect(Buffer.compare(row, bytes.subarray((3 + place) * ROW_BYTES, (4 + place) * ROW_BYTES))).toBe(0);
    });
  });
});

test('the hash is what it always was: rows on disk were shared by it', () => {
  const { view } = rowsOf('ipv4');
  const owners = Array.from({ length: 16 }, (_, n) => names.find((own) => new FlowShare(own, names).owns(view, n * ROW_BYTES)));
  expect(owners.join('')).toBe('abdbbaabbcddacdc');
});
