/** Octets as a specification shows them: hexadecimal with remarks, one field a line. */

/** `0a 0b  what it is` a line; what follows the first group of two spaces is a remark. */
export function octets(text: string): Uint8Array {
  const digits = text
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/)[0]!)
    .join('')
    .replaceAll(' ', '');
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not octets: ${digits}`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
