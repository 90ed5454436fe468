/**
 * Flow records by columns, a few thousand together: each column as narrow as its values allow, most of them a single number.
 * An open segment takes rows; sealed it never changes, so that a search may lie down between two segments.
 *
 * Memory: an open segment 8 octets a column and row (3 MB); a sealed one 45 to 95 octets a row of usual traffic, in one piece.
 * Owned by one event loop.
 */
import {
  addressColumns,
  ipVersionOffset,
  numberColumns,
  presenceColumn,
  readRow,
  startColumn,
  writeColumn,
} from '../flow/flow_columns.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { AddressDictionary, type AddressList } from './flow_addresses.ts';
import { PackedAddressList, packAddresses, packedOrder } from './packed_addresses.ts';
import { type Codes, PackingRoom } from './packing_room.ts';

export const segmentRows = 4_096;

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

/** What an open segment is written into; used again by the next one once it is sealed. */
export class SegmentMemory {
  readonly numbers = numberColumns.map(() => new Float64Array(segmentRows));
  readonly intervals = new Float64Array(segmentRows);
  readonly codes = addressColumns.map(() => new Uint16Array(segmentRows));
  readonly lists = addressColumns.map(() => new AddressDictionary());
  readonly room = new PackingRoom();

  get octets(): number {
    const arrays = [...this.numbers, this.intervals, ...this.codes];
    const lists = this.lists.reduce((sum, { octets }) => sum + octets, 0);
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, lists + this.room.octets);
  }
}

export class OpenSegment {
  readonly first: number;
  count = 0;
  /** Start of the earliest row, µs. */
  earliestUs = Number.POSITIVE_INFINITY;
  readonly #memory: SegmentMemory;

  constructor(first: number, memory = new SegmentMemory()) {
    this.first = first;
    this.#memory = memory;
    for (const list of memory.lists) list.clear();
  }

  get isFull(): boolean {
    return this.count === segmentRows;
  }

  /** Copies the row at `base`. */
  add(view: DataView, base: number, offsetUs: number, interval: number): void {
    const row = this.count++;
    const { numbers, intervals, codes, lists } = this.#memory;
    const startUs = readRow(view, base, offsetUs, numbers, row);
    if (startUs < this.earliestUs) this.earliestUs = startUs;
    const present = view.getUint32(base + 4);
    const isV6 = view.getUint8(base + ipVersionOffset) === 6;
    for (let i = 0; i < addressColumns.length; i++) {
      const { offset, bits, byVersion } = addressColumns[i]!;
      const version = (present & bits) >>> 0 === bits ? (!byVersion || isV6 ? 6 : 4) : 0;
      codes[i]![row] = lists[i]!.place(view, base + offset, version);
    }
    intervals[row] = interval;
  }

  /** A copy as narrow as it can be; rows may go on coming afterwards. */
  seal(): Segment {
    const { first, count } = this;
    const { numbers, intervals, codes, lists, room } = this.#memory;
    room.begin();
    const packed = [...numbers, intervals].map((values) => packColumn(values, count, room));
    const places = codes.map((ofRows, i) => packAddressColumn(ofRows, lists[i]!, count, room));
    const { memory, moved } = room.close();
    const columns = packed.map((column) => {
      if (column === absent) return absent;
      const { codes, dictionary, ...rest } = column;
      return { ...rest, codes: codes && moved(codes), dictionary: dictionary && moved(dictionary) };
    });
    const placed = places.map(({ codes: ofRows, words, ipv4, count: addresses }) => ({
      codes: ofRows === undefined ? allFirst(count) : moved(ofRows),
      list: new PackedAddressList(moved(words), ipv4, addresses),
    }));
    const views = columns.reduce(
      (sum, { codes, dictionary }) => sum + (codes === undefined ? 0 : 1) + (dictionary === undefined ? 0 : 1),
      0,
    );
    const bytes =
      Math.ceil(memory.byteLength / pageBytes + 1) * pageBytes +
      columns.filter((column) => column !== absent).length * columnObjectBytes +
      (views + 2 * placed.length) * viewObjectBytes;
    return { first, count, numbers: columns.slice(0, -1), addresses: placed, intervals: columns.at(-1)!, bytes, memory };
  }
}

function bounds(values: Float64Array, count: number): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return count === 0 ? { low: 0, high: 0 } : { low, high };
}

/** Codes of rows that all have the same: most traffic has no outer addresses. Written by nobody. */
const sameForAll = new Uint16Array(segmentRows);

function allFirst(count: number): Uint16Array {
  return count === segmentRows ? sameForAll : sameForAll.subarray(0, count);
}

/** `codes` are left out where all rows have the same address, or none. */
function packAddressColumn(
  codes: Uint16Array,
  list: AddressList,
  count: number,
  room: PackingRoom,
): { codes: Uint16Array | undefined; words: Uint32Array; ipv4: number; count: number } {
  const order = packedOrder(list);
  const words = room.take(Uint32Array, order.words);
  packAddresses(list, order, words);
  const packed = { words, ipv4: order.ipv4, count: list.count };
  if (list.count === 1) return { ...packed, codes: undefined };
  const copy = room.take(Uint16Array, count);
  for (let row = 0; row < count; row++) copy[row] = order.moved[codes[row]!]!;
  return { ...packed, codes: copy };
}

/** Of rows that do not have the field, one for all segments. */
const absent: PackedColumn = { codes: undefined, base: 0, dictionary: undefined, low: 0, high: 0 };

function packColumn(values: Float64Array, count: number, room: PackingRoom): PackedColumn {
  const { low, high } = bounds(values, count);
  if (low === 0 && high === 0) return absent;
  const range = high - low;
  const packed = { base: low, low, high, dictionary: undefined };
  if (range === 0) return { ...packed, codes: undefined };
  if (range > 0xff) {
    const few = inDictionary(values, count, low, high, room);
    if (few !== undefined) return few;
  }
  const codes =
    range <= 0xff
      ? room.take(Uint8Array, count)
      : range <= 0xffff
        ? room.take(Uint16Array, count)
        : range <= 0xffff_ffff
          ? room.take(Uint32Array, count)
          : room.take(Float64Array, count);
  for (let i = 0; i < count; i++) codes[i] = values[i]! - low;
  return { ...packed, codes };
}

const dictionaryMax = 256;

/** One octet a row where there are few different values, such as MACs. */
function inDictionary(
  values: Float64Array,
  count: number,
  low: number,
  high: number,
  room: PackingRoom,
): PackedColumn | undefined {
  const places = new Map<number, number>();
  const codes = room.take(Uint8Array, count);
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    let place = places.get(value);
    if (place === undefined) {
      if (places.size === dictionaryMax) {
        room.giveBack(codes);
        return undefined;
      }
      place = places.size;
      places.set(value, place);
    }
    codes[i] = place;
  }
  const dictionary = room.take(Float64Array, places.size);
  dictionary.set([...places.keys()]);
  return { codes, base: 0, dictionary, low, high };
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
