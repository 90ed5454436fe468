/** Memory of pieces that is used again: never under somebody who reads it, and not kept by a box that has fallen silent. */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { PieceMemory } from '../../src/forward/piece_memory.ts';
import { type RowCompression, zstdCompression } from '../../src/forward/row_compression.ts';
import { Spool, type SpooledRows } from '../../src/forward/spool.ts';
import { chunkRowsMax } from '../../src/forward/spool_chunk.ts';
import { blockOf, flowIdOf, rowClock } from './rows.ts';

const idsOf = ({ bytes, firstRow, count }: SpooledRows): number[] =>
  Array.from({ length: count }, (_, i) => flowIdOf(bytes, firstRow + i * ROW_BYTES) - 1);
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

async function spoolWith(compression: RowCompression = zstdCompression): Promise<{ spool: Spool; clock: SimulatedClock }> {
  const clock = new SimulatedClock(1_000, 1_700_000_000_000);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const settings = { memoryBytesMax: 2 ** 22, diskBytesMax: 2 ** 26, ageMaxS: 60, persistAfterS: 5 };
  const parts = { world, kv: new MemoryKv(), settings, destinations: ['a'], rowClock: rowClock(), compression };
  const spool = new Spool(parts);
  await spool.start();
  return { spool, clock };
}

test('memory of a whole piece is used again, other sizes are not, and no more is kept than the limit', () => {
  const memory = new PieceMemory(64, 2);
  const pieces = [memory.take(64), memory.take(64), memory.take(64)];
  const small = memory.take(32);
  expect(new Set(pieces).size).toBe(3);
  for (const piece of [small, ...pieces]) memory.giveBack(piece);
  expect(memory.freeOctets).toBe(2 * 64);
  expect(memory.take(32)).not.toBe(small);
  expect([memory.take(64), memory.take(64)]).toEqual([pieces[1], pieces[0]]);
  expect(memory.freeOctets).toBe(0);
  expect(pieces).not.toContain(memory.take(64));
});

test('what somebody reads is not used again, however many do', () => {
  const memory = new PieceMemory(64, 4);
  const piece = memory.take(64);
  memory.hold(piece);
  memory.hold(piece);
  memory.letGo(piece);
  memory.giveBack(piece);
  expect(memory.freeOctets).toBe(0);
  const other = memory.take(64);
  memory.hold(other);
  memory.letGo(other);
  memory.giveBack(other);
  expect(memory.freeOctets).toBe(64);
});

test('what was free all the time between two rests goes back', () => {
  const memory = new PieceMemory(64, 4);
  for (const piece of [memory.take(64), memory.take(64), memory.take(64)]) memory.giveBack(piece);
  memory.rest(); // they came since
  expect(memory.freeOctets).toBe(3 * 64);
  memory.giveBack(memory.take(64)); // one is enough
  memory.rest();
  expect(memory.freeOctets).toBe(64);
  memory.rest();
  expect(memory.freeOctets).toBe(0);
});

test('rows that a session reads stay what they are, also when they have arrived', async () => {
  const { spool } = await spoolWith();
  const lane = spool.lane('a');
  spool.append(blockOf(0, chunkRowsMax));
  const read = (await lane.next())!;
  lane.acknowledge(read.position, read.count, 100, 0);
  for (let i = 1; i <= 3; i++) spool.append(blockOf(i * chunkRowsMax, chunkRowsMax));
  expect(idsOf(read)).toEqual(numbers(0, chunkRowsMax));
  const second = (await lane.next())!;
  const third = (await lane.next())!;
  // The session has left the second, and it has arrived: its memory takes the next rows.
  lane.acknowledge(second.position, second.count, 100, 0);
  spool.append(blockOf(4 * chunkRowsMax, chunkRowsMax));
  expect(idsOf(third)).toEqual(numbers(2 * chunkRowsMax, chunkRowsMax));
  await lane.next();
  const fifth = (await lane.next())!;
  expect(fifth.bytes).toBe(second.bytes);
  expect(idsOf(fifth)).toEqual(numbers(4 * chunkRowsMax, chunkRowsMax));
});

test('rows on their way to disk stay what they are, also when they are given up meanwhile', async () => {
  const compressed: number[][] = [];
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { spool, clock } = await spoolWith({
    ...zstdCompression,
    async compress(rows) {
      await gate;
      compressed.push(idsOf({ bytes: rows, firstRow: 0, count: rows.length / ROW_BYTES } as SpooledRows));
      return await zstdCompression.compress(rows);
    },
  });
  spool.append(blockOf(0, chunkRowsMax));
  spool.append(blockOf(chunkRowsMax, chunkRowsMax));
  await clock.advance(7_000); // it is being written
  const lane = spool.lane('a');
  const first = (await lane.next())!;
  await lane.next();
  lane.rewind(false);
  lane.acknowledge(first.position, 2 * chunkRowsMax, 100, 0);
  expect(lane.account()).toMatchObject({ acknowledged: 2 * chunkRowsMax, pending: 0 });
  for (let i = 2; i < 6; i++) spool.append(blockOf(i * chunkRowsMax, chunkRowsMax));
  go();
  for (let i = 0; i < 200 && compressed.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(compressed).toEqual([numbers(0, chunkRowsMax), numbers(chunkRowsMax, chunkRowsMax)]);
});

test('a spool through which nothing goes gives the memory back', async () => {
  const { spool, clock } = await spoolWith();
  const lane = spool.lane('a');
  const throughIt = async (first: number): Promise<Uint8Array> => {
    spool.append(blockOf(first, chunkRowsMax));
    const read = (await lane.next())!;
    await lane.next();
    lane.acknowledge(read.position, read.count, 100, 0);
    return read.bytes;
  };
  const used = await throughIt(0);
  expect(await throughIt(chunkRowsMax)).toBe(used);
  await clock.advance(1_000);
  expect(await throughIt(2 * chunkRowsMax)).toBe(used);
  await clock.advance(3_000);
  expect(await throughIt(3 * chunkRowsMax)).not.toBe(used);
});
