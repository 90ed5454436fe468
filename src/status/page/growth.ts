/**
 * How the line's use grows: whole weeks of the history side by side, and when the line is full at their pace. Pure. A day
 * counts when half of it was metered, a week when five of its days were; what is missing is made up from the rest.
 */
import type { SeriesAnswer, SeriesPoint } from '../../flow/history_shapes.ts';

export interface GrowthWeek {
  readonly startMs: number;
  readonly octets: number;
  /** bit/s that 95 % of the seconds did not exceed: the mean of its days; null where seconds were not measured. */
  readonly p95Bits: number | null;
  readonly estimated: boolean;
}

export interface Growth {
  /** Oldest first, those that count. */
  readonly weeks: readonly GrowthWeek[];
  /** Of the last week against the one before: 0.12 for 12 % more; null where there are not two, or nothing was there before. */
  readonly octetsChange: number | null;
  readonly p95Change: number | null;
  /** Weeks until `p95Bits` reaches the capacity at the pace of all of them; null where it does not grow, or nobody can tell. */
  readonly weeksToFull: number | null;
}

const dayMs = 86_400_000;
const dayS = 86_400;
const daysLeast = 5;
const weeksForPace = 4;
/** Of what the weeks differ by, so much must follow the line through them: else it is chance. */
const fitLeast = 0.5;
const weeksToFullMax = 520;

/** @param answer in points of one day @param capacityBits 0 where nobody has said */
export function growthOf({ points, stepMs }: SeriesAnswer, capacityBits: number): Growth {
  const weeks: GrowthWeek[] = [];
  // The day that runs is no whole one; weeks are counted back from the last that is.
  const days = stepMs === dayMs ? points.slice(0, points.at(-1)?.partial === false ? undefined : -1) : [];
  for (let end = days.length; end >= 7; end -= 7) {
    const week = days.slice(end - 7, end).filter(({ present, rates }) => present && (rates?.seconds ?? dayS) >= dayS / 2);
    if (week.length < daysLeast) continue;
    const measured = week.flatMap(({ rates }) => (rates === undefined ? [] : [rates.p95Bits]));
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    weeks.unshift({
      startMs: days[end - 7]!.startMs,
      octets: (sum(week.map(wholeDay)) / week.length) * 7,
      p95Bits: measured.length < daysLeast ? null : sum(measured) / measured.length,
      estimated: week.some(({ estimated }) => estimated === true),
    });
  }
  const [before, last] = [weeks.at(-2), weeks.at(-1)];
  return {
    weeks,
    octetsChange: change(before?.octets ?? null, last?.octets ?? null),
    p95Change: change(before?.p95Bits ?? null, last?.p95Bits ?? null),
    weeksToFull: weeksToFull(weeks, capacityBits),
  };
}

/** Octets of a day as if all of it had been metered like its measured seconds. */
const wholeDay = ({ outOctets, inOctets, rates }: SeriesPoint): number =>
  ((outOctets + inOctets) * dayS) / Math.min(dayS, rates?.seconds ?? dayS);

const change = (before: number | null, now: number | null): number | null =>
  before === null || now === null || before === 0 ? null : now / before - 1;

/** By the line of least squares through the weeks. */
function weeksToFull(weeks: readonly GrowthWeek[], capacityBits: number): number | null {
  const known = weeks.flatMap(({ startMs, p95Bits }) => (p95Bits === null ? [] : [{ x: startMs / (7 * dayMs), y: p95Bits }]));
  const last = known.at(-1);
  if (capacityBits === 0 || last === undefined || known.length < weeksForPace) return null;
  if (last.y >= capacityBits) return 0;
  const mean = (of: (one: { x: number; y: number }) => number): number =>
    known.reduce((all, one) => all + of(one), 0) / known.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const [varX, varY] = [mean(({ x }) => (x - meanX) ** 2), mean(({ y }) => (y - meanY) ** 2)];
  const covariance = mean(({ x, y }) => (x - meanX) * (y - meanY));
  if (varX === 0 || varY === 0 || covariance <= 0 || covariance ** 2 / (varX * varY) < fitLeast) return null;
  const slope = covariance / varX;
  const weeksLeft = (capacityBits - (meanY + slope * (last.x - meanX))) / slope;
  return weeksLeft > weeksToFullMax ? null : Math.max(0, weeksLeft);
}
