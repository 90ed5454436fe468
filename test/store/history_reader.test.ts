import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Kv } from '../../src/core/kv.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { addVolume, emptyVolume, type HistoryWindow, type Volume } from '../../src/flow/history_shapes.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey, type StoredTier } from '../../src/store/history_keys.ts';
import { openHistoryReader, StoredHistoryReader } from '../../src/store/history_reader.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { RecentWindows } from '../../src/store/recent_windows.ts';
import { windowOf } from './windows.ts';

const T0 = 1_800_000_000_000;
const minute = 60_000;
const hour = 3_600_000;

async function store(kv: Kv, windows: readonly HistoryWindow[]): Promise<void> {
  await kv.batch(
    windows.flatMap(({ tier, startMs, partial, dimensions }) =>
      dimensions.map((window) => ({
        key: historyKey(tier as StoredTier, window.dimension, startMs),
        value: encodeWindow({ window, partial }),
      })),
    ),
  );
}

async function readerOver(windows: readonly HistoryWindow[], recent?: RecentWindows) {
  const kv = new MemoryKv();
  await store(
    kv,
    windows.filter(({ tier }) => tier !== '10s'),
  );
  return { kv, reader: new StoredHistoryReader((question) => question(kv), recent) };
}

const minutes = (from: number, to: number, keys: (i: number) => Record<string, number>): HistoryWindow[] =>
  Array.from({ length: to - from }, (_, i) => windowOf('1m', T0 + (from + i) * minute, keys(from + i)));

/** The hour as the rollup would have closed it. */
function hourOf(parts: readonly HistoryWindow[]): HistoryWindow {
  const sums: Record<string, number> = {};
  for (const window of parts)
    for (const { key, outOctets } of window.dimensions[1]!.top) sums[key] = (sums[key] ?? 0) + outOctets;
  const merged = windowOf('1h', Math.floor(parts[0]!.startMs / hour) * hour, sums);
  // Sums of the other figures do not follow from the octets: taken from the parts.
  for (const { dimension, top } of merged.dimensions) {
    for (const row of top) {
      Object.assign(row, emptyVolume());
      for (const window of parts) {
        const found = window.dimensions.find((one) => one.dimension === dimension)!.top.find(({ key }) => key === row.key);
        if (found !== undefined) addVolume(row, found);
      }
    }
  }
  return merged;
}

function plainTop(windows: readonly HistoryWindow[], fromMs: number, toMs: number) {
  const rows = new Map<string, Volume>();
  const total = emptyVolume();
  for (const window of windows.filter(({ startMs }) => startMs >= fromMs && startMs < toMs)) {
    for (const { key, ...sums } of window.dimensions[1]!.top) {
      const row = rows.get(key) ?? emptyVolume();
      addVolume(row, sums);
      addVolume(total, sums);
      rows.set(key, row);
    }
  }
  return { rows, total };
}

describe('a box that has just begun', () => {
  const hourBefore = { fromMs: T0 + 10 * minute - hour, toMs: T0 + 10 * minute, pointsMax: 360 };
  const tenSeconds = (count: number): RecentWindows => {
    const recent = new RecentWindows(3_600);
    for (let i = 0; i < count; i++) recent.add(windowOf('10s', T0 + i * 10_000, { a: 1 }));
    return recent;
  };

  test('shows its first ten minutes in 10 s, although no hour and no day is closed yet', async () => {
    const { reader } = await readerOver(
      minutes(0, 9, () => ({ a: 6 })),
      tenSeconds(58),
    );
    const { tier, stepMs, points } = await reader.series(hourBefore);
    expect([tier, stepMs]).toEqual(['10s', 10_000]);
    expect(points.filter(({ present, partial }) => present && partial !== true)).toHaveLength(58);
  });

  test('shows its first seconds, when not even a minute is closed', async () => {
    const { reader } = await readerOver([], tenSeconds(3));
    const { points } = await reader.series(hourBefore);
    expect(points.filter(({ present }) => present)).toHaveLength(3);
  });

  test('shows its minutes in its second hour, when the first one is closed', async () => {
    const first = minutes(40, 60, () => ({ a: 6 }));
    const { reader } = await readerOver([...first, ...minutes(60, 70, () => ({ a: 6 })), hourOf(first)], tenSeconds(0));
    const { tier, points } = await reader.series({ fromMs: T0 + 10 * minute, toMs: T0 + 70 * minute, pointsMax: 180 });
    expect([tier, points.filter(({ present }) => present).length]).toEqual(['1m', 30]);
  });

  test('that is stopped shows its minutes', async () => {
    const { reader } = await readerOver(minutes(0, 9, () => ({ a: 6 })));
    const { tier, points } = await reader.series(hourBefore);
    expect([tier, points.filter(({ present }) => present).length]).toEqual(['1m', 9]);
    expect((await (await readerOver([])).reader.series(hourBefore)).points.some(({ present }) => present)).toBe(false);
  });
});

