import { describe, expect, it } from 'vitest';
import { costOf } from '../../src/flow/line_terms.ts';

const terms = { kbitsPerSecond: 0, costPerMonth: 0, costPerGigabyte: 0, currency: 'EUR' };
const monthS = 2_629_800;

describe('the cost of a label', () => {
  it('is its share of the month, for the time that is looked at', () => {
    const monthly = { ...terms, costPerMonth: 300 };
    expect(costOf(25, { totalOctets: 100, seconds: monthS }, monthly)).toBeCloseTo(75);
    expect(costOf(25, { totalOctets: 100, seconds: monthS / 10 }, monthly)).toBeCloseTo(7.5);
    const parts = [1, 3, 7, 89].map((octets) => costOf(octets, { totalOctets: 100, seconds: 3_600 }, monthly)!);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo((300 * 3_600) / monthS);
  });

  it('is its volume, at the price of a gigabyte, beside that', () => {
    expect(costOf(2.5e9, { totalOctets: 5e9, seconds: 60 }, { ...terms, costPerGigabyte: 0.04 })).toBeCloseTo(0.1);
    expect(costOf(5e8, { totalOctets: 1e9, seconds: monthS }, { ...terms, costPerGigabyte: 2, costPerMonth: 10 })).toBeCloseTo(6);
  });

  it('is nothing of nothing, and not told without a price', () => {
    expect(costOf(0, { totalOctets: 0, seconds: 60 }, { ...terms, costPerMonth: 300 })).toBe(0);
    expect(costOf(5, { totalOctets: 9, seconds: 60 }, terms)).toBeUndefined();
  });
});
