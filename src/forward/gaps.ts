/**
 * What a destination will never get: time ranges with counts, kept until they were said upstream. Pure. Limits: `gapsMax`
 * gaps a destination; beyond that neighbours of the same reason are joined, so nothing is forgotten, only told less finely.
 */
import type { DropReason } from '../flow/ledger.ts';

/** `thinned`: records were merged, and nothing of what they counted is lost. */
export type GapReason = DropReason | 'thinned';

/** Wall time, ms. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Gap extends TimeRange {
  readonly reason: GapReason;
  /** Rows, packets, IP octets; null where nobody can count: a power cut took them, or nobody knows whether they were read. */
  readonly records: number | null;
  readonly packets: number | null;
  readonly octets: number | null;
}

export const span = (a: TimeRange, b: TimeRange): TimeRange => ({
  fromMs: Math.min(a.fromMs, b.fromMs),
  toMs: Math.max(a.toMs, b.toMs),
});

export const gapsMax = 64;
/** Gaps of one reason this close to each other are one gap. */
const joinWithinMs = 60_000;

export function joinGaps(a: Gap, b: Gap): Gap {
  const sum = (x: number | null, y: number | null): number | null => (x === null || y === null ? null : x + y);
  return {
    reason: a.reason,
    ...span(a, b),
    records: sum(a.records, b.records),
    packets: sum(a.packets, b.packets),
    octets: sum(a.octets, b.octets),
  };
}

/** The list with one more gap; never longer than `gapsMax`. */
export function withGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  const near = gaps.findIndex(
    (one) =>
      one.reason === gap.reason &&
      (one.records === null) === (gap.records === null) &&
      one.toMs >= gap.fromMs - joinWithinMs &&
      one.fromMs <= gap.toMs + joinWithinMs,
  );
  if (near >= 0) return gaps.map((one, index) => (index === near ? joinGaps(one, gap) : one));
  const all = [...gaps, gap];
  if (all.length <= gapsMax) return all;
  // The oldest two that can be joined; a reason repeats among 65 gaps, since there are fewer reasons.
  for (let i = 0; i < all.length; i++) {
    const next = all.findIndex(
      (one, at) => at > i && one.reason === all[i]!.reason && (one.records === null) === (all[i]!.records === null),
    );
    if (next > 0) return [joinGaps(all[i]!, all[next]!), ...all.filter((_, at) => at !== i && at !== next)];
  }
  return all.slice(1);
}

/** Rows that arrived, were to be sent again and cannot be: nobody knows whether they were read. */
export const unsure = ({ fromMs, toMs }: TimeRange, reason: GapReason): Gap => ({
  reason,
  fromMs,
  toMs,
  records: null,
  packets: null,
  octets: null,
});
