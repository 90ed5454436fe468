/**
 * Flow records by columns, a few thousand together: each column as narrow as its values allow, most of them a single number.
 * An open segment takes rows as they are; sealed, by the addon, it never changes, so that a search may lie down between two segments.
 *
 * Memory: an open segment 400 octets a row (1.6 MB) and what the addon packs it in (1.1 MB); a sealed one 45 to 95 octets a row of usual
 * traffic, in one piece. Owned by one event loop.
 */
import { addressColumns, numberColumns, presenceColumn, startColumn, startUsAt, writeColumn } from '../flow/flow_columns.ts';
import {
  addressPieces,
  addressPiecesCount,
  type FlowPacker,
  numberPieces,
  numberPiecesCount,
  type PackFlows,
  packingTable,
  piecesCount,
} from '../flow/flow_packing.ts';
import type { RowRun } from '../flow/flow_ring.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { AddressList } from './flow_addresses.ts';
import { PackedAddressList } from './packed_addresses.ts';

export const segmentRows = 4_096;

export type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** `dictionary[codes[i]]`, or `base + codes[i]`, or `base` where there are no codes. */
export interface PackedColumn {
  readonly codes: Codes | undefined;
  readonly base: number;
  readonly dictionary: Float64Array | undefined;
  readonly low: number;
  readonly high: number;
}

/** Addresses as places in a list of those that occur. */
export interface PackedAddresses {
  readonly codes: Uint16Array;
  readonly list: AddressList;
}

export interface Segment {
  /** Number of the first row since the start; rows of a segment follow each other. */
  readonly first: number;
  readonly count: number;
  /** By place in `numberColumns` and `addressColumns`. Times other than flowStart are distances to it. */
  readonly numbers: readonly PackedColumn[];
  readonly addresses: readonly PackedAddresses[];
  /** Octets that this segment keeps the program from using otherwise. */
  readonly bytes: number;
  /** Of one packet in how many each row tells; 1 where nothing was sampled. */
  readonly intervals: PackedColumn;
  /** What all columns lie in; absent where they do not lie together. */
  readonly memory?: ArrayBuffer;
}

/** What V8 takes for a column beside its codes, as measured: the object, its numbers, and a view for each of its arrays. */
const columnObjectBytes = 90;
const viewObjectBytes = 130;
/** A mapping begins and ends with a page of its own. */
const pageBytes = 4_096;

/** What an open segment is written into, and what packs it; used again by the next one once it is sealed. */
export class SegmentMemory {
  readonly rows = new Uint8Array(segmentRows * ROW_BYTES);
  readonly offsetsUs = new Float64Array(segmentRows);
  readonly intervals = new Float64Array(segmentRows);
  /** Where the packer put each column. */
  readonly pieces = new Float64Array(piecesCount);
  readonly packer: FlowPacker;

  constructor(packFlows: PackFlows) {
    this.packer = packFlows(packingTable(segmentRows));
  }

  get octets(): number {
    const { rows, offsetsUs, intervals, pieces, packer } = this;
    return [rows, offsetsUs, intervals, pieces].reduce((sum, { byteLength }) => sum + byteLength, packer.octets());
  }
}

export class OpenSegment {
  readonly first: number;
  count = 0;
  readonly #memory: SegmentMemory;
  /** Of the rows that were looked at. */
  #earliestUs = Number.POSITIVE_INFINITY;
  #looked = 0;

  constructor(first: number, memory: SegmentMemory) {
    this.first = first;
    this.#memory = memory;
  }

  get isFull(): boolean {
    return this.count === segmentRows;
  }

  /** Copies the rows from `from` on, as many as find room; returns how many. */
  add({ rows, offsetsUs, intervals }: RowRun, from: number): number {
    const { count } = this;
    const memory = this.#memory;
    const end = Math.min(offsetsUs.length, from + segmentRows - count);
    memory.rows.set(rows.subarray(from * ROW_BYTES, end * ROW_BYTES), count * ROW_BYTES);
    memory.offsetsUs.set(offsetsUs.subarray(from, end), count);
    memory.intervals.set(intervals.subarray(from, end), count);
    this.count += end - from;
    return end - from;
  }

