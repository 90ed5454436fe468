/** Growth that people would act on: told from too little, from a box that was off, or where there is none. */
import { describe, expect, it } from 'vitest';
import { MemoryKv } from '../../../src/core/memory_kv.ts';
import { emptyVolume, type SeriesAnswer, type SeriesPoint } from '../../../src/flow/history_shapes.ts';
import { RateSum } from '../../../src/flow/rate_histogram.ts';
import { growthOf } from '../../../src/status/page/growth.ts';
import { encodeWindow } from '../../../src/store/history_codec.ts';
import { historyKey } from '../../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../../src/store/history_reader.ts';

const dayMs = 86_400_000;
const startMs = 1_800_000_000_000 - (1_800_000_000_000 % dayMs);

/** Whole days, oldest first, and the one that runs: octets of each, and its p95 a tenth of them. */
function answer(
  octets: readonly number[],
  change: (point: SeriesPoint, day: number) => SeriesPoint = (point) => point,
): SeriesAnswer {
  const points = [...octets, 1].map((outOctets, day): SeriesPoint => {
    const rates = { seconds: 86_400, p50Bits: 1, p95Bits: outOctets / 10, maxBits: outOctets };
    const point = { ...emptyVolume(), startMs: startMs + day * dayMs, outOctets, present: true, partial: false, rates };
    return change(day === octets.length ? { ...point, partial: true } : point, day);
  });
  return { tier: '1d', fromMs: startMs, toMs: startMs + points.length * dayMs, stepMs: dayMs, points };
}
/** Weeks of so many octets a day. */
const weeks = (...perDay: number[]): number[] => perDay.flatMap((octets) => Array<number>(7).fill(octets));

describe('growth', () => {
  it('compares the last whole weeks; the day that runs is in none', () => {
    const { weeks: found, octetsChange, p95Change } = growthOf(answer(weeks(100, 150)), 0);
    expect(found.map(({ octets, p95Bits }) => [octets, p95Bits])).toEqual([
      [700, 10],
      [1_050, 15],
    ]);
    expect([octetsChange, p95Change]).toEqual([0.5, 0.5]);
  });

  it('is not told of less than two weeks, nor from nothing', () => {
    expect(growthOf(answer(weeks(100)), 0).octetsChange).toBeNull();
    expect(growthOf(answer([1, 2, 3]), 0).weeks).toEqual([]);
    expect(growthOf({ ...answer([]), points: [] }, 0).weeks).toEqual([]);
    expect(growthOf(answer(weeks(0, 100)), 0).octetsChange).toBeNull();
    expect(growthOf({ ...answer(weeks(1, 1)), stepMs: 3_600_000 }, 0).weeks).toEqual([]);
  });

  it('is not less for days on which the box was off, wholly or for hours', () => {
    const off = answer(weeks(100, 100), (point, day) => {
      if (day === 9) return { ...point, present: false, outOctets: 0 };
      if (day === 10) return { ...point, partial: true, outOctets: 75, rates: { ...point.rates!, seconds: 64_800, p95Bits: 10 } };
      if (day === 11) return { ...point, partial: true, outOctets: 1, rates: { ...point.rates!, seconds: 900 } };
      return point;
    });
    expect(growthOf(off, 0)).toMatchObject({ octetsChange: 0, p95Change: 0 });
    const gone = answer(weeks(100, 100, 100), (point, day) => (day > 7 && day < 11 ? { ...point, present: false } : point));
    expect(growthOf(gone, 0).weeks).toHaveLength(2);
  });

  it('tells when the line is full at the pace of four weeks or more', () => {
    const capacity = 20;
    expect(growthOf(answer(weeks(100, 110, 120, 130)), capacity).weeksToFull).toBeCloseTo(7);
    expect(growthOf(answer(weeks(100, 110, 120)), capacity).weeksToFull).toBeNull();
    expect(growthOf(answer(weeks(100, 110, 120, 130)), 0).weeksToFull).toBeNull();
    expect(growthOf(answer(weeks(100, 110, 120, 200)), capacity).weeksToFull).toBe(0);
  });

  it('tells of none where weeks fall, stay, or jump about', () => {
    for (const perDay of [
      [130, 120, 110, 100],
      [100, 100, 100, 100],
      [100, 150, 90, 140, 105],
    ])
      expect(growthOf(answer(weeks(...perDay)), 20).weeksToFull, String(perDay)).toBeNull();
  });

  it('of a real history of hours, over a night in which the box was off', async () => {
    const hourMs = 3_600_000;
    const kv = new MemoryKv();
    for (let hour = 0; hour < 36 * 24; hour++) {
      const [day, atMs] = [Math.floor(hour / 24), startMs + hour * hourMs];
      if (day === 20 && hour % 24 < 9) continue;
      const perSecond = 1_000 + 100 * Math.floor((day - 1) / 7); // grows by week
      const rates = new RateSum();
      for (let second = 0; second < 3_600; second++) rates.addSecond(perSecond * 8);
      const volume = { ...emptyVolume(), outOctets: perSecond * 3_600 };
      const window = { dimension: 'total', top: [{ key: '', ...volume }], other: emptyVolume(), distinctKeys: 1 } as const;
      const value = encodeWindow({ window: { ...window, rates: rates.close() }, partial: false });
      await kv.batch([{ key: historyKey('1h', 'total', atMs), value }]);
    }
    const nowMs = startMs + 36 * dayMs + 5 * hourMs;
    const reader = new StoredHistoryReader((question) => question(kv));
    const found = growthOf(await reader.series({ fromMs: nowMs - 92 * dayMs, toMs: nowMs, pointsMax: 93 }), 20_000);
    expect(found.weeks).toHaveLength(5);
    expect(found.weeks.map(({ octets }) => Math.round(octets / 604_800))).toEqual([1_000, 1_100, 1_200, 1_300, 1_400]);
    expect(found.octetsChange).toBeCloseTo(100 / 1_300);
    expect(found.weeksToFull).toBeGreaterThan(8);
    expect(found.weeksToFull).toBeLessThan(14);
  });

  it('says where a week is an estimate', () => {
    const { weeks: found } = growthOf(
      answer(weeks(1, 1), (point, day) => (day === 8 ? { ...point, estimated: true } : point)),
      0,
    );
    expect(found.map(({ estimated }) => estimated)).toEqual([false, true]);
  });
});
