/**
 * A spool over its budget tells less finely before it tells nothing: whatever happens, what a destination gets, what was
 * counted as given up, and what a kill may take are together what was handed over, in packets and octets.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import type { Gap } from '../../src/forward/gaps.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool, type SpooledRows, type SpoolLane, type SpoolOptions } from '../../src/forward/spool.ts';
import { sumRows } from '../../src/forward/spool_chunk.ts';
import { FaultyKv } from './faulty_kv.ts';
import { blockOf, rowClock } from './rows.ts';
import { seedsOf, withSeed } from './seeds.ts';

const MIB = 1024 * 1024;
const settings: SpoolOptions = { memoryBytesMax: 64 * MIB, diskBytesMax: 300_000, ageMaxS: 1e6, persistAfterS: 1 };

interface Opened {
  readonly spool: Spool;
  readonly clock: SimulatedClock;
  readonly disk: FaultyKv;
  readonly events: string[];
}
async function open(
  kv: MemoryKv,
  names: readonly string[],
  random: SeededRandom,
  changes: Partial<SpoolOptions> = {},
): Promise<Opened> {
  const clock = new SimulatedClock();
  const disk = new FaultyKv(kv, clock, random);
  const events: string[] = [];
  const spool = new Spool({
    ...{ world: { clock, random, log: silentLog, metrics: createMetrics() }, kv: disk, settings: { ...settings, ...changes } },
    ...{
      destinations: names,
      rowClock: rowClock(),
      compression: zstdInPlace,
      onEvent: (_: string, event: string) => events.push(event),
    },
  });
  await spool.start();
  return { spool, clock, disk, events };
}

/** Some hosts and services: flows that can be merged. */
function office(first: number, count: number): RowBlock {
  const block = blockOf(first, count, { originNs: 1_700_000_000_000_000_000n });
  const row = new RowCursor(block.bytes);
  for (let i = 0; i < count; i++) {
    row.at(i, block.firstRow).setSourceAddress(Uint8Array.of(10, 0, 0, (first + i) % 7));
    row.destinationTransportPort = [443, 53, 80][i % 3]!;
    row.flowStartNs += BigInt(first + i) * 40_000_000n; // 25 flows a second
  }
  return block;
}
interface Sums {
  records: number;
  packets: number;
  octets: number;
}
const nothing = (): Sums => ({ records: 0, packets: 0, octets: 0 });
function addTo(sums: Sums, more: Partial<Sums>): void {
  sums.records += more.records ?? 0;
  sums.packets += more.packets ?? 0;
  sums.octets += more.octets ?? 0;
}
const sumsOf = ({ bytes, firstRow, count }: SpooledRows): Sums => {
  const part = bytes.subarray(firstRow, firstRow + count * ROW_BYTES);
  return { records: count, ...sumRows(part, 0, count) };
};
async function drain(lane: SpoolLane, into: Sums): Promise<void> {
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next()) {
    addTo(into, sumsOf(rows));
    lane.acknowledge(rows.position, rows.count, 100, 0);
  }
}
const given = (gaps: readonly Gap[]): Sums => {
  const sums = nothing();
  for (const gap of gaps) addTo(sums, { records: gap.records ?? 0, packets: gap.packets ?? 0, octets: gap.octets ?? 0 });
  return sums;
};
function blockSums(block: RowBlock): Sums {
  return sumsOf({ ...block, position: 0, wallOffsetNs: 0n, sharedBy: undefined, isSampled: false });
}

