/**
 * The loops of a search: a test over one column of a segment gives a mask, one octet a row. `allRows` and `noRows` stand for
 * masks without a loop: most tests of most segments end there, by the column's bounds. Pure.
 */
import type { PackedAddresses, PackedColumn } from './flow_segment.ts';

export const allRows = 'all';
export const noRows = 'none';
/** Octets of 1 and 0, as many as the segment has rows. */
export type Mask = typeof allRows | typeof noRows | Uint8Array;

/** Numbers that are accepted: both ends inclusive, in ascending order, apart from each other. */
export type Ranges = readonly { readonly low: number; readonly high: number }[];

export function mergedRanges(ranges: Ranges): Ranges {
  const merged: { low: number; high: number }[] = [];
  for (const { low, high } of [...ranges].sort((a, b) => a.low - b.low)) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last.high) last.high = Math.max(last.high, high);
    else merged.push({ low, high });
  }
  return merged;
}

export function accepts(ranges: Ranges, value: number): boolean {
  let from = 0;
  let to = ranges.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const { low, high } = ranges[middle]!;
    if (value < low) to = middle;
    else if (value > high) from = middle + 1;
    else return true;
  }
  return false;
}

export function rangeMask(column: PackedColumn, count: number, ranges: Ranges): Mask {
  const { codes, base, dictionary, low, high } = column;
  const near = ranges.filter((range) => range.high >= low && range.low <= high);
  if (near.length === 0) return noRows;
  if (near.some((range) => range.low <= low && range.high >= high)) return allRows;
  if (codes === undefined) return accepts(near, base) ? allRows : noRows;
  if (dictionary !== undefined)
    return byTable(
      codes,
      count,
      Uint8Array.from(dictionary, (value) => Number(accepts(near, value))),
    );
  if (codes instanceof Uint8Array)
    return byTable(
      codes,
      count,
      Uint8Array.from({ length: 256 }, (_, code) => Number(accepts(near, base + code))),
    );
  const mask = new Uint8Array(count);
  if (near.length === 1) {
    const from = near[0]!.low - base;
    const to = near[0]!.high - base;
    for (let i = 0; i < count; i++) {
      const code = codes[i]!;
      mask[i] = Number(code >= from) & Number(code <= to);
    }
  } else for (let i = 0; i < count; i++) mask[i] = Number(accepts(near, base + codes[i]!));
  return mask;
}

/** Rows whose number has all of these bits. */
export function bitsMask(column: PackedColumn, count: number, bits: number): Mask {
  const has = (value: number): number => Number((value & bits) >>> 0 === bits);
  const { codes, base, dictionary } = column;
  if (codes === undefined) return has(base) ? allRows : noRows;
  if (dictionary !== undefined) return byTable(codes, count, Uint8Array.from(dictionary, has));
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i++) mask[i] = has(base + codes[i]!);
  return mask;
}

export function addressMask({ codes, list }: PackedAddresses, count: number, isWanted: (place: number) => boolean): Mask {
  return byTable(
    codes,
    count,
    Uint8Array.from({ length: list.count }, (_, place) => Number(isWanted(place))),
  );
}

function byTable(codes: ArrayLike<number>, count: number, table: Uint8Array): Mask {
  const wanted = table.reduce((sum, entry) => sum + entry, 0);
  if (wanted === 0) return noRows;
  if (wanted === table.length) return allRows;
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i++) mask[i] = table[codes[i]!]!;
  return mask;
}

/** May write into `a`. */
export function both(a: Mask, b: () => Mask): Mask {
  if (a === noRows) return noRows;
  const other = b();
  if (a === allRows || other === noRows) return other;
  if (other === allRows) return a;
  for (let i = 0; i < a.length; i++) a[i]! &= other[i]!;
  return a;
}

/** May write into `a`. */
export function either(a: Mask, b: () => Mask): Mask {
  if (a === allRows) return allRows;
  const other = b();
  if (a === noRows || other === allRows) return other;
  if (other === noRows) return a;
  for (let i = 0; i < a.length; i++) a[i]! |= other[i]!;
  return a;
}

export function inverse(mask: Mask): Mask {
  if (mask === allRows) return noRows;
  if (mask === noRows) return allRows;
  for (let i = 0; i < mask.length; i++) mask[i]! ^= 1;
  return mask;
}
