/**
 * The form of a file of flow records. Records one after the other, each `magic, octets of head, octets of body, CRC-32 of
 * these and the head`, big-endian:
 *
 *     FLOH   head: JSON, how columns lie and what was written in the day before; no body
 *     FLOB   head: how the columns of a block are packed (`flow_block.ts`); body: its groups
 *     FLOX   head: the index, zstd: place and summary of every block; no body
 *     FLOF   head: which records and times the file has; no body. Behind it `octets of FLOX, octets of FLOF, FEND`
 *
 * A file that ends without FEND was not finished: its blocks are found one after the other, up to the first that is not
 * whole. Pure.
 */

import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Packr, Unpackr } from 'msgpackr';
import { numberColumn, startColumn } from '../flow/flow_columns.ts';
import { type BlockLayout, ownLayout } from './flow_layout.ts';
import type { FlowSummary } from './flow_summary.ts';
import type { WearHours } from './flow_wear.ts';
import { KeySketch } from './key_sketch.ts';

export const frameOctets = 16;
export const trailerOctets = 12;
/** Longer heads are damage. */
export const headOctetsMax = 16 * 1_024 * 1_024;
export const magics = {
  header: 0x464c_4f48,
  block: 0x464c_4f42,
  index: 0x464c_4f58,
  facts: 0x464c_4f46,
  end: 0x4645_4e44,
} as const;

const knownMagics = new Set<number>([magics.header, magics.block, magics.index, magics.facts]);

export interface Frame {
  readonly magic: number;
  readonly head: Uint8Array;
  readonly bodyOctets: number;
}

/** Frame and head; the body follows. */
export function encodeFrame(magic: number, head: Uint8Array, bodyOctets = 0): Uint8Array {
  const octets = Buffer.alloc(frameOctets + head.length);
  octets.writeUInt32BE(magic, 0);
  octets.writeUInt32BE(head.length, 4);
  octets.writeUInt32BE(bodyOctets, 8);
  octets.set(head, frameOctets);
  octets.writeUInt32BE(crcOf(octets), 12);
  return octets;
}

function crcOf(octets: Uint8Array): number {
  return crc32(octets.subarray(frameOctets), crc32(octets.subarray(0, 12)));
}

export interface FrameStart {
  readonly magic: number;
  readonly headOctets: number;
  readonly bodyOctets: number;
}

/** From the first 16 octets; undefined where none begins. */
export function frameStart(octets: Buffer): FrameStart | undefined {
  if (octets.length < frameOctets) return undefined;
  const start = { magic: octets.readUInt32BE(0), headOctets: octets.readUInt32BE(4), bodyOctets: octets.readUInt32BE(8) };
  return knownMagics.has(start.magic) && start.headOctets <= headOctetsMax ? start : undefined;
}

/** @param octets frame and head, whole */
export function decodeFrame(octets: Buffer): Frame | undefined {
  const start = frameStart(octets);
  if (start === undefined || octets.length !== frameOctets + start.headOctets) return undefined;
  if (octets.readUInt32BE(12) !== crcOf(octets)) return undefined;
  return { magic: start.magic, head: octets.subarray(frameOctets), bodyOctets: start.bodyOctets };
}

export interface FileHeader {
  readonly layout: BlockLayout;
  /** What had been written when the file was begun. */
  readonly wear: WearHours;
}

const version = 1;
const ownLayoutText = JSON.stringify(ownLayout);

export function encodeHeader(wear: WearHours): Uint8Array {
  return encodeFrame(magics.header, Buffer.from(JSON.stringify({ version, layout: ownLayout, wear })));
}

export function decodeHeader(head: Uint8Array): FileHeader | undefined {
  try {
    const read = JSON.parse(Buffer.from(head).toString('utf8')) as { version: number } & FileHeader;
    if (read.version !== version || !Array.isArray(read.layout?.numbers) || !Array.isArray(read.wear)) return undefined;
    // One object for all files of this version, so that what follows from it is made once.
    return JSON.stringify(read.layout) === ownLayoutText ? { layout: ownLayout, wear: read.wear } : read;
  } catch {
    return undefined; // of a version that nobody reads here, or damage
  }
}

/** Where a block lies, and what is known of it without reading it. */
export interface IndexEntry {
  readonly at: number;
  /** Frame and head. */
  readonly headOctets: number;
  /** Octets of each group, which follow in this order. */
  readonly packed: readonly number[];
  readonly writtenAtMs: number;
  /** Written between the block before and this one that was none: header, indexes that were cut off since. */
  readonly asideOctets: number;
  readonly summary: FlowSummary;
}

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

