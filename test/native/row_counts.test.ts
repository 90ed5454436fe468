/** Rows into windows across the seam: what the addon takes and gives, and what it refuses. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DistinctCount, distinctHash } from '../../src/flow/distinct_count.ts';
import {
  figuresPerKey,
  figuresPerTotal,
  type KeyedDimension,
  type RowCounts,
  type RowCountsPlan,
  rowsOutcome,
} from '../../src/flow/row_counts.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { serverIsDestination, servicePort } from '../../src/flow/service_port.ts';
import { keyedDimensions } from '../../src/pipeline/row_keys.ts';
import { countRows, rowCountsPlan } from '../pipeline/count_rows.ts';
import { blockOf, type RowFacts } from '../pipeline/rows.ts';
import { refusalOf } from './refusal.ts';

const ms = (count: number): bigint => BigInt(count) * 1_000_000n;
/** In the first window. */
const row = (facts: Partial<RowFacts> = {}): RowFacts => ({
  ...{ startNs: ms(1_000), endNs: ms(2_000), octets: 10, packets: 1, reverseOctets: 20, reversePackets: 2 },
  ...facts,
});
const hosts = (from: number, count: number): RowFacts[] =>
  Array.from({ length: count }, (_, i) => row({ source: [10, 0, 0, 0, from + i], destination: '192.0.2.1' }));

/** Counts rows of windows 0 and up, `open` of which are. */
function add(counts: RowCounts, rows: readonly RowFacts[], { open = 1, offsetMs = 0, newest = 5 } = {}): boolean {
  const { bytes, firstRow, count } = blockOf(rows, 'boot', 0n);
  return counts.add(bytes, firstRow, count, offsetMs, 0, newest, open);
}

