import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantilesOf, SlidingQuantiles } from '../../src/core/sliding_quantiles.ts';

test('quantiles are within 5 % of those of a sorted list', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 400 }),
      fc.constantFrom(0.5, 0.9, 0.99),
      (values, part) => {
        const sliding = new SlidingQuantiles(1_000);
        for (const value of values) sliding.add(value, 0);
        const truth = [...values].sort((a, b) => a - b)[Math.ceil(part * values.length) - 1]!;
        const [told] = sliding.quantiles([part], 0);
        expect(told! / truth).toBeGreaterThan(0.95);
        expect(told! / truth).toBeLessThan(1.05);
      },
    ),
  );
});

test('what is older than the window is forgotten, half by half', () => {
  const sliding = new SlidingQuantiles(1_000);
  sliding.add(10, 0);
  sliding.add(1_000, 600);
  expect(sliding.quantiles([0.01, 0.99], 900).map((value) => Math.round(Math.log10(value!)))).toEqual([1, 3]);
  expect(sliding.quantiles([0.01], 1_100).map((value) => Math.round(Math.log10(value!)))).toEqual([3]);
  expect(sliding.quantiles([0.5], 2_100)).toEqual([null]);
});

test('odd values are counted somewhere, and several are summed', () => {
  const [a, b] = [new SlidingQuantiles(1_000), new SlidingQuantiles(1_000)];
  for (const value of [0, 0.2, 1e300]) a.add(value, 0);
  b.add(1e300, 0);
  const [low, high] = quantilesOf([a.counts(0), b.counts(0)], [0.5, 0.75]);
  expect(low).toBeLessThan(2);
  expect(high).toBeGreaterThan(1e9);
  expect(quantilesOf([], [0.5])).toEqual([null]);
});
