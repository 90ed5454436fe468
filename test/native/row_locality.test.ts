/** Which ends are inside, across the seam: what is refused, and what is told of samples. What it means is in test/pipeline/enrich.test.ts. */
import { expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import type { InsideRanges } from '../../src/flow/row_locality.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { blockOf, type RowFacts } from '../pipeline/rows.ts';
import { refusalOf } from './refusal.ts';

const { markLocality } = loadAddon();
const inside = (v4: readonly number[], v6: readonly number[] = []): InsideRanges => ({
  v4: Uint32Array.from(v4),
  v6: Uint32Array.from(v6),
});
const row = (facts: Partial<RowFacts> = {}): RowFacts => ({
  ...{ source: '10.0.0.1', destination: '192.0.2.1', startNs: 0n, endNs: 0n, octets: 100, packets: 3 },
  ...facts,
});
const net10 = inside([0x0a00_0000, 0x0aff_ffff]);

test('rows from an offset on are marked, as many as are said, and no others', () => {
  const { bytes, firstRow } = blockOf([row(), row(), row({ source: '192.0.2.9', destination: '10.9.9.9' }), row()], 'boot', 0n);
  markLocality(net10).mark(bytes, firstRow + ROW_BYTES, 2);
  const cursor = new RowCursor(bytes);
  expect([0, 1, 2, 3].map((i) => cursor.at(i, firstRow).networkLocality)).toEqual([0, 1, 2, 0]);
  expect([1, 2].map((i) => cursor.at(i, firstRow).flowDirection)).toEqual([1, 0]);
});

test('it is told whether any row names a selector, also one without addresses', () => {
  const of = (rows: RowFacts[], selectorIds: number[]): boolean => {
    const { bytes, firstRow, count } = blockOf(rows, 'boot', 0n);
    const cursor = new RowCursor(bytes);
    for (const [i, selectorId] of selectorIds.entries()) cursor.at(i, firstRow).selectorId = selectorId;
    return markLocality(net10).mark(bytes, firstRow, count);
  };
  expect([of([row(), row()], [0, 0]), of([row(), row(), row()], [0, 3, 0])]).toEqual([false, true]);
  const frame = { etherType: 0x806, sourceMac: [2, 0, 0, 0, 0, 1], destinationMac: [2, 0, 0, 0, 0, 2] };
  expect(of([{ ...frame, startNs: 0n, endNs: 0n, octets: 1, packets: 1 }], [1])).toBe(true);
  expect(markLocality(net10).mark(new Uint8Array(0), 0, 0)).toBe(false);
});

test.each<[string, unknown, string]>([
  ['no ranges', {}, 'v4'],
  ['numbers of another kind', { ...net10, v4: new Int32Array(2) }, 'v4'],
  ['half a range', inside([1, 2, 3]), 'v4'],
  ['the end before the start', inside([2, 1]), 'v4'],
  ['a range within the one before', inside([1, 5, 5, 9]), 'v4'],
  ['IPv6 in one word', inside([], [1, 2]), 'v6'],
  ['IPv6 out of order', inside([], [0, 0, 0, 9, 0, 0, 0, 8]), 'v6'],
])('%s is refused', (_, ranges, name) => {
  expect(refusalOf(() => markLocality(ranges as InsideRanges))).toMatch(new RegExp(`^EINVAL .*\\b${name}\\b`));
});

test('rows past the end are refused', () => {
  expect(refusalOf(() => markLocality(net10).mark(new Uint8Array(ROW_BYTES), 0, 2))).toMatch(/^EINVAL /);
  expect(refusalOf(() => markLocality(net10).mark(new Uint8Array(ROW_BYTES), 1, 1))).toMatch(/^EINVAL /);
});
