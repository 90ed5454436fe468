/**
 * Which applications carried much more, or much less, than in the same hours a week before. Two days make no statistics, so nothing is called
 * unlikely: a factor is stated, and reached whatever was lost. Of sampled traffic the end of the interval counts that holds the truth in 95 of 100
 * cases; for a key that windows may not have kept by name, the most that they can have lost of it. Pure.
 */
import type { WeekChange, WeekComparison } from '../flow/anomaly_shapes.ts';
import { intervals95 } from '../flow/estimates.ts';
import type { KeyVolume, SeriesAnswer, TopAnswer, Volume } from '../flow/history_shapes.ts';

export const hours = 24;
const hoursLeast = 22;
const timesLeast = 4;
const sharePercentLeast = 2;
const changesMax = 8;

export interface Day {
  /** In points of an hour. */
  readonly series: Pick<SeriesAnswer, 'points' | 'stepMs'>;
  readonly applications: Pick<TopAnswer, 'rows' | 'other'>;
}

/** @param topK how many keys a window keeps by name */
export function weekComparison(
  now: Day,
  before: Day,
  range: { readonly fromMs: number; readonly toMs: number },
  topK: number,
): WeekComparison {
  const [metered, meteredBefore] = [meteredHours(now), meteredHours(before)];
  const facts = { ...range, timesLeast, sharePercentLeast };
  const notComparable =
    metered < hoursLeast
      ? `${metered} of the last ${hours} hours were metered whole; ${hoursLeast} are needed`
      : meteredBefore < hoursLeast
        ? `${meteredBefore} of the same ${hours} hours a week before were metered whole; ${hoursLeast} are needed`
        : '';
  return { ...facts, notComparable, changes: notComparable === '' ? changes(now, before, topK) : [] };
}

function meteredHours({ series: { points, stepMs } }: Day): number {
  if (stepMs !== 3_600_000) return 0;
  return points.filter(({ present, partial }) => present && partial !== true).length;
}

function changes(now: Day, before: Day, topK: number): WeekChange[] {
  const larger = Math.max(total(now), total(before));
  const [rows, rowsBefore] = [byKey(now), byKey(before)];
  const found: WeekChange[] = [];
  for (const key of new Set([...rows.keys(), ...rowsBefore.keys()])) {
    const [row, old] = [rows.get(key), rowsBefore.get(key)];
    const [is, was] = [bounds(row, lostMost(now, topK)), bounds(old, lostMost(before, topK))];
    const isMore = is.least > was.most;
    const [much, little] = isMore ? [is.least, was.most] : [was.least, is.most];
    if (much < timesLeast * little || (much - little) * 100 < sharePercentLeast * larger) continue;
    found.push({
      dimension: 'application',
      key,
      octets: octetsOf(row),
      octetsBefore: old === undefined && octetsOf(before.applications.other) > 0 ? null : octetsOf(old),
      isMore,
      times: little === 0 ? null : Math.floor((much / little) * 10) / 10,
      estimated: row?.estimated === true || old?.estimated === true,
    });
  }
  const difference = ({ octets, octetsBefore }: WeekChange): number => Math.abs(octets - (octetsBefore ?? 0));
  return found.sort((a, b) => difference(b) - difference(a)).slice(0, changesMax);
}

const byKey = ({ applications }: Day): Map<string, KeyVolume> => new Map(applications.rows.map((row) => [row.key, row]));

const total = ({ applications: { rows, other } }: Day): number => rows.reduce((sum, row) => sum + octetsOf(row), octetsOf(other));

const octetsOf = (volume: Volume | undefined): number => (volume === undefined ? 0 : volume.outOctets + volume.inOctets);

/** Between which octets the truth is. */
function bounds(row: Volume | undefined, lost: number): { readonly least: number; readonly most: number } {
  const octets = octetsOf(row);
  const off = intervals95 * (row?.standardError?.octets ?? 0);
  return { least: Math.max(0, octets - off), most: octets + off + lost };
}

/**
 * The most that a day can lack of one key. No more than what was not kept by name; and a window that did not keep it has `topK` others that
 * are no smaller, so that it carried one part of topK + 1 there at most.
 */
function lostMost(day: Day, topK: number): number {
  const { other } = day.applications;
  return Math.min(octetsOf(other) + intervals95 * (other.standardError?.octets ?? 0), total(day) / (topK + 1));
}