test('over the budget the oldest rows are merged, counted and told; packets and octets are all there', async () => {
  const { spool, clock, events } = await open(new MemoryKv(), ['a'], new SeededRandom(1));
  const handed = nothing();
  for (let i = 0; i < 120; i++) {
    const block = office(i * 100, 100);
    addTo(handed, blockSums(block));
    spool.append(block);
    await clock.advance(4_000);
  }
  const lane = spool.lane('a');
  const { thinned, dropped, pending } = lane.account();
  expect(events).toContain('spoolThinned');
  expect(thinned).toBeGreaterThan(3_000);
  expect(thinned + pending).toBe(handed.records);
  expect(Object.values(dropped).every((rows) => rows === 0)).toBe(true);
  expect(destinationFault(lane.account())).toBe(0);
  expect(spool.status().octetsOnDisk).toBeLessThanOrEqual(settings.diskBytesMax);
  expect(given(lane.gaps)).toEqual({ records: thinned, packets: 0, octets: 0 });
  expect(lane.gaps.every(({ reason }) => reason === 'thinned')).toBe(true);
  const got = nothing();
  await drain(lane, got);
  expect(got).toEqual({ ...handed, records: handed.records - thinned });
});

test.each([
  ['are to be sent again', true],
  ['are in the margin of a session', false],
])('rows that arrived and %s go with the pieces that are merged', async (_, brokeBefore) => {
  const { spool, clock } = await open(new MemoryKv(), ['a', 'b'], new SeededRandom(1), { diskBytesMax: 60_000 });
  const [a, b] = [spool.lane('a'), spool.lane('b')];
  const handed = nothing();
  const append = async (i: number): Promise<void> => {
    const block = office(i * 100, 100);
    addTo(handed, blockSums(block));
    spool.append(block);
    await clock.advance(4_000);
  };
  for (let i = 0; i < 4; i++) await append(i);
  // Both have the first rows; a's margin holds them.
  const got = nothing();
  const first = (await a.next())!;
  addTo(got, sumsOf({ ...first, count: 60 }));
  a.acknowledge(first.position, 60, 1_000, 1_000_000);
  b.acknowledge((await b.next())!.position, 60, 1_000, 1_000_000);
  a.rewind(brokeBefore);
  b.rewind(false);
  if (!brokeBefore) {
    // Another session, which has sent a few more and is still up.
    const more = (await a.next())!;
    addTo(got, sumsOf({ ...more, count: 10 }));
    a.acknowledge(more.position, 10, 1_000, 1_000_000);
    a.rewind(true);
    const again = (await a.next())!;
    expect([again.position, again.count]).toEqual([more.position, 10]);
    a.acknowledge(again.position, 10, 1_000, 1_000_000);
  }
  const { resentRecords } = a;
  for (let i = 4; i < 60; i++) await append(i);
  const { thinned } = a.account();
  expect(thinned).toBeGreaterThan(0);
  if (!brokeBefore) a.rewind(true);
  expect(a.unread).toBe(a.account().pending);
  await drain(a, got);
  expect(a.account()).toMatchObject({ pending: 0 });
  expect(a.resentRecords).toBe(resentRecords);
  addTo(got, dropsOf(a));
  expect(got).toEqual(handed);
});

test('merged rows that arrived last are sent again like any', async () => {
  const { spool, clock } = await open(new MemoryKv(), ['a'], new SeededRandom(1), { diskBytesMax: 60_000 });
  const lane = spool.lane('a');
  let next = 0;
  const append = (): void => spool.append(office(next++ * 100, 100));
  while (lane.account().thinned === 0) {
    append();
    await clock.advance(4_000);
  }
  append();
  const sent: Sums[] = [];
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next()) {
    sent.push(sumsOf(rows));
    lane.acknowledge(rows.position, rows.count, 1_000, 1_500); // two messages reach it
  }
  const { thinned, acknowledged } = lane.account();
  expect(sent.length).toBeGreaterThanOrEqual(2);
  expect(acknowledged + thinned).toBe(next * 100);
  lane.rewind(true);
  const [expected, again] = [nothing(), nothing()];
  for (const one of sent.slice(-2)) addTo(expected, one);
  await drain(lane, again);
  expect(again).toEqual(expected);
  expect(lane.resentRecords).toBe(again.records);
  expect(lane.account()).toMatchObject({ pending: 0, acknowledged });
});

