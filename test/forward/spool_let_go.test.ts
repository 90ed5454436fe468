/**
 * Memory that is tighter than what is on its way lets rows go that no disk has (`SpoolLog`). They may arrive all the same; if
 * they do not they are missing, and that must be told however the run ends.
 */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool, type SpooledRows, type SpoolLane } from '../../src/forward/spool.ts';
import { blockOf, flowIdOf, rowClock, startNs, sumsOf } from './rows.ts';

const MIB = 1024 * 1024;
const startMs = Number(startNs / 1_000_000n);
const settings = { memoryBytesMax: MIB, diskBytesMax: 64 * MIB, ageMaxS: 86_400, persistAfterS: 1 };
const marginMax = 65_536;

interface Opened {
  readonly spool: Spool;
  readonly lane: SpoolLane;
  readonly clock: SimulatedClock;
  readonly sent: SpooledRows[];
}

async function open(kv: Kv, wallMs = startMs): Promise<Opened> {
  const clock = new SimulatedClock(1_000, wallMs);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const spool = new Spool({
    ...{ world, kv, settings, destinations: ['a'], rowClock: rowClock(), compression: zstdInPlace },
    onEvent: () => {},
  });
  await spool.start();
  return { spool, clock, lane: spool.lane('a'), sent: [] };
}

async function readAll(lane: SpoolLane): Promise<SpooledRows[]> {
  const all: SpooledRows[] = [];
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next()) all.push(rows);
  return all;
}

/** A run whose store takes nothing at first, with six pieces on their way: the oldest were let go. */
async function pressed(kv: MemoryKv): Promise<Opened> {
  const batch = kv.batch.bind(kv);
  const opened = await open(kv);
  kv.batch = () => Promise.reject(new ApplianceError('storeFull', 'no room'));
  for (let i = 0; i < 6; i++) {
    opened.spool.append(blockOf(i * 1_024, 1_024));
    opened.sent.push(...(await readAll(opened.lane)));
  }
  kv.batch = batch;
  expect(opened.lane.account()).toMatchObject({ pending: 6_144, dropped: { overBudget: 0 } });
  return opened;
}

test('they arrived, and the session breaks: they are not sent again, and a gap without counts tells of them', async () => {
  const { lane, sent } = await pressed(new MemoryKv());
  const [first, second] = sent;
  lane.acknowledge(first!.position, first!.count, 1_000, marginMax);
  lane.acknowledge(second!.position, second!.count, 1_000, marginMax);
  lane.rewind(true);
  const again = await readAll(lane);
  expect(flowIdOf(again[0]!.bytes, again[0]!.firstRow)).toBeGreaterThan(2_048);
  expect(lane.gaps.filter(({ records }) => records === null)).toMatchObject([{ reason: 'overBudget', fromMs: startMs }]);
  expect(lane.account().acknowledged).toBe(2_048);
  expect(destinationFault(lane.account())).toBe(0);
});

test('the session breaks: they are given up at once, each counted', async () => {
  const { lane } = await pressed(new MemoryKv());
  lane.rewind(true);
  const { pending, dropped } = lane.account();
  expect(dropped.overBudget).toBeGreaterThan(0);
  expect(lane.gaps).toMatchObject([{ reason: 'overBudget', records: dropped.overBudget, ...sumsOf(0, dropped.overBudget!) }]);
  expect(lane.unread).toBe(pending);
});

test('newer rows reach the disk, then the run is killed: a gap without counts tells of them', async () => {
  const kv = new MemoryKv();
  const { spool, clock } = await pressed(kv);
  await clock.advance(3_000);
  spool.append(blockOf(6_144, 10, { originNs: startNs + 3_000_000_000n }));
  await clock.advance(3_000);
  expect(spool.status().octetsOnDisk).toBeGreaterThan(0);
  const next = await open(kv, startMs + 7_000);
  expect(next.lane.gaps).toContainEqual(expect.objectContaining({ reason: 'overBudget', fromMs: startMs, records: null }));
});

test('a planned stop: they are given up, and the next run tells of them', async () => {
  const kv = new MemoryKv();
  const { spool, lane } = await pressed(kv);
  await spool.stop(1_000);
  const lost = lane.account().dropped.shutdown!;
  expect(lost).toBeGreaterThan(0);
  const next = await open(kv, startMs + 7_000);
  expect(next.lane.account().pending).toBe(6_144 - lost);
  expect(next.lane.gaps).toMatchObject([{ reason: 'shutdown', records: lost, ...sumsOf(0, lost) }]);
});

test('they arrived after all: no run tells of them, also when the disk was told that they might be missing', async () => {
  const kv = new MemoryKv();
  const { spool, lane, sent, clock } = await pressed(kv);
  await clock.advance(3_000);
  expect(spool.status().octetsOnDisk).toBeGreaterThan(0);
  for (const { position, count } of sent) lane.acknowledge(position, count, 100, 0);
  await spool.stop(1_000);
  const next = await open(kv, startMs + 7_000);
  expect(next.lane.account().pending).toBe(0);
  expect(next.lane.gaps).toEqual([]);
});

test('they were being written: they are on disk none the less, are sent again from there, and no gap tells of them', async () => {
  const kv = new MemoryKv();
  const { spool, lane, clock } = await open(kv);
  const batch = kv.batch.bind(kv);
  let goOn = (): void => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  kv.batch = async (...all) => {
    await gate;
    await batch(...all);
  };
  for (let i = 0; i < 6; i++) {
    spool.append(blockOf(i * 1_024, 1_024));
    await readAll(lane);
    spool.putOnDisk();
    await clock.advance(0);
  }
  goOn();
  await clock.advance(2_000);
  lane.rewind(true);
  const { dropped, pending } = lane.account();
  expect(dropped.overBudget).toBeLessThan(5_120);
  const again = await readAll(lane);
  expect(flowIdOf(again[0]!.bytes, again[0]!.firstRow)).toBe(1);
  expect(again.reduce((sum, { count }) => sum + count, 0)).toBe(pending);
  await clock.advance(2_000);
  const next = await open(kv, startMs + 7_000);
  expect(next.lane.account().pending).toBe(pending);
  const told = next.lane.gaps.filter(({ reason }) => reason === 'overBudget');
  expect(told.map(({ records }) => records)).toEqual(dropped.overBudget === 0 ? [] : [dropped.overBudget]);
});