function bytesOf(values: Float64Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.byteLength));
  values.forEach((value, i) => void view.setFloat64(8 * i, value));
  return new Uint8Array(view.buffer);
}

function doubles(octets: Uint8Array): Float64Array {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Float64Array.from({ length: octets.byteLength / 8 }, (_, i) => view.getFloat64(8 * i));
}

/** What is known of a file without its index. */
export interface FileSpan {
  /** First record and number of records of each block, in ascending order. */
  readonly blocks: readonly { readonly first: number; readonly count: number }[];
  /** From the first start to the last end; infinite the wrong way round where there is no record. */
  readonly startUs: number;
  readonly endUs: number;
}

const endColumn = numberColumn('flowEnd');

export function spanOf(entries: readonly IndexEntry[]): FileSpan {
  let startUs = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  for (const { summary } of entries) {
    startUs = Math.min(startUs, summary.low[startColumn]!);
    endUs = Math.max(endUs, summary.high[startColumn]! + summary.high[endColumn]!);
  }
  return { blocks: entries.map(({ summary }) => ({ first: summary.first, count: summary.count })), startUs, endUs };
}

/** The index, what is known without it, and what tells that they are there. */
export function encodeEnd(entries: readonly IndexEntry[]): Uint8Array {
  const packed = packr.pack(
    entries.map(({ at, headOctets, packed, writtenAtMs, asideOctets, summary }) => [
      ...[at, headOctets, [...packed], writtenAtMs],
      ...[summary.first, summary.count, bytesOf(summary.low), bytesOf(summary.high)],
      ...[summary.presentInSome, summary.presentInAll, summary.keys.bits, asideOctets],
    ]),
  );
  const index = encodeFrame(magics.index, zstdCompressSync(packed));
  const { blocks, startUs, endUs } = spanOf(entries);
  const facts = encodeFrame(
    magics.facts,
    packr.pack([startUs, endUs, blocks.map(({ first }) => first), blocks.map(({ count }) => count)]),
  );
  const trailer = Buffer.alloc(trailerOctets);
  trailer.writeUInt32BE(index.length, 0);
  trailer.writeUInt32BE(facts.length, 4);
  trailer.writeUInt32BE(magics.end, 8);
  return Buffer.concat([index, facts, trailer]);
}

/** Where index and facts lie, from the last octets of a file; undefined where it was not finished. */
export function decodeTrailer(octets: Buffer, size: number): { indexAt: number; factsAt: number; endAt: number } | undefined {
  if (octets.length < trailerOctets || octets.readUInt32BE(8) !== magics.end) return undefined;
  const endAt = size - trailerOctets;
  const factsAt = endAt - octets.readUInt32BE(4);
  const indexAt = factsAt - octets.readUInt32BE(0);
  return indexAt > 0 && factsAt - indexAt <= headOctetsMax ? { indexAt, factsAt, endAt } : undefined;
}

export function decodeSpan(head: Uint8Array): FileSpan | undefined {
  try {
    const [startUs, endUs, firsts, counts] = unpackr.unpack(head) as [number, number, number[], number[]];
    return { startUs, endUs, blocks: firsts.map((first, i) => ({ first, count: counts[i]! })) };
  } catch {
    return undefined; // damage: the blocks are looked for instead
  }
}

export function decodeIndex(head: Uint8Array): IndexEntry[] | undefined {
  let entries: unknown;
  try {
    entries = unpackr.unpack(zstdDecompressSync(head, { maxOutputLength: headOctetsMax }));
  } catch {
    return undefined; // damage: the blocks are looked for instead
  }
  if (!Array.isArray(entries)) return undefined;
  return entries.map((entry: unknown[]): IndexEntry => {
    const [at, headOctets, packed, writtenAtMs, first, count, low, high, presentInSome, presentInAll, bits, aside] = entry;
    return {
      at: at as number,
      headOctets: headOctets as number,
      packed: packed as number[],
      writtenAtMs: writtenAtMs as number,
      asideOctets: (aside ?? 0) as number, // files of before do not say
      summary: {
        first: first as number,
        count: count as number,
        low: doubles(low as Uint8Array),
        high: doubles(high as Uint8Array),
        presentInSome: presentInSome as number,
        presentInAll: presentInAll as number,
        keys: new KeySketch(Uint8Array.from(bits as Uint8Array)),
      },
    };
  });
}
