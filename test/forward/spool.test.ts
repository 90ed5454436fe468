/** The spool: restarts, kills, full disks, damage, budgets. Every row ends in exactly one place, at every moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { Spool, type SpooledRows, type SpoolLane, type SpoolOptions } from '../../src/forward/spool.ts';
import { indexRange, rowsKey } from '../../src/forward/spool_record.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { blockOf, flowIdOf, rowClock, sumsOf } from './rows.ts';

const MIB = 1024 * 1024;
const settings: SpoolOptions = { memoryBytesMax: 4 * MIB, diskBytesMax: 64 * MIB, ageMaxS: 3_600, persistAfterS: 5 };
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Opened {
  readonly spool: Spool;
  readonly clock: SimulatedClock;
  readonly events: string[];
  /** Lets time pass with all writing done in each second. */
  pass(seconds: number): Promise<void>;
  /** Lets seconds pass until it is so: compression runs on threads of its own, as long as it takes. */
  passUntil(condition: () => boolean): Promise<void>;
}

async function open(kv: Kv, names = ['a'], changes: Partial<SpoolOptions> = {}, wallMs = 1_700_000_000_000): Promise<Opened> {
  const clock = new SimulatedClock(1_000, wallMs);
  const events: string[] = [];
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const spool = new Spool({
    world,
    kv,
    settings: { ...settings, ...changes },
    destinations: names,
    rowClock: rowClock(),
    onEvent: (_, event) => events.push(event),
  });
  await spool.start();
  const pass = async (seconds: number): Promise<void> => {
    for (let s = 0; s < seconds; s++) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 3)); // compression runs on threads of its own
    }
  };
  const passUntil = async (condition: () => boolean): Promise<void> => {
    for (let s = 0; s < 600 && !condition(); s++) {
      await clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(condition()).toBe(true);
  };
  return { spool, clock, events, pass, passUntil };
}

async function readAll(lane: SpoolLane): Promise<SpooledRows[]> {
  const all: SpooledRows[] = [];
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next()) all.push(rows);
  return all;
}
const idsOf = (all: readonly SpooledRows[]): number[] =>
  all.flatMap(({ bytes, firstRow, count }) => Array.from({ length: count }, (_, i) => flowIdOf(bytes, firstRow + i * ROW_BYTES)));
const acknowledgeAll = (lane: SpoolLane, all: readonly SpooledRows[]): void => {
  for (const { position, count } of all) lane.acknowledge(position, count, 100, 0);
};
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
function balanced(spool: Spool, ...names: string[]): void {
  for (const name of names) expect(destinationFault(spool.lane(name).account())).toBe(0);
}

async function keysOf(kv: Kv): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of kv.entries({})) keys.push(String.fromCharCode(key[0]!));
  return keys;
}

test('with collectors that keep up nothing but the open marker is on disk', async () => {
  const kv = new MemoryKv();
  const { spool, pass } = await open(kv);
  for (let i = 0; i < 20; i++) {
    spool.append(blockOf(i * 10, 10));
    acknowledgeAll(spool.lane('a'), await readAll(spool.lane('a')));
    await pass(1);
  }
  expect(await keysOf(kv)).toEqual(['o']);
  expect(spool.lane('a').account()).toMatchObject({ handedOver: 200, acknowledged: 200, pending: 0 });
});

test('rows say whether they may name a selector: not as long as all that came was looked through', async () => {
  const { spool, pass, passUntil } = await open(new MemoryKv(), ['a'], { memoryBytesMax: 400_000 });
  const lane = spool.lane('a');
  const append = async (first: number, known: { isSampled?: boolean }): Promise<boolean> => {
    spool.append({ ...blockOf(first, 10), ...known });
    return (await lane.next())!.isSampled;
  };
  expect(await append(0, { isSampled: false })).toBe(false);
  expect(await append(10, { isSampled: false })).toBe(false);
  expect(await append(20, { isSampled: true })).toBe(true);
  expect(await append(30, { isSampled: false })).toBe(true); // of the same piece
  await pass(7);
  expect(await append(40, { isSampled: false })).toBe(false);
  expect(await append(50, {})).toBe(true);
  // What was on disk is not looked through again.
  await passUntil(() => spool.status().octetsOnDisk > 0);
  for (let i = 0; i < 3; i++) spool.append({ ...blockOf(60 + 1_024 * i, 1_024), isSampled: false });
  lane.rewind(false);
  expect((await lane.next())!.isSampled).toBe(true);
});

