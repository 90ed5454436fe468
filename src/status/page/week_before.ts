/** The line of the week before, for the chart of the last hours or days. Loaded when it is there to be drawn. Pure. */
import type { SeriesAnswer } from '../../flow/history_shapes.ts';
import { changeWords } from './change_words.ts';

const weekMs = 7 * 86_400_000;

export interface WeekBefore {
  /** bit/s at each point of the answer; null where nothing was metered then. */
  readonly rates: readonly (number | null)[];
  /** How much more there was since, of the points that both have; empty where nothing can be compared. */
  readonly words: string;
}

/** @param before the same time `weekMs` earlier: its points may be longer, since what is old is kept by the hour */
export function againstWeekBefore(answer: SeriesAnswer, before: SeriesAnswer): WeekBefore {
  const rateOf = ({ inOctets, outOctets }: SeriesAnswer['points'][number], stepMs: number): number =>
    ((inOctets + outOctets) * 8_000) / stepMs;
  let [now, then] = [0, 0];
  const rates = answer.points.map((point) => {
    const old = before.points[Math.floor((point.startMs - weekMs - (before.points[0]?.startMs ?? 0)) / before.stepMs)];
    if (old?.present !== true || old.partial === true) return null;
    const rate = rateOf(old, before.stepMs);
    if (point.present && point.partial !== true) {
      now += rateOf(point, answer.stepMs);
      then += rate;
    }
    return rate;
  });
  return { rates, words: then === 0 ? '' : changeWords(now / then - 1, 'a week before') };
}
