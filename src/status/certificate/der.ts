/** What of DER (X.690) a certificate needs: tag, length, content. Pure. */

export type Der = Uint8Array;

/** @param tag one octet: class, constructed bit and number */
export function element(tag: number, ...contents: readonly Uint8Array[]): Der {
  const length = contents.reduce((sum, { length: octets }) => sum + octets, 0);
  return Buffer.concat([Uint8Array.of(tag), lengthOctets(length), ...contents]);
}

/** X.690 8.1.3: below 128 as it is, else the number of octets and the octets. */
function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

export const sequence = (...items: readonly Der[]): Der => element(0x30, ...items);
export const set = (...items: readonly Der[]): Der => element(0x31, ...items);
export const boolean = (value: boolean): Der => element(0x01, Uint8Array.of(value ? 0xff : 0));
export const octetString = (content: Uint8Array): Der => element(0x04, content);
export const bitString = (content: Uint8Array, unusedBits = 0): Der => element(0x03, Uint8Array.of(unusedBits), content);
export const utf8 = (text: string): Der => element(0x0c, Buffer.from(text, 'utf8'));
/** `[n] EXPLICIT`. */
export const explicit = (number: number, content: Der): Der => element(0xa0 | number, content);
/** `[n] IMPLICIT` of a primitive type. */
export const implicit = (number: number, content: Uint8Array): Der => element(0x80 | number, content);

/** A number that is not negative: shortest form, a zero before a leading one bit (X.690 8.3). */
export function integer(octets: Uint8Array): Der {
  let from = 0;
  while (from < octets.length - 1 && octets[from] === 0) from++;
  const shortest = octets.subarray(from);
  return (shortest[0] ?? 0) >= 0x80
    ? element(0x02, Uint8Array.of(0), shortest)
    : element(0x02, shortest.length === 0 ? Uint8Array.of(0) : shortest);
}

/** `1.2.840.10045.4.3.2`, in base 128 (X.690 8.19). */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((number) => {
    const digits = [number % 128];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
    return digits;
  });
  return element(0x06, Uint8Array.from(octets));
}

/** RFC 5280 4.1.2.5: two digits of the year until 2049, four from then on. */
export function time(atMs: number): Der {
  const text = new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return Number(text.slice(0, 4)) < 2_050 ? element(0x17, Buffer.from(text.slice(2))) : element(0x18, Buffer.from(text));
}
