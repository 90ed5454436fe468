/**
 * What is known of a segment on disk without reading it: the bounds of each column, which presence bits some and all records
 * have, and a sketch of addresses, their prefixes, ports and other keys. `flow_skip.ts` asks it. Pure.
 */
import { addressColumns, numberColumns, presenceColumn } from '../flow/flow_columns.ts';
import type { AddressList } from './flow_addresses.ts';
import type { Segment } from './flow_segment.ts';
import { valueAt } from './flow_segment.ts';
import { type KeyHash, KeySketch, keyHash, kindOf } from './key_sketch.ts';

export interface FlowSummary {
  readonly first: number;
  readonly count: number;
  /** By place in `numberColumns`, over all records; what a record does not have counts as 0. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly presentInSome: number;
  readonly presentInAll: number;
  readonly keys: KeySketch;
}

/** Columns whose values are in the sketch, all of them, wherever they are below the bound. */
const sketchedBelow: Readonly<Record<string, number>> = {
  // Ports from here on are drawn at random by whoever opens a connection (RFC 6056): nearly every block holds nearly each.
  sourceTransportPort: 32_768,
  destinationTransportPort: 32_768,
  protocolIdentifier: 256,
  dot1qVlanId: 4_096,
  dot1qCustomerVlanId: 4_096,
  sourceMacAddress: 2 ** 48,
  destinationMacAddress: 2 ** 48,
  sourceCountryCode: 65_536,
  destinationCountryCode: 65_536,
  bgpSourceAsNumber: 2 ** 32,
  bgpDestinationAsNumber: 2 ** 32,
  siteLabelId: 2 ** 32,
  tenantLabelId: 2 ** 32,
  serviceLabelId: 2 ** 32,
  costCentreLabelId: 2 ** 32,
};

/** Bounds below which a column's values are in the sketch, by place; 0 for columns that are not in it. */
export const sketchBounds: readonly number[] = numberColumns.map(({ name }) => sketchedBelow[name] ?? 0);
const numberKinds = numberColumns.map(({ name }) => kindOf(name));
const addressKind = kindOf('address');
const prefixKind = kindOf('prefix');

export function numberKey(place: number, value: number): KeyHash {
  return keyHash(numberKinds[place]!, Math.floor(value / 2 ** 32), value >>> 0);
}

export function addressKey(version: number, words: readonly number[]): KeyHash {
  return keyHash(addressKind ^ version, ...words);
}

/** Bits of the prefixes that are in the sketch beside whole addresses: what a subnet usually has. */
export const sketchedPrefixBits: Readonly<Record<4 | 6, number>> = { 4: 24, 6: 64 };

export function prefixKey(version: number, words: readonly number[]): KeyHash {
  return keyHash(prefixKind ^ version, ...(version === 4 ? [words[0]! >>> 8] : words.slice(0, 2)));
}

export const wordsAt = (list: AddressList, place: number): number[] =>
  Array.from({ length: list.version(place) === 6 ? 4 : 1 }, (_, i) => list.word(place, i));

function* keysOf(segment: Segment): Generator<KeyHash> {
  for (let column = 0; column < addressColumns.length; column++) {
    const { list } = segment.addresses[column]!;
    for (let place = 0; place < list.count; place++) {
      const version = list.version(place);
      if (version === 0) continue;
      const words = wordsAt(list, place);
      yield addressKey(version, words);
      yield prefixKey(version, words);
    }
  }
  for (const [place, bound] of sketchBounds.entries()) {
    if (bound === 0) continue;
    for (const value of differentValues(segment, place)) if (value < bound) yield numberKey(place, value);
  }
}

function differentValues(segment: Segment, place: number): Iterable<number> {
  const column = segment.numbers[place]!;
  if (column.codes === undefined) return [column.base];
  if (column.dictionary !== undefined) return column.dictionary;
  const values = new Set<number>();
  for (let row = 0; row < segment.count; row++) values.add(valueAt(column, row));
  return values;
}

export function summaryOf(segment: Segment): FlowSummary {
  let some = 0;
  let all = 0xffff_ffff;
  for (const value of differentValues(segment, presenceColumn)) {
    some |= value;
    all &= value;
  }
  return {
    first: segment.first,
    count: segment.count,
    low: Float64Array.from(segment.numbers, ({ low }) => low),
    high: Float64Array.from(segment.numbers, ({ high }) => high),
    presentInSome: some >>> 0,
    presentInAll: all >>> 0,
    keys: KeySketch.of(keysOf(segment)),
  };
}
