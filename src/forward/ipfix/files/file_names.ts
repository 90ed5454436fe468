/**
 * Names of the files of one destination, and which of them have had their time. Pure.
 *
 * `DESTINATION-NUMBER-STARTZ.ipfix`: the number counts up, so that order survives a clock that was set; `.part` is appended
 * while a file is being written, so that whoever collects `*.ipfix` never meets half a file.
 */
import { ageByLabelMs } from '../../../core/clock.ts';
import { type Compression, compressions, suffixes } from '../../../flow/file_compression.ts';

/** Appended while a file is being written. */
export const PART = '.part';

export interface FileName {
  readonly name: string;
  readonly number: number;
  readonly compression: Compression;
  /** Still being written, or left so by a crash. */
  readonly part: boolean;
}

export interface KeptFile extends FileName {
  readonly octets: number;
  readonly modifiedMs: number;
}

export interface Retention {
  readonly filesMax: number;
  readonly bytesMax: number;
  readonly ageMaxS: number;
}

export function fileName(destination: string, number: number, startMs: number): string {
  const start = new Date(startMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${destination}-${String(number).padStart(8, '0')}-${start}.ipfix`;
}

/** Undefined for a file that is not this destination's: such a file is never touched. */
export function parseFileName(destination: string, name: string): FileName | undefined {
  if (!name.startsWith(`${destination}-`)) return undefined;
  const match = /^(\d{8,15})-\d{8}T\d{6}Z\.ipfix(\.gz|\.zst)?(\.part)?$/.exec(name.slice(destination.length + 1));
  if (match === null) return undefined;
  const compression = compressions.find((one) => suffixes[one] === (match[2] ?? '')) as Compression;
  return { name, number: Number(match[1]), compression, part: match[3] !== undefined };
}

/** Finished files to delete, the oldest first; the newest finished one always stays. */
export function expired<F extends KeptFile>(files: readonly F[], retention: Retention, wallMs: number): F[] {
  const finished = files.filter(({ part }) => !part).sort((a, b) => a.number - b.number);
  let octets = finished.reduce((sum, file) => sum + file.octets, 0);
  const gone: F[] = [];
  for (const [index, file] of finished.slice(0, -1).entries()) {
    const tooMany = finished.length - index > retention.filesMax || octets > retention.bytesMax;
    if (!tooMany && ageByLabelMs(file.modifiedMs, wallMs) <= retention.ageMaxS * 1_000) break;
    gone.push(file);
    octets -= file.octets;
  }
  return gone;
}
