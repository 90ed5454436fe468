/** What a share of a balance group gives up is what would have been its own: counted, and told upstream, once in the group. */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { FlowShare } from '../../src/forward/flow_share.ts';
import type { Gap } from '../../src/forward/gaps.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool, type SpoolLane, type SpoolOptions } from '../../src/forward/spool.ts';
import { sumRows } from '../../src/forward/spool_chunk.ts';
import { blockOf, rowClock } from './rows.ts';

const MIB = 1024 * 1024;
const roomy: SpoolOptions = { memoryBytesMax: 64 * MIB, diskBytesMax: 64 * MIB, ageMaxS: 1e6, persistAfterS: 1 };
const members = ['a', 'b', 'c'];

async function open(
  kv: MemoryKv,
  settings: Partial<SpoolOptions> = {},
): Promise<{ spool: Spool; clock: SimulatedClock; lanes: SpoolLane[] }> {
  const clock = new SimulatedClock();
  const names = members.map((member) => `centre/${member}`);
  const spool = new Spool({
    ...{ world: { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() }, kv },
    ...{ settings: { ...roomy, ...settings }, rowClock: rowClock(), compression: zstdInPlace, onEvent: () => {} },
    ...{ destinations: names, sharedBy: new Map(names.map((name) => [name, members])) },
  });
  await spool.start();
  return { spool, clock, lanes: names.map((name) => spool.lane(name)) };
}

/** What of these rows belongs to each member. */
function sharesOf(first: number, count: number): { records: number; packets: number; octets: number }[] {
  return members.map((own) => {
    const { bytes, firstRow } = blockOf(first, count);
    const mine = new FlowShare(own, members).select(bytes, firstRow, count);
    return { records: mine.places.length, ...sumRows(mine.bytes, 0, mine.places.length) };
  });
}
const gapsOf = ({ gaps }: SpoolLane): Partial<Gap>[] =>
  gaps.map(({ reason, records, packets, octets }) => ({ reason, records, packets, octets }));

function expectToldBy(lanes: readonly SpoolLane[], first: number, count: number): void {
  const shares = sharesOf(first, count);
  lanes.forEach((lane, i) => {
    const { records } = shares[i]!;
    expect(records).toBeGreaterThan(count / 6);
    expect(gapsOf(lane)).toEqual([{ reason: 'overBudget', ...shares[i] }]);
    expect(lane.account()).toMatchObject({ dropped: { overBudget: records }, notSelected: count - records });
    expect(destinationFault(lane.account())).toBe(0);
  });
}

test('memory runs short: each member counts and is told of its own rows, exactly', async () => {
  const { spool, lanes } = await open(new MemoryKv(), { memoryBytesMax: MIB });
  // No time for a write: the first piece of 1,024 rows has to go.
  for (let first = 0; first < 2_800; first += 100) spool.append(blockOf(first, 100));
  expectToldBy(lanes, 0, 1_024);
});

test('the disk runs short: each member counts and is told of its own rows, exactly, also in the next run', async () => {
  const kv = new MemoryKv();
  const first = await open(kv);
  for (let row = 0; row < 2_000; row += 200) {
    first.spool.append(blockOf(row, 200));
    await first.clock.advance(6_000);
  }
  await first.spool.stop(1_000);
  const { spool, lanes } = await open(kv, { diskBytesMax: first.spool.status().octetsOnDisk * 0.55 });
  const left = lanes[0]!.account().pending;
  expect(left % 200).toBe(0);
  expect(spool.status().octetsOnDisk).toBeGreaterThan(0);
  expectToldBy(lanes, 0, 2_000 - left);
});

test('part of a piece that is on disk only: the account takes its share, and nobody is told a number', async () => {
  const kv = new MemoryKv();
  const first = await open(kv);
  first.spool.append(blockOf(0, 900));
  await first.clock.advance(6_000);
  for (const lane of first.lanes) {
    const { position } = (await lane.next())!;
    lane.acknowledge(position, 300, 1_000, 0, { notSelected: 200 });
  }
  await first.spool.stop(1_000);
  const { lanes } = await open(kv, { diskBytesMax: 1 });
  const shares = sharesOf(0, 900);
  lanes.forEach((lane, i) => {
    expect(gapsOf(lane)).toEqual([{ reason: 'overBudget', records: null, packets: null, octets: null }]);
    const overBudget = Math.round((600 * shares[i]!.records) / 900);
    expect(lane.account()).toMatchObject({ handedOver: 600, dropped: { overBudget }, notSelected: 600 - overBudget });
  });
});
