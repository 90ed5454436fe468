import { describe, expect, test } from 'vitest';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { mergeWindows } from '../../src/flow/history_merge.ts';
import { emptyVolume, type HistoryWindow, type WindowOfDimension } from '../../src/flow/history_shapes.ts';
import { RateSum, ratesOf } from '../../src/flow/rate_histogram.ts';
import { SecondRates } from '../../src/pipeline/second_rates.ts';
import { decodeWindow, encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey } from '../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../src/store/history_reader.ts';
import { mergedWindow } from '../../src/store/history_wider.ts';

const hourMs = 3_600_000;
const startMs = Math.floor(1_800_000_000_000 / hourMs) * hourMs;
const total = (): WindowOfDimension => ({
  dimension: 'total',
  top: [{ key: '', ...emptyVolume(), outOctets: 5 }],
  other: emptyVolume(),
  distinctKeys: 1,
});
const minute = (i: number): HistoryWindow => ({
  tier: '1m',
  startMs: startMs + i * 60_000,
  dimensions: [total()],
  partial: false,
});
/** 1 Mbit/s, with one second of 500 Mbit/s in each minute. */
const bitsAt = (second: number): number => (second % 60 === 17 ? 500e6 : 1e6);

function measured(): SecondRates {
  const rates = new SecondRates(75);
  for (let second = 0; second < 3_600; second++) rates.add(startMs + (second + 1) * 1_000, 1_000, bitsAt(second) / 8);
  return rates;
}

describe('rates of seconds in the history', () => {
  test('a window has those of its own seconds, whatever each really lasted', () => {
    const rates = measured();
    const { rates: first } = rates.with(minute(0)).dimensions[0]!;
    expect(ratesOf(first!)).toMatchObject({ seconds: 60, maxBits: 500e6 });
    expect(ratesOf(first!).p95Bits / 1e6).toBeCloseTo(1, 1);
    const slow = new SecondRates(75);
    slow.add(startMs + 1_500, 1_500, 1.5e6 / 8);
    expect(slow.with(minute(0)).dimensions[0]!.rates!.maxBits).toBe(1e6);
    expect(slow.with(minute(3)).dimensions[0]!.rates).toBeUndefined();
  });

  test('what is written comes back, and windows of before are read as they were', () => {
    const window = measured().with(minute(2)).dimensions[0]!;
    expect(decodeWindow('total', encodeWindow({ window, partial: true }))).toEqual({ window, partial: true });
    const sampled = {
      ...window,
      top: [
        {
          ...window.top[0]!,
          estimated: true as const,
          standardError: { octets: 3, packets: 1 },
          counted: { octets: 2, packets: 1 },
        },
      ],
    };
    expect(decodeWindow('total', encodeWindow({ window: sampled, partial: false }))!.window).toEqual(sampled);
    const { rates: _, ...before } = window;
    expect(decodeWindow('total', encodeWindow({ window: before, partial: false }))!.window).toEqual(before);
    expect(encodeWindow({ window, partial: false }).length).toBeLessThan(
      encodeWindow({ window: before, partial: false }).length + 40,
    );
  });

  test('an hour of minutes is the hour of its seconds: merged live, from the store, and asked', async () => {
    const rates = measured();
    const minutes = Array.from({ length: 60 }, (_, i) => rates.with(minute(i)));
    const whole = new RateSum();
    for (let second = 0; second < 3_600; second++) whole.addSecond(bitsAt(second));
    expect(mergeWindows(minutes, '1h', startMs, 10, true).dimensions[0]!.rates).toEqual(whole.close());

    const kv = new MemoryKv();
    await kv.batch(
      minutes.map((window) => ({
        key: historyKey('1m', 'total', window.startMs),
        value: encodeWindow({ window: window.dimensions[0]!, partial: false }),
      })),
    );
    const hour = await mergedWindow(kv, '1h', startMs, 10, { recordsUnreadable: 0 });
    expect(hour!.dimensions[0]!.rates).toEqual(whole.close());

    const reader = new StoredHistoryReader((question) => question(kv));
    const series = await reader.series({ fromMs: startMs, toMs: startMs + hourMs, pointsMax: 4 });
    expect(series.points.map((point) => point.rates!.seconds)).toEqual([900, 900, 900, 900]);
    expect(series.rates).toEqual(ratesOf(whole.close()));
    expect(series.rates!.maxBits).toBe(500e6);
    // One second in sixty is fast: 98.3 % are not, so 95 % do not show it, and a mean would hide it altogether.
    expect(series.rates!.p95Bits / 1e6).toBeCloseTo(1, 1);
  });
});
