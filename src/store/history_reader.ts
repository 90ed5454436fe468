/**
 * Answers from the history: the coarsest windows that fit, added up, so that totals are those of the rows. Works over any
 * `Kv`: the box's own, a handle of a worker thread, or the store of a stopped box.
 *
 * Limits: a series has at most `pointsMax` points, a top at most `limitMax` rows. Each question takes a handle for as long
 * as it lasts, so that a store which must be opened again is not held back.
 */
import type { Kv } from '../core/kv.ts';
import { DimensionSum } from '../flow/history_merge.ts';
import {
  addVolume,
  emptyVolume,
  type HistoryReader,
  type KeyVolume,
  type SeriesAnswer,
  type SeriesPoint,
  type Tier,
  type TopAnswer,
  tierSeconds,
  type Volume,
  type WindowOfDimension,
} from '../flow/history_shapes.ts';
import { RateSum, ratesOf } from '../flow/rate_histogram.ts';
import { type CoveringWindow, coveringWindows } from './history_cover.ts';
import { edge } from './history_retention.ts';
import { type LevelKvOptions, openLevelKv } from './level_kv.ts';
import type { RecentWindows } from './recent_windows.ts';

/** Lends a store for the time of one question. */
export type KvLender = <T>(question: (kv: Kv) => Promise<T>) => Promise<T>;

export const limitMax = 1_000;
const pointsLimit = 10_000;
const minuteMs = tierSeconds['1m'] * 1_000;
const hourMs = tierSeconds['1h'] * 1_000;
const dayMs = tierSeconds['1d'] * 1_000;

/** Steps that people read easily, in s; beyond the last one it is doubled. */
const stepsS = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

export class StoredHistoryReader implements HistoryReader {
  readonly #lend: KvLender;
  readonly #recent: RecentWindows | undefined;
  /** Records that were met and could not be read. */
  recordsUnreadable = 0;

  /** @param recent 10 s windows of the last hour, where there are some at hand */
  constructor(lend: KvLender, recent?: RecentWindows) {
    this.#lend = lend;
    this.#recent = recent;
  }

  /** The answer covers whole windows: `fromMs` and `toMs` say which time that is. */
  top(question: Parameters<HistoryReader['top']>[0]): Promise<TopAnswer> {
    const { dimension } = question;
    const limit = Math.min(limitMax, Math.max(0, question.limit));
    const fromMs = Math.floor(question.fromMs / minuteMs) * minuteMs;
    const toMs = Math.max(fromMs, Math.ceil(question.toMs / minuteMs) * minuteMs);
    return this.#lend(async (kv) => {
      const sum = new DimensionSum(dimension);
      const { host } = question;
      const reach = { fromMs, toMs, tier: '10s' as Tier };
      for await (const found of this.#windows(kv, { dimension, fromMs, toMs, widestMs: dayMs })) {
        sum.add(host === undefined ? found.stored.window : windowOfHost(found.stored.window, host));
        reach.fromMs = Math.min(reach.fromMs, found.startMs);
        reach.toMs = Math.max(reach.toMs, found.startMs + tierSeconds[found.tier] * 1_000);
        if (tierSeconds[found.tier] > tierSeconds[reach.tier]) reach.tier = found.tier;
      }
      const { top, other } = sum.close(limit);
      const distinct = sum.distinct();
      if (host === undefined) return { dimension, ...reach, rows: top, other, total: sum.total(), distinct };
      const total = await this.#totalOf(kv, host, fromMs, toMs);
      const rest = lessRows(total, top, host);
      // Only those that were kept by name are known to be this host's.
      return {
        dimension,
        ...reach,
        rows: top,
        other: rest,
        total,
        distinct: { ...distinct, atLeast: rest.outPackets + rest.inPackets > 0 },
      };
    });
  }

  /** What a host sent and received in the windows that know it by name. */
  async #totalOf(kv: Kv, host: string, fromMs: number, toMs: number): Promise<Volume> {
    const total = emptyVolume();
    for await (const found of this.#windows(kv, { dimension: 'host', only: host, fromMs, toMs, widestMs: dayMs })) {
      const row = rowOf(found, host);
      if (row !== undefined) addVolume(total, row);
    }
    return total;
  }

  /** Points begin at multiples of the step; a point without any window is not present. */
  series(question: Parameters<HistoryReader['series']>[0]): Promise<SeriesAnswer> {
    const { dimension = 'total', key } = question;
    const pointsMax = Math.min(pointsLimit, Math.max(1, question.pointsMax));
    return this.#lend(async (kv) => {
      const stepMs = stepFor(question.fromMs, question.toMs, pointsMax, await this.#finestMs(kv, question.fromMs));
      const fromMs = Math.floor(question.fromMs / stepMs) * stepMs;
      const toMs = Math.max(fromMs, Math.ceil(question.toMs / stepMs) * stepMs);
      const points = Array.from({ length: (toMs - fromMs) / stepMs }, (_, i) => ({
        startMs: fromMs + i * stepMs,
        ...emptyVolume(),
        coveredMs: 0,
        partial: false,
        seconds: new RateSum(),
      }));
      // Without a key the line is the total, whichever dimension is looked at.
      const of = key === undefined ? { dimension: 'total' as const, only: '' } : { dimension, only: key };
      for await (const found of this.#windows(kv, { ...of, fromMs, toMs, widestMs: stepMs })) {
        const point = points[Math.floor((found.startMs - fromMs) / stepMs)];
        if (point === undefined) continue;
        point.coveredMs += tierSeconds[found.tier] * 1_000;
        point.partial ||= found.stored.partial;
        const row = rowOf(found, key ?? '');
        if (row !== undefined) addVolume(point, row);
        const { rates } = found.stored.window;
        if (rates !== undefined) point.seconds.add(rates);
      }
      const all = new RateSum();
      for (const { seconds } of points) all.merge(seconds);
      const tier: Tier = stepMs < minuteMs ? '10s' : stepMs < hourMs ? '1m' : stepMs < dayMs ? '1h' : '1d';
      const answer = { tier, fromMs, toMs, stepMs, points: points.map((point) => finished(point, stepMs)) };
      return all.isEmpty ? answer : { ...answer, rates: ratesOf(all.close()) };
    });
  }

  #windows(kv: Kv, options: Parameters<typeof coveringWindows>[2]): AsyncIterable<CoveringWindow> {
    return coveringWindows(kv, this.#recent, options, () => this.recordsUnreadable++);
  }

  /**
   * The finest step whose windows reach back to that moment, or as far as anything does: the hour that holds the first minute of a young
   * box begins before it and knows no more.
   */
  async #finestMs(kv: Kv, fromMs: number): Promise<number> {
    const kept: { readonly stepMs: number; readonly oldestMs: number }[] = [
      { stepMs: 10_000, oldestMs: this.#recent?.oldestMs ?? Number.POSITIVE_INFINITY },
    ];
    for (const [tier, stepMs] of [['1m', minuteMs] as const, ['1h', hourMs] as const, ['1d', dayMs] as const])
      kept.push({ stepMs, oldestMs: (await edge(kv, tier, false)) ?? Number.POSITIVE_INFINITY });
    const finest = kept.find(({ stepMs, oldestMs }) => {
      const reachesFurther = kept.some((one) => one.stepMs > stepMs && one.oldestMs < floorTo(oldestMs, one.stepMs));
      return oldestMs <= fromMs || (Number.isFinite(oldestMs) && !reachesFurther);
    });
    return finest?.stepMs ?? minuteMs;
  }
}

