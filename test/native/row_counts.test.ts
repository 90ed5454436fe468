/** Counting by key across the seam: what the addon takes and gives, and what it refuses. */
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { DistinctCount, distinctHash } from '../../src/flow/distinct_count.ts';
import {
  figuresPerKey,
  figuresPerSample,
  type RowColumns,
  type RowCounts,
  type RowCountsPlan,
  rowsMax,
  sampledFlag,
} from '../../src/flow/row_counts.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { hashKey } from '../../src/pipeline/keyed_hash.ts';

const { countRows } = loadAddon();
const shares = 512;
const hasKey = 1;
const swapped = 2;

interface Columns extends RowColumns {
  readonly keys: Int32Array;
}
const columns = (words = 2): Columns => ({
  flags: new Uint8Array(rowsMax),
  weights: new Float64Array(rowsMax),
  firstShare: new Int32Array(rowsMax + 1),
  places: new Int32Array(shares),
  figures: new Float64Array(shares * figuresPerKey),
  sampled: new Float64Array(shares * figuresPerSample),
  keys: new Int32Array(rowsMax * words),
});

/** One dimension with keys of two words, three windows side by side. */
function plan(rows: Columns, more: Partial<RowCountsPlan> = {}): RowCountsPlan {
  const multipliers = hashKey(2, new SeededRandom(1));
  const dimension = { words: 2, multipliers, seed: 1, columns: [{ keys: rows.keys, needs: hasKey, swaps: swapped }] };
  return { keysMax: 1_000, places: 3, placesMax: 6, dimensions: [dimension], rows, ...more };
}

/** A row of each key, in one window. */
function fill(rows: Columns, keys: readonly number[], place: number, flags = hasKey): number {
  keys.forEach((key, row) => {
    rows.keys.set([key, -key], 2 * row);
    rows.flags[row] = flags;
    rows.weights[row] = 30;
    rows.places[row] = place;
    rows.figures.set([10, 20, 1, 2, 1], row * figuresPerKey);
    rows.sampled.set([4, 3, 2, 1], row * figuresPerSample);
    rows.firstShare[row + 1] = row + 1;
  });
  return keys.length;
}