test('what is not acknowledged goes to disk, is read back in order, and is deleted once it has arrived', async () => {
  const kv = new MemoryKv();
  const first = await open(kv, ['a', 'b']);
  for (let i = 0; i < 30; i++) first.spool.append(blockOf(i * 100, 100));
  acknowledgeAll(first.spool.lane('b'), (await readAll(first.spool.lane('b'))).slice(0, 1));
  await first.pass(7);
  await first.passUntil(() => first.spool.status().octetsOnDisk > 0);
  // A kill: the store as it is, the spool gone.
  const { spool, events, passUntil } = await open(kv, ['a', 'b']);
  expect(events).toContain('spoolRecovered');
  expect(events).toContain('gapMarked');
  const a = await readAll(spool.lane('a'));
  expect(idsOf(a)).toEqual(numbers(1, 3_001));
  const b = await readAll(spool.lane('b'));
  expect(idsOf(b)).toEqual(numbers(1_025, 3_001));
  acknowledgeAll(spool.lane('a'), a);
  acknowledgeAll(spool.lane('b'), b);
  balanced(spool, 'a', 'b');
  await passUntil(() => spool.status().octetsOnDisk === 0);
  await spool.stop(1_000);
  expect((await keysOf(kv)).filter((key) => key === 'i' || key === 'r')).toEqual([]);
  expect(spool.status().octetsOnDisk).toBe(0);
});

test('a planned stop keeps everything and marks no gap', async () => {
  const kv = new MemoryKv();
  const { spool } = await open(kv);
  spool.append(blockOf(0, 700));
  await spool.stop(1_000);
  const next = await open(kv);
  expect(next.events).not.toContain('gapMarked');
  expect(idsOf(await readAll(next.spool.lane('a')))).toEqual(numbers(1, 701));
  expect(next.spool.lane('a').gaps).toEqual([]);
});

test('after a kill the hole is a gap of unknown size for every destination', async () => {
  const kv = new MemoryKv();
  const { spool } = await open(kv);
  spool.append(blockOf(0, 10));
  const next = await open(kv, ['a'], {}, 1_700_000_060_000);
  expect(next.spool.lane('a').gaps).toEqual([
    { reason: 'lostToPowerCut', fromMs: 1_700_000_000_000, toMs: 1_700_000_060_000, records: null, packets: null, octets: null },
  ]);
});

test('a destination that is new starts with what comes; one that is gone is forgotten', async () => {
  const kv = new MemoryKv();
  const { spool } = await open(kv, ['old', 'kept']);
  spool.append(blockOf(0, 100));
  await spool.stop(1_000);
  const next = await open(kv, ['kept', 'new']);
  expect(next.events).toContain('destinationForgotten');
  next.spool.append(blockOf(100, 50));
  expect(idsOf(await readAll(next.spool.lane('kept')))).toEqual(numbers(1, 151));
  expect(idsOf(await readAll(next.spool.lane('new')))).toEqual(numbers(101, 151));
});

test('a full disk: the spool goes on in memory, within its bound, counts and says what that costs, and recovers', async () => {
  const kv = new MemoryKv();
  const { spool, events, pass, passUntil } = await open(kv, ['a'], { memoryBytesMax: MIB });
  kv.full = true;
  for (let i = 0; i < 60; i++) {
    spool.append(blockOf(i * 100, 100));
    balanced(spool, 'a');
  }
  await pass(7);
  await passUntil(() => spool.status().state === 'stopped');
  expect(events).toContain('spoolStoreFailed');
  const { pending, dropped, handedOver } = spool.lane('a').account();
  expect(handedOver).toBe(6_000);
  expect(dropped.overBudget).toBe(6_000 - pending);
  expect(pending * ROW_BYTES).toBeLessThanOrEqual(MIB);
  const [gap] = spool.lane('a').gaps;
  expect(gap).toMatchObject({ reason: 'overBudget', records: 6_000 - pending });
  kv.full = false;
  await passUntil(() => spool.status().state === 'open');
  expect(events).toContain('spoolStoreBack');
  expect(idsOf(await readAll(spool.lane('a')))).toEqual(numbers(6_001 - pending, 6_001));
});

test('rows that came while the store could not be read stay; what is on it is found when it can', async () => {
  const kv = new MemoryKv();
  const first = await open(kv);
  first.spool.append(blockOf(0, 100));
  await first.spool.stop(1_000);
  await kv.close();
  const { spool, pass } = await open(kv);
  spool.append(blockOf(100, 50));
  const early = await readAll(spool.lane('a'));
  expect(idsOf(early)).toEqual(numbers(101, 151));
  kv.reopen();
  await pass(2);
  // Rows taken before the numbering moved are acknowledged under their old numbers.
  acknowledgeAll(spool.lane('a'), early);
  expect(idsOf(await readAll(spool.lane('a')))).toEqual(numbers(1, 101));
  expect(spool.lane('a').account()).toMatchObject({ handedOver: 150, acknowledged: 50, pending: 100 });
});

