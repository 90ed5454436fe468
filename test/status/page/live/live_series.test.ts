/** The last ten minutes: what is missing must show, what is only late must not. */
import { describe, expect, it } from 'vitest';
import type { TrafficSecond } from '../../../../src/flow/status_shapes.ts';
import { figuresOf, liveSeries, scaleTop } from '../../../../src/status/page/live/live_series.ts';

const startMs = 1_767_264_000_000;
const second = (n: number, octets = 1_000, atMs = startMs + n * 1_000): TrafficSecond => ({
  atMs,
  packets: 2,
  octets,
  droppedPackets: 0,
  newFlows: 0,
});
const run = (from: number, to: number): TrafficSecond[] => Array.from({ length: to - from }, (_, n) => second(from + n));
const holes = (values: readonly (number | null)[], times: readonly number[], fromMs: number): number[] =>
  times.filter((at, n) => values[n] === null && at * 1_000 >= fromMs).map((at) => at - startMs / 1_000);

describe('liveSeries', () => {
  it('ends at the newest second and leaves what was before the first empty, without calling it a gap', () => {
    const seconds = run(0, 60);
    const series = liveSeries(seconds, 'bits', seconds.at(-1)!.atMs);
    expect(series.times.at(-1)).toBe(startMs / 1_000 + 59);
    expect(series.values.filter((value) => value !== null)).toEqual(Array.from({ length: 60 }, () => 8_000));
    expect(series.gaps).toEqual([]);
  });

  it('shows seconds that were not metered as a gap, in the line and by its edges', () => {
    const seconds = [...run(0, 100), ...run(120, 200)];
    const series = liveSeries(seconds, 'packets', seconds.at(-1)!.atMs);
    expect(series.gaps).toEqual([[startMs / 1_000 + 99, startMs / 1_000 + 120]]);
    expect(holes(series.values, series.times, startMs)).toEqual(Array.from({ length: 20 }, (_, n) => 100 + n));
  });

  it('shows silence since the last second as a gap up to the edge', () => {
    const seconds = run(0, 100);
    const series = liveSeries(seconds, 'bits', startMs + 160_000);
    expect(series.gaps).toEqual([[startMs / 1_000 + 99, startMs / 1_000 + 160]]);
  });

  it('makes no hole of a timer that is late by a little, every time', () => {
    // 1.002 s a second: in ten minutes the ticks walk over a whole second.
    const seconds = Array.from({ length: 598 }, (_, n) => second(0, 1_000, startMs + 400 + Math.round(n * 1_002)));
    const series = liveSeries(seconds, 'bits', seconds.at(-1)!.atMs);
    expect(holes(series.values, series.times, seconds[0]!.atMs)).toEqual([]);
    expect(series.gaps).toEqual([]);
  });
});

describe('figuresOf', () => {
  it('takes the percentile by nearest rank, of what was metered alone', () => {
    const seconds = Array.from({ length: 100 }, (_, n) => second(n, (n * 37) % 100));
    const figures = figuresOf(seconds, 'bits');
    expect(figures.p95).toBe(94 * 8);
    expect(figures.peak).toBe(99 * 8);
    expect(figures.peakAtMs).toBe(seconds.find(({ octets }) => octets === 99)!.atMs);
    expect(figures.mean).toBe(49.5 * 8);
    expect(figures.now).toBe(((99 * 37) % 100) * 8);
  });

  it('knows that it knows nothing', () => {
    expect(figuresOf([], 'bits')).toEqual({ now: undefined, peak: 0, peakAtMs: undefined, p95: 0, mean: 0 });
  });
});

describe('scaleTop', () => {
  it('always shows the largest value, and does not follow every wave', () => {
    let top = 0;
    let changes = 0;
    for (let n = 0; n < 1_000; n++) {
      const largest = 5e6 + 1.5e6 * Math.sin(n / 7);
      const next = scaleTop(largest, top);
      expect(next).toBeGreaterThanOrEqual(largest);
      if (next !== top) changes++;
      top = next;
    }
    expect(changes).toBeLessThan(5);
  });

  it('comes back down after a peak', () => {
    expect(scaleTop(1e6, scaleTop(800e6, 0))).toBeLessThan(2e6);
    expect(scaleTop(0, 0)).toBeGreaterThan(0);
  });
});