describe('top', () => {
  test('any range over minutes and hours is the plain sum over the minutes, each counted once', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const perMinute = fc.dictionary(key, fc.integer({ min: 1, max: 1_000 }), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(perMinute, { minLength: 200, maxLength: 200 }),
        fc.subarray([0, 1, 2]),
        fc.integer({ min: 0, max: 199 }),
        fc.integer({ min: 1, max: 200 }),
        async (sums, hoursClosed, from, length) => {
          const all = minutes(0, 200, (i) => sums[i]!);
          const hours = hoursClosed.map((n) => hourOf(all.slice(n * 60, n * 60 + 60)));
          const { reader } = await readerOver([...all, ...hours]);
          const fromMs = T0 + from * minute;
          const toMs = Math.min(T0 + 200 * minute, fromMs + length * minute);
          const answer = await reader.top({ dimension: 'host', fromMs, toMs, limit: 100 });
          const expected = plainTop(all, fromMs, toMs);
          expect(new Map(answer.rows.map(({ key: name, ...volume }) => [name, volume]))).toEqual(expected.rows);
          expect(answer.total).toEqual(expected.total);
          expect([answer.fromMs, answer.toMs]).toEqual([fromMs, toMs]);
          const octets = answer.rows.map((row) => row.outOctets + row.inOctets);
          expect(octets).toEqual([...octets].sort((a, b) => b - a));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a limit moves the rest to other; rows and other make the total', async () => {
    const { reader } = await readerOver(minutes(0, 5, () => ({ a: 5, b: 4, c: 3, d: 2 })));
    const { rows, other, total } = await reader.top({ dimension: 'application', fromMs: T0, toMs: T0 + 5 * minute, limit: 2 });
    expect(rows.map(({ key, outOctets }) => [key, outOctets])).toEqual([
      ['a', 25],
      ['b', 20],
    ]);
    expect(other.outOctets).toBe(25);
    expect(total.outOctets).toBe(70);
  });

  test('whole hours are read as hours: 23 hours and 60 minutes instead of 1 440 records', async () => {
    const hours = Array.from({ length: 24 }, (_, n) => windowOf('1h', T0 + n * hour, { a: 60 }));
    const { kv, reader } = await readerOver([...minutes(0, 25 * 60, () => ({ a: 1 })), ...hours]);
    let read = 0;
    const entries = kv.entries.bind(kv);
    kv.entries = async function* (range) {
      for await (const entry of entries(range)) {
        read++;
        yield entry;
      }
    };
    const answer = await reader.top({ dimension: 'host', fromMs: T0 + 30 * minute, toMs: T0 + 24.5 * hour, limit: 5 });
    expect(answer.total.outOctets).toBe(23 * 60 + 60);
    expect(answer.tier).toBe('1h');
    expect(read).toBeLessThan(100);
  });

  test('whole days are read as days, and their edges as hours and minutes: none is counted twice', async () => {
    const day = 24 * hour;
    const firstDay = Math.ceil(T0 / day) * day;
    const hours = Array.from({ length: 400 * 24 }, (_, n) => windowOf('1h', firstDay + n * hour, { a: 1 }));
    const days = Array.from({ length: 400 }, (_, n) => windowOf('1d', firstDay + n * day, { a: 24 }));
    const { kv, reader } = await readerOver([...hours, ...days]);
    let read = 0;
    const entries = kv.entries.bind(kv);
    kv.entries = async function* (range) {
      for await (const entry of entries(range)) {
        read++;
        yield entry;
      }
    };
    const answer = await reader.top({
      dimension: 'host',
      fromMs: firstDay + 5 * hour,
      toMs: firstDay + 398 * day + 7 * hour,
      limit: 5,
    });
    expect(answer).toMatchObject({ fromMs: firstDay + 5 * hour, toMs: firstDay + 398 * day + 7 * hour, tier: '1d' });
    expect(answer.total.outOctets).toBe(398 * 24 + 7 - 5);
    expect(read).toBeLessThan(500);
    const series = await reader.series({ fromMs: firstDay, toMs: firstDay + 400 * day, pointsMax: 400 });
    expect([series.tier, series.stepMs, series.points.length]).toEqual(['1d', day, 400]);
    expect(series.points.every(({ outOctets, present, partial }) => outOctets === 24 && present && !partial)).toBe(true);
  });

  test('a day whose hours have gone answers for its edge too', async () => {
    const day = 24 * hour;
    const firstDay = Math.ceil(T0 / day) * day;
    const { reader } = await readerOver([windowOf('1d', firstDay, { a: 24 }), windowOf('1h', firstDay + day, { a: 1 })]);
    const question = { dimension: 'host' as const, fromMs: firstDay + 5 * hour, toMs: firstDay + day + hour, limit: 5 };
    const answer = await reader.top(question);
    expect(answer).toMatchObject({ fromMs: firstDay, toMs: firstDay + day + hour, tier: '1d' });
    expect(answer.total.outOctets).toBe(25);
    const series = await reader.series({ fromMs: firstDay, toMs: firstDay + 2 * day, pointsMax: 1_000 });
    expect([series.tier, series.stepMs]).toEqual(['1d', day]);
  });

  test('an edge inside an hour without minutes takes the whole hour, and the answer says so', async () => {
    const { reader } = await readerOver([windowOf('1h', T0, { a: 10 }), windowOf('1h', T0 + hour, { a: 1 })]);
    const answer = await reader.top({ dimension: 'host', fromMs: T0 + 30 * minute, toMs: T0 + 2 * hour, limit: 5 });
    expect(answer).toMatchObject({ fromMs: T0, toMs: T0 + 2 * hour, tier: '1h' });
    expect(answer.total.outOctets).toBe(11);
  });

  test('what has no minute yet comes from memory, and is not counted again when it has one', async () => {
    const recent = new RecentWindows(3_600);
    for (let i = 0; i < 12; i++) recent.add(windowOf('10s', T0 + i * 10_000, { a: 1 }));
    const { reader } = await readerOver([windowOf('1m', T0, { a: 6 })], recent);
    const answer = await reader.top({ dimension: 'host', fromMs: T0, toMs: T0 + 2 * minute, limit: 5 });
    expect(answer.total.outOctets).toBe(12);
  });

  test('an empty history, an empty range, a range upside down', async () => {
    const { reader } = await readerOver([]);
    for (const [fromMs, toMs] of [
      [T0, T0 + hour],
      [T0, T0],
      [T0 + hour, T0],
    ] as const) {
      const answer = await reader.top({ dimension: 'host', fromMs, toMs, limit: 5 });
      expect(answer).toMatchObject({ rows: [], total: emptyVolume(), other: emptyVolume() });
    }
  });

  test('a record that cannot be read is left out and counted', async () => {
    const { kv, reader } = await readerOver(minutes(0, 3, () => ({ a: 1 })));
    await kv.batch([{ key: historyKey('1m', 'host', T0 + minute), value: Uint8Array.of(1, 2, 3) }]);
    const answer = await reader.top({ dimension: 'host', fromMs: T0, toMs: T0 + 3 * minute, limit: 5 });
    expect(answer.total.outOctets).toBe(2);
    expect(reader.recordsUnreadable).toBe(1);
  });
});

describe('series', () => {
  test('whatever step comes out, its points add up to the minutes, and there are not too many', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 290 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 2, max: 400 }),
        fc.boolean(),
        async (from, length, pointsMax, withHours) => {
          const all = minutes(0, 300, (i) => ({ a: i + 1, b: 1 }));
          const hours = withHours ? [0, 1, 2, 3].map((n) => hourOf(all.slice(n * 60, n * 60 + 60))) : [];
          const { reader } = await readerOver([...all, ...hours]);
          const question = { fromMs: T0 + from * minute, toMs: T0 + (from + length) * minute, pointsMax };
          const answer = await reader.series(question);
          expect(answer.points.length).toBeLessThanOrEqual(Math.max(2, pointsMax));
          expect(answer.fromMs).toBeLessThanOrEqual(question.fromMs);
          expect(answer.toMs).toBeGreaterThanOrEqual(question.toMs);
          for (const point of answer.points) {
            const inside = all.filter(({ startMs }) => startMs >= point.startMs && startMs < point.startMs + answer.stepMs);
            const expected = inside.reduce((sum, window) => sum + window.dimensions[0]!.top[0]!.outOctets, 0);
            expect([point.startMs, point.outOctets, point.present]).toEqual([point.startMs, expected, inside.length > 0]);
            expect(point.partial).toBe(inside.length * minute < answer.stepMs);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a time that was not metered is absent, silence is present and zero', async () => {
    const { reader } = await readerOver([
      windowOf('1m', T0, { a: 1 }),
      windowOf('1m', T0 + minute, {}),
      windowOf('1m', T0 + 3 * minute, { a: 1 }, { partial: true }),
    ]);
    const { points } = await reader.series({ fromMs: T0, toMs: T0 + 4 * minute, pointsMax: 10 });
    expect(points.map(({ present, partial, outOctets }) => [present, partial, outOctets])).toEqual([
      [true, false, 1],
      [true, false, 0],
      [false, true, 0],
      [true, true, 1],
    ]);
  });

  test('one key of a dimension; a window where it is not among the top counts nothing for it', async () => {
    const { reader } = await readerOver(minutes(0, 3, (i): Record<string, number> => (i === 1 ? { b: 9 } : { a: 5, b: 9 })));
    const { points } = await reader.series({ fromMs: T0, toMs: T0 + 3 * minute, pointsMax: 10, dimension: 'host', key: 'a' });
    expect(points.map(({ outOctets }) => outOctets)).toEqual([5, 0, 5]);
  });

  test('ten seconds a point where memory reaches back far enough, else a minute', async () => {
    const recent = new RecentWindows(60);
    for (let i = 0; i < 12; i++) recent.add(windowOf('10s', T0 + i * 10_000, { a: i }));
    const { reader } = await readerOver(
      minutes(0, 2, () => ({ a: 1 })),
      recent,
    );
    const near = await reader.series({ fromMs: T0 + minute, toMs: T0 + 2 * minute, pointsMax: 100 });
    expect([near.tier, near.stepMs, near.points.map(({ outOctets }) => outOctets)]).toEqual([
      '10s',
      10_000,
      [6, 7, 8, 9, 10, 11],
    ]);
    const far = await reader.series({ fromMs: T0, toMs: T0 + 2 * minute, pointsMax: 100 });
    expect([far.tier, far.stepMs]).toEqual(['1m', minute]);
  });

  test('beyond the minutes the step is an hour; thirteen months fit in the points asked for', async () => {
    const hours = Array.from({ length: 13 * 30 * 24 }, (_, n) => windowOf('1h', T0 + n * hour, { a: 1 }));
    const endMs = T0 + hours.length * hour;
    const { reader } = await readerOver([...hours, windowOf('1m', endMs + 1_000 * hour, { a: 1 })]);
    const week = await reader.series({ fromMs: T0, toMs: T0 + 7 * 24 * hour, pointsMax: 1_000 });
    expect([week.tier, week.stepMs, week.points.length]).toEqual(['1h', hour, 168]);
    const all = await reader.series({ fromMs: T0, toMs: endMs, pointsMax: 300 });
    expect(all.points.length).toBeLessThanOrEqual(300);
    expect(all.points.reduce((sum, { outOctets }) => sum + outOctets, 0)).toBe(hours.length);
  });
});

