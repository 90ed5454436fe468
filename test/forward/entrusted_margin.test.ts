/**
 * A backlog's session that ended without the collector's word: what it sent last is sent again when the live session to the
 * same collector breaks, and forgotten once enough has arrived after it.
 */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool, type SpooledRows, type SpoolLane } from '../../src/forward/spool.ts';
import { blockOf, flowIdOf, rowClock } from './rows.ts';

const MIB = 1024 * 1024;
const marginOctets = 1_000;
const idsOf = ({ bytes, firstRow, count }: SpooledRows): number[] =>
  Array.from({ length: count }, (_, i) => flowIdOf(bytes, firstRow + i * ROW_BYTES));

interface Ended {
  readonly spool: Spool;
  readonly lane: SpoolLane;
  /** Ten more rows go out behind the live ones, 400 octets in a session that ends in silence. */
  readonly again: () => Promise<void>;
}

/** Ten rows went out behind the live ones, in a session that ended in silence. */
async function silentEnd(): Promise<Ended> {
  const clock = new SimulatedClock();
  const spool = new Spool({
    world: { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() },
    ...{ kv: new MemoryKv(), destinations: ['a'], rowClock: rowClock(), compression: zstdInPlace },
    settings: { memoryBytesMax: 64 * MIB, diskBytesMax: 64 * MIB, ageMaxS: 1e6, persistAfterS: 5 },
  });
  await spool.start();
  const lane = spool.lane('a');
  let sent = 0;
  const again = async (): Promise<void> => {
    spool.append(blockOf(sent, 10));
    sent += 10;
    await clock.advance(60_000);
    expect(lane.demote(30_000)).toBe(10);
    const rows = (await lane.backlog.next())!;
    lane.backlog.acknowledge(rows.position, rows.count, 400, marginOctets);
    lane.backlog.entrustMargin();
    lane.backlog.rewind(false);
  };
  await again();
  return { spool, lane, again };
}
async function allIds(lane: SpoolLane): Promise<number[]> {
  const ids: number[] = [];
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next()) ids.push(...idsOf(rows));
  return ids;
}
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i + 1);

test('the live session breaks: the rows come again, and the account stays as it was', async () => {
  const { lane } = await silentEnd();
  expect(lane.backlog.unread).toBe(0);
  lane.rewind(true);
  expect(idsOf((await lane.next())!)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(lane.account()).toMatchObject({ handedOver: 10, acknowledged: 10, pending: 0 });
});

test('a margin’s worth that arrives after them says that they were read', async () => {
  const { spool, lane } = await silentEnd();
  spool.append(blockOf(10, 2));
  const rows = (await lane.next())!;
  lane.acknowledge(rows.position, rows.count, marginOctets, marginOctets);
  lane.rewind(true);
  expect(idsOf((await lane.next())!)).toEqual([11, 12]);
  expect(await lane.next()).toBeUndefined();
});

test('the live session ends in order, and the collector says that it has everything: nothing comes again', async () => {
  const { lane } = await silentEnd();
  lane.releaseMargin();
  lane.rewind(true);
  expect(await lane.next()).toBeUndefined();
});

test('sessions end in silence again and again: a margin’s worth is kept of them, the newest', async () => {
  const { lane, again } = await silentEnd();
  for (let times = 1; times < 20; times++) await again();
  lane.rewind(true);
  expect(await allIds(lane)).toEqual(numbers(170, 200)); // three times 400 octets reach 1,000
});

test('what had arrived live before the next session ended in silence says of the rows before it that they were read', async () => {
  const { spool, lane, again } = await silentEnd();
  const live = async (octets: number): Promise<void> => {
    spool.append(blockOf(1_000, 1));
    const rows = (await lane.next())!;
    lane.acknowledge(rows.position, rows.count, octets, marginOctets);
  };
  await live(600);
  await again();
  await live(900);
  lane.rewind(true);
  expect(await allIds(lane)).toEqual([1_001, ...numbers(10, 20), 1_001]);
});
