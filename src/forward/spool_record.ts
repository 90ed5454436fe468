/**
 * What the spool keeps on disk, octet by octet: keys and values. Pure. Values open with a version; one that cannot be read
 * is undefined, never an exception, because a card may hand back anything.
 *
 *     key  'i' <position: u64 BE>   about a chunk: small, so that a start reads these and not the rows
 *     key  'r' <position: u64 BE>   its rows: version, CRC-32 of the rows, rows compressed by zstd
 *     key  'l' <layout: u32 BE>     the layout's description, once per layout that rows on disk are in
 *     key  'd' <destination name>   which rows it waits for, and its gaps
 *     key  'o'                      present while the spool is open: wall time at which the run began
 */
import { crc32 } from 'node:zlib';
import { pack, unpack } from 'msgpackr';
import { ageByLabelMs } from '../core/clock.ts';
import { dropReasons } from '../flow/ledger.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { Gap, GapReason } from './gaps.ts';
import type { LaneState, Sharing } from './lane_state.ts';
import { type RowCompression, zstdCompression } from './row_compression.ts';
import { chunkRowsMax, type SpoolChunk, sumsOf } from './spool_chunk.ts';
import type { GroupSums } from './spool_shares.ts';

const VERSION = 1;
const prefix = { index: 0x69, rows: 0x72, layout: 0x6c, destination: 0x64 } as const;
/** The largest row any layout may have; bounds what is decompressed. */
const rowOctetsMax = 4_096;

export const openMarkerKey: Uint8Array = Uint8Array.of(0x6f);
export const indexRange = rangeOf(prefix.index);
export const layoutRange = rangeOf(prefix.layout);
export const destinationRange = rangeOf(prefix.destination);

function rangeOf(first: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: Uint8Array.of(first), lt: Uint8Array.of(first + 1) };
}

function positionKey(first: number, position: number): Uint8Array {
  const key = Buffer.alloc(9);
  key[0] = first;
  key.writeBigUInt64BE(BigInt(position), 1);
  return key;
}
export const indexKey = (position: number): Uint8Array => positionKey(prefix.index, position);
export const rowsKey = (position: number): Uint8Array => positionKey(prefix.rows, position);

/** Undefined for a key that is no index key. */
export function positionOfKey(key: Uint8Array): number | undefined {
  if (key.length !== 9 || key[0] !== prefix.index) return undefined;
  const position = Number(new DataView(key.buffer, key.byteOffset, 9).getBigUint64(1));
  return Number.isSafeInteger(position) ? position : undefined;
}

export function layoutKey(layout: number): Uint8Array {
  const key = Buffer.alloc(5);
  key[0] = prefix.layout;
  key.writeUInt32BE(layout, 1);
  return key;
}
export function layoutOfKey(key: Uint8Array): number | undefined {
  return key.length === 5 ? new DataView(key.buffer, key.byteOffset, 5).getUint32(1) : undefined;
}

export function destinationKey(name: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(prefix.destination), Buffer.from(name, 'utf8')]);
}
export function destinationOfKey(key: Uint8Array): string {
  return Buffer.from(key.subarray(1)).toString('utf8');
}

export function encodeWallMs(wallMs: number): Uint8Array {
  return versioned(pack(Math.floor(wallMs)));
}
export function decodeWallMs(value: Uint8Array): number | undefined {
  const fields = fieldsOf(value);
  return typeof fields === 'number' && Number.isFinite(fields) ? fields : undefined;
}

export function encodeIndex(chunk: SpoolChunk, diskOctets: number): Uint8Array {
  const { count, bootId, wallOffsetNs, firstStartNs, lastEndNs, atMs, layout, merged, groups } = chunk;
  const { packets, octets } = sumsOf(chunk);
  return versioned(
    pack([
      count,
      bootId,
      String(wallOffsetNs ?? ''),
      String(firstStartNs),
      String(lastEndNs),
      atMs,
      packets,
      octets,
      layout,
      diskOctets,
      ...(merged === undefined && groups === undefined ? [] : [merged ?? '']),
      ...(groups === undefined ? [] : [groups.map(({ members, sums }) => [members, sums])]),
    ]),
  );
}

/** Wall time of row times of a boot, ms; undefined when nobody knows. */
export type WallOfRows = (bootId: string, ns: bigint) => number | undefined;

/** Rows end before they come here: a label so far before their end is of a clock that was set later. */
const mislabelledMs = 60_000;

/**
 * @param nowMs and @param wallMs relate the chunk's wall time to this run's monotonic time
 * @param wallOfRows puts a label right that was given before the time was known
 */
