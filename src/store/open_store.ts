/**
 * Opens a store whatever state its files are in: as it is, repaired, or a new one in its place with the damaged one set
 * aside under a dated name. Never a crash loop. Limits: one damaged store is kept beside each store, the newest.
 */
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ApplianceError, systemCode } from '../core/errors.ts';
import { type LevelKv, type LevelKvOptions, levelDefaults, openLevelKv, repairLevel } from './level_kv.ts';

export interface OpenedStore {
  readonly kv: LevelKv;
  /** What had to be done to open it. */
  readonly remedy: 'none' | 'repaired' | 'setAside';
  /** Where the damaged store went, or the empty string. */
  readonly setAsidePath: string;
}

/**
 * @param wallMs dates the name of what is set aside
 * @param suspect true when the store opened but failed in use: it is repaired before it is opened
 * @throws ApplianceError `storeLocked`, `storeFull` or `storeUnwritable`: worth trying again later
 */
export async function openStore(
  path: string,
  wallMs: number,
  options: LevelKvOptions = {},
  suspect = false,
): Promise<OpenedStore> {
  if (!suspect) {
    try {
      const kv = await openLevelKv(path, options);
      return { kv, remedy: (await passedOverDamage(path)) ? 'repaired' : 'none', setAsidePath: '' };
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  try {
    // What an earlier repair could not read lies in `lost`: only the newest is worth its space.
    await rm(join(path, 'lost'), { recursive: true, force: true });
    await repairLevel(path, options.freeOctetsMin ?? levelDefaults.freeOctetsMin);
    return { kv: await openSound(path, options), remedy: 'repaired', setAsidePath: '' };
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  const setAsidePath = await setAside(resolve(path), wallMs);
  return { kv: await openLevelKv(path, options), remedy: 'setAside', setAsidePath };
}

/** A repaired store may open and still not be readable: the first record tells. */
async function openSound(path: string, options: LevelKvOptions): Promise<LevelKv> {
  const kv = await openLevelKv(path, options);
  try {
    for await (const _ of kv.entries({ limit: 1 })) break;
    return kv;
  } catch (error) {
    await kv.close();
    throw error;
  }
}

/**
 * LevelDB opens although it could not read all of its write-ahead log: it drops what is garbage, and says so in its LOG,
 * which begins anew with each opening, and nowhere else.
 */
async function passedOverDamage(path: string): Promise<boolean> {
  try {
    return /dropping \d+ bytes; Corruption/.test(await readFile(join(path, 'LOG'), 'utf8'));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false; // no such file: nothing was said
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof ApplianceError && error.code === 'storeDamaged';
}

async function setAside(path: string, wallMs: number): Promise<string> {
  const prefix = `${basename(path)}.damaged-`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix)) await rm(join(dirname(path), name), { recursive: true, force: true });
  }
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const target = join(dirname(path), `${prefix}${stamp}`);
  await rename(path, target);
  return target;
}
