/**
 * The files that tell how the box is. An edge: reads text, decides nothing; undefined for what is not there, which is
 * usual (a PC has no device tree, a virtual machine no sensor). Starts no process.
 */
import { readFileSync } from 'node:fs';
import { readdir, stat, statfs } from 'node:fs/promises';
import { release } from 'node:os';

export type ReadText = (path: string) => Promise<string | undefined>;

export const readText: ReadText = async (path) => {
  try {
    // Read in place: the kernel answers from memory in microseconds, fifteen times quicker than by way of the thread pool.
    // What touches a disk (statfs, stat) goes that way, since a dying card may take seconds.
    return readFileSync(path, 'utf8');
  } catch {
    // Missing, unreadable, or a sensor that answers with an error: all mean that this machine does not tell.
    return undefined;
  }
};

export interface HostFiles {
  readonly read: ReadText;
  /** Names in a folder, none if there is none. */
  list(path: string): Promise<string[]>;
  /** Room of the file system that holds the path. */
  room(path: string): Promise<{ totalOctets: number; freeOctets: number } | undefined>;
  /** `st_dev` of the path. */
  device(path: string): Promise<number | undefined>;
  kernel(): string;
  /** Resident memory of this process. */
  processOctets(): number;
}

export const hostFiles: HostFiles = {
  read: readText,
  async list(path) {
    try {
      return (await readdir(path)).sort();
    } catch {
      // No such class of devices on this machine.
      return [];
    }
  },
  async room(path) {
    try {
      const { blocks, bavail, bsize } = await statfs(path);
      return { totalOctets: blocks * bsize, freeOctets: bavail * bsize };
    } catch {
      // The data folder may not be there yet, or its disk may be dead: the page says so elsewhere.
      return undefined;
    }
  },
  async device(path) {
    try {
      return (await stat(path)).dev;
    } catch {
      // As above.
      return undefined;
    }
  },
  kernel: () => release(),
  processOctets: () => process.memoryUsage.rss(),
};