const floorTo = (ms: number, stepMs: number): number => Math.floor(ms / stepMs) * stepMs;

/** A reader that opens the store for each question, beside or instead of the box's own handle. */
export function openHistoryReader(path: string, options: LevelKvOptions = {}, recent?: RecentWindows): StoredHistoryReader {
  return new StoredHistoryReader(async (question) => {
    const kv = await openLevelKv(path, { multithreading: true, ...options, createIfMissing: false });
    try {
      return await question(kv);
    } finally {
      await kv.close();
    }
  }, recent);
}

function stepFor(fromMs: number, toMs: number, pointsMax: number, finestMs: number): number {
  for (let i = 0; ; i++) {
    const beyond = Math.max(0, i - stepsS.length + 1);
    const stepMs = stepsS[Math.min(i, stepsS.length - 1)]! * 2 ** beyond * 1_000;
    const points = Math.ceil(toMs / stepMs) - Math.floor(fromMs / stepMs);
    if (stepMs >= finestMs && points <= pointsMax) return stepMs;
    // One step over an edge is the least there is, however few points were asked for.
    if (stepMs >= finestMs && points <= 2 && stepMs > toMs - fromMs) return stepMs;
  }
}

function rowOf({ stored }: CoveringWindow, key: string): KeyVolume | undefined {
  return stored.window.top.find((row) => row.key === key);
}

/** Keys of conversations begin and end with their hosts. */
function windowOfHost(window: WindowOfDimension, host: string): WindowOfDimension {
  const top = window.top.filter(({ key }) => key.startsWith(`${host} `) || key.endsWith(` ${host}`));
  const { distinct: _, ...rest } = window;
  return { ...rest, top, other: emptyVolume(), distinctKeys: top.length };
}

/** A host's volume without that of its rows; never less than nothing, where a window kept the row and not the host. */
function lessRows(total: Volume, rows: readonly KeyVolume[], host: string): Volume {
  const rest = { ...total };
  for (const row of rows) {
    const isFirst = row.key.startsWith(`${host} `);
    rest.outOctets -= isFirst ? row.outOctets : row.inOctets;
    rest.inOctets -= isFirst ? row.inOctets : row.outOctets;
    rest.outPackets -= isFirst ? row.outPackets : row.inPackets;
    rest.inPackets -= isFirst ? row.inPackets : row.outPackets;
    rest.flows -= row.flows;
  }
  for (const figure of ['outOctets', 'inOctets', 'outPackets', 'inPackets', 'flows'] as const)
    rest[figure] = Math.max(0, rest[figure]);
  return rest;
}

function finished(
  { coveredMs, partial, seconds, ...point }: Omit<SeriesPoint, 'present' | 'rates'> & { coveredMs: number; seconds: RateSum },
  stepMs: number,
): SeriesPoint {
  const rates = seconds.isEmpty ? {} : { rates: ratesOf(seconds.close()) };
  return { ...point, present: coveredMs > 0, partial: partial === true || coveredMs < stepMs, ...rates };
}
