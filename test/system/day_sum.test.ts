import { describe, expect, test } from 'vitest';
import { DaySum } from '../../src/system/day_sum.ts';

const hourMs = 3_600_000;

describe('day sum', () => {
  test('in the first day it is what there was, not what there might be', () => {
    const sum = new DaySum();
    expect(sum.lastDay).toBe(0);
    sum.add(0, 5_000_000);
    sum.add(2_000, 5_100_000);
    expect(sum.lastDay).toBe(100_000);
  });

  test('after days it is the last 24 hours, give or take the hour that is cut', () => {
    const sum = new DaySum();
    for (let second = 0; second <= 72 * 3_600; second += 60) sum.add(second * 1_000, second * 10);
    expect(sum.lastDay).toBe(24 * 3_600 * 10);
    sum.add(72 * hourMs + hourMs / 2, 72 * 36_000 + 999);
    expect(sum.lastDay).toBe(24 * 36_000 + 999);
  });

  test('a counter that begins anew does not make the sum negative', () => {
    const sum = new DaySum();
    sum.add(0, 1_000_000);
    sum.add(hourMs, 10);
    sum.add(2 * hourMs, 30);
    expect(sum.lastDay).toBe(20);
  });
});
