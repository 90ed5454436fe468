import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { dimensions, emptyVolume } from '../../src/flow/history_shapes.ts';
import { History, type HistoryOptions } from '../../src/store/history.ts';
import { decodeWindow } from '../../src/store/history_codec.ts';
import { historyKey, historyRange, type StoredTier, startOfKey } from '../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../src/store/history_reader.ts';
import { type LevelKv, openLevelKv } from '../../src/store/level_kv.ts';
import { volume, windowOf } from './windows.ts';

/** On the hour. */
const T0 = 1_800_000_000_000;
const minute = 60_000;
const hour = 3_600_000;
const signal = new AbortController().signal;

function history(kv: Kv, options: Partial<HistoryOptions> = {}, wallMs = T0, clockTrusted?: () => boolean) {
  const clock = new SimulatedClock(1_000, wallMs);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const made = new History(
    { topK: 3, minutesForS: 172_800, hoursForS: 34_214_400, daysForS: 157_680_000, bytesMax: 2 ** 40, ...options },
    { kv, ...(clockTrusted === undefined ? {} : { clockTrusted }) },
    world,
  );
  return { history: made, clock };
}

async function starts(kv: Kv, tier: StoredTier): Promise<number[]> {
  const found: number[] = [];
  for await (const [key] of kv.entries(historyRange(tier, 'host', 0, 2 ** 41))) found.push(startOfKey(key) - T0);
  return found;
}

async function stored(kv: Kv, tier: StoredTier, startMs: number) {
  const value = await kv.get(historyKey(tier, 'host', startMs));
  return value === undefined ? undefined : decodeWindow('host', value);
}

