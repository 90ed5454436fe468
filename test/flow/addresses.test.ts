import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIpv4, formatIpv6, formatMac, parseAddress, parsePrefix } from '../../src/flow/addresses.ts';

describe('addresses', () => {
  // The examples of RFC 5952 sections 1, 4 and 5.
  test.each([
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ['::ffff:c000:0201', '::ffff:192.0.2.1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is written %s', (input, output) => {
    expect(formatIpv6(parseAddress(input)!)).toBe(output);
  });

  test.each([
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1::',
    ':::',
    '12345::',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '::1.2.3',
    'fe80::1%eth0',
    '',
  ])('%s is no address', (input) => {
    expect(parseAddress(input)).toBeUndefined();
  });

  test('what is written is read back, whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        expect(parseAddress(formatIpv6(octets))).toEqual(octets);
        expect(parseAddress(formatIpv4(octets, 3))).toEqual(octets.slice(3, 7));
      }),
    );
  });

  test('a MAC address has six pairs', () => {
    expect(formatMac(Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xff))).toBe('02:00:5e:10:00:ff');
  });

  test('host bits of a prefix are cleared', () => {
    expect(parsePrefix('10.1.255.7/17')).toEqual({ octets: Uint8Array.of(10, 1, 128, 0), bits: 17 });
    expect(parsePrefix('0.0.0.0/0')).toEqual({ octets: new Uint8Array(4), bits: 0 });
    expect(parsePrefix('2001:db8:ffff::/33')?.octets.slice(0, 6)).toEqual(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0x80, 0));
    for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0/8', '::/129', '10.0.0.0/-1'])
      expect(parsePrefix(bad)).toBeUndefined();
  });
});
