/**
 * A filter made ready to run over segments: each test becomes a loop over columns. A test of a field that a record does not
 * have is false, whatever it compares; `not` turns that round. Pure.
 */
import { type FilterField, fieldNamed } from '../flow/filter/filter_fields.ts';
import type { AddressRange, Filter, FilterTest, NumberRange } from '../flow/filter/filter_syntax.ts';
import { addressColumn, addressColumns, numberColumn, numberColumns, presenceColumn, startColumn } from '../flow/flow_columns.ts';
import type { AddressList } from './flow_addresses.ts';
import {
  addressMask,
  allRows,
  bitsMask,
  both,
  either,
  inverse,
  type Mask,
  mergedRanges,
  noRows,
  type Ranges,
  rangeMask,
} from './flow_kernels.ts';
import { type PackedColumn, type Segment, segmentRows } from './flow_segment.ts';

export type Matcher = (segment: Segment) => Mask;

export function compileFilter(filter: Filter): Matcher {
  switch (filter.kind) {
    case 'all':
      return () => allRows;
    case 'not': {
      const part = compileFilter(filter.part);
      return (segment) => inverse(part(segment));
    }
    case 'test':
      return compileTest(filter);
    default: {
      const parts = filter.parts.map(compileFilter);
      const join = filter.kind === 'and' ? both : either;
      return (segment) => {
        let mask: Mask = filter.kind === 'and' ? allRows : noRows;
        for (const part of parts) mask = join(mask, () => part(segment));
        return mask;
      };
    }
  }
}

/** Records that were under way in [fromMs, toMs). */
export function inTime(fromMs: number, toMs: number): Matcher {
  const begun: Ranges = [{ low: Number.NEGATIVE_INFINITY, high: toMs * 1_000 - 1 }];
  const notOver: Ranges = [{ low: fromMs * 1_000, high: Number.POSITIVE_INFINITY }];
  return (segment) => {
    const start = segment.numbers[startColumn]!;
    const lasting = segment.numbers[endColumn]!;
    // By the bounds first: a segment outside the range, or inside it, needs no loop.
    if (start.high + lasting.high < fromMs * 1_000) return noRows;
    const early = rangeMask(start, segment.count, begun);
    if (start.low >= fromMs * 1_000) return early;
    return both(early, () => rangeMask(endTimes(segment), segment.count, notOver));
  };
}

const endColumn = numberColumn('flowEnd');

function compileTest(test: FilterTest): Matcher {
  const field = fieldNamed(test.field)!;
  const sides = sidesOf(field, test).map((columns) => compileSide(field, test, columns));
  if (sides.length === 1) return sides[0]!;
  const join = test.side === 'both' ? both : either;
  return (segment) => join(sides[0]!(segment), () => sides[1]!(segment));
}

/** Columns of each side that is asked for. */
export function sidesOf({ columns, derived, together }: FilterField, { side }: FilterTest): (readonly string[])[] {
  if (derived !== undefined || columns.length === 1) return [columns];
  if (side === 'src') return [columns.slice(0, 1)];
  if (side === 'dst') return [columns.slice(1)];
  return side === 'both' || together === 'either' ? columns.map((column) => [column]) : [columns];
}

function compileSide(field: FilterField, test: FilterTest, columns: readonly string[]): Matcher {
  if (field.kind === 'address') return compileAddresses(field, test, columns[0]!);
  // The presence of the first column stands for all: the reverse direction counts as nothing where it is absent.
  const bits = numberColumns[numberColumn(columns[0]!)]!.bits;
  const isThere = (segment: Segment): Mask =>
    bits === 0 ? allRows : bitsMask(segment.numbers[presenceColumn]!, segment.count, bits);
  if (test.operator === 'any') return isThere;
  const values = columnSource(field, columns);
  if (test.operator === 'has') {
    const wanted = test.values.map((value) => (value as NumberRange).low);
    return (segment) =>
      both(isThere(segment), () =>
        wanted.reduce<Mask>((mask, one) => either(mask, () => bitsMask(values(segment), segment.count, one)), noRows),
      );
  }
  const ranges = rangesOf(test);
  return (segment) => both(isThere(segment), () => rangeMask(values(segment), segment.count, ranges));
}

/** What a test of numbers accepts; not for `has` and `any`. */
export function rangesOf({ operator, values }: FilterTest): Ranges {
  if (values.some((value) => 'name' in value)) throw new Error('a label was not looked up');
  const ranges = values as readonly NumberRange[];
  const value = ranges[0]!.low;
  switch (operator) {
    case '<':
      return [{ low: Number.NEGATIVE_INFINITY, high: neighbour(value, -1) }];
    case '<=':
      return [{ low: Number.NEGATIVE_INFINITY, high: value }];
    case '>':
      return [{ low: neighbour(value, 1), high: Number.POSITIVE_INFINITY }];
    case '>=':
      return [{ low: value, high: Number.POSITIVE_INFINITY }];
    default:
      return mergedRanges(ranges);
  }
}