test('memory runs short while pieces are replaced: none of them is dropped, and whatever waits can be read', async () => {
  const tight = { diskBytesMax: 30_000, memoryBytesMax: 2 * MIB };
  const { spool, clock, disk } = await open(new MemoryKv(), ['a'], new SeededRandom(1), tight);
  const lane = spool.lane('a');
  const handed = nothing();
  const append = (first: number): void => {
    const block = office(first, 1_000);
    addTo(handed, blockSums(block));
    spool.append(block);
  };
  disk.delayMaxMs = 400;
  append(0);
  append(1_000);
  for (let waited = 0; !disk.replaces; waited += 10) {
    expect(waited).toBeLessThan(10_000);
    await clock.advance(10);
  }
  expect(spool.status().octetsOnDisk).toBeGreaterThan(tight.diskBytesMax);
  const { thinned } = lane.account();
  expect(thinned).toBeGreaterThan(0);
  for (let first = 2_000; first < 10_000; first += 1_000) append(first);
  expect(disk.replaces).toBe(true);
  await clock.advance(10_000);
  expect(spool.status().octetsOnDisk).toBeLessThanOrEqual(tight.diskBytesMax);
  const got = nothing();
  await drain(lane, got);
  expect(lane.account()).toMatchObject({ pending: 0, acknowledged: got.records });
  expect(destinationFault(lane.account())).toBe(0);
  addTo(got, dropsOf(lane));
  expect([got.packets, got.octets]).toEqual([handed.packets, handed.octets]);
});

test('merged rows leave places empty: what lies behind those and has waited too long is backlog all the same', async () => {
  const { spool, clock } = await open(new MemoryKv(), ['a'], new SeededRandom(1));
  const lane = spool.lane('a');
  const merges = new Set([0]);
  for (let i = 0; merges.size < 3; i++) {
    spool.append(office(i * 100, 100));
    await clock.advance(4_000);
    merges.add(lane.account().thinned);
  }
  await clock.advance(600_000);
  const { pending } = lane.account();
  spool.append(office(90_000, 100));
  expect(lane.demote(300_000)).toBe(pending);
  expect([lane.unread, lane.backlog.unread]).toEqual([100, pending]);
});

test('a piece that is replaced while it is being read is not taken for damaged', async () => {
  const kv = new MemoryKv();
  const first = await open(kv, ['a', 'b'], new SeededRandom(1));
  const handed = nothing();
  for (let i = 0; i < 12; i++) {
    const block = office(i * 100, 100);
    addTo(handed, blockSums(block));
    first.spool.append(block);
    await first.clock.advance(6_000);
  }
  first.disk.killed = true;
  const budget = { diskBytesMax: first.spool.status().octetsOnDisk };
  const { spool, clock, disk } = await open(kv, ['a', 'b'], new SeededRandom(1), budget);
  const [a, b] = [spool.lane('a'), spool.lane('b')];
  const got = nothing();
  const take = async (): Promise<void> => {
    const rows = (await b.next())!;
    addTo(got, sumsOf(rows));
    b.acknowledge(rows.position, rows.count, 100, 0);
  };
  // Far enough in that whoever merges has read others since, and reads this one for itself.
  for (let i = 0; i < 6; i++) await take();
  const get = disk.get.bind(disk);
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.get = async (key) => {
    disk.get = get;
    await released;
    return await get(key);
  };
  await take(); // and fetches the next
  const reading = b.next();
  for (let waitedMs = 0; a.account().thinned === 0 || disk.replaces; waitedMs += 100) {
    expect(waitedMs).toBeLessThan(10_000);
    await clock.advance(100);
  }
  release();
  const rows = (await reading)!;
  addTo(got, sumsOf(rows));
  b.acknowledge(rows.position, rows.count, 100, 0);
  await drain(b, got);
  expect(b.account()).toMatchObject({ pending: 0, dropped: { damaged: 0 } });
  expect(got).toEqual({ ...handed, records: handed.records - b.account().thinned });
});

