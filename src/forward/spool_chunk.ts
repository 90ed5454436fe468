/**
 * A piece of the spool: rows of one boot, one after the other. It grows in memory, is sealed, may go to disk, and may lose
 * its rows from memory once it is there. Limits: `chunkRowsMax` rows. Owned by the spool's event loop.
 */
import { type RowBlock, type RowClock, WALL_BOOT_ID } from '../flow/row_block.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import { layoutHash, presenceBit, ROW_BYTES } from '../flow/row_layout.ts';
import type { Interval } from './interval_set.ts';
import type { PieceMemory } from './piece_memory.ts';
import type { MergeSpan } from './row_merge.ts';
import type { GroupSums } from './spool_shares.ts';

export const chunkRowsMax = 1_024;
const firstCapacityRows = 8;
const reverseBit = presenceBit('reverse');

/** Packets and IP octets, both directions. */
export interface RowSums {
  readonly packets: number;
  readonly octets: number;
}

export interface SpoolChunk {
  /** Position of the first row. Changes only when rows from before this run are put in front. */
  first: number;
  count: number;
  readonly bootId: string;
  /** Wall time less row clock as known when rows were last added, ns; undefined when nobody knew. */
  wallOffsetNs: bigint | undefined;
  firstStartNs: bigint;
  lastEndNs: bigint;
  /** Wall time of the first append, ms: carries the age over a restart. */
  readonly atMs: number;
  /** Monotonic time of the first append, ms. */
  readonly bornMs: number;
  /** Monotonic time of the last append, ms: no row came later. */
  grownMs: number;
  /** Undefined as long as its rows tell. */
  sums: RowSums | undefined;
  /** Hash of the layout the rows are in. */
  readonly layout: number;
  /** Undefined once the rows are only on disk. May be longer than what is used. */
  rows: Uint8Array | undefined;
  /** Packets and octets of each row, of a piece whose rows were let go while they were on their way. */
  rowSums: Float64Array | undefined;
  /** Of balance groups: what of it is whose, once it is sealed. */
  groups?: readonly GroupSums[] | undefined;
  /** Octets on disk; 0 while it is not there. */
  diskOctets: number;
  /** No rows are added any more. */
  sealed: boolean;
  /** Whether a row may name a selector. */
  isSampled: boolean;
  /** What its rows were merged by, if they were. */
  readonly merged?: MergeSpan | undefined;
  /** Being replaced by merged rows: nobody may take rows of it now. */
  frozen?: boolean;
}

export interface ChunkBirth {
  readonly first: number;
  readonly atMs: number;
  readonly bornMs: number;
  readonly layout: number;
  readonly wallOffsetNs: bigint | undefined;
}

export function newChunk(block: RowBlock, birth: ChunkBirth): SpoolChunk {
  return {
    ...birth,
    count: 0,
    grownMs: birth.bornMs,
    bootId: block.bootId,
    firstStartNs: block.firstStartNs,
    lastEndNs: block.lastEndNs,
    sums: undefined,
    rows: undefined,
    rowSums: undefined,
    diskOctets: 0,
    sealed: false,
    isSampled: false,
  };
}

/** Octets of memory that the chunk's rows take. */
export function memoryOf(chunk: SpoolChunk): number {
  return chunk.rows?.length ?? 0;
}

/** The chunk's rows, without spare room; they must be in memory. */
export const rowsIn = ({ rows, count }: SpoolChunk): Uint8Array => rows!.subarray(0, count * ROW_BYTES);

/**
 * Copies rows of a block in, as many as there is room for. Returns how many.
 * @param expectedRows how many the chunk may come to hold: memory for so many is taken at once
 */
export function appendRows(
  chunk: SpoolChunk,
  block: RowBlock,
  skip: number,
  wallOffsetNs: bigint | undefined,
  expectedRows: number,
  memory: PieceMemory,
): number {
  const taken = Math.min(block.count - skip, chunkRowsMax - chunk.count);
  const start = block.firstRow + skip * ROW_BYTES;
  const room = makeRoom(chunk, chunk.count + taken, expectedRows, memory);
  room.set(block.bytes.subarray(start, start + taken * ROW_BYTES), chunk.count * ROW_BYTES);
  chunk.count += taken;
  chunk.isSampled ||= block.isSampled !== false;
  chunk.wallOffsetNs = wallOffsetNs;
  if (block.firstStartNs < chunk.firstStartNs) chunk.firstStartNs = block.firstStartNs;
  if (block.lastEndNs > chunk.lastEndNs) chunk.lastEndNs = block.lastEndNs;
  if (chunk.count === chunkRowsMax) chunk.sealed = true;
  return taken;
}

