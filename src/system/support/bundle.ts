/**
 * A support bundle from texts: scrubbed, bounded, in one order, as a tar.gz. Pure. A text that is too long keeps its end, since the newest lines
 * tell what is wrong.
 */
import { gzipSync } from 'node:zlib';
import { tar } from './tar.ts';

/** Of one text; the whole is bounded by the number of texts, and compresses to a tenth. */
export const textOctetsMax = 2 * 1024 * 1024;
const textsMax = 32;

export interface BundleParts {
  /** Folder in the archive: letters, digits, dash. */
  readonly name: string;
  readonly texts: Readonly<Record<string, string>>;
  readonly scrub: (text: string) => string;
  readonly mtimeS: number;
}

export function supportBundle({ name, texts, scrub, mtimeS }: BundleParts): Buffer {
  const files = Object.entries(texts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, textsMax)
    .map(([path, text]) => ({ path: `${name}/${path}`, octets: endOf(scrub(text)) }));
  return gzipSync(tar(files, mtimeS), { level: 9 });
}

function endOf(text: string): Buffer {
  const octets = Buffer.from(text);
  if (octets.length <= textOctetsMax) return octets;
  const note = Buffer.from(`(the first ${octets.length - textOctetsMax} octets are left out)\n`);
  return Buffer.concat([note, octets.subarray(octets.length - textOctetsMax)]);
}
