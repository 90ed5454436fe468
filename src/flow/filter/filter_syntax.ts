/**
 * The filter language over flow records as a tree, and how a tree is written. What is written here reads back as the same
 * tree; `filter_parser.ts` reads, `config/flow-filter.md` (generated) documents. Pure.
 */
import { formatIpv4, formatIpv6 } from '../addresses.ts';
import { type FilterField, fieldNamed } from './filter_fields.ts';
import { writeNumber } from './filter_values.ts';
import { quoted } from './quotation.ts';

/** Which end of a flow: its source, its destination, one of them, or each of them. */
export const filterSides = ['src', 'dst', 'either', 'both'] as const;
export type FilterSide = (typeof filterSides)[number];

/**
 * `=` is true when one of the values holds; the others compare with one number. `has` asks for bits among others. `any`
 * asks whether the record has the field at all.
 */
export const filterOperators = ['=', '<', '<=', '>', '>=', 'has', 'any'] as const;
export type FilterOperator = (typeof filterOperators)[number];

/** Numbers in the unit of the field's column, both ends inclusive. */
export interface NumberRange {
  readonly low: number;
  readonly high: number;
}

/** Addresses from one to another, both inclusive, as hexadecimal octets: 8 digits for IPv4, 32 for IPv6. */
export interface AddressRange {
  readonly first: string;
  readonly last: string;
}

/** A label, before its number has been looked up; or a host’s name, before its addresses have. */
export interface NamedValue {
  readonly name: string;
}

export type FilterValue = NumberRange | AddressRange | NamedValue;

export interface FilterTest {
  readonly kind: 'test';
  readonly field: string;
  readonly side: FilterSide;
  readonly operator: FilterOperator;
  readonly values: readonly FilterValue[];
}

export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | FilterTest;

export const everyFlow: Filter = { kind: 'all' };

const sideWords: Readonly<Record<FilterSide, string>> = { src: 'src ', dst: 'dst ', either: '', both: 'src and dst ' };

/** The filter as text, in its one canonical form. */
export function writeFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return 'any';
    case 'not':
      return `not ${inBrackets(filter.part, filter.part.kind === 'and' || filter.part.kind === 'or')}`;
    case 'test':
      return writeTest(filter);
    default:
      // The same word inside its own kind would be read as one list: brackets keep the tree.
      return filter.parts
        .map((part) => inBrackets(part, part.kind === 'or' || part.kind === filter.kind))
        .join(` ${filter.kind} `);
  }
}

function inBrackets(part: Filter, brackets: boolean): string {
  return brackets ? `(${writeFilter(part)})` : writeFilter(part);
}

function writeTest({ field, side, operator, values }: FilterTest): string {
  const known = fieldNamed(field)!;
  const name = `${sideWords[side]}${field}`;
  if (operator === 'any') return `${name} any`;
  const written = values.map((value) => writeValue(known, value));
  const list = written.length === 1 ? written[0]! : `[${written.join(', ')}]`;
  if (operator === 'has') return `${name} ${list}`;
  // Without a sign a number of flags would mean `has`.
  if (operator === '=' && known.kind !== 'flags') return `${name} ${list}`;
  return `${name} ${operator} ${list}`;
}

function writeValue(field: FilterField, value: FilterValue): string {
  if ('name' in value) return quoted(value.name);
  if ('first' in value) return writeAddresses(value);
  if (value.low === value.high) return writeNumber(field, value.low);
  return `${writeNumber(field, value.low)}..${writeNumber(field, value.high)}`;
}

/** One address, a prefix where the range is one, else the two ends. */
function writeAddresses({ first, last }: AddressRange): string {
  if (first === last) return addressText(first);
  const bits = prefixBits(first, last);
  return bits === undefined ? `${addressText(first)}..${addressText(last)}` : `${addressText(first)}/${bits}`;
}

export function addressText(hex: string): string {
  const octets = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return octets.length === 4 ? formatIpv4(octets) : formatIpv6(octets);
}

/** Length of the prefix that holds exactly these addresses, or undefined. */
function prefixBits(first: string, last: string): number | undefined {
  const [a, b] = [BigInt(`0x${first}`), BigInt(`0x${last}`)];
  const hostMask = a ^ b;
  const isMask = (hostMask & (hostMask + 1n)) === 0n;
  if (!isMask || (a & hostMask) !== 0n) return undefined;
  return first.length * 4 - hostMask.toString(2).length;
}
