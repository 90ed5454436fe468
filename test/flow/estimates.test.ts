import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addedError, octetsVariance, packetsVariance, squaresMost } from '../../src/flow/estimates.ts';

const frameOf = (ip: number): number => Math.max(60, ip + 14);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function bound(ips: readonly number[]): { readonly truth: number; readonly most: number } {
  const frames = ips.map(frameOf);
  const truth = sum(frames.map((x) => x * x));
  return { truth, most: squaresMost(ips.length, sum(frames), Math.min(...ips), Math.max(...ips), sum(ips)) };
}

test('the bound is never below the sum of squares, padded frames included', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 20, max: 9_000 }), { minLength: 1, maxLength: 60 }), (ips) => {
      const { truth, most } = bound(ips);
      expect(most).toBeGreaterThanOrEqual(truth * (1 - 1e-12));
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('it is the sum itself for up to three packets, and for full and empty segments', () => {
  for (const ips of [[40], [52, 1_500], [60, 700, 1_500], [52, 1_500, 52, 1_500, 1_500, 52, 1_500]]) {
    const { truth, most } = bound(ips);
    expect(Math.abs(most / truth - 1)).toBeLessThan(ips.every((ip) => ip >= 46) ? 1e-9 : 0.02);
  }
});

test('rows without IP lengths are bounded by their sum', () => {
  expect(squaresMost(1, 60, 0, 0, 0)).toBe(3_600);
  expect(squaresMost(3, 180, 0, 0, 0)).toBeGreaterThanOrEqual(3 * 3_600);
});

test('variances are N (N − 1) times what was drawn; every packet counted varies by nothing', () => {
  const drawn = { packets: 2, octets: 200, ipOctets: 172, shortest: 86, longest: 86 };
  expect(packetsVariance(drawn, 'random', 4)).toBe(24);
  expect(octetsVariance(drawn, 'random', 4)).toBe(12 * 20_000);
  expect(octetsVariance(drawn, 'flowHash', 4)).toBe(12 * 40_000);
  expect(octetsVariance(drawn, 'none', 1)).toBe(0);
  expect(addedError({ octets: 3, packets: 6 }, { octets: 4, packets: 8 })).toEqual({ octets: 5, packets: 10 });
  expect(addedError(undefined, undefined)).toBeUndefined();
});
