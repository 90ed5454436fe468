/**
 * What went wrong with a store, as one of our codes. LevelDB says "I/O error" with words but no number, and words are not
 * read here: the folder itself is asked instead, by writing a little file. Limits: one probe file of `probeOctets`, gone
 * again at once. Owned by whoever holds the store.
 */
import { constants } from 'node:fs';
import { access, mkdir, open, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApplianceError, type ErrorCode, systemCode } from '../core/errors.ts';

/** What LevelDB needs to go on: a write buffer's worth of log, and tables for a compaction. */
const probeOctets = 256 * 1024;

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const closedCodes = new Set(['LEVEL_ITERATOR_NOT_OPEN', 'LEVEL_BATCH_NOT_OPEN', 'LEVEL_ABORTED', 'LEVEL_SNAPSHOT_NOT_OPEN']);

/** Whether the folder takes a write: undefined when it does, else `storeFull` or `storeUnwritable` with the cause. */
export async function probeFolder(path: string, freeOctetsMin: number): Promise<{ code: ErrorCode; cause: unknown } | undefined> {
  const file = join(path, '.probe');
  try {
    await createFolders(path);
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize < freeOctetsMin) return { code: 'storeFull', cause: undefined };
    const handle = await open(file, 'w');
    try {
      await handle.write(Buffer.alloc(probeOctets, 0x5a));
      await handle.sync();
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    return undefined;
  } catch (error) {
    return { code: fullCodes.has(systemCode(error) ?? '') ? 'storeFull' : 'storeUnwritable', cause: error };
  }
}

/**
 * The failure of a LevelDB call as an ApplianceError.
 * @param during a read that fails on a sound disk means damage; a write may fail because the disk was full a moment ago,
 *   which opening again cures
 */
export async function storeError(
  error: unknown,
  path: string,
  during: 'open' | 'read' | 'write',
  freeOctetsMin: number,
): Promise<ApplianceError> {
  if (error instanceof ApplianceError) return error;
  const cause = systemCode(error) === 'LEVEL_DATABASE_NOT_OPEN' ? (error as Error).cause : error;
  const code = systemCode(cause);
  const make = (kind: ErrorCode, message: string, because: unknown = cause): ApplianceError =>
    new ApplianceError(kind, message, { cause: because, fields: { path } });
  if (cause === undefined || cause === null || closedCodes.has(code ?? ''))
    return make('storeClosed', 'the store is closed', error);
  if (code === 'LEVEL_LOCKED') return make('storeLocked', `${path} is in use by another process`);
  if (code === 'LEVEL_DATABASE_NOT_OPEN') return make('storeClosed', 'the store is closed');
  const probe = await probeFolder(path, freeOctetsMin);
  if (probe?.code === 'storeFull') return make('storeFull', `no room left for ${path}`, probe.cause ?? cause);
  if (probe !== undefined) return make('storeUnwritable', `${path} cannot be written`, probe.cause ?? cause);
  if (code === 'LEVEL_CORRUPTION') return make('storeDamaged', `${path} is damaged`);
  if (code === 'LEVEL_IO_ERROR' && during !== 'write') return make('storeDamaged', `${path} is damaged`);
  return make('storeUnwritable', `${path} failed to write`);
}

/** `mkdir -p`, one level at a time: the recursive one of Node never returns on some special file systems. */
async function createFolders(path: string): Promise<void> {
  try {
    await access(path, constants.F_OK);
    return;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error; // ENOENT: it is to be made
  }
  await createFolders(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error; // another one made it in between
  }
}
