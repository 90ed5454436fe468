import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { DistinctCount, distinctError, distinctHash } from '../../src/flow/distinct_count.ts';

const hashOf = (...words: number[]): number => distinctHash(Int32Array.from(words), 0, words.length);

function countOf(from: number, to: number, salt = 0): DistinctCount {
  const count = new DistinctCount();
  for (let i = from; i < to; i++) count.add(hashOf(i, salt, 0, 7));
  return count;
}

describe('an estimate', () => {
  test('is within what is stated, without bias, whatever the size', { timeout: 60_000 }, () => {
    for (const size of [10, 100, 1_000, 3_000, 6_000, 9_000, 20_000, 100_000]) {
      const runs = size > 50_000 ? 20 : 60;
      const errors = Array.from({ length: runs }, (_, salt) => countOf(0, size, salt).estimate() / size - 1);
      const within = errors.filter((error) => Math.abs(error) <= 1.96 * distinctError + 0.5 / size).length;
      expect(within / runs, `${size}`).toBeGreaterThanOrEqual(0.85);
      // The mean of so many is off by a few of its own standard errors at most.
      const mean = errors.reduce((sum, error) => sum + error, 0) / runs;
      expect(Math.abs(mean), `${size}`).toBeLessThan((4 * distinctError) / Math.sqrt(runs) + 0.5 / size);
    }
  });

  test('nothing is nothing', () => {
    expect(new DistinctCount().estimate()).toBe(0);
    expect(new DistinctCount().pack()).toHaveLength(1);
  });

  test('holds for addresses that follow each other, as a scan has them', () => {
    const count = new DistinctCount();
    for (let i = 0; i < 65_536; i++) count.add(hashOf(4, (10 << 24) | i, 0, 0, 0));
    expect(Math.abs(count.estimate() / 65_536 - 1)).toBeLessThan(4 * distinctError);
  });
});

describe('merging', () => {
  test('counts of overlapping times are those of all keys, packed or not, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 9_000 }), fc.nat({ max: 4_000 })), { minLength: 1, maxLength: 5 }), (spans) => {
        const whole = new DistinctCount();
        const merged = new DistinctCount();
        const packed = new DistinctCount();
        for (const [from, length] of spans) {
          for (let i = from; i < from + length; i++) whole.add(hashOf(i, 0, 0, 7));
          merged.merge(countOf(from, from + length));
          const form = countOf(from, from + length).pack();
          expect(form.length).toBeLessThanOrEqual(1_281);
          expect(packed.mergePacked(form)).toBe(true);
        }
        expect(merged.pack()).toEqual(whole.pack());
        expect(packed.pack()).toEqual(whole.pack());
      }),
      { numRuns: 40 },
    );
  });

  test('every rank survives packing, in both forms', () => {
    const random = new SeededRandom(1);
    for (const keys of [1, 400, 20_000]) {
      const count = new DistinctCount();
      for (let i = 0; i < keys; i++) count.add(random.uint32() >>> random.below(20));
      // The highest rank there is.
      count.add(0);
      const read = new DistinctCount();
      expect(read.mergePacked(count.pack())).toBe(true);
      expect(read.pack()).toEqual(count.pack());
      expect(read.estimate()).toBe(count.estimate());
    }
  });

  test('what is no count is not merged', () => {
    const count = countOf(0, 5_000);
    const before = count.pack();
    for (const damaged of [[], [2, 1, 2, 3], [0, 1], [1, 2, 3]]) expect(count.mergePacked(Uint8Array.from(damaged))).toBe(false);
    count.mergePacked(Uint8Array.of(0, 255, 255, 9, 0, 1, 200));
    expect(count.pack()).toEqual(before);
  });
});
