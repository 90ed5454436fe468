/**
 * Whether a filter tells single addresses apart: for readers who may see prefixes only, and could otherwise find out an address
 * by asking for it. Pure.
 */
import { fieldNamed } from './filter_fields.ts';
import type { AddressRange, Filter, FilterTest, NumberRange } from './filter_syntax.ts';

/** Bits of an address that may be told, as a reader sees it. */
export interface SeenBits {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** A MAC's vendor is what is left of it. */
const macTail = 2 ** 24;

export function tellsAddressesApart(filter: Filter, seen: SeenBits): boolean {
  switch (filter.kind) {
    case 'all':
      return false;
    case 'not':
      return tellsAddressesApart(filter.part, seen);
    case 'test':
      return testTellsApart(filter, seen);
    default:
      return filter.parts.some((part) => tellsAddressesApart(part, seen));
  }
}

function testTellsApart({ field, values }: FilterTest, seen: SeenBits): boolean {
  const { kind } = fieldNamed(field)!;
  // Who is called so is not told them either.
  if (kind === 'hostName') return true;
  if (kind === 'mac')
    return (values as readonly NumberRange[]).some(({ low, high }) => low % macTail !== 0 || (high + 1) % macTail !== 0);
  return kind === 'address' && (values as readonly AddressRange[]).some((range) => cutsPrefix(range, seen));
}

/** True when an end of the range lies inside a prefix that is seen as one. */
function cutsPrefix({ first, last }: AddressRange, { ipv4, ipv6 }: SeenBits): boolean {
  const bits = 4 * first.length;
  const hostMask = (1n << BigInt(bits - (bits === 32 ? ipv4 : ipv6))) - 1n;
  return (BigInt(`0x${first}`) & hostMask) !== 0n || (BigInt(`0x${last}`) & hostMask) !== hostMask;
}
