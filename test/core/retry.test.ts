import { describe, expect, test } from 'vitest';
import { SeededRandom, SystemRandom } from '../../src/core/random.ts';
import { RetrySchedule } from '../../src/core/retry.ts';

describe('retry schedule', () => {
  test('delays stay under a bound that doubles up to the cap', () => {
    const schedule = new RetrySchedule({ firstMs: 100, capMs: 1_000 }, new SeededRandom(1));
    for (const bound of [100, 200, 400, 800, 1_000, 1_000]) {
      const delay = schedule.nextMs();
      expect(delay).toBeLessThanOrEqual(bound);
      expect(delay).toBeGreaterThanOrEqual(bound / 10);
    }
  });

  test('a thousand boxes do not come back together', () => {
    const delays = Array.from({ length: 1_000 }, (_, seed) => {
      const schedule = new RetrySchedule({ firstMs: 1_000, capMs: 60_000 }, new SeededRandom(seed));
      for (let i = 0; i < 6; i++) schedule.nextMs();
      return schedule.nextMs();
    });
    // Uniform over 54 s: no second may hold much more than its share of 18.5.
    const perSecond = new Map<number, number>();
    for (const delay of delays) perSecond.set(Math.floor(delay / 1_000), (perSecond.get(Math.floor(delay / 1_000)) ?? 0) + 1);
    expect(Math.max(...perSecond.values())).toBeLessThan(45);
  });

  test('a success starts over', () => {
    const schedule = new RetrySchedule({ firstMs: 10, capMs: 100_000 }, new SeededRandom(2));
    for (let i = 0; i < 12; i++) schedule.nextMs();
    schedule.reset();
    expect(schedule.nextMs()).toBeLessThanOrEqual(10);
  });
});

describe('random', () => {
  test('the same seed gives the same numbers, another one others', () => {
    const numbers = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    expect(new Set(numbers(0)).size).toBe(8);
  });

  test.each([new SeededRandom(3), new SystemRandom()])('numbers fill their range evenly', (random) => {
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) buckets[random.below(10)]! += 1;
    // 1,000 ± 5 standard deviations of a binomial (30).
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(random.float()).toBeGreaterThanOrEqual(0);
    expect(random.float()).toBeLessThan(1);
    expect(random.bytes(5)).toHaveLength(5);
  });
});
