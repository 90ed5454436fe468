/**
 * A sealed segment as octets of a file: columns by groups, each group compressed by itself, so that a search reads what its
 * filter asks for and the rest only where records match. Wide numbers lie octet by octet (all lowest ones first), which
 * compresses a quarter better. Columns have names: a reader of another version takes those it knows. Pure.
 *
 * What is not whole is undefined, for the caller to count.
 */

import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Packr, Unpackr } from 'msgpackr';
import { addressColumns, numberColumns } from '../flow/flow_columns.ts';
import { AddressDictionary } from './flow_addresses.ts';
import { type BlockLayout, blockGroups, mapPresence, ownLayout, type PlacedColumns, placesIn } from './flow_layout.ts';
import type { PackedAddresses, PackedColumn, Segment } from './flow_segment.ts';

type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;
/** Octets of a code, base, bounds, values in the dictionary. */
type ColumnHead = readonly [width: number, base: number, low: number, high: number, dictionary: number];

export interface BlockHead {
  readonly first: number;
  readonly count: number;
  readonly writtenAtMs: number;
  /** Octets that were written since the block before and are none, for the account of what the disk has taken. */
  readonly asideOctets: number;
  readonly numbers: readonly ColumnHead[];
  readonly intervals: ColumnHead;
  /** Octets of a code, different addresses. */
  readonly addresses: readonly (readonly [width: number, count: number])[];
  /** Of each group: octets in the file, octets unpacked, CRC-32 of the former. */
  readonly groups: readonly (readonly [packed: number, octets: number, crc: number])[];
}

export interface EncodedBlock {
  readonly head: BlockHead;
  readonly groups: readonly Uint8Array[];
}

/** Levels above gain nothing on shuffled columns. */
const params = { [constants.ZSTD_c_compressionLevel]: 3 };
const turnOctets = 64 * 1_024;
/** A group of a full segment whose every column is as wide as can be. */
const groupOctetsMax = 16 * 1_024 * 1_024;
const addressWords = 5;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export function encodeBlock(segment: Segment, writtenAtMs: number): EncodedBlock {
  const parts: Uint8Array[][] = blockGroups.map(() => []);
  const { numbers, addresses, intervals } = ownLayout;
  const put = (column: PackedColumn, group: number): ColumnHead => {
    if (column.dictionary !== undefined) parts[group]!.push(shuffled(column.dictionary));
    if (column.codes !== undefined) parts[group]!.push(shuffled(column.codes));
    const width = column.codes?.BYTES_PER_ELEMENT ?? 0;
    return [width, column.base, column.low, column.high, column.dictionary?.length ?? 0];
  };
  const heads = {
    numbers: segment.numbers.map((column, i) => put(column, numbers[i]!.group)),
    intervals: put(segment.intervals, intervals),
    addresses: segment.addresses.map(({ codes, list }) => {
      parts[addresses.group]!.push(shuffled(listWords(list)));
      const narrow = list.count === 1 ? undefined : list.count <= 256 ? Uint8Array.from(codes) : codes;
      if (narrow !== undefined) parts[addresses.group]!.push(shuffled(narrow));
      return [narrow?.BYTES_PER_ELEMENT ?? 0, list.count] as const;
    }),
  };
  const raw = parts.map((part) => Buffer.concat(part));
  const groups = raw.map((octets) => zstdCompressSync(octets, { params, chunkSize: turnOctets }));
  const head: BlockHead = {
    first: segment.first,
    count: segment.count,
    writtenAtMs,
    asideOctets: 0,
    ...heads,
    groups: groups.map((packed, i) => [packed.length, raw[i]!.length, crc32(packed)] as const),
  };
  return { head, groups };
}

export function encodeHead({
  first,
  count,
  writtenAtMs,
  numbers,
  intervals,
  addresses,
  groups,
  asideOctets,
}: BlockHead): Uint8Array {
  return packr.pack([first, count, writtenAtMs, numbers.flat(), intervals, addresses.flat(), groups.flat(), asideOctets]);
}

export function decodeHead(octets: Uint8Array): BlockHead | undefined {
  let packed: unknown;
  try {
    packed = unpackr.unpack(octets);
  } catch {
    return undefined; // damage, which the caller counts
  }
  if (!Array.isArray(packed) || packed.length < 7) return undefined;
  // Blocks of before do not say what was written beside them.
  const [first, count, writtenAtMs, numbers, intervals, addresses, groups, asideOctets = 0] = packed as unknown[];
  const lists = [numbers, intervals, addresses, groups];
  if (!isNumbers([first, count, writtenAtMs, asideOctets]) || !lists.every(isNumbers)) return undefined;
  return {
    first: first as number,
    count: count as number,
    writtenAtMs: writtenAtMs as number,
    asideOctets: asideOctets as number,
    numbers: inTuples<ColumnHead>(numbers as number[], 5),
    intervals: intervals as unknown as ColumnHead,
    addresses: inTuples<readonly [number, number]>(addresses as number[], 2),
    groups: inTuples<readonly [number, number, number]>(groups as number[], 3),
  };
}

const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'number');

function inTuples<T>(flat: readonly number[], length: number): T[] {
  return Array.from({ length: flat.length / length }, (_, i) => flat.slice(i * length, (i + 1) * length) as T);
}

