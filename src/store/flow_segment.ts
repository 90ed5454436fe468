/**
 * Flow records by columns, a few thousand together: each column as narrow as its values allow, most of them a single number.
 * An open segment takes rows; sealed it never changes, so that a search may lie down between two segments.
 *
 * Memory: an open segment 8 octets a column and row (3 MB); a sealed one 60 to 110 octets a row of usual traffic. Owned by
 * one event loop.
 */
import {
  addressColumns,
  ipVersionOffset,
  numberColumns,
  presenceColumn,
  readColumn,
  startColumn,
  writeColumn,
} from '../flow/flow_columns.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { AddressDictionary, type AddressList } from './flow_addresses.ts';

export const segmentRows = 4_096;

type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;

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
  /** Octets of this segment's memory. */
  readonly bytes: number;
  /** Of one packet in how many each row tells; 1 where nothing was sampled. */
  readonly intervals: PackedColumn;
}

const columnObjectBytes = 120;

export class OpenSegment {
  readonly first: number;
  count = 0;
  /** Start of the earliest row, µs. */
  earliestUs = Number.POSITIVE_INFINITY;
  readonly #numbers: readonly Float64Array[];
  readonly #intervals = new Float64Array(segmentRows);
  readonly #codes = addressColumns.map(() => new Uint16Array(segmentRows));
  readonly #lists = addressColumns.map(() => new AddressDictionary());

  constructor(first: number, memory: readonly Float64Array[] = segmentMemory()) {
    this.first = first;
    this.#numbers = memory;
  }

  get isFull(): boolean {
    return this.count === segmentRows;
  }

  /** Copies the row at `base`. */
  add(view: DataView, base: number, offsetUs: number, interval: number): void {
    const row = this.count++;
    const present = view.getUint32(base + 4);
    const numbers = this.#numbers;
    let startUs = 0;
    for (let i = 0; i < numberColumns.length; i++) {
      const column = numberColumns[i]!;
      let value = 0;
      if ((present & column.bits) >>> 0 === column.bits) {
        value = readColumn(column, view, base, offsetUs);
        if (i === startColumn) startUs = value;
        else if (column.sinceStart) value -= startUs;
      }
      numbers[i]![row] = value;
    }
    if (startUs < this.earliestUs) this.earliestUs = startUs;
    const isV6 = view.getUint8(base + ipVersionOffset) === 6;
    for (let i = 0; i < addressColumns.length; i++) {
      const { offset, bits, byVersion } = addressColumns[i]!;
      const version = (present & bits) >>> 0 === bits ? (!byVersion || isV6 ? 6 : 4) : 0;
      this.#codes[i]![row] = this.#lists[i]!.place(view, base + offset, version);
    }
    this.#intervals[row] = interval;
  }

  /** A copy as narrow as it can be; rows may go on coming afterwards. */
  seal(): Segment {
    const { first, count } = this;
    const numbers = this.#numbers.map((values) => packColumn(values, count));
    const addresses = this.#codes.map((codes, i) => ({ codes: codes.slice(0, count), list: this.#lists[i]!.trimmed() }));
    const intervals = packColumn(this.#intervals, count);
    const bytes =
      [...numbers, intervals].reduce((sum, column) => sum + columnBytes(column), 0) +
      addresses.reduce((sum, { codes, list }) => sum + codes.byteLength + list.bytes, 0);
    return { first, count, numbers, addresses, intervals, bytes };
  }
}

/** To be used again by the next open segment once this one is sealed. */
export function segmentMemory(): Float64Array[] {
  return numberColumns.map(() => new Float64Array(segmentRows));
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

function packColumn(values: Float64Array, count: number): PackedColumn {
  const { low, high } = bounds(values, count);
  const range = high - low;
  const packed = { base: low, low, high, dictionary: undefined };
  if (range === 0) return { ...packed, codes: undefined };
  if (range > 0xff) {
    const few = inDictionary(values, count, low, high);
    if (few !== undefined) return few;
  }
  const codes =
    range <= 0xff
      ? new Uint8Array(count)
      : range <= 0xffff
        ? new Uint16Array(count)
        : range <= 0xffff_ffff
          ? new Uint32Array(count)
          : new Float64Array(count);
  for (let i = 0; i < count; i++) codes[i] = values[i]! - low;
  return { ...packed, codes };
}

const dictionaryMax = 256;

/** One octet a row where there are few different values, such as MACs. */
function inDictionary(values: Float64Array, count: number, low: number, high: number): PackedColumn | undefined {
  const places = new Map<number, number>();
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    let place = places.get(value);
    if (place === undefined) {
      if (places.size === dictionaryMax) return undefined;
      place = places.size;
      places.set(value, place);
    }
    codes[i] = place;
  }
  return { codes, base: 0, dictionary: Float64Array.from(places.keys()), low, high };
}

function columnBytes({ codes, dictionary }: PackedColumn): number {
  return columnObjectBytes + (codes?.byteLength ?? 0) + (dictionary?.byteLength ?? 0);
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