const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`;
  }
  return 'nothing was refused';
};

describe('counts across the seam', () => {
  test('what rows say is under their keys, each way round, with the rest beside it, and gone once it was taken', () => {
    const rows = columns();
    const counts = countRows(plan(rows));
    expect(counts.addRows(fill(rows, [7, -7, 7], 1))).toBe(0);
    expect(counts.addRows(fill(rows, [7], 1, hasKey | swapped | sampledFlag))).toBe(0);
    expect(counts.addRows(fill(rows, [9], 1, 0))).toBe(0);
    const { keys, figures, sampled, count, evicted } = counts.take(0, 1, null, 1);
    expect([...keys]).toEqual([7, -7]);
    expect([...figures]).toEqual([40, 50, 4, 5, 3, 20, 40, 2, 4, 2]);
    expect([...sampled]).toEqual([4, 3, 2, 1, 0, 0, 0, 0]);
    expect([count, evicted]).toEqual([2, false]);
    const nothing = counts.take(0, 1, null, 1);
    expect([nothing.count, ...nothing.figures]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a window becomes a part of another, and of others that count longer', () => {
    const rows = columns();
    const counts = countRows(plan(rows));
    const [dimension] = plan(rows).dimensions;
    const hour = countRows({ keysMax: 1_000, places: 1, placesMax: 1, dimensions: [{ ...dimension!, columns: [] }] });
    for (const place of [1, 2]) {
      counts.addRows(fill(rows, [1, 2], place));
      counts.take(0, place, 0, 10);
    }
    counts.take(0, 0, null, 10);
    expect(hour.addTaken(counts, 0)).toBe(0);
    counts.forgetAbsent();
    const taken = hour.take(0, 0, null, 10);
    expect(taken.count).toBe(2);
    expect([...taken.figures.subarray(0, figuresPerKey)]).toEqual([20, 40, 2, 4, 2]);
    hour.clear();
    expect(hour.take(0, 0, null, 10).count).toBe(0);
  });

  test('different keys are counted as the history counts them', () => {
    const rows = columns();
    const counts = countRows(plan(rows, { keysMax: 50 }));
    const distinct = new DistinctCount();
    let evicted = 0;
    for (let batch = 0; batch < 20; batch++) {
      const keys = Array.from({ length: rowsMax }, (_, i) => batch * 100 + i);
      for (const key of keys) distinct.add(distinctHash(Int32Array.of(key, -key), 0, 2));
      evicted += counts.addRows(fill(rows, keys, 2));
    }
    const taken = counts.take(0, 2, null, 10);
    expect(DistinctCount.of(taken.ranks).pack()).toEqual(distinct.pack());
    expect(DistinctCount.of(taken.ranks).estimate()).toBe(distinct.estimate());
    expect(taken.evicted).toBe(true);
    expect(evicted).toBeGreaterThan(20 * 100);
    // Whatever gave its place up: nothing is lost.
    const octets = taken.figures.filter((_, i) => i % figuresPerKey < 2).reduce((sum, figure) => sum + figure, 0);
    expect(octets).toBe(20 * rowsMax * 30);
  });

  test('wider: more windows side by side, up to what was said at first', () => {
    const rows = columns();
    const counts = countRows(plan(rows));
    counts.addRows(fill(rows, [5], 2));
    expect(codeOf(() => counts.addRows(fill(rows, [5], 3)))).toMatch(/^EINVAL .*places must be below 3/);
    counts.widen(6);
    counts.addRows(fill(rows, [5], 5));
    for (const place of [2, 5]) expect(counts.take(0, place, null, 1).count).toBe(1);
    expect(codeOf(() => counts.widen(7))).toMatch(/^EINVAL .*places is 7.* 6/);
  });

  test('only keys that came take memory, and it is given back', () => {
    const rows = columns();
    const resident = (): number => process.memoryUsage.rss();
    const before = resident();
    const many = Array.from({ length: 40 }, () => countRows(plan(rows, { keysMax: 100_000, places: 6 })));
    // Room for them would be 1.1 GB.
    expect(resident() - before).toBeLessThan(50e6);
    for (const counts of many) {
      for (let key = 0; key < 5_120; key += rowsMax) {
        counts.addRows(
          fill(
            rows,
            Array.from({ length: rowsMax }, (_, i) => key + i),
            1,
          ),
        );
      }
    }
    // Words, marks and 7 words more, 40 octets for each of six windows.
    const octets = 40 * 5_120 * (4 * (2 + 1 + 5) + 6 * 40);
    const taken = resident() - before;
    expect(taken).toBeGreaterThan(0.8 * octets);
    expect(taken).toBeLessThan(2 * octets);
    for (const counts of many) counts.clear();
    expect(resident() - before).toBeLessThan(taken / 2);
  });
});

describe('what is refused, and by name', () => {
  const rows = columns();
  const good = plan(rows);
  const [dimension] = good.dimensions;
  const [column] = dimension!.columns;

  test.each<[string, object, RegExp]>([
    ['no room for keys', { keysMax: 0 }, /keysMax is 0.* 1 to/],
    ['more windows than at most', { places: 7 }, /places is 7.* 1 to 6/],
    ['no dimensions', { dimensions: undefined }, /dimensions is undefined/],
    ['keys without words', { dimensions: [{ ...dimension, words: 0 }] }, /dimensions\[0\]\.words is 0/],
    ['too few multipliers', { dimensions: [{ ...dimension, words: 3 }] }, /dimensions\[0\]\.multipliers .* at least 4/],
    [
      'a column that is too short',
      { dimensions: [{ ...dimension, columns: [{ ...column, keys: new Int32Array(10) }] }] },
      /columns\[0\]\.keys .* an Int32Array of at least 512/,
    ],
    ['figures of another kind', { rows: { ...rows, figures: new Float32Array(shares * 5) } }, /rows\.figures .* a Float64Array/],
    [
      'fewer first shares than rows',
      { rows: { ...rows, firstShare: new Int32Array(rowsMax) } },
      /rows\.firstShare .* at least 257/,
    ],
  ])('%s', (_, wrong, message) => {
    expect(codeOf(() => countRows({ ...good, ...wrong } as RowCountsPlan))).toMatch(/^EINVAL/);
    expect(codeOf(() => countRows({ ...good, ...wrong } as RowCountsPlan))).toMatch(message);
  });

  test.each<[string, (counts: RowCounts) => unknown, RegExp]>([
    ['more rows than columns have', (counts) => counts.addRows(rowsMax + 1), /count is 257.* 256/],
    [
      'a row without a share',
      (counts) => {
        fill(rows, [1, 2], 1);
        rows.firstShare[1] = 0;
        return counts.addRows(2);
      },
      /firstShare must rise/,
    ],
    [
      'shares that there are not',
      (counts) => {
        fill(rows, [1, 2], 1);
        rows.firstShare[2] = shares + 1;
        return counts.addRows(2);
      },
      /firstShare must rise .* within/,
    ],
    ['a window that there is not', (counts) => counts.addRows(fill(rows, [1], -1)), /places must be below 3/],
    ['a dimension that there is not', (counts) => counts.take(1, 0, null, 1), /dimension is 1/],
    ['a place that there is not', (counts) => counts.take(0, 3, null, 1), /place is 3/],
    ['a window into itself', (counts) => counts.take(0, 1, 1, 1), /to must be another place/],
    ['what was never taken', (counts) => counts.addTaken(countRows(good), 0), /something was taken from/],
    ['its own', (counts) => counts.addTaken(counts, 0), /other row counts/],
    ['something else', (counts) => counts.addTaken({} as RowCounts, 0), /from must be row counts/],
  ])('%s', (_, call, message) => {
    const counts = countRows(good);
    expect(codeOf(() => call(counts))).toMatch(/^EINVAL/);
    expect(codeOf(() => call(counts))).toMatch(message);
    // And it goes on.
    rows.firstShare.fill(0);
    counts.addRows(fill(rows, [3], 0));
    expect(counts.take(0, 0, null, 1).count).toBe(1);
  });
});
