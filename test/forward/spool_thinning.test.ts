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
  return sumsOf({ ...block, position: 0, wallOffsetNs: 0n, sharedBy: undefined });
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

test('rows that arrived and are to be sent again go with the pieces that are merged', async () => {
  const { spool, clock } = await open(new MemoryKv(), ['a', 'b'], new SeededRandom(1), { diskBytesMax: 60_000 });
  const [a, b] = [spool.lane('a'), spool.lane('b')];
  for (let i = 0; i < 4; i++) {
    spool.append(office(i * 100, 100));
    await clock.advance(4_000);
  }
  // Both have the first rows; what was kept of them for a is sent again, and not taken yet.
  for (const lane of [a, b]) {
    const rows = (await lane.next())!;
    lane.acknowledge(rows.position, 60, 1_000, 1_000_000);
  }
  a.rewind(true);
  b.rewind(false);
  for (let i = 4; i < 60; i++) {
    spool.append(office(i * 100, 100));
    await clock.advance(4_000);
  }
  expect(a.account().thinned).toBeGreaterThan(0);
  const got = nothing();
  await drain(a, got);
  expect(a.account()).toMatchObject({ pending: 0 });
});

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
  const happened = { thinned: 0, kills: 0, torn: 0 };

  test.each(seedsOf([1, 2, 3, 4, 5, 6, 7, 8]))('seed %i: nothing is lost and nothing comes twice', (seed) =>
    withSeed(seed, file, async () => {
      const random = new SeededRandom(seed);
      const kv = new MemoryKv();
      const names = ['a', 'b'];
      const budget = { diskBytesMax: 50_000 + random.below(80_000) };
      let box = await open(kv, names, random, budget);
      const handed = nothing();
      const got = new Map(names.map((name) => [name, nothing()]));
      /** Counted as given up by runs that are over. */
      const gone = new Map(names.map((name) => [name, nothing()]));
      let next = 0;
      const kill = (): void => {
        account();
        for (const one of names) addTo(gone.get(one)!, dropsOf(box.spool.lane(one)));
        box.disk.killed = true;
        happened.kills++;
      };
      const account = (): void => {
        for (const name of names) {
          const lane = box.spool.lane(name);
          expect(destinationFault(lane.account()), name).toBe(0);
          happened.thinned += lane.account().thinned;
        }
      };
      for (let step = 0; step < 160; step++) {
        const dice = random.below(100);
        const name = names[random.below(2)]!;
        const lane = box.spool.lane(name);
        if (dice < 55) {
          const block = office(next, 1 + random.below(200));
          next += block.count;
          addTo(handed, blockSums(block));
          box.spool.append(block);
          await box.clock.advance(random.below(6_000));
        } else if (dice < 70) {
          // Some rows are sent; while they are on their way, time goes on.
          const rows = await lane.next();
          await box.clock.advance(random.below(4_000));
          if (rows !== undefined && random.below(4) > 0) {
            const part = 1 + random.below(rows.count);
            addTo(got.get(name)!, sumsOf({ ...rows, count: part }));
            lane.acknowledge(rows.position, part, 100, 0);
          }
          lane.rewind(false);
        } else if (dice < 80) box.disk.state = random.below(2) === 0 ? 'full' : 'works';
        else if (dice < 90) await box.clock.advance(20_000);
        else {
          // Killed when all is on disk: then a kill may take nothing.
          box.disk.state = 'works';
          await box.clock.advance(5_000);
          const held = box.spool.status().octetsOnDisk;
          kill();
          // With less room the next run merges at once, and is killed at one of its writes.
          const tight = { diskBytesMax: Math.ceil(held / 0.95) };
          box = await open(kv, names, random, tight);
          box.disk.writesUntilKill = random.below(3);
          await box.clock.advance(3_000);
          happened.torn += box.disk.killed ? 1 : 0;
          kill();
          box = await open(kv, names, random, budget);
        }
      }
      box.disk.state = 'works';
      await box.clock.advance(5_000);
      account();
      for (const name of names) {
        const lane = box.spool.lane(name);
        addTo(gone.get(name)!, dropsOf(lane));
        await drain(lane, got.get(name)!);
        const all = {
          packets: got.get(name)!.packets + gone.get(name)!.packets,
          octets: got.get(name)!.octets + gone.get(name)!.octets,
        };
        expect(all, name).toEqual({ packets: handed.packets, octets: handed.octets });
      }
    }),
  );

  test.skipIf(process.env.FLOWSPAN_SEED !== undefined)('the seeds together try everything', () => {
    for (const [what, times] of Object.entries(happened)) expect(times, what).toBeGreaterThan(5);
  });
});

/** Packets and octets that this run gave up. */
function dropsOf(lane: SpoolLane): Partial<Sums> {
  return { packets: lane.notSent.packets, octets: lane.notSent.octets };
}
