import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateSum, rateErrorMax, ratesOf } from '../../src/flow/rate_histogram.ts';

const rate = fc.oneof(fc.constant(0), fc.double({ min: 1, max: 4e11, noNaN: true }), fc.integer({ min: 0, max: 1_000_000 }));

function sumOf(rates: readonly number[]): RateSum {
  const sum = new RateSum();
  for (const bits of rates) sum.addSecond(bits);
  return sum;
}

describe('rates of seconds', () => {
  test('percentiles are within the stated error, the maximum is exact', () => {
    expect(rateErrorMax).toBeLessThan(0.02);
    fc.assert(
      fc.property(fc.array(rate, { minLength: 1, maxLength: 400 }), (rates) => {
        const sorted = [...rates].sort((a, b) => a - b);
        const rank = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1]!;
        const { p50Bits, p95Bits, maxBits, seconds } = ratesOf(sumOf(rates).close());
        expect(seconds).toBe(rates.length);
        expect(maxBits).toBe(sorted.at(-1));
        for (const [told, truth] of [
          [p50Bits, rank(0.5)],
          [p95Bits, rank(0.95)],
        ] as const) {
          if (truth < 1) expect(told).toBe(0);
          else expect(Math.abs(told - truth) / truth).toBeLessThanOrEqual(rateErrorMax + 1e-9);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('parts add up to the whole, in any cut and order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(rate, { maxLength: 60 }), { minLength: 1, maxLength: 20 }), (parts) => {
        const merged = new RateSum();
        for (const part of [...parts].reverse()) merged.add(sumOf(part).close());
        expect(merged.close()).toEqual(sumOf(parts.flat()).close());
      }),
    );
  });

  test('nothing measured is empty', () => {
    expect(new RateSum().isEmpty).toBe(true);
    expect(ratesOf(new RateSum().close())).toEqual({ p50Bits: 0, p95Bits: 0, maxBits: 0, seconds: 0 });
  });
});
