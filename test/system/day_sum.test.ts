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

  test('over restarts the hours of earlier runs count on, and go after a day of running', () => {
    let sum = new DaySum();
    for (let minute = 0; minute <= 600; minute++) sum.add(minute * 60_000, 1_000 + minute * 10);
    expect(sum.lastDay).toBe(6_000);
    const kept = JSON.parse(JSON.stringify(sum));
    expect(kept.length).toBeLessThanOrEqual(25);
    // The counter of the new process begins anew; it may have counted before what was kept is read.
    for (const looksFirst of [true, false]) {
      sum = new DaySum();
      if (looksFirst) sum.add(500, 40);
      sum.restore(kept);
      sum.add(1_000, 40);
      expect(sum.lastDay).toBe(6_000);
      for (let minute = 1; minute <= 840; minute++) sum.add(minute * 60_000, 40 + minute);
      expect(sum.lastDay).toBe(6_840);
      for (let minute = 840; minute <= 1_500; minute++) sum.add(minute * 60_000, 40 + minute);
      // Give or take the hour that is cut.
      expect(sum.lastDay).toBeGreaterThanOrEqual(1_440);
      expect(sum.lastDay).toBeLessThanOrEqual(1_500);
    }
  });

  test.each([undefined, null, 'x', [[1]], [['a', 2]], [[-1, 2]]])('what is no such thing is left: %j', (kept) => {
    const sum = new DaySum();
    sum.restore(kept);
    sum.add(0, 10);
    sum.add(1_000, 15);
    expect(sum.lastDay).toBe(5);
  });
});