describe('reading beside the box', () => {
  test('a worker thread reads with a handle of its own while this one writes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flowspan-reader-'));
    const path = join(folder, 'history');
    const kv = await openLevelKv(path, { multithreading: true, freeOctetsMin: 0 });
    await store(
      kv,
      minutes(0, 60, () => ({ a: 1 })),
    );
    const code = `
      import { parentPort } from 'node:worker_threads';
      const { openHistoryReader } = await import(${JSON.stringify(new URL('../../src/store/history_reader.ts', import.meta.url).href)});
      const reader = openHistoryReader(${JSON.stringify(path)});
      parentPort.on('message', async (question) => parentPort.postMessage(await reader.top(question)));`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const ask = (toMs: number): Promise<{ total: Volume }> =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.postMessage({ dimension: 'host', fromMs: T0, toMs, limit: 5 });
      });
    expect((await ask(T0 + hour)).total.outOctets).toBe(60);
    await store(
      kv,
      minutes(60, 70, () => ({ a: 1 })),
    );
    expect((await ask(T0 + 2 * hour)).total.outOctets).toBe(70);
    // Between questions the worker holds nothing: the store can be closed and taken by this process alone.
    await kv.close();
    const alone = await openLevelKv(path, { freeOctetsMin: 0 });
    await alone.close();
    expect((await ask(T0 + 2 * hour)).total.outOctets).toBe(70); // the store of a stopped box
    await worker.terminate();
    await rm(folder, { recursive: true, force: true });
  });

  test('no store is an error with its code, and none is made', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flowspan-reader-'));
    const path = join(folder, 'none');
    await expect(openHistoryReader(path).top({ dimension: 'host', fromMs: 0, toMs: 1, limit: 1 })).rejects.toMatchObject({
      code: 'storeClosed',
    });
    await expect(openLevelKv(path, { freeOctetsMin: 0, createIfMissing: false })).rejects.toThrow('there is no store');
    await rm(folder, { recursive: true });
  });
});
