/** Unlike a week before: what is told holds for certain, and two days that were not both metered are not compared. */
import { describe, expect, it } from 'vitest';
import { emptyVolume, type KeyVolume } from '../../src/flow/history_shapes.ts';
import { type Day, weekComparison } from '../../src/status/week_comparison.ts';

const hourMs = 3_600_000;
const topK = 3;
const range = { fromMs: 0, toMs: 24 * hourMs };
const row = (key: string, octets: number, more: Partial<KeyVolume> = {}): KeyVolume => ({
  ...emptyVolume(),
  key,
  inOctets: octets,
  ...more,
});

function day(rows: Readonly<Record<string, number>> | KeyVolume[], other = 0, metered = 24): Day {
  const points = Array.from({ length: 24 }, (_, at) => ({
    startMs: at * hourMs,
    ...emptyVolume(),
    present: at < metered,
    partial: false,
  }));
  const kept = Array.isArray(rows) ? rows : Object.entries(rows).map(([key, octets]) => row(key, octets));
  return { series: { points, stepMs: hourMs }, applications: { rows: kept, other: row('', other) } };
}
const told = (now: Day, before: Day): unknown[] =>
  weekComparison(now, before, range, topK).changes.map(({ key, isMore, times, octetsBefore }) => [
    key,
    isMore,
    times,
    octetsBefore,
  ]);

describe('applications', () => {
  it('that carried four times as much or as little are told, the largest difference first', () => {
    const before = day({ 'tcp/443': 1_000, 'tcp/22': 10, 'tcp/25': 400 });
    expect(told(day({ 'tcp/443': 1_100, 'tcp/22': 200, 'tcp/25': 80 }), before)).toEqual([
      ['tcp/25', false, 5, 400],
      ['tcp/22', true, 20, 10],
    ]);
  });

  it('that carried less than four times as much, or are small beside the day, are not', () => {
    const before = day({ 'tcp/443': 10_000, 'tcp/22': 100, 'udp/53': 1 });
    expect(told(day({ 'tcp/443': 10_000, 'tcp/22': 399, 'udp/53': 150 }), before)).toEqual([]);
  });

  it('that are new or gone are called so only where everything was kept by name', () => {
    expect(told(day({ a: 900, b: 100 }), day({ a: 900, c: 200 }))).toEqual([
      ['c', false, null, 200],
      ['b', true, null, 0],
    ]);
    // All that was not kept by name may have been it.
    expect(told(day({ a: 900, b: 100 }), day({ a: 900 }, 20))).toEqual([['b', true, 5, null]]);
    expect(told(day({ a: 900, b: 100 }), day({ a: 900 }, 30))).toEqual([]);
  });

  it('of which windows may have lost a part are told where that changes nothing', () => {
    // A window that did not keep it has three others at least as large: a quarter of the day's 1,000 at most, and no more than the rest.
    expect(told(day({ a: 600, b: 400 }), day({ a: 560, b: 40 }, 20))).toEqual([['b', true, 6.6, 40]]);
    expect(told(day({ a: 600, b: 400 }), day({ a: 500, b: 40 }, 460))).toEqual([]);
    expect(told(day({ a: 1_750, b: 5_000 }), day({ a: 1_800, b: 200 }, 2_000))).toEqual([['b', true, 4.1, 200]]);
    expect(told(day({ a: 1_750, b: 5_000 }), day({ a: 1_700, b: 300 }, 2_000))).toEqual([]);
  });

  it('of sampled traffic are told where four times holds at the ends of what it may have been', () => {
    const sampled = (octets: number, error: number): KeyVolume =>
      row('a', octets, { estimated: true, standardError: { octets: error, packets: 1 } });
    expect(told(day([sampled(500, 10)]), day([sampled(100, 1)]))).toEqual([['a', true, 4.7, 100]]);
    expect(told(day([sampled(500, 60)]), day([sampled(100, 1)]))).toEqual([]);
    expect(weekComparison(day([sampled(500, 10)]), day([sampled(100, 1)]), range, topK).changes[0]!.estimated).toBe(true);
  });

  it('are eight at most', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`tcp/${n}`, 100 + n]));
    expect(told(day(many), day({})).map((one) => (one as string[])[0])).toEqual(
      Array.from({ length: 8 }, (_, n) => `tcp/${29 - n}`),
    );
  });
});

it('days of which hours are missing are not compared, and it is said which', () => {
  const whole = day({ a: 1_000 });
  const short = day({ a: 10 }, 0, 21);
  expect(weekComparison(short, whole, range, topK)).toMatchObject({
    changes: [],
    notComparable: '21 of the last 24 hours were metered whole; 22 are needed',
  });
  expect(weekComparison(whole, short, range, topK)).toMatchObject({
    changes: [],
    notComparable: expect.stringMatching(/a week before/),
  });
  expect(weekComparison(whole, day({ a: 10 }, 0, 22), range, topK)).toMatchObject({
    notComparable: '',
    changes: [{ times: 100 }],
  });
  // Kept by the day only: nobody knows which hours there were.
  const byDay: Day = { ...whole, series: { ...whole.series, stepMs: 24 * hourMs } };
  expect(weekComparison(whole, byDay, range, topK).notComparable).not.toBe('');
});