test('damaged rows are counted and passed over', async () => {
  const kv = new MemoryKv();
  const { spool } = await open(kv);
  for (let i = 0; i < 3; i++) spool.append(blockOf(i * 1_024, 1_024));
  await spool.stop(1_000);
  const value = Buffer.from((await kv.get(rowsKey(1_024)))!);
  value[200] = value[200]! ^ 0xff;
  await kv.batch([{ key: rowsKey(1_024), value }]);
  const next = await open(kv);
  const lane = next.spool.lane('a');
  expect(idsOf(await readAll(lane))).toEqual([...numbers(1, 1_025), ...numbers(2_049, 3_073)]);
  expect(lane.account().dropped.damaged).toBe(1_024);
  expect(lane.gaps[0]).toMatchObject({ reason: 'damaged', records: 1_024 });
  balanced(next.spool, 'a');
});

test('over the disk budget and over the age the oldest go, counted', async () => {
  const kv = new MemoryKv();
  const { spool, pass, passUntil } = await open(kv, ['a'], { memoryBytesMax: MIB, diskBytesMax: 200_000, ageMaxS: 60 });
  for (let i = 0; i < 30; i++) {
    spool.append(blockOf(i * 1_024, 1_024));
    await pass(1);
    balanced(spool, 'a');
  }
  await passUntil(() => spool.lane('a').account().dropped.overBudget! > 0);
  await passUntil(() => spool.status().octetsOnDisk <= 200_000);
  await pass(70);
  await passUntil(() => spool.lane('a').account().pending === 0);
  const { pending, dropped } = spool.lane('a').account();
  expect(pending).toBe(0);
  expect(dropped.tooOld).toBeGreaterThan(0);
  balanced(spool, 'a');
});

test('memory tighter than what is on its way: what arrives is counted as arrived, what must be sent again and cannot is given up', async () => {
  const kv = new MemoryKv();
  kv.batch = () => Promise.reject(new ApplianceError('storeFull', 'no room'));
  const { spool } = await open(kv, ['a'], { memoryBytesMax: MIB });
  const lane = spool.lane('a');
  const sent: SpooledRows[] = [];
  for (let i = 0; i < 8; i++) {
    spool.append(blockOf(i * 1_024, 1_024)); // 3 MiB in all
    sent.push(...(await readAll(lane)));
  }
  expect(lane.account()).toMatchObject({ pending: 8_192, dropped: { overBudget: 0 } });
  acknowledgeAll(lane, sent.slice(0, 3));
  expect(lane.account()).toMatchObject({ acknowledged: 3_072, pending: 5_120 });
  lane.rewind(true);
  const again = idsOf(await readAll(lane));
  expect(again).toEqual(numbers(8_193 - again.length, 8_193));
  expect(again.length).toBeLessThan(3_000);
  expect(lane.account()).toMatchObject({ pending: again.length, dropped: { overBudget: 5_120 - again.length } });
  expect(lane.gaps).toHaveLength(1);
  expect(lane.gaps[0]).toMatchObject({
    reason: 'overBudget',
    records: 5_120 - again.length,
    ...sumsOf(3_072, 5_120 - again.length),
  });
  balanced(spool, 'a');
});

test('memory so tight that the margin goes: when the session breaks, a gap without counts tells of its rows', async () => {
  const kv = new MemoryKv();
  kv.batch = () => Promise.reject(new ApplianceError('storeFull', 'no room'));
  const { spool } = await open(kv, ['a'], { memoryBytesMax: MIB });
  const lane = spool.lane('a');
  spool.append(blockOf(0, 1_024));
  for (const { position, count } of await readAll(lane)) lane.acknowledge(position, count, 1_000, 65_536);
  for (let i = 1; i < 8; i++) spool.append(blockOf(i * 1_024, 1_024));
  const dropped = lane.account().dropped.overBudget!;
  expect(dropped).toBeGreaterThan(0);
  expect(lane.gaps.reduce((sum, { records }) => sum + (records ?? Number.NaN), 0)).toBe(dropped);
  lane.rewind(true);
  expect(lane.gaps.filter(({ records }) => records === null)).toMatchObject([
    { reason: 'overBudget', fromMs: 1_700_000_000_000, packets: null, octets: null },
  ]);
  expect(lane.account()).toMatchObject({ acknowledged: 1_024, pending: lane.unread });
  balanced(spool, 'a');
});

