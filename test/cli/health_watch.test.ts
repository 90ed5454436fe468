/** How long is long enough: a break begins the time anew, giving up does not cut short what is healthy. */
import { expect, test } from 'vitest';
import { HealthWatch } from '../../src/cli/health_watch.ts';

const looks = (wanted: { forMs: number; withinMs: number }, healthy: string): string[] => {
  const watch = new HealthWatch(wanted, 0);
  return [...healthy].map((one, second) => watch.look(second * 1_000, { healthy: one === '+' }));
};

test('one look is enough without times', () => {
  expect(looks({ forMs: 0, withinMs: 0 }, '+')).toEqual(['healthy']);
  expect(looks({ forMs: 0, withinMs: 0 }, '-')).toEqual(['unhealthy']);
});

test('a break begins the time anew', () => {
  expect(looks({ forMs: 2_000, withinMs: 10_000 }, '-++-+++')).toEqual([
    'wait',
    'wait',
    'wait',
    'wait',
    'wait',
    'wait',
    'healthy',
  ]);
});

test('it is given up in time, but not while it is healthy', () => {
  expect(looks({ forMs: 2_000, withinMs: 3_000 }, '----')).toEqual(['wait', 'wait', 'wait', 'unhealthy']);
  expect(looks({ forMs: 2_000, withinMs: 3_000 }, '--+++')).toEqual(['wait', 'wait', 'wait', 'wait', 'healthy']);
  expect(looks({ forMs: 2_000, withinMs: 3_000 }, '--++-').at(-1)).toBe('unhealthy');
});
