/** The line of the week before: drawn where it was metered, compared only where both were. */
import { describe, expect, it } from 'vitest';
import { emptyVolume, type SeriesAnswer } from '../../../src/flow/history_shapes.ts';
import { againstWeekBefore } from '../../../src/status/page/week_before.ts';

const hourMs = 3_600_000;
const weekMs = 168 * hourMs;
const startMs = 1_800_000_000_000 - (1_800_000_000_000 % hourMs);

/** bit/s of each step; null: not metered. */
function answer(fromMs: number, stepMs: number, rates: readonly (number | null)[]): SeriesAnswer {
  const points = rates.map((rate, at) => ({
    startMs: fromMs + at * stepMs,
    ...emptyVolume(),
    inOctets: ((rate ?? 0) * stepMs) / 8_000,
    present: rate !== null,
    partial: rate === null,
  }));
  return { tier: '1h', fromMs, toMs: fromMs + rates.length * stepMs, stepMs, points };
}

describe('the week before', () => {
  const now = answer(startMs, hourMs / 2, [10, 10, 20, null, 40, 40]);

  it('is a line over the same points, also where old figures are kept by the hour', () => {
    const before = answer(startMs - weekMs, hourMs, [8, 16, 20]);
    const { rates, words } = againstWeekBefore(now, before);
    expect(rates).toEqual([8, 8, 16, 16, 20, 20]);
    expect(words).toBe('67\u00a0% more than a week before'); // 120 against 72
  });

  it('has holes where nothing was metered then, and compares without them', () => {
    const { rates, words } = againstWeekBefore(now, answer(startMs - weekMs, hourMs, [20, null, 20]));
    expect(rates).toEqual([20, 20, null, null, 20, 20]);
    expect(words).toBe('25\u00a0% more than a week before'); // 100 against 80
  });

  it('is nothing where the box is younger than that, or the answer lies elsewhere', () => {
    for (const before of [
      answer(startMs - weekMs, hourMs, []),
      answer(startMs - weekMs, hourMs, [null, null, null]),
      answer(startMs, hourMs, [5, 5, 5]),
    ])
      expect(againstWeekBefore(now, before)).toEqual({ rates: now.points.map(() => null), words: '' });
  });
});
