import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIpv6, parseAddress, parsePrefix } from '../../src/flow/addresses.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { localities } from '../../src/flow/row_locality.ts';
import { rangesOf } from '../../src/pipeline/address_ranges.ts';
import { markLocality } from './count_rows.ts';
import { blockOf } from './rows.ts';

/** Whether an address is inside, as the mark in a row tells that it is from there. */
function markOf(prefixes: readonly string[]): (address: string) => boolean {
  const locality = markLocality(rangesOf(prefixes));
  return (address) => {
    const destination = address.includes(':') ? '2001:db8::1' : '192.0.2.1';
    const block = blockOf([{ source: address, destination, startNs: 0n, endNs: 0n, octets: 1, packets: 1 }], 'boot', 0n);
    locality.mark(block.bytes, block.firstRow, 1);
    return (new RowCursor(block.bytes).at(0, block.firstRow).networkLocality & localities.sourceInside) !== 0;
  };
}

/** Bit by bit, as the definition of a prefix says. */
function matches(prefix: string, address: string): boolean {
  const { octets, bits } = parsePrefix(prefix)!;
  const other = parseAddress(address)!;
  if (octets.length !== other.length) return false;
  const bit = (of: Uint8Array, i: number): number => (of[i >> 3]! >> (7 - (i & 7))) & 1;
  for (let i = 0; i < bits; i++) if (bit(octets, i) !== bit(other, i)) return false;
  return true;
}

describe('ranges of prefixes', () => {
  test('first and last address of a prefix are in, their neighbours are out', () => {
    const isInside = markOf(['10.20.0.0/14', '192.0.2.128/25', '2001:db8:8000::/33']);
    for (const inside of [
      '10.20.0.0',
      '10.23.255.255',
      '192.0.2.128',
      '192.0.2.255',
      '2001:db8:8000::',
      '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    ])
      expect(isInside(inside), inside).toBe(true);
    for (const outside of [
      '10.19.255.255',
      '10.24.0.0',
      '192.0.2.127',
      '192.0.3.0',
      '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff',
      '2001:db9::',
    ])
      expect(isInside(outside), outside).toBe(false);
  });

  test('nothing, everything, a single address', () => {
    expect(markOf([])('10.0.0.1')).toBe(false);
    expect(markOf([])('::')).toBe(false);
    const all = markOf(['0.0.0.0/0', '::/0']);
    for (const address of ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'])
      expect(all(address)).toBe(true);
    const one = markOf(['198.51.100.7/32']);
    expect(['198.51.100.6', '198.51.100.7', '198.51.100.8'].map(one)).toEqual([false, true, false]);
  });

  test('any prefixes, nested and overlapping, against their definition', () => {
    // Few distinct octets, so that prefixes nest and addresses fall on their edges.
    const octet = fc.constantFrom(0, 1, 127, 128, 254, 255);
    const v4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((octets) => octets.join('.'));
    const v6 = fc.array(octet, { minLength: 16, maxLength: 16 }).map((octets) => formatIpv6(Uint8Array.from(octets)));
    const prefix = fc.oneof(
      fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
      fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([address, bits]) => `${address}/${bits}`),
    );
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 12 }),
        fc.array(fc.oneof(v4, v6), { minLength: 5, maxLength: 20 }),
        (prefixes, addresses) => {
          const isInside = markOf(prefixes);
          for (const address of addresses) expect(isInside(address)).toBe(prefixes.some((one) => matches(one, address)));
        },
      ),
      { numRuns: 500 },
    );
  });
});
