/**
 * The last ten minutes as the chart draws them: one slot a second, `null` where nothing was metered; what is now, the peak
 * and the 95th percentile; and a scale that grows at once but shrinks slowly, so that the curve does not jump. Pure.
 */
import type { TrafficSecond } from '../../../flow/status_shapes.ts';
import { secondsShown } from './box_state.ts';

export type Measure = 'bits' | 'packets';

export const measured = (second: TrafficSecond, measure: Measure): number =>
  measure === 'bits' ? second.octets * 8 : second.packets;

export interface LiveSeries {
  /** Seconds since 1970, one a slot. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  /** Where seconds are missing between others, in s. */
  readonly gaps: readonly (readonly [number, number])[];
}

/** @param endMs right edge: the newest second, or later when nothing comes any more */
export function liveSeries(seconds: readonly TrafficSecond[], measure: Measure, endMs: number): LiveSeries {
  const end = Math.round(endMs / 1_000);
  const slots = slotsOf(seconds, measure);
  const times: number[] = [];
  const values: (number | null)[] = [];
  for (let at = end - secondsShown + 1; at <= end; at++) {
    times.push(at);
    values.push(slots.get(at) ?? null);
  }
  return { times, values, gaps: gapsOf(seconds, end) };
}

/**
 * A tick comes a little late every time, so in ten minutes it walks over a slot or two. Where two neighbours are less than
 * two seconds apart nothing is missing: the slot between them belongs to the later one, which covers that time.
 */
function slotsOf(seconds: readonly TrafficSecond[], measure: Measure): Map<number, number> {
  const slots = new Map<number, number>();
  let before: TrafficSecond | undefined;
  for (const second of seconds) {
    const at = Math.round(second.atMs / 1_000);
    const value = measured(second, measure);
    slots.set(at, value);
    if (before !== undefined && second.atMs - before.atMs < 2_000 && !slots.has(at - 1)) slots.set(at - 1, value);
    before = second;
  }
  return slots;
}

/** Between two seconds that are more than two apart, and from the last one to the edge. Before the first nobody looked. */
function gapsOf(seconds: readonly TrafficSecond[], end: number): [number, number][] {
  const gaps: [number, number][] = [];
  let before: number | undefined;
  for (const { atMs } of seconds) {
    const at = Math.round(atMs / 1_000);
    if (before !== undefined && at - before > 2) gaps.push([before, at]);
    before = at;
  }
  if (before !== undefined && end - before > 3) gaps.push([before, end]);
  return gaps;
}

export interface Figures {
  readonly now: number | undefined;
  readonly peak: number;
  readonly peakAtMs: number | undefined;
  readonly p95: number;
  readonly mean: number;
}

/** Over the seconds that were metered. The 95th percentile is the value that 95 % of them do not exceed (nearest rank). */
export function figuresOf(seconds: readonly TrafficSecond[], measure: Measure): Figures {
  const values = seconds.map((second) => measured(second, measure));
  const ranked = [...values].sort((a, b) => a - b);
  const peak = ranked.at(-1) ?? 0;
  const peakAt = seconds[values.indexOf(peak)];
  return {
    now: values.at(-1),
    peak,
    peakAtMs: peakAt?.atMs,
    p95: ranked[Math.max(0, Math.ceil(ranked.length * 0.95) - 1)] ?? 0,
    mean: values.length === 0 ? 0 : values.reduce((all, one) => all + one, 0) / values.length,
  };
}

const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** Top of the scale: the next round figure above; it stays until the data needs less than half of it. */
export function scaleTop(largest: number, before: number): number {
  const least = Math.max(largest * 1.08, 10);
  const power = 10 ** Math.floor(Math.log10(least));
  const fitting = (steps.find((step) => step * power >= least) ?? 10) * power;
  return fitting > before || fitting < before * 0.5 ? fitting : before;
}
