/** Pseudonyms: the published examples of Crypto-PAn, and what prefix preservation promises. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIpv4, formatIpv6, parseAddress } from '../../../src/flow/addresses.ts';
import { PSEUDONYM_KEY_OCTETS, Pseudonyms } from '../../../src/forward/privacy/pseudonyms.ts';

// Key and pairs of the sample trace that came with the scheme's first publication; every implementation is checked with them.
const key = Uint8Array.of(
  ...[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
  ...[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2],
);

test.each([
  ['128.11.68.132', '135.242.180.132'],
  ['129.118.74.4', '134.136.186.123'],
  ['130.132.252.244', '133.68.164.234'],
  ['141.223.7.43', '141.167.8.160'],
  ['141.233.145.108', '141.129.237.235'],
  ['152.163.225.39', '151.140.114.167'],
  ['156.29.3.236', '147.225.12.42'],
  ['165.247.96.84', '162.9.99.234'],
  ['166.107.77.190', '160.132.178.185'],
  ['192.102.249.13', '252.138.62.131'],
])('%s is %s', (address, pseudonym) => {
  expect(formatIpv4(new Pseudonyms(key).of(parseAddress(address)!))).toBe(pseudonym);
});

const sharedBits = (a: Uint8Array, b: Uint8Array): number => {
  for (let bit = 0; bit < a.length * 8; bit++) if (((a[bit >> 3]! ^ b[bit >> 3]!) >> (7 - (bit & 7))) & 1) return bit;
  return a.length * 8;
};

test.each([4, 16])(
  'of two addresses of %i octets, the pseudonyms share as many bits as the addresses, never fewer or more',
  (octets) => {
    const pseudonyms = new Pseudonyms(key);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: octets, maxLength: octets }),
        fc.nat(octets * 8),
        fc.uint8Array({ minLength: octets, maxLength: octets }),
        (one, shared, rest) => {
          // Another address with so many bits in common, or more.
          const other = Uint8Array.from(rest);
          for (let bit = 0; bit < shared; bit++) {
            const mask = 0x80 >> (bit & 7);
            other[bit >> 3] = (other[bit >> 3]! & ~mask) | (one[bit >> 3]! & mask);
          }
          expect(sharedBits(pseudonyms.of(one), pseudonyms.of(other))).toBe(sharedBits(one, other));
        },
      ),
      { seed: 20, numRuns: 300 },
    );
  },
);

test('another cipher key and another pad give other pseudonyms; the same key the same in every run', () => {
  const address = parseAddress('2001:db8:17:10::26')!;
  const of = (changed: number): string => {
    const other = Uint8Array.from(key);
    if (changed >= 0) other[changed]! ^= 1;
    return formatIpv6(new Pseudonyms(other).of(address));
  };
  expect(new Set([of(-1), of(0), of(31)]).size).toBe(3);
  expect(of(-1)).toBe(of(-1));
});

test('the memory of pseudonyms is bounded, and what is forgotten comes out the same again', () => {
  const pseudonyms = new Pseudonyms(key, 100);
  const address = (n: number): Uint8Array => Uint8Array.of(10, 0, n >> 8, n & 255);
  const first = formatIpv4(pseudonyms.of(address(0)));
  for (let n = 1; n < 1_000; n++) pseudonyms.of(address(n));
  expect(pseudonyms.remembered).toBe(100);
  expect(formatIpv4(pseudonyms.of(address(0)))).toBe(first);
});

test('a key of another length is refused', () => {
  expect(() => new Pseudonyms(key.subarray(1))).toThrow(`${PSEUDONYM_KEY_OCTETS - 1} octets`);
});
