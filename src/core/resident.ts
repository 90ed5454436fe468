/** What of this process is in memory, from `/proc`; undefined where the system does not tell. */
import { readFile } from 'node:fs/promises';

/** Octets of a process that are in memory: its own, of files, of shared memory. */
export interface Resident {
  readonly anonymous: number;
  readonly files: number;
  readonly shared: number;
}

/** proc(5), `/proc/PID/status`: `RssAnon`, `RssFile` and `RssShmem`, kB each (Linux 4.5). */
export function parseResident(text: string): Resident | undefined {
  const [anonymous, files, shared] = ['Anon', 'File', 'Shmem'].map((kind) => {
    const kB = new RegExp(`^Rss${kind}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kB === undefined ? undefined : Number(kB) * 1_024;
  });
  return anonymous === undefined || files === undefined || shared === undefined ? undefined : { anonymous, files, shared };
}

export const residentFile = '/proc/self/status';

export async function residentNow(): Promise<Resident | undefined> {
  try {
    return parseResident(await readFile(residentFile, 'utf8'));
  } catch {
    return undefined; // not Linux, or no descriptor left
  }
}
