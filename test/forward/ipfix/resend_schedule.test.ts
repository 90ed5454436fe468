/** When templates go out again: too late for a collector that missed them, or in a burst after a pause. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResendSchedule } from '../../../src/forward/ipfix/resend_schedule.ts';

/** Due times of the first `count` sends when each is made as soon as it is due. */
function dueTimes(periodMs: number, startMs: number, count: number): number[] {
  const schedule = new ResendSchedule(periodMs, startMs);
  return Array.from({ length: count }, () => {
    const { dueMs } = schedule;
    schedule.sent(dueMs);
    return dueMs;
  });
}

test('three times at first, then by the period', () => {
  expect(dueTimes(60_000, 500, 6)).toEqual([500, 1_500, 3_500, 63_500, 123_500, 183_500]);
});

test('once and never again where nothing is lost', () => {
  expect(dueTimes(Number.POSITIVE_INFINITY, 500, 3)).toEqual([500, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('what a pause has missed is not sent in a burst', () => {
  const schedule = new ResendSchedule(1_000, 0);
  for (const atMs of [0, 1_000, 3_000]) schedule.sent(atMs);
  schedule.sent(50_500);
  expect(schedule.dueMs).toBe(51_000);
});

test('the next is always later than the last, and at most a period away, whenever it was sent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.array(fc.nat(200_000), { maxLength: 30 }), (periodMs, delays) => {
      const schedule = new ResendSchedule(periodMs, 0);
      for (const delayMs of delays) {
        const nowMs = schedule.dueMs + delayMs;
        schedule.sent(nowMs);
        expect(schedule.dueMs).toBeGreaterThan(nowMs);
        expect(schedule.dueMs - nowMs).toBeLessThanOrEqual(Math.max(periodMs, 2_000));
      }
    }),
  );
});