test('the margin is sent again after a break, and changes no account', async () => {
  const { spool } = await open(new MemoryKv());
  spool.append(blockOf(0, 30));
  const lane = spool.lane('a');
  const [rows] = await readAll(lane);
  for (let i = 0; i < 3; i++) lane.acknowledge(rows!.position + 10 * i, 10, 1_000, 1_500);
  expect(lane.account()).toMatchObject({ acknowledged: 30, pending: 0 });
  lane.rewind(true);
  const again = await readAll(lane);
  expect(idsOf(again)).toEqual(numbers(11, 31));
  acknowledgeAll(lane, again);
  expect(lane.account()).toMatchObject({ handedOver: 30, acknowledged: 30, pending: 0 });
  expect(lane.resentRecords).toBe(20);
});

test('the margin is still sent again when the collector that fell refuses at first', async () => {
  const { spool } = await open(new MemoryKv());
  spool.append(blockOf(0, 30));
  const lane = spool.lane('a');
  const [rows] = await readAll(lane);
  lane.acknowledge(rows!.position, 30, 1_000, 1_500);
  lane.rewind(true);
  lane.rewind(false); // an attempt that came to nothing
  expect(idsOf(await readAll(lane))).toEqual(numbers(1, 31));
});

test('rows given up on their way and then acknowledged after all are not sent again: they are gone', async () => {
  const { spool, clock } = await open(new MemoryKv(), ['a'], { ageMaxS: 60, persistAfterS: 3_600 });
  spool.append(blockOf(0, 30));
  const lane = spool.lane('a');
  const [rows] = await readAll(lane);
  await clock.advance(62_000);
  expect(lane.account().dropped.tooOld).toBe(30);
  lane.acknowledge(rows!.position, 30, 1_000, 1_500);
  lane.rewind(true);
  spool.append(blockOf(30, 10));
  expect(idsOf(await readAll(lane))).toEqual(numbers(31, 41));
  balanced(spool, 'a');
});

test('rows that have just come reach the disk at once when they are told to, and survive a kill', async () => {
  const kv = new MemoryKv();
  const { spool, passUntil } = await open(kv, ['a'], { persistAfterS: 3_600 });
  spool.append(blockOf(0, 30));
  spool.putOnDisk();
  await passUntil(() => spool.status().octetsOnDisk > 0);
  const next = await open(kv, ['a'], {}, 1_700_000_060_000);
  expect(idsOf(await readAll(next.spool.lane('a')))).toEqual(numbers(1, 31));
});

test('a hole stays marked when the next run is killed before it did anything', async () => {
  const kv = new MemoryKv();
  const first = await open(kv);
  first.spool.append(blockOf(0, 10));
  await open(kv, ['a'], {}, 1_700_000_060_000);
  const third = await open(kv, ['a'], {}, 1_700_000_061_000);
  const [gap] = third.spool.lane('a').gaps;
  expect(gap).toMatchObject({ reason: 'lostToPowerCut', fromMs: 1_700_000_000_000, toMs: 1_700_000_061_000, records: null });
});

test('a hole reaches back to the start of the run, also when the store opened late', async () => {
  const kv = new MemoryKv();
  await kv.close();
  const { spool, clock, pass } = await open(kv);
  spool.append(blockOf(0, 10));
  await clock.advance(20_500);
  kv.reopen();
  await pass(2);
  expect(spool.status().state).toBe('open');
  // Killed before the first write: with a persistAfterS of 5 the rows would have been written in the same second.
  const late = new MemoryKv();
  for await (const [key, value] of kv.entries({ gte: Uint8Array.of(0x6f) })) await late.batch([{ key, value }]);
  const next = await open(late, ['a'], {}, 1_700_000_030_000);
  expect(next.spool.lane('a').gaps[0]).toMatchObject({ reason: 'lostToPowerCut', fromMs: 1_700_000_000_000 });
});

test('on a real LevelDB: several runs, rows and places survive', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-spool-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  for (let run = 0; run < 3; run++) {
    const kv = await openLevelKv(folder);
    const { spool } = await open(kv);
    spool.append(blockOf(run * 1_000, 1_000));
    const lane = spool.lane('a');
    const rows = await lane.next();
    expect(flowIdOf(rows!.bytes, rows!.firstRow)).toBe(1 + run * 500);
    lane.acknowledge(rows!.position, 500, 100, 0);
    balanced(spool, 'a');
    await spool.stop(1_000);
    let chunks = 0;
    for await (const _ of kv.entries(indexRange)) chunks++;
    expect(chunks).toBeGreaterThan(0);
    await kv.close();
  }
});