describe('rows into windows', () => {
  test('a row is under its keys, each way round, in the totals, and gone once it was taken', () => {
    const plan = rowCountsPlan(['host', 'vlan']);
    const counts = countRows(plan);
    expect(add(counts, [row({ source: '10.0.0.1', destination: '10.0.0.2', vlan: 7 }), row({ vlan: 7 }), row()])).toBe(true);
    const taken = counts.take(0, 0, null, 1);
    expect([...taken.keys]).toEqual([4, 0x0a000001, 0, 0, 0]);
    // Of the other host, which is not among the top, the other way round; and what belongs to no host, as the volume of both ends.
    const rest = [20 + 2 * (10 + 20), 10 + 2 * (20 + 10), 2 + 2 * (1 + 2), 1 + 2 * (2 + 1), 1 + 2 * 2];
    expect([...taken.figures]).toEqual([10, 20, 1, 2, 1, ...rest]);
    expect([taken.count, taken.evicted]).toEqual([2, false]);
    expect([...counts.take(1, 0, null, 5).figures]).toEqual([20, 40, 2, 4, 2, 10, 20, 1, 2, 1, 0, 0, 0, 0, 0]);
    expect([...plan.totals.subarray(0, figuresPerKey)]).toEqual([30, 60, 3, 6, 3]);
    const nothing = counts.take(0, 0, null, 1);
    expect([nothing.count, ...nothing.figures]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a long row is shared by its windows, which must be open', () => {
    const plan = rowCountsPlan(['vlan']);
    const counts = countRows(plan);
    const long = row({ startNs: ms(5_000), endNs: ms(25_000), octets: 1_001, packets: 4 });
    expect(add(counts, [row(), long])).toBe(false);
    expect(plan.outcome[rowsOutcome.windowsNeeded]).toBe(3);
    expect(plan.totals.every((one) => one === 0)).toBe(true);
    expect(add(counts, [row(), long], { open: 3 })).toBe(true);
    const octets = [0, 1, 2].map((place) => plan.totals[place * figuresPerTotal]);
    expect(octets).toEqual([10 + 250, 500, 251]);
    expect([0, 1, 2].map((place) => plan.totals[place * figuresPerTotal + 4])).toEqual([1, 0, 1]);
    expect([...plan.outcome].slice(rowsOutcome.lateRows)).toEqual([0, 0, 0]);
  });

  test('what is too late or too early is in the nearest window, and said', () => {
    const plan = rowCountsPlan(['vlan'], { places: 6 });
    const counts = countRows(plan);
    expect(add(counts, [row(), row({ endNs: ms(69_999) })], { offsetMs: -10_000, open: 6 })).toBe(true);
    expect([plan.outcome[rowsOutcome.lateRows], plan.outcome[rowsOutcome.earlyRows]]).toEqual([2, 0]);
    expect(add(counts, [row({ endNs: ms(70_000) })], { open: 1, newest: 0 })).toBe(true);
    expect([plan.outcome[rowsOutcome.lateRows], plan.outcome[rowsOutcome.earlyRows]]).toEqual([0, 1]);
    const octets = Array.from({ length: 6 }, (_, place) => plan.totals[place * figuresPerTotal]!);
    expect(octets.reduce((sum, one) => sum + one, 0)).toBe(30);
  });

  test('a window becomes a part of another, and of others that count longer', () => {
    const counts = countRows(rowCountsPlan(['host'], { windowPlaces: Int32Array.of(1, 2, 0, 0, 0, 0) }));
    const hour = countRows(rowCountsPlan(['host'], { places: 1, placesMax: 1 }));
    const late = (facts: RowFacts): RowFacts => ({ ...facts, startNs: ms(11_000), endNs: ms(12_000) });
    expect(add(counts, hosts(1, 2), { open: 2 })).toBe(true);
    counts.take(0, 1, 0, 10);
    expect(add(counts, hosts(2, 2).map(late), { open: 2 })).toBe(true);
    counts.take(0, 2, 0, 10);
    counts.take(0, 0, null, 10);
    expect(hour.addTaken(counts, 0)).toBe(0);
    counts.forgetAbsent();
    const taken = hour.take(0, 0, null, 10);
    // Three hosts and the server.
    expect(taken.count).toBe(4);
    expect(taken.figures.reduce((sum, one) => sum + one, 0)).toBe(4 * 2 * (10 + 20 + 1 + 2 + 1));
    hour.clear();
    expect(hour.take(0, 0, null, 10).count).toBe(0);
  });

  test('different keys are counted as the history counts them', () => {
    const plan = rowCountsPlan(['host'], { keysMax: 50 });
    const counts = countRows(plan);
    const distinct = new DistinctCount();
    distinct.add(distinctHash(Int32Array.of(4, 0xc0000201, 0, 0, 0), 0, 5));
    let evicted = 0;
    for (let from = 0; from < 2_000; from += 200) {
      for (let host = from; host < from + 200; host++)
        distinct.add(distinctHash(Int32Array.of(4, 0x0a000000 + host, 0, 0, 0), 0, 5));
      expect(add(counts, hosts(from, 200))).toBe(true);
      evicted += plan.outcome[rowsOutcome.evictedKeys]!;
    }
    const taken = counts.take(0, 0, null, 10);
    expect(DistinctCount.of(taken.ranks).pack()).toEqual(distinct.pack());
    expect(DistinctCount.of(taken.ranks).estimate()).toBe(distinct.estimate());
    expect([taken.evicted, evicted + taken.count]).toEqual([true, 2_001]);
    // Whatever gave its place up: nothing is lost.
    const octets = taken.figures.filter((_, i) => i % figuresPerKey < 2).reduce((sum, figure) => sum + figure, 0);
    expect(octets).toBe(2 * 2_000 * 30);
  });

  test('who serves is said as elsewhere', () => {
    const port = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(22, 53, 80, 443, 5_060, 8_080));
    const protocol = fc.oneof(fc.constantFrom(6, 17, 33, 132, 136), fc.integer({ min: 0, max: 255 }));
    const counts = countRows(rowCountsPlan(['service']));
    fc.assert(
      fc.property(protocol, port, port, fc.integer({ min: 0, max: 3 }), (proto, from, to, biflowDirection) => {
        const ends = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: from, destinationPort: to };
        add(counts, [row({ ...ends, protocol: proto, biflowDirection })]);
        const { keys } = counts.take(0, 0, null, 1);
        const chosen = servicePort(proto, from, to, biflowDirection);
        const server = serverIsDestination(chosen, to, biflowDirection) ? 2 : 1;
        expect([...keys]).toEqual([4, 0x0a000000 + server, 0, 0, 0, (proto << 16) | chosen]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a selector is asked for once, and every time where nobody knows', () => {
    const plan = rowCountsPlan(['vlan'], { hasSelectors: true });
    const counts = countRows(plan);
    const block = blockOf([row({ reverseOctets: 0, reversePackets: 0 })], 'boot', 0n);
    const addSampled = (selectorId: number): boolean => {
      new DataView(block.bytes.buffer).setUint16(block.firstRow + 244, selectorId);
      return counts.add(block.bytes, block.firstRow, 1, 0, 0, 0, 1);
    };
    expect([addSampled(9), plan.outcome[rowsOutcome.selectorId]]).toEqual([false, 9]);
    counts.tellSelector(9, 4, false, true);
    expect([addSampled(9), addSampled(9)]).toEqual([true, true]);
    // Two draws of one packet in four, each: N (N − 1) of its octets squared and of one packet; three beside each that was counted.
    const sampled = [2 * 12 * 100, 2 * 12, 2 * 30, 2 * 3];
    expect([...plan.totals.subarray(0, figuresPerTotal)]).toEqual([80, 0, 8, 0, 2, ...sampled]);
    expect([...counts.take(0, 0, null, 1).sampled.subarray(0, 4)]).toEqual(sampled);
    counts.tellSelector(8, 4, true, true);
    expect(addSampled(8)).toBe(true);
    expect(addSampled(7)).toBe(false);
    counts.tellSelector(7, 1, false, false);
    expect([addSampled(7), addSampled(7), plan.outcome[rowsOutcome.selectorId]]).toEqual([true, false, 7]);
    const unsampled = countRows(rowCountsPlan(['vlan']));
    expect(unsampled.add(block.bytes, block.firstRow, 1, 0, 0, 0, 1)).toBe(true);
  });

  test('wider: more windows side by side, up to what was said at first', () => {
    const counts = countRows(rowCountsPlan(['vlan']));
    expect(refusalOf(() => add(counts, [row()], { open: 4 }))).toMatch(/^EINVAL .*windowPlaces must be below 3/);
    counts.widen(6);
    expect(add(counts, [row({ endNs: ms(59_999) })], { open: 6 })).toBe(true);
    for (let place = 0; place < 6; place++) expect(counts.take(0, place, null, 1).count).toBe(1);
    expect(refusalOf(() => counts.widen(7))).toMatch(/^EINVAL .*places is 7.* 6/);
  });

  test('only keys that came take memory, and it is given back', () => {
    const resident = (): number => process.memoryUsage.rss();
    const block = blockOf(hosts(0, 5_120), 'boot', 0n);
    const atFirst = resident();
    const many = Array.from({ length: 120 }, () => countRows(rowCountsPlan(['host'], { keysMax: 100_000, places: 6 })));
    const before = resident();
    // Room for all the keys that there may be would be 3.6 GB.
    expect(before - atFirst).toBeLessThan(100e6);
    for (const counts of many) counts.add(block.bytes, block.firstRow, block.count, 0, 0, 0, 1);
    // Words, marks and 9 words more, 40 octets for the one window of six that rows are in.
    const octets = 120 * 5_120 * (4 * (5 + 1 + 9) + 40);
    const taken = resident() - before;
    expect(taken).toBeGreaterThan(0.7 * octets);
    expect(taken).toBeLessThan(2 * octets);
    for (const counts of many) counts.clear();
    expect(resident() - before).toBeLessThan(taken / 2);
  });
});

describe('what is refused, and by name', () => {
  const good = rowCountsPlan(['host']);
  const [dimension] = good.dimensions;

  test.each<[string, object, RegExp]>([
    ['no room for keys', { keysMax: 0 }, /keysMax is 0.* 1 to/],
    ['more windows than at most', { places: 7 }, /places is 7.* 1 to 6/],
    ['no list of dimensions', { dimensions: undefined }, /dimensions is undefined/],
    ['no dimensions', { dimensions: [] }, /dimensions .* at least one/],
    ['a dimension that there is not', { dimensions: [{ ...dimension, name: 'total' }] }, /dimensions\[0\]\.name is "total"/],
    ['too few multipliers', { dimensions: [{ ...dimension, multipliers: new Int32Array(5) }] }, /multipliers .* at least 6/],
    ['windows of no length', { windowMs: 0 }, /windowMs is 0/],
    ['ports without bits', { servicePorts: [{ protocol: 6, bits: new Uint8Array(8_191) }] }, /servicePorts\[0\]\.bits .* 8192/],
    ['totals of another kind', { totals: new Float32Array(54) }, /totals .* a Float64Array of at least 54/],
    ['too few places', { windowPlaces: new Int32Array(5) }, /windowPlaces .* an Int32Array of at least 6/],
    ['no room for what is noticed', { outcome: new Int32Array(4) }, /outcome .* at least 5/],
    ['nothing said of selectors', { hasSelectors: undefined }, /hasSelectors is undefined/],
  ])('%s', (_, wrong, message) => {
    expect(refusalOf(() => countRows({ ...good, ...wrong } as RowCountsPlan))).toMatch(/^EINVAL/);
    expect(refusalOf(() => countRows({ ...good, ...wrong } as RowCountsPlan))).toMatch(message);
  });

  const bytes = new Uint8Array(ROW_BYTES);
  test.each<[string, (counts: RowCounts) => unknown, RegExp]>([
    ['no rows', (counts) => counts.add([] as never, 0, 0, 0, 0, 0, 1), /rows must be a Uint8Array/],
    ['more rows than there are', (counts) => counts.add(bytes, 0, 2, 0, 0, 0, 1), /past the end of rows/],
    ['rows behind the end', (counts) => counts.add(bytes, 8, 1, 0, 0, 0, 1), /past the end of rows/],
    ['half a millisecond', (counts) => counts.add(bytes, 0, 1, 0.5, 0, 0, 1), /offsetMs must be a whole number/],
    ['windows in the wrong order', (counts) => counts.add(bytes, 0, 1, 0, 1, 0, 1), /newest must be oldest/],
    ['windows without end', (counts) => counts.add(bytes, 0, 1, 0, 0, 6, 1), /less than 6 windows later/],
    ['more open windows than there are', (counts) => counts.add(bytes, 0, 1, 0, 0, 5, 7), /open is 7.* 6/],
    ['selectors where there are none', (counts) => counts.tellSelector(1, 2, false, true), /there are no selectors/],
    ['a dimension that there is not', (counts) => counts.take(1, 0, null, 1), /dimension is 1/],
    ['a place that there is not', (counts) => counts.take(0, 3, null, 1), /place is 3/],
    ['a window into itself', (counts) => counts.take(0, 1, 1, 1), /to must be another place/],
    ['what was never taken', (counts) => counts.addTaken(countRows(good), 0), /something was taken from/],
    ['its own', (counts) => counts.addTaken(counts, 0), /other row counts/],
    ['something else', (counts) => counts.addTaken({} as RowCounts, 0), /from must be row counts/],
    [
      'other keys',
      (counts) => {
        const others = countRows(rowCountsPlan(['vlan' satisfies KeyedDimension]));
        others.take(0, 0, null, 1);
        return counts.addTaken(others, 0);
      },
      /from must count by the same keys/,
    ],
  ])('%s', (_, call, message) => {
    const counts = countRows(good);
    expect(refusalOf(() => call(counts))).toMatch(/^EINVAL/);
    expect(refusalOf(() => call(counts))).toMatch(message);
    // And it goes on.
    expect(add(counts, hosts(1, 1))).toBe(true);
    expect(counts.take(0, 0, null, 1).count).toBe(2);
  });

  test('a selector is a number, and what it stands for is said whole', () => {
    const counts = countRows({ ...good, hasSelectors: true });
    expect(refusalOf(() => counts.tellSelector(0, 2, false, true))).toMatch(/^EINVAL .*selectorId is 0/);
    expect(refusalOf(() => counts.tellSelector(1, 0, false, true))).toMatch(/^EINVAL .*interval is 0/);
    expect(refusalOf(() => counts.tellSelector(1, 2, 'no' as never, true))).toMatch(/^EINVAL .*must be true or false/);
  });

  test('every dimension that has keys is known', () => {
    expect(refusalOf(() => countRows(rowCountsPlan(keyedDimensions)))).toBe('nothing was refused');
  });
});