test.each([600, 900, 1_200, 1_500])(
  'a planned stop in the middle of merging, after %i ms: nothing is written behind it',
  async (ms) => {
    const kv = new MemoryKv();
    const { spool, clock, disk } = await open(kv, ['a'], new SeededRandom(1), { diskBytesMax: 200_000 });
    for (let i = 0; spool.lane('a').account().thinned === 0 && i < 90; i++) {
      spool.append(office(i * 1_000, 1_000));
      await clock.advance(1_000);
    }
    disk.delayMaxMs = 600;
    for (let i = 0; i < 30; i++) spool.append(office(100_000 + i * 1_000, 1_000));
    await clock.advance(ms);
    const rows = (await driven(clock, spool.lane('a').next()))!;
    spool.lane('a').acknowledge(rows.position, rows.count, 1_000, 1_000_000);
    await driven(clock, spool.stop(1_000));
    const { writtenOctets } = spool;
    await clock.advance(20_000);
    expect(spool.writtenOctets).toBe(writtenOctets);
  },
);

test('without thinning the oldest rows are dropped', async () => {
  const { spool, clock } = await open(new MemoryKv(), ['a'], new SeededRandom(1), { thin: false });
  for (let i = 0; i < 120; i++) {
    spool.append(office(i * 100, 100));
    await clock.advance(4_000);
  }
  const { thinned, dropped } = spool.lane('a').account();
  expect(thinned).toBe(0);
  expect(dropped.overBudget).toBeGreaterThan(0);
});

