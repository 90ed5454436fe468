/** Keys beyond the room of a table: who goes, how many at once, and that nothing is lost but its name. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { CountedKeys, figuresPerKey } from '../../src/pipeline/counted_keys.ts';
import { DimensionCounts } from '../../src/pipeline/dimension_counts.ts';
import { hashKey } from '../../src/pipeline/key_table.ts';
import { RowBatch, rowsMax } from '../../src/pipeline/row_batch.ts';
import { keyWords, rowFlags } from '../../src/pipeline/row_keys.ts';

const words = keyWords.vlan;

/** One place of one dimension, and batches of rows that say a key and octets each. */
class Counts {
  readonly counts: DimensionCounts;
  readonly #batch = new RowBatch(1);

  constructor(keysMax: number) {
    const random = new SeededRandom(7);
    this.counts = new DimensionCounts('vlan', hashKey(words, random), keysMax, 1, 1, random);
  }

  add(rows: readonly { readonly key: number; readonly octets: number }[]): void {
    const batch = this.#batch;
    batch.clear();
    const keys = new Int32Array(rowsMax * words);
    for (const { key, octets } of rows) {
      const at = batch.count++;
      keys[at * words] = key;
      batch.weights[at] = octets;
      batch.flags[at] = rowFlags.any;
      batch.places[at] = 0;
      batch.figures.fill(0, at * figuresPerKey, (at + 1) * figuresPerKey);
      batch.figures[at * figuresPerKey] = octets;
      batch.firstShare[at + 1] = ++batch.shareCount;
    }
    this.counts.addRows(batch, keys, rowFlags.any, 0);
  }

  /** Octets by key, and those of other. */
  taken(): { readonly keys: ReadonlyMap<number, number>; readonly other: number } {
    const { table, other } = this.counts;
    const into = new CountedKeys();
    const keys = new Map<number, number>();
    this.counts.take(0, -1, into);
    for (let i = 0; i < into.count; i++) {
      keys.set(table.records[into.slots[i]! * table.stride + table.keyAt]!, into.figures[i * figuresPerKey]!);
    }
    return { keys, other: other[0]! };
  }
}

const each = (count: number, from: number, octets: number) =>
  Array.from({ length: count }, (_, i) => ({ key: from + i, octets }));

describe('keys beyond the room of a table', () => {
  test('one new key in many rows takes one place', () => {
    const target = new Counts(100);
    target.add(each(99, 0, 1_000));
    target.add(Array.from({ length: rowsMax }, () => ({ key: 500, octets: 10 })));
    expect(target.counts.evictedKeys).toBe(0);
    const { keys, other } = target.taken();
    expect(keys.size).toBe(100);
    expect(keys.get(500)).toBe(10 * rowsMax);
    expect(other).toBe(0);
  });

  test('a batch of light keys, more than a small table holds, costs it few of its heavy ones', () => {
    const target = new Counts(100);
    target.add(each(100, 0, 1_000));
    for (let batch = 0; batch < 50; batch++) target.add(each(rowsMax, 1_000 + batch * rowsMax, 10));
    const { keys, other } = target.taken();
    // A sixteenth went for the first light key; from then on the light ones are lighter.
    expect([...keys.keys()].filter((key) => key < 100).length).toBe(94);
    expect([...keys.values()].reduce((sum, octets) => sum + octets, other)).toBe(100 * 1_000 + 50 * rowsMax * 10);
  });

  test('work is bounded: no more evictions than one for each sixteenth of the table that comes in', () => {
    for (const keysMax of [1, 2, 3, 15, 16, 100, 1_000]) {
      const target = new Counts(keysMax);
      let looked = 0;
      const { table } = target.counts;
      const lightest = table.lightest.bind(table);
      table.lightest = (count) => {
        looked++;
        return lightest(count);
      };
      for (let batch = 0; batch < 20; batch++) target.add(each(rowsMax, batch * rowsMax, 10));
      const atOnce = Math.max(1, Math.floor(keysMax / 16));
      // Of keys that weigh the same exactly as many go as shall.
      expect(looked, `of ${keysMax}`).toBe(Math.max(0, Math.ceil((20 * rowsMax - keysMax) / atOnce)));
      expect(table.size).toBeLessThanOrEqual(keysMax);
    }
  });

  test('whatever comes in whatever order: keys and other add up, and what was moved to other is said', () => {
    const rows = fc.array(fc.record({ key: fc.integer({ min: 0, max: 300 }), octets: fc.integer({ min: 0, max: 5_000 }) }), {
      minLength: 1,
      maxLength: rowsMax,
    });
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (batches, keysMax) => {
        const target = new Counts(keysMax);
        for (const batch of batches) target.add(batch);
        const { evicted, evictedKeys } = target.counts;
        const { keys, other } = target.taken();
        const sum = batches.flat().reduce((octets, row) => octets + row.octets, 0);
        expect([...keys.values()].reduce((octets, one) => octets + one, other)).toBe(sum);
        expect(evicted[0]).toBe(evictedKeys > 0 ? 1 : 0);
        expect(keys.size).toBeLessThanOrEqual(keysMax);
      }),
      { numRuns: 200 },
    );
  });
});