export function decodeIndex(
  first: number,
  value: Uint8Array,
  nowMs: number,
  wallMs: number,
  wallOfRows: WallOfRows = () => undefined,
): SpoolChunk | undefined {
  const fields = fieldsOf(value);
  if (!Array.isArray(fields) || fields.length < 10) return undefined;
  const [count, bootId, offset, start, end, labelMs, packets, octets, layout, diskOctets, merged, groups] = fields as unknown[];
  const numbers = [count, labelMs, packets, octets, layout, diskOctets];
  if (!numbers.every((one) => typeof one === 'number' && Number.isFinite(one) && one >= 0)) return undefined;
  if (typeof bootId !== 'string' || ![offset, start, end].every((one) => typeof one === 'string' && /^-?\d{0,20}$/.test(one)))
    return undefined;
  if ((count as number) < 1 || (count as number) > chunkRowsMax) return undefined;
  const endedMs = wallOfRows(bootId, BigInt(end as string)) ?? 0;
  const atMs = endedMs - (labelMs as number) > mislabelledMs ? endedMs : (labelMs as number);
  const bornMs = nowMs - ageByLabelMs(atMs, wallMs);
  return {
    first,
    count: count as number,
    bootId,
    wallOffsetNs: offset === '' ? undefined : BigInt(offset as string),
    firstStartNs: BigInt(start as string),
    lastEndNs: BigInt(end as string),
    atMs,
    bornMs,
    grownMs: bornMs,
    sums: { packets: packets as number, octets: octets as number },
    layout: layout as number,
    rows: undefined,
    rowSums: undefined,
    diskOctets: diskOctets as number,
    sealed: true,
    isSampled: true,
    merged: merged === 'minute' || merged === 'hour' ? merged : undefined,
    groups: Array.isArray(groups) ? groups.map(groupOf).filter((one) => one !== undefined) : undefined,
  };
}

function groupOf(fields: unknown): GroupSums | undefined {
  if (!Array.isArray(fields)) return undefined;
  const [members, sums] = fields as unknown[];
  if (!Array.isArray(members) || !members.every((name) => typeof name === 'string')) return undefined;
  if (!Array.isArray(sums) || sums.length !== members.length) return undefined;
  return sums.every((one) => isPositions(one) && one.length === 3) ? ({ members, sums } as GroupSums) : undefined;
}

/** @param rows exactly the rows, without spare room */
export async function encodeRows(rows: Uint8Array, compression: RowCompression = zstdCompression): Promise<Uint8Array> {
  const body = await compression.compress(rows);
  const head = Buffer.alloc(5);
  head[0] = VERSION;
  head.writeUInt32BE(crc32(rows), 1);
  return Buffer.concat([head, body]);
}

/** Undefined for a value that is damaged. */
export async function decodeRows(
  value: Uint8Array,
  count: number,
  compression: RowCompression = zstdCompression,
): Promise<Uint8Array | undefined> {
  if (value.length < 5 || value[0] !== VERSION) return undefined;
  let rows: Uint8Array;
  try {
    rows = await compression.decompress(value.subarray(5), count * ROW_BYTES, count * rowOctetsMax);
  } catch {
    // zstd refuses what is not whole: the same as a wrong checksum.
    return undefined;
  }
  const wanted = new DataView(value.buffer, value.byteOffset, 5).getUint32(1);
  return rows.length >= count && rows.length % count === 0 && crc32(rows) === wanted ? rows : undefined;
}

export function encodeLane(state: LaneState): Uint8Array {
  const gaps = state.gaps.map((gap) => [gap.reason, gap.fromMs, gap.toMs, gap.records, gap.packets, gap.octets]);
  return versioned(
    pack([
      state.pending.flatMap(({ from, to }) => [from, to]),
      state.next,
      gaps,
      state.probeAnswered,
      (state.shares ?? []).map(({ from, members }) => [from, members]),
    ]),
  );
}

export function decodeLane(value: Uint8Array): LaneState | undefined {
  const fields = fieldsOf(value);
  if (!Array.isArray(fields) || fields.length < 4) return undefined;
  const [numbers, next, gaps, probeAnswered, shares] = fields as unknown[];
  if (!isPositions(numbers) || numbers.length % 2 !== 0 || !isPositions([next]) || !Array.isArray(gaps)) return undefined;
  const pending = Array.from({ length: numbers.length / 2 }, (_, i) => ({ from: numbers[2 * i]!, to: numbers[2 * i + 1]! }));
  return {
    pending,
    next: next as number,
    gaps: gaps.map(gapOf).filter((gap) => gap !== undefined),
    probeAnswered: probeAnswered === true,
    ...(Array.isArray(shares) && shares.length > 0 ? { shares: shares.map(sharingOf).filter((one) => one !== undefined) } : {}),
  };
}

function sharingOf(fields: unknown): Sharing | undefined {
  if (!Array.isArray(fields)) return undefined;
  const [from, members] = fields as unknown[];
  if (!isPositions([from]) || !Array.isArray(members) || !members.every((name) => typeof name === 'string')) return undefined;
  return { from: from as number, members };
}

const gapReasons: readonly GapReason[] = [...dropReasons, 'thinned'];

function gapOf(fields: unknown): Gap | undefined {
  if (!Array.isArray(fields)) return undefined;
  const [reason, fromMs, toMs, records, packets, octets] = fields as unknown[];
  const isCount = (one: unknown): boolean => one === null || (typeof one === 'number' && one >= 0);
  if (!gapReasons.includes(reason as GapReason) || typeof fromMs !== 'number' || typeof toMs !== 'number') return undefined;
  if (![records, packets, octets].every(isCount)) return undefined;
  return { reason, fromMs, toMs, records, packets, octets } as Gap;
}

function isPositions(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

function versioned(body: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(VERSION), body]);
}

function fieldsOf(value: Uint8Array): unknown {
  if (value[0] !== VERSION) return undefined;
  try {
    return unpack(value.subarray(1));
  } catch {
    // Not MessagePack: damaged.
    return undefined;
  }
}