describe('under random actions', () => {
  const file = 'test/forward/spool_thinning.test.ts';
  const happened = { thinned: 0, kills: 0, torn: 0, shortWhileReplacing: 0 };

  test.each(seedsOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))('seed %i: nothing is lost and nothing comes twice', (seed) =>
    withSeed(seed, file, async () => {
      const random = new SeededRandom(seed);
      const kv = new MemoryKv();
      const names = ['a', 'b'];
      // Every other seed has little memory over a slow disk: its limits are applied while pieces are replaced.
      const isTight = seed % 2 === 0;
      const budget = { diskBytesMax: 50_000 + random.below(80_000), ...(isTight ? { memoryBytesMax: 2 * MIB } : {}) };
      const slowMs = isTight ? 400 : 0;
      let box = await open(kv, names, random, budget);
      const handed = nothing();
      const got = new Map(names.map((name) => [name, nothing()]));
      /** Counted as given up, and merged away, by runs that are over. */
      const gone = new Map(names.map((name) => [name, nothing()]));
      let next = 0;
      const append = (count: number): void => {
        const block = office(next, count);
        next += count;
        addTo(handed, blockSums(block));
        box.spool.append(block);
      };
      const account = (isTorn = false): void => {
        for (const name of names) {
          const told = box.spool.lane(name).account();
          expect(destinationFault(told), name).toBe(0);
          expect(told.dropped.damaged, name).toBe(0);
          happened.thinned += told.thinned;
          const drops = dropsOf(box.spool.lane(name));
          // Merged rows that did not reach the disk are the raw ones again: what the next run finds tells which.
          addTo(gone.get(name)!, isTorn ? { ...drops, records: told.handedOver } : drops);
        }
      };
      const kill = (isTorn = false): void => {
        account(isTorn);
        box.disk.killed = true;
        happened.kills++;
      };
      for (let step = 0; step < 160; step++) {
        box.disk.delayMaxMs = slowMs;
        const dice = random.below(100);
        const name = names[random.below(2)]!;
        const lane = box.spool.lane(name);
        if (dice < 55) {
          append(1 + random.below(isTight && random.below(4) === 0 ? 3_000 : 200));
          if (box.disk.replaces && random.below(2) === 0) {
            const overBudget = (): number => lane.account().dropped.overBudget!;
            const before = overBudget();
            for (let blocks = 0; overBudget() === before && blocks < 8; blocks++) append(1_000);
            if (overBudget() > before) happened.shortWhileReplacing++;
          }
          // The next block may come while pieces are replaced.
          const replaces = (): boolean => isTight && box.disk.replaces && random.below(4) > 0;
          for (let ms = random.below(6_000); ms > 0 && !replaces(); ms -= 100) await box.clock.advance(Math.min(100, ms));
        } else if (dice < 70) {
          // Some rows are sent; while they are on their way, time goes on.
          const rows = await driven(box.clock, lane.next());
          await box.clock.advance(random.below(4_000));
          if (rows !== undefined && random.below(4) > 0) {
            const part = 1 + random.below(rows.count);
            const before = lane.account().acknowledged;
            lane.acknowledge(rows.position, part, 100, 0);
            // Those that were given up on their way are counted so, with their whole piece.
            const arrived = lane.account().acknowledged - before;
            expect([0, part]).toContain(arrived);
            if (arrived > 0) addTo(got.get(name)!, sumsOf({ ...rows, count: part }));
          }
          lane.rewind(false);
        } else if (dice < 80) box.disk.state = random.below(2) === 0 ? 'full' : 'works';
        else if (dice < 90) await box.clock.advance(20_000);
        else {
          // Killed when all is on disk: then a kill may take nothing.
          Object.assign(box.disk, { state: 'works', delayMaxMs: 0 });
          await box.clock.advance(5_000);
          const held = box.spool.status().octetsOnDisk;
          kill();
          // With less room the next run merges at once, and is killed at one of its writes.
          const tight = { diskBytesMax: Math.ceil(held / 0.95) };
          box = await open(kv, names, random, tight);
          box.disk.writesUntilKill = random.below(3);
          await box.clock.advance(3_000);
          happened.torn += box.disk.killed ? 1 : 0;
          kill(true);
          box = await open(kv, names, random, budget);
          for (const one of names) addTo(gone.get(one)!, { records: -box.spool.lane(one).account().handedOver });
        }
      }
      Object.assign(box.disk, { state: 'works', delayMaxMs: 0 });
      await box.clock.advance(5_000);
      account();
      for (const name of names) {
        const [have, given] = [got.get(name)!, gone.get(name)!];
        await drain(box.spool.lane(name), have);
        const missing = { packets: handed.packets - have.packets, octets: handed.octets - have.octets };
        if (!isTight) expect(missing, name).toEqual({ packets: given.packets, octets: given.octets });
        // Of part of a piece on disk only its share is known: rows are exact, and what they counted is near that.
        expect(handed.records - have.records, name).toBe(given.records);
        expect(Math.abs(missing.packets - given.packets), name).toBeLessThanOrEqual(0.2 * given.packets);
        expect(Math.abs(missing.octets - given.octets), name).toBeLessThanOrEqual(0.2 * given.octets);
      }
    }),
  );

  test.skipIf(process.env.FLOWSPAN_SEED !== undefined)('the seeds together try everything', () => {
    for (const [what, times] of Object.entries(happened)) expect(times, what).toBeGreaterThan(5);
  });
});

/** While the simulated time goes on. */
async function driven<T>(clock: SimulatedClock, work: Promise<T>): Promise<T> {
  let done = false;
  const finish = (): void => {
    done = true;
  };
  work.then(finish, finish);
  for (let waitedMs = 0; !done; waitedMs += 20) {
    if (waitedMs > 60_000) throw new Error('something never ends');
    await clock.advance(waitedMs === 0 ? 0 : 20);
  }
  return await work;
}

/** What this run gave up, and the records it has fewer by merging. */
function dropsOf(lane: SpoolLane): Sums {
  const { dropped, thinned } = lane.account();
  return { records: Object.values(dropped).reduce((sum, rows) => sum + rows, thinned), ...lane.notSent };
}