/** Readers of the old memory go on reading it: rows already there never change. */
function makeRoom(chunk: SpoolChunk, rows: number, expectedRows: number, memory: PieceMemory): Uint8Array {
  const capacity = memoryOf(chunk) / ROW_BYTES;
  if (chunk.rows !== undefined && rows <= capacity) return chunk.rows;
  const wanted = Math.max(rows, firstCapacityRows, capacity === 0 ? expectedRows : capacity * 2);
  // Not cleared: nothing behind `count` is ever read.
  const larger = memory.take(Math.min(chunkRowsMax, wanted) * ROW_BYTES);
  if (chunk.rows !== undefined) larger.set(rowsIn(chunk));
  chunk.rows = larger;
  return larger;
}

/** Packets and IP octets of rows in this version's layout, both directions. */
export function sumRows(rows: Uint8Array, first: number, count: number): RowSums {
  const row = new RowCursor(rows);
  let packets = 0;
  let octets = 0;
  for (let i = first; i < first + count; i++) {
    row.at(i);
    packets += row.packetDeltaCount;
    octets += row.octetDeltaCount;
    if (row.has(reverseBit)) {
      packets += row.reversePacketDeltaCount;
      octets += row.reverseOctetDeltaCount;
    }
  }
  return { packets, octets };
}

/** Of all its rows. Counted when somebody asks: of a piece that arrives in time, nobody does. */
export function sumsOf(chunk: SpoolChunk): RowSums {
  if (chunk.sums !== undefined) return chunk.sums;
  if (chunk.rows === undefined) throw new Error(`nobody knows what the rows from ${chunk.first} on count for`);
  const sums = sumRows(chunk.rows, 0, chunk.count);
  if (chunk.sealed) chunk.sums = sums;
  return sums;
}

/** Lets the rows go, and keeps what each would count for: a 24th of the memory. */
export function hollow(chunk: SpoolChunk): void {
  if (chunk.rows === undefined) return;
  chunk.sealed = true;
  chunk.sums = sumsOf(chunk);
  const sums = new Float64Array(2 * chunk.count);
  for (let i = 0; i < chunk.count; i++) {
    const { packets, octets } = sumRows(chunk.rows, i, 1);
    sums[2 * i] = packets;
    sums[2 * i + 1] = octets;
  }
  chunk.rowSums = sums;
  chunk.rows = undefined;
}

/** Wall time of its rows, ms; where nobody knows the offset, when they came. */
export function timesOf(chunk: SpoolChunk, rowClock: RowClock): { fromMs: number; toMs: number } {
  const known = chunk.bootId === WALL_BOOT_ID ? 0n : (rowClock.wallOffsetNs(chunk.bootId) ?? chunk.wallOffsetNs);
  if (known === undefined) return { fromMs: chunk.atMs, toMs: chunk.atMs };
  return { fromMs: Number((chunk.firstStartNs + known) / 1_000_000n), toMs: Number((chunk.lastEndNs + known) / 1_000_000n) };
}

/** Packets and octets of part of a chunk: exact while the rows are in memory, else by share. */
export function sumsOfParts(chunk: SpoolChunk, parts: readonly Interval[], rows: number): RowSums {
  if (rows === chunk.count) return sumsOf(chunk);
  if (chunk.rowSums !== undefined) return sumsKept(chunk.rowSums, chunk.first, parts);
  if (chunk.rows === undefined || chunk.layout !== layoutHash()) {
    const share = rows / chunk.count;
    const { packets, octets } = sumsOf(chunk);
    return { packets: Math.round(packets * share), octets: Math.round(octets * share) };
  }
  let packets = 0;
  let octets = 0;
  for (const { from, to } of parts) {
    const sums = sumRows(chunk.rows, from - chunk.first, to - from);
    packets += sums.packets;
    octets += sums.octets;
  }
  return { packets, octets };
}

function sumsKept(sums: Float64Array, first: number, parts: readonly Interval[]): RowSums {
  let packets = 0;
  let octets = 0;
  for (const { from, to } of parts) {
    for (let at = from - first; at < to - first; at++) {
      packets += sums[2 * at]!;
      octets += sums[2 * at + 1]!;
    }
  }
  return { packets, octets };
}
