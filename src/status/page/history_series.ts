/**
 * The history as the chart draws it: rates per direction, stacked; holes where the box did not meter. The newest windows
 * are still open, so what is missing at the right edge is not a gap. Pure.
 */
import type { SeriesAnswer } from '../../flow/history_shapes.ts';

export interface HistorySeries {
  /** Middle of each point's time, seconds since 1970. */
  readonly times: readonly number[];
  /** bit/s: from servers alone, and both directions together (what is stacked on top). */
  readonly fromServers: readonly (number | null)[];
  readonly both: readonly (number | null)[];
  /** bit/s that 95 % of a point's seconds did not exceed. */
  readonly p95: readonly (number | null)[];
  readonly gaps: readonly (readonly [number, number])[];
  /** Where packets were sampled: what is drawn there is an estimate. */
  readonly estimates: readonly (readonly [number, number])[];
  /** The largest mean of a point, and the largest value that is drawn. */
  readonly peak: number;
  readonly highest: number;
  readonly mean: number;
  readonly octets: number;
  readonly isEmpty: boolean;
}

/** Windows close late (history.lateS), so this much at the edge may simply not be there yet. */
const openMs = 150_000;

export function historySeries({ points, stepMs, toMs }: SeriesAnswer): HistorySeries {
  const times: number[] = [];
  const fromServers: (number | null)[] = [];
  const both: (number | null)[] = [];
  const p95: (number | null)[] = [];
  const gaps: [number, number][] = [];
  const estimates: [number, number][] = [];
  let peak = 0;
  let highest = 0;
  let octets = 0;
  let presentPoints = 0;
  for (const { startMs, present, partial, estimated, rates, inOctets, outOctets } of points) {
    const endMs = startMs + stepMs;
    const isOpen = endMs > toMs - openMs;
    times.push((startMs + stepMs / 2) / 1_000);
    const rate = ((inOctets + outOctets) * 8_000) / stepMs;
    // A point that is not over yet would look like a drop to nothing.
    const shown = present && !(isOpen && partial === true);
    fromServers.push(shown ? (inOctets * 8_000) / stepMs : null);
    both.push(shown ? rate : null);
    p95.push(shown ? (rates?.p95Bits ?? null) : null);
    if (present) octets += inOctets + outOctets;
    if (shown) {
      peak = Math.max(peak, rate);
      highest = Math.max(highest, rate, rates?.p95Bits ?? 0);
      presentPoints++;
      if (estimated === true) extend(estimates, startMs / 1_000, endMs / 1_000);
    } else if (!present && !isOpen) extend(gaps, startMs / 1_000, endMs / 1_000);
  }
  const mean = presentPoints === 0 ? 0 : (octets * 8_000) / (presentPoints * stepMs);
  return { times, fromServers, both, p95, gaps, estimates, peak, highest, mean, octets, isEmpty: presentPoints === 0 };
}

function extend(gaps: [number, number][], from: number, to: number): void {
  const last = gaps.at(-1);
  if (last !== undefined && last[1] === from) last[1] = to;
  else gaps.push([from, to]);
}
