import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kthLargest } from '../../src/pipeline/kth_largest.ts';

test('finds what sorting finds, with many equal values too, and loses none', () => {
  const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 ** 50 })), {
    minLength: 1,
    maxLength: 80,
  });
  fc.assert(
    fc.property(values, fc.nat(), (list, at) => {
      const k = 1 + (at % list.length);
      const sorted = [...list].sort((a, b) => b - a);
      // Only the first so many count.
      const array = Float64Array.of(...list, 2 ** 52);
      expect(kthLargest(array, list.length, k)).toBe(sorted[k - 1]);
      expect([...array.subarray(0, list.length)].sort((a, b) => b - a)).toEqual(sorted);
      expect(array.at(-1)).toBe(2 ** 52);
    }),
  );
});
