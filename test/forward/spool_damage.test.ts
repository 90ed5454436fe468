/** What the spool says of rows that are gone or cannot be sent: a gap that reaches far enough, whatever was damaged. */
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
import { Spool } from '../../src/forward/spool.ts';
import { indexKey, indexRange, layoutRange, openMarkerKey } from '../../src/forward/spool_record.ts';
import { blockOf, rowClock, sumsOf } from './rows.ts';

const MIB = 1024 * 1024;
const ageMaxS = 3_600;

async function open(
  kv: Kv,
  clock = new SimulatedClock(),
  begun = () => 0,
  memoryBytesMax = 64 * MIB,
): Promise<{ spool: Spool; clock: SimulatedClock }> {
  const spool = new Spool({
    world: { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() },
    ...{ kv, begun, destinations: ['a'], rowClock: rowClock(), compression: zstdInPlace },
    settings: { memoryBytesMax, diskBytesMax: 64 * MIB, ageMaxS, persistAfterS: 1 },
  });
  await spool.start();
  return { spool, clock };
}

/** Three pieces, a minute apart. */
async function threePieces(kv: MemoryKv): Promise<SimulatedClock> {
  const { spool, clock } = await open(kv);
  for (let i = 0; i < 3; i++) {
    spool.append(blockOf(i * 100, 100));
    await clock.advance(60_000);
  }
  await spool.stop(1_000);
  return clock;
}

test.each([
  ['the oldest piece', 0, ageMaxS * 1_000],
  ['a piece in the middle', 100, 180_000],
])('the description of %s is damaged: the gap reaches back to where it may have begun', async (_, position, agoMs) => {
  const kv = new MemoryKv();
  const before = await threePieces(kv);
  await kv.batch([{ key: indexKey(position), value: Uint8Array.of(9, 9, 9) }]);
  const { spool, clock } = await open(kv, new SimulatedClock(1_000, before.wallMs()));
  const [gap] = spool.lane('a').gaps;
  expect(gap).toMatchObject({ reason: 'damaged', records: null, toMs: clock.wallMs() });
  expect(clock.wallMs() - gap!.fromMs).toBe(agoMs);
});

test('a row that no message can hold is told as a gap, with what it counted', async () => {
  const { spool } = await open(new MemoryKv());
  spool.append(blockOf(0, 50));
  const lane = spool.lane('a');
  const rows = (await lane.next())!;
  lane.drop(rows.position + 7, 1, 'unencodable');
  expect(lane.gaps).toEqual([expect.objectContaining({ reason: 'unencodable', records: 1, ...sumsOf(7, 1) })]);
  expect(lane.account().dropped.unencodable).toBe(1);
  expect(destinationFault(lane.account())).toBe(0);
});

/** A store that can be replaced by an empty one, as a damaged one is. */
class ReplacedKv implements Kv {
  kv = new MemoryKv();
  begun = 0;
  /** Whether writes fail for now. */
  full = false;
  replace(): void {
    this.kv = new MemoryKv();
    this.begun++;
  }
  get: Kv['get'] = (key) => this.kv.get(key);
  batch: Kv['batch'] = async (...work) => {
    if (this.full) throw new ApplianceError('storeFull', 'no space left on the simulated disk');
    await this.kv.batch(...work);
  };
  entries: Kv['entries'] = (range) => this.kv.entries(range);
  clear: Kv['clear'] = (range) => this.kv.clear(range);
  approximateSize: Kv['approximateSize'] = (range) => this.kv.approximateSize(range);
  close: Kv['close'] = () => this.kv.close();
}
test('a new store that takes no writes at first is marked as open once it does, with the rows that come to it', async () => {
  const store = new ReplacedKv();
  const { spool, clock } = await open(store, undefined, () => store.begun);
  await clock.advance(5_000);
  store.replace();
  store.full = true;
  spool.append(blockOf(0, 500));
  await clock.advance(5_000);
  expect(await has(store, indexRange)).toBe(false);
  store.full = false;
  await clock.advance(2_500);
  expect(await has(store, indexRange)).toBe(true);
  expect(await store.get(openMarkerKey)).toBeDefined();
  await spool.stop(1_000);
  expect(await store.get(openMarkerKey)).toBeUndefined();
});

const has = async (kv: Kv, range: typeof layoutRange): Promise<boolean> => {
  for await (const _ of kv.entries(range)) return true;
  return false;
};

test('a store set aside while it is used: what was in memory too is written again, the new one is marked as open', async () => {
  const store = new ReplacedKv();
  const { spool, clock } = await open(store, undefined, () => store.begun);
  spool.append(blockOf(0, 500));
  await clock.advance(5_000);
  store.replace();
  await clock.advance(5_000);
  expect(await store.get(openMarkerKey)).toBeDefined();
  expect(await has(store, layoutRange)).toBe(true);
  expect(await has(store, indexRange)).toBe(true);
  // A kill: all of it is there, and the hole is marked.
  const next = await open(store.kv, new SimulatedClock(1_000, clock.wallMs()));
  expect(next.spool.lane('a').account().pending).toBe(500);
  expect(next.spool.lane('a').gaps).toMatchObject([{ reason: 'lostToPowerCut' }]);
});

test('what was only in the store that was set aside is given up, counted and told', async () => {
  const store = new ReplacedKv();
  const { spool, clock } = await open(store, undefined, () => store.begun, MIB);
  for (let i = 0; i < 8; i++) {
    spool.append(blockOf(i * 1_000, 1_000)); // more than memory may hold
    await clock.advance(3_000);
  }
  store.replace();
  await clock.advance(3_000);
  const account = spool.lane('a').account();
  expect(account.dropped.damaged).toBeGreaterThan(1_000);
  expect(destinationFault(account)).toBe(0);
  const told = spool.lane('a').gaps.filter(({ reason }) => reason === 'damaged');
  expect(told.reduce((sum, { records }) => sum + records!, 0)).toBe(account.dropped.damaged);
});