describe('history', () => {
  test('an hour and its last minute go out as one synced batch; 10 s windows never touch the disk', async () => {
    const kv = new MemoryKv();
    const batches: [number, boolean | undefined][] = [];
    const batch = kv.batch.bind(kv);
    kv.batch = (puts, deletes, options) => {
      batches.push([puts.length, options?.sync]);
      return batch(puts, deletes, options);
    };
    const { history: it } = history(kv);
    await it.start(signal);
    for (let i = 0; i < 6; i++) it.add(windowOf('10s', T0 + i * 10_000, { a: 1 }));
    await it.settled();
    expect(batches).toEqual([]);
    it.add(windowOf('1m', T0, { a: 6 }));
    it.add(windowOf('1h', T0 - hour, { a: 6 }));
    await it.settled();
    expect(batches).toEqual([[2 * dimensions.length, true]]);
    expect(it.figures).toMatchObject({ windowsWritten: 2, windowsDropped: 0 });
    await it.stop(1_000);
  });

  test('a window that comes again is added to what is there, exactly, cut to top K, and marked', async () => {
    const kv = new MemoryKv();
    const { history: it } = history(kv);
    await it.start(signal);
    it.add(windowOf('1m', T0, { a: 100, b: 50, c: 10 }, { other: 7 }));
    await it.settled();
    it.add(windowOf('1m', T0, { d: 200, b: 5 }, { other: 1 }));
    it.add(windowOf('1m', T0, { d: 1 }));
    await it.settled();
    const { window, partial } = (await stored(kv, '1m', T0))!;
    expect(partial).toBe(true);
    expect(window.top.map(({ key, outOctets }) => [key, outOctets])).toEqual([
      ['d', 201],
      ['a', 100],
      ['b', 55],
    ]);
    expect(window.other.outOctets).toBe(18);
    expect(window.other.flows).toBe(3);
    await it.stop(1_000);
  });

  test('while the disk is full windows wait; when it is back they are written, and nothing else was touched', async () => {
    const kv = new MemoryKv();
    const { history: it } = history(kv);
    await it.start(signal);
    kv.full = true;
    for (let i = 0; i < 5; i++) {
      it.add(windowOf('1m', T0 + i * minute, { a: i }));
      await it.settled();
    }
    expect(it.waiting().items).toBe(5);
    expect(await starts(kv, '1m')).toEqual([]);
    kv.full = false;
    it.add(windowOf('1m', T0 + 5 * minute, { a: 5 }));
    await it.settled();
    expect(await starts(kv, '1m')).toEqual([0, 1, 2, 3, 4, 5].map((i) => i * minute));
    expect(it.figures).toMatchObject({ windowsWritten: 6, windowsDropped: 0 });
    await it.stop(1_000);
  });

  test('what waits is bounded: the oldest is dropped and counted', async () => {
    const kv = new MemoryKv();
    const { history: it } = history(kv);
    await it.start(signal);
    kv.full = true;
    for (let i = 0; i < 200; i++) {
      it.add(windowOf('1m', T0 + i * minute, { a: i }));
      await it.settled();
    }
    kv.full = false;
    await it.stop(1_000);
    const { windowsWritten, windowsDropped } = it.figures;
    expect(windowsWritten + windowsDropped).toBe(200);
    expect(windowsDropped).toBe(78);
    expect(Math.min(...(await starts(kv, '1m')))).toBe(78 * minute);
  });

  test('a store that is gone at stop costs what waited, counted, and no exception', async () => {
    const kv = new MemoryKv();
    const { history: it } = history(kv);
    await it.start(signal);
    await kv.close();
    it.add(windowOf('1m', T0, { a: 1 }));
    await it.stop(1_000);
    expect(it.figures).toMatchObject({ windowsWritten: 0, windowsDropped: 1 });
  });

  test('hours that an earlier run left in minutes are put together at start; a hole makes them partial', async () => {
    const kv = new MemoryKv();
    const before = history(kv, { topK: 100 });
    await before.history.start(signal);
    for (let i = 0; i < 60; i++) before.history.add(windowOf('1m', T0 + i * minute, { a: 2, [`h${i}`]: 1 }, { other: 1 }));
    await before.history.settled();
    for (let i = 0; i < 60; i++) if (i !== 30) before.history.add(windowOf('1m', T0 + hour + i * minute, { a: 1 }));
    for (let i = 0; i < 20; i++) before.history.add(windowOf('1m', T0 + 2 * hour + i * minute, { a: 1 }));
    await before.history.stop(1_000);

    const { history: it } = history(kv, { topK: 3 }, T0 + 2 * hour + 25 * minute);
    await it.start(signal);
    expect(await starts(kv, '1h')).toEqual([0, hour]);
    const first = (await stored(kv, '1h', T0))!;
    expect(first.partial).toBe(false);
    expect(first.window.top[0]).toMatchObject({ key: 'a', outOctets: 120 });
    expect(first.window.top).toHaveLength(3);
    expect(first.window.other.outOctets).toBe(60 - 2 + 60);
    const second = (await stored(kv, '1h', T0 + hour))!;
    expect([second.partial, second.window.top[0]!.outOctets]).toEqual([true, 59]);
    // The open hour is the rollup's to close: it gets what is kept of it.
    const soFar = await it.hourSoFar(T0 + 2 * hour);
    expect(soFar).toMatchObject({ tier: '1h', startMs: T0 + 2 * hour, partial: true });
    expect(soFar!.dimensions.find(({ dimension }) => dimension === 'host')!.top[0]).toMatchObject({ key: 'a', outOctets: 20 });
    expect(await it.hourSoFar(T0)).toBeUndefined(); // closed already
    expect(await it.hourSoFar(T0 + 3 * hour)).toBeUndefined(); // nothing yet
    await it.stop(1_000);
  });

  test('a day is made of its hours once it is over, exactly; one without an hour is partial; a late hour makes it anew', async () => {
    const kv = new MemoryKv();
    const day = 24 * hour;
    const firstDay = Math.ceil(T0 / day) * day;
    const { history: it, clock } = history(kv, { topK: 3 }, firstDay);
    await it.start(signal);
    const late = 30;
    for (let n = 0; n < 48; n++) {
      await clock.advance(hour);
      if (n !== late) it.add(windowOf('1h', firstDay + n * hour, { a: 2, b: 1, [`h${n}`]: 1 }, { other: 1 }));
      await it.settled();
    }
    // The second day is over, but an hour may still come.
    await clock.advance(30 * minute);
    expect(await starts(kv, '1d')).toEqual([firstDay - T0]);
    const first = (await stored(kv, '1d', firstDay))!;
    expect(first.partial).toBe(false);
    expect(first.window.top.slice(0, 2).map(({ key, outOctets }) => [key, outOctets])).toEqual([
      ['a', 48],
      ['b', 24],
    ]);
    expect([...first.window.top, first.window.other].reduce((sum, { outOctets }) => sum + outOctets, 0)).toBe(24 * 5);

    await clock.advance(hour);
    expect((await stored(kv, '1d', firstDay + day))!).toMatchObject({
      partial: true,
      window: { top: [{ key: 'a', outOctets: 46 }, {}, {}] },
    });
    it.add(windowOf('1h', firstDay + late * hour, { a: 2, b: 1 }));
    await it.settled();
    expect(await starts(kv, '1d')).toEqual([firstDay - T0]);
    await clock.advance(11 * minute);
    expect((await stored(kv, '1d', firstDay + day))!).toMatchObject({
      partial: false,
      window: { top: [{ key: 'a', outOctets: 48 }, {}, {}] },
    });
    await it.stop(1_000);
  });

  test('a store with hours and no days gets them, some in each period', async () => {
    const kv = new MemoryKv();
    const day = 24 * hour;
    const firstDay = Math.ceil(T0 / day) * day;
    const before = history(kv, {}, firstDay);
    for (let n = 0; n < 20; n++) before.history.add(windowOf('1h', firstDay + n * day, { a: 1 }));
    await before.history.settled();
    const { history: it, clock } = history(kv, {}, firstDay + 30 * day);
    await it.start(signal);
    const counts = [(await starts(kv, '1d')).length];
    for (let n = 0; n < 3; n++) {
      await clock.advance(10 * minute);
      counts.push((await starts(kv, '1d')).length);
    }
    expect(counts).toEqual([8, 16, 20, 20]);
    await it.stop(1_000);
  });

  test('a store that does not work at start: hours are put together once it does, and only those before the start', async () => {
    const kv = new MemoryKv();
    const before = history(kv);
    await before.history.start(signal);
    for (let i = 0; i < 60; i++) before.history.add(windowOf('1m', T0 + i * minute, { a: 1 }));
    for (let i = 0; i < 60; i++) before.history.add(windowOf('1m', T0 + hour + i * minute, { a: 1 }));
    await before.history.stop(1_000);
    await kv.close();
    const { history: it, clock } = history(kv, {}, T0 + hour + 59 * minute);
    await it.start(signal);
    kv.reopen();
    await clock.advance(20 * minute);
    expect(await starts(kv, '1h')).toEqual([0]);
    await it.stop(1_000);
  });

  test('windows go by age, minutes and hours by their own; not while the clock is not trusted', async () => {
    const kv = new MemoryKv();
    let trusted = false;
    const { history: it, clock } = history(kv, { minutesForS: 3_600, hoursForS: 86_400 }, T0 + 26 * hour, () => trusted);
    await it.start(signal);
    for (const startMs of [T0, T0 + 24 * hour, T0 + 25.5 * hour]) it.add(windowOf('1m', startMs, { a: 1 }));
    for (const startMs of [T0, T0 + hour, T0 + 3 * hour]) it.add(windowOf('1h', startMs, { a: 1 }));
    await it.settled();
    await clock.advance(11 * minute);
    expect(await starts(kv, '1m')).toHaveLength(3);
    trusted = true;
    await clock.advance(11 * minute);
    expect(await starts(kv, '1m')).toEqual([25.5 * hour]);
    expect(await starts(kv, '1h')).toEqual([3 * hour]);
    expect(it.figures.recordsExpired).toBe(4 * dimensions.length);
    await it.stop(1_000);
  });

  test('a record that cannot be read is counted and written anew', async () => {
    const kv = new MemoryKv();
    const { history: it } = history(kv);
    await it.start(signal);
    await kv.batch([{ key: historyKey('1m', 'host', T0), value: Uint8Array.of(99, 1, 2) }]);
    it.add(windowOf('1m', T0, { a: 1 }));
    await it.settled();
    expect(it.figures.recordsUnreadable).toBe(1);
    expect((await stored(kv, '1m', T0))!.window.top[0]!.key).toBe('a');
    await it.stop(1_000);
  });
});