/** A segment of which only some groups have been read: columns of the others are not there. */
export class BlockReader {
  readonly #head: BlockHead;
  readonly #places: PlacedColumns;
  readonly #layout: BlockLayout;
  readonly #numbers: PackedColumn[];
  readonly #addresses: PackedAddresses[];
  #intervals: PackedColumn | undefined;

  constructor(head: BlockHead, layout: BlockLayout) {
    this.#head = head;
    this.#layout = layout;
    this.#places = placesIn(layout);
    // What a file of another version does not have is absent, and absent is 0.
    this.#numbers = numberColumns.map((_, i) => (this.#places.numbers[i] === -1 ? constant(0) : (undefined as never)));
    this.#addresses = addressColumns.map((_, i) =>
      this.#places.addresses[i] === -1 ? { codes: new Uint16Array(head.count), list: noAddresses() } : (undefined as never),
    );
  }

  /** False where it is not what was written. */
  take(group: number, packed: Uint8Array): boolean {
    const [, octets, crc] = this.#head.groups[group] ?? [0, 0, -1];
    if (crc32(packed) !== crc || octets > groupOctetsMax) return false;
    const raw = new Octets(zstdDecompressSync(packed, { maxOutputLength: octets + 1, chunkSize: octets + 64 }));
    const { numbers, addresses, intervals } = this.#layout;
    const columns = new Map<number, PackedColumn>();
    this.#head.numbers.forEach((head, theirs) => {
      if (numbers[theirs]?.group === group) columns.set(theirs, this.#column(head, raw));
    });
    this.#places.numbers.forEach((theirs, ours) => {
      const column = columns.get(theirs);
      if (column !== undefined) this.#numbers[ours] = column;
    });
    if (group === intervals) this.#intervals = this.#column(this.#head.intervals, raw);
    if (group === addresses.group) {
      const lists = this.#head.addresses.map((head) => this.#addressesOf(head, raw));
      this.#places.addresses.forEach((theirs, ours) => {
        if (lists[theirs] !== undefined) this.#addresses[ours] = lists[theirs];
      });
    }
    if (this.#places.presence !== undefined) {
      const { place, ours } = this.#places.presence;
      if (numbers[this.#places.numbers[place]!]?.group === group) this.#numbers[place] = mapPresence(this.#numbers[place]!, ours);
    }
    return true;
  }

  /** Shares what has been taken so far. */
  segment(): Segment {
    const { first, count } = this.#head;
    return { first, count, numbers: this.#numbers, addresses: this.#addresses, intervals: this.#intervals!, bytes: 0 };
  }

  #column([width, base, low, high, dictionary]: ColumnHead, raw: Octets): PackedColumn {
    const values = dictionary === 0 ? undefined : (raw.numbers(8, dictionary) as Float64Array);
    const codes = width === 0 ? undefined : raw.numbers(width, this.#head.count);
    return { codes, base, dictionary: values, low, high };
  }

  #addressesOf([width, count]: readonly [number, number], raw: Octets): PackedAddresses {
    const list = AddressDictionary.of(raw.numbers(4, count * addressWords) as Uint32Array<ArrayBuffer>);
    const rows = this.#head.count;
    return { codes: width === 0 ? new Uint16Array(rows) : Uint16Array.from(raw.numbers(width, rows)), list };
  }
}

const constant = (base: number): PackedColumn => ({ codes: undefined, base, dictionary: undefined, low: base, high: base });

function noAddresses(): AddressDictionary {
  return AddressDictionary.of(new Uint32Array(addressWords));
}

function listWords(list: PackedAddresses['list']): Uint32Array {
  const words = new Uint32Array(list.count * addressWords);
  for (let place = 0; place < list.count; place++) {
    const version = list.version(place);
    words[place * addressWords] = version;
    for (let i = 0; i < (version === 6 ? 4 : version === 4 ? 1 : 0); i++)
      words[place * addressWords + 1 + i] = list.word(place, i);
  }
  return words;
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The octets of numbers, plane by plane, the lowest first. */
function shuffled(values: Codes): Uint8Array {
  const octets = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const width = values.BYTES_PER_ELEMENT;
  if (width === 1) return octets;
  const planes = new Uint8Array(octets.length);
  const count = values.length;
  for (let plane = 0; plane < width; plane++) {
    const at = isLittleEndian ? plane : width - 1 - plane;
    for (let i = 0; i < count; i++) planes[plane * count + i] = octets[i * width + at]!;
  }
  return planes;
}

/** Takes one list of numbers after the other out of an unpacked group. */
class Octets {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  numbers(width: number, count: number): Codes {
    const planes = this.#octets.subarray(this.#at, this.#at + width * count);
    this.#at += width * count;
    if (width === 1) return planes;
    const octets = new Uint8Array(width * count);
    for (let plane = 0; plane < width; plane++) {
      const at = isLittleEndian ? plane : width - 1 - plane;
      for (let i = 0; i < count; i++) octets[i * width + at] = planes[plane * count + i]!;
    }
    if (width === 2) return new Uint16Array(octets.buffer);
    return width === 4 ? new Uint32Array(octets.buffer) : new Float64Array(octets.buffer);
  }
}