const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** The next number above or below; values are not negative, so bits are in the order of numbers. */
function neighbour(value: number, direction: 1 | -1): number {
  if (value === 0) return direction * Number.MIN_VALUE;
  double[0] = value;
  doubleBits[0]! += BigInt(direction);
  return double[0]!;
}

function compileAddresses(field: FilterField, test: FilterTest, column: string): Matcher {
  const index = addressColumn(column);
  const version = field.name.includes('IPv4') ? 4 : field.name.includes('IPv6') ? 6 : 0;
  const ranges = { 4: inOrder(test, 8), 6: inOrder(test, 32) };
  const isOf = (list: AddressList, place: number): boolean => {
    const own = list.version(place);
    if (own === 0 || (version !== 0 && addressColumns[index]!.byVersion && own !== version)) return false;
    return test.operator === 'any' || isInSome(ranges[own as 4 | 6], list, place);
  };
  return (segment) => {
    const addresses = segment.addresses[index]!;
    return addressMask(addresses, segment.count, (place) => isOf(addresses.list, place));
  };
}

interface WordRange {
  readonly version: number;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

export function wordsOf({ first, last }: AddressRange): WordRange {
  const words = (hex: string): number[] => (hex.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16));
  return { version: first.length === 8 ? 4 : 6, first: words(first), last: words(last) };
}

/** Ranges of addresses so long, apart from each other and in order: there may be thousands. */
function inOrder({ values }: FilterTest, digits: number): readonly WordRange[] {
  const merged: { first: string; last: string }[] = [];
  for (const { first, last } of (values as readonly AddressRange[])
    .filter((range) => range.first.length === digits)
    .sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return merged.map(wordsOf);
}

function isInSome(ranges: readonly WordRange[], list: AddressList, place: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAfter(list, place, ranges[middle]!.last)) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && !isBefore(list, place, ranges[low]!.first);
}

function isBefore(list: AddressList, place: number, words: readonly number[]): boolean {
  for (const [i, word] of words.entries()) if (list.word(place, i) !== word) return list.word(place, i) < word;
  return false;
}

function isAfter(list: AddressList, place: number, words: readonly number[]): boolean {
  for (const [i, word] of words.entries()) if (list.word(place, i) !== word) return list.word(place, i) > word;
  return false;
}

/** Where a field's numbers come from: a column as it lies, or one that is made for the segment at hand. */
export function columnSource(field: FilterField, columns: readonly string[]): (segment: Segment) => PackedColumn {
  const places = columns.map(numberColumn);
  const [first = 0, second = 0, third = 0, fourth = 0] = places;
  const at = (segment: Segment, place: number): PackedColumn => segment.numbers[place]!;
  switch (field.derived) {
    case 'duration':
      return (segment) => at(segment, endColumn);
    case 'bitRate':
    case 'packetRate': {
      const scale = field.derived === 'bitRate' ? 8e6 : 1e6;
      return (segment) =>
        made(segment, [endColumn, third, fourth], (lasting, there, back) => ((there + back) * scale) / Math.max(1_000, lasting));
    }
    case 'octetsPerPacket':
      return (segment) =>
        made(segment, places, (octets, back, packets, packetsBack) => (octets + back) / Math.max(1, packets + packetsBack));
    case 'highOctet':
      return (segment) => made(segment, [first], (value) => value >> 8);
    case 'lowOctet':
      return (segment) => made(segment, [first], (value) => value & 0xff);
    default:
  }
  if (columns.length === 2) {
    if (field.together === 'bits') return (segment) => made(segment, [first, second], (a, b) => a | b);
    return (segment) => made(segment, [first, second], (a, b) => a + b);
  }
  if (!numberColumns[first]!.sinceStart) return (segment) => at(segment, first);
  return (segment) => made(segment, [startColumn, first], (start, since) => start + since);
}

const endTimes = columnSource(fieldNamed('end')!, ['flowEnd']);

/** Columns spread out for a loop, and where its result lies; valid until the next one is made. */
const spread = Array.from({ length: 4 }, () => new Float64Array(segmentRows));

function made(
  segment: Segment,
  places: readonly number[],
  combine: (a: number, b: number, c: number, d: number) => number,
): PackedColumn {
  const { count } = segment;
  for (const [i, place] of places.entries()) spreadColumn(segment.numbers[place]!, count, spread[i]!);
  const [a, b, c, d] = spread as [Float64Array, Float64Array, Float64Array, Float64Array];
  const codes = a;
  for (let i = 0; i < count; i++) codes[i] = combine(a[i]!, b[i]!, c[i]!, d[i]!);
  return { codes, base: 0, dictionary: undefined, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
}

export function spreadColumn({ codes, base, dictionary }: PackedColumn, count: number, to: Float64Array): void {
  if (codes === undefined) to.fill(base, 0, count);
  else if (dictionary !== undefined) for (let i = 0; i < count; i++) to[i] = dictionary[codes[i]!]!;
  else for (let i = 0; i < count; i++) to[i] = base + codes[i]!;
}