  /** Start of the earliest row, µs; infinite where there is none. Looks at each row once, and only when asked. */
  get earliestUs(): number {
    const { rows, offsetsUs } = this.#memory;
    const view = new DataView(rows.buffer);
    for (; this.#looked < this.count; this.#looked++) {
      const startUs = startUsAt(view, this.#looked * ROW_BYTES, offsetsUs[this.#looked]!);
      if (startUs < this.#earliestUs) this.#earliestUs = startUs;
    }
    return this.#earliestUs;
  }

  /** A copy as narrow as it can be; rows may go on coming afterwards. */
  seal(): Segment {
    const { first, count } = this;
    const { rows, offsetsUs, intervals, pieces, packer } = this.#memory;
    const memory = packer.pack(rows, count, offsetsUs, intervals, pieces);
    const columns = Array.from({ length: numberColumns.length + 1 }, (_, i) => columnAt(memory, pieces, i, count));
    const addresses = addressColumns.map((_, i) => addressesAt(memory, pieces, i, count));
    const views = columns.reduce(
      (sum, { codes, dictionary }) => sum + (codes === undefined ? 0 : 1) + (dictionary === undefined ? 0 : 1),
      0,
    );
    const bytes =
      Math.ceil(memory.byteLength / pageBytes + 1) * pageBytes +
      columns.filter((column) => column !== absent).length * columnObjectBytes +
      (views + 2 * addresses.length) * viewObjectBytes;
    return { first, count, numbers: columns.slice(0, -1), addresses, intervals: columns.at(-1)!, bytes, memory };
  }
}

/** Of rows that do not have the field, one for all segments. */
const absent: PackedColumn = { codes: undefined, base: 0, dictionary: undefined, low: 0, high: 0 };

function columnAt(memory: ArrayBuffer, pieces: Float64Array, index: number, count: number): PackedColumn {
  const piece = (name: keyof typeof numberPieces): number => pieces[index * numberPiecesCount + numberPieces[name]]!;
  const [low, high, entries] = [piece('low'), piece('high'), piece('entries')];
  if (low === 0 && high === 0) return absent;
  const dictionary = entries === 0 ? undefined : new Float64Array(memory, piece('dictionary'), entries);
  return { codes: codesAt(memory, piece('width'), piece('codes'), count), base: piece('base'), dictionary, low, high };
}

function codesAt(memory: ArrayBuffer, width: number, at: number, count: number): Codes | undefined {
  switch (width) {
    case 0:
      return undefined;
    case 1:
      return new Uint8Array(memory, at, count);
    case 2:
      return new Uint16Array(memory, at, count);
    case 4:
      return new Uint32Array(memory, at, count);
    default:
      return new Float64Array(memory, at, count);
  }
}

/** Codes of rows that all have the same: most traffic has no outer addresses. Written by nobody. */
const sameForAll = new Uint16Array(segmentRows);

function addressesAt(memory: ArrayBuffer, pieces: Float64Array, index: number, count: number): PackedAddresses {
  const from = (numberColumns.length + 1) * numberPiecesCount + index * addressPiecesCount;
  const piece = (name: keyof typeof addressPieces): number => pieces[from + addressPieces[name]]!;
  const codes = piece('codes') < 0 ? sameForAll.subarray(0, count) : new Uint16Array(memory, piece('codes'), count);
  const words = new Uint32Array(memory, piece('words'), piece('wordCount'));
  return { codes, list: new PackedAddressList(words, piece('ipv4'), piece('count')) };
}

export function valueAt({ codes, base, dictionary }: PackedColumn, row: number): number {
  if (codes === undefined) return base;
  return dictionary === undefined ? base + codes[row]! : dictionary[codes[row]!]!;
}

/** A row as it came, in wall time: `bytes` takes ROW_BYTES from `at` on. */
export function unpackRow(segment: Segment, row: number, bytes: Uint8Array, at = 0): void {
  bytes.fill(0, at, at + ROW_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const present = valueAt(segment.numbers[presenceColumn]!, row);
  const startUs = valueAt(segment.numbers[startColumn]!, row);
  numberColumns.forEach((column, i) => {
    if ((present & column.bits) >>> 0 !== column.bits) return;
    const value = valueAt(segment.numbers[i]!, row);
    writeColumn(column, view, at, column.sinceStart ? value + startUs : value);
  });
  addressColumns.forEach(({ offset }, i) => {
    const { codes, list } = segment.addresses[i]!;
    list.write(codes[row]!, view, at + offset);
  });
}