describe('history on LevelDB', () => {
  let folder: string;
  let kv: LevelKv;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowspan-history-'));
    kv = await openLevelKv(join(folder, 'history'), { freeOctetsMin: 0, writeBufferOctets: 256 * 1024 });
  });
  afterEach(async () => {
    await kv.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('the byte budget holds on disk: minutes go first, the newest two hours of them stay, hours stay', async () => {
    const bytesMax = 3 * 1024 * 1024;
    const random = new SeededRandom(9);
    // Keys that do not compress, as busy hosts do not.
    const keys = (): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 60 }, () => [Buffer.from(random.bytes(12)).toString('base64'), random.uint32()]));
    const { history: it, clock } = history(kv, { bytesMax, topK: 100 }, T0);
    await it.start(signal);
    const sizes: number[] = [];
    for (let i = 0; i < 600; i++) {
      it.add(windowOf('1m', T0 + i * minute, keys()));
      if (i % 60 === 59) it.add(windowOf('1h', T0 + (i - 59) * minute, keys()));
      if (i % 10 === 9) await it.settled();
      if (i % 60 === 59) {
        const before = it.figures.recordsExpired;
        void clock.advance(11 * minute);
        for (let turn = 0; turn < 200 && it.figures.recordsExpired === before; turn++)
          await new Promise((resolve) => setTimeout(resolve, 5));
        sizes.push(await kv.approximateSize({}));
      }
    }
    await it.stop(1_000);
    expect(it.figures.recordsExpired).toBeGreaterThan(0);
    expect(Math.max(...sizes.slice(3))).toBeLessThan(bytesMax * 1.25);
    const minutes = await starts(kv, '1m');
    expect(minutes.at(-1)).toBe(599 * minute);
    expect(minutes[0]).toBeGreaterThan(0);
    expect(minutes.length).toBeGreaterThanOrEqual(120);
    expect(await starts(kv, '1h')).toHaveLength(10);
  });

  test('what was written is answered after closing and opening', async () => {
    const { history: it } = history(kv);
    await it.start(signal);
    for (let i = 0; i < 10; i++) it.add(windowOf('1m', T0 + i * minute, { a: 10, b: i }));
    await it.stop(1_000);
    await kv.close();
    kv = await openLevelKv(join(folder, 'history'), { freeOctetsMin: 0 });
    const reader = new StoredHistoryReader((question) => question(kv));
    const answer = await reader.top({ dimension: 'host', fromMs: T0, toMs: T0 + 10 * minute, limit: 1 });
    expect(answer.rows).toEqual([
      { key: 'a', ...volume(10), outOctets: 100, inOctets: 200, outPackets: 30, inPackets: 10, flows: 10 },
    ]);
    expect(answer.other).toEqual({ ...emptyVolume(), outOctets: 45, inOctets: 90, outPackets: 24, inPackets: 10, flows: 10 });
  });
});
