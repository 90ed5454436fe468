/** Files as a tar archive (POSIX.1-2017 pax, the ustar header), in the order given, with the same octets for the same input. Pure. */

export interface ArchiveFile {
  /** At most 100 octets, ASCII. */
  readonly path: string;
  readonly octets: Uint8Array;
}

const blockOctets = 512;

/** @param mtimeS of every file, seconds since 1970 */
export function tar(files: readonly ArchiveFile[], mtimeS: number): Buffer {
  const parts = files.flatMap(({ path, octets }) => {
    const padding = Buffer.alloc((blockOctets - (octets.length % blockOctets)) % blockOctets);
    return [header(path, octets.length, mtimeS), octets, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockOctets)]);
}

function header(path: string, octets: number, mtimeS: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`${path}: too long for a tar header; allowed: 100 octets`);
  const block = Buffer.alloc(blockOctets);
  const octal = (value: number, digits: number): string => `${Math.floor(value).toString(8).padStart(digits, '0')}\0`;
  block.write(path, 0);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(octets, 11), 124);
  block.write(octal(mtimeS, 11), 136);
  block.write('        ', 148); // the sum counts its own field as blanks
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, octet) => total + octet, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
