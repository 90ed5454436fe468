/**
 * Files that are read whole and replaced whole: written beside, synced, renamed, the folder synced, so that a cut leaves the old or the new,
 * and the new once it was told. Of folders that may not be there, on partitions that may hold anything. An edge; synchronous, for commands.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../core/errors.ts';

const fileOctetsMax = 256 * 1024;
const filesMax = 64;

/** By name, at most `filesMax`; what is too large or no file is left out. */
export function readFiles(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of names(folder).sort().slice(0, filesMax)) {
    const text = textOf(join(folder, name), fileOctetsMax);
    if (text !== undefined) files[name] = text; // else no certificate; what names it is told that it is missing
  }
  return files;
}

/** Whoever owns the folder of settings: the service reads them as its own user's group. */
export function ownerOf(folder: string): { uid: number; gid: number } | undefined {
  mkdirSync(folder, { recursive: true });
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}

export function replace(path: string, text: string, mode: number, owner?: { uid: number; gid: number }): void {
  mkdirSync(dirname(path), { recursive: true });
  if (textOf(path) === text && (statSync(path).mode & 0o777) === mode) return;
  const fresh = `${path}.new`;
  const fd = openSync(fresh, 'w', mode);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chmodSync(fresh, mode);
  if (owner !== undefined && process.getuid?.() === 0) chownSync(fresh, owner.uid, owner.gid);
  moveTo(fresh, path);
}

/** Lasting when it returns: a name that only memory knows would be the former one again after a power cut. */
export function moveTo(from: string, to: string): void {
  renameSync(from, to);
  // FAT keeps where a file lies with its name, and writes that with the file: until then the new name leads to the former octets.
  sync(to);
  sync(dirname(to));
}

/** As lasting as `moveTo`; a folder goes as a whole, by its name first. Nothing where nothing is. */
export function remove(path: string): void {
  const going = `${path}.new`;
  rmSync(going, { recursive: true, force: true });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) {
    moveTo(path, going);
    rmSync(going, { recursive: true });
  } else rmSync(path);
  sync(dirname(path));
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // A stick's file system may have no such thing for folders.
    if (!['EINVAL', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    closeSync(fd);
  }
}

export function textOf(path: string, octetsMax = Number.POSITIVE_INFINITY): string | undefined {
  try {
    return statSync(path).size > octetsMax ? undefined : readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there, a folder, or not readable: it is as if it were not there
  }
}

export function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
