/**
 * Prefixes as sorted ranges of addresses, none within another: what a search by halves needs. Pure.
 */
import { type AddressPrefix, parsePrefix } from '../flow/addresses.ts';
import type { InsideRanges } from '../flow/row_locality.ts';

/** One range: inclusive ends, as words of 32 bits, one for IPv4 and four for IPv6. */
interface Range {
  first: number[];
  last: number[];
}

/** @param prefixes as in the settings, already checked there; throws for anything else (a bug) */
export function rangesOf(prefixes: readonly string[]): InsideRanges {
  const parsed = prefixes.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new Error(`not a prefix: ${text}`);
    return prefix;
  });
  const ofLength = (length: number): Uint32Array =>
    flatten(merge(parsed.filter(({ octets }) => octets.length === length).map(rangeOf)));
  return { v4: ofLength(4), v6: ofLength(16) };
}

function rangeOf({ octets, bits }: AddressPrefix): Range {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const first = Array.from({ length: octets.length / 4 }, (_, word) => view.getUint32(4 * word));
  const last = first.map((value, word) => {
    const hostBits = Math.min(32, Math.max(0, 32 - (bits - 32 * word)));
    return value + (2 ** hostBits - 1);
  });
  return { first, last };
}

/** Sorted by start, overlapping ones joined, so that ends are sorted as well. */
function merge(ranges: Range[]): Range[] {
  const merged: Range[] = [];
  for (const range of ranges.sort((a, b) => compare(a.first, b.first))) {
    const previous = merged.at(-1);
    if (previous !== undefined && compare(range.first, previous.last) <= 0) {
      if (compare(previous.last, range.last) < 0) previous.last = range.last;
    } else merged.push({ ...range });
  }
  return merged;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [word, value] of a.entries()) {
    if (value !== b[word]) return value - b[word]!;
  }
  return 0;
}

function flatten(ranges: readonly Range[]): Uint32Array {
  return Uint32Array.from(ranges.flatMap(({ first, last }) => [...first, ...last]));
}
