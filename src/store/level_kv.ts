/**
 * `Kv` over LevelDB: the only file that imports `level`. Errors become ApplianceError here.
 *
 * Limits: sized for a board with 1 GB: `cacheOctets` of blocks, two write buffers, `openFilesMax` tables. One process holds
 * a store; inside it several threads may, when each opens it with `multithreading`. The last handle to close ends it.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ClassicLevel, Iterator } from 'classic-level';
import { Level } from 'level';
import { ApplianceError } from '../core/errors.ts';
import type { Kv, KvPut, KvRange } from '../core/kv.ts';
import { probeFolder, storeError } from './level_errors.ts';

export interface LevelKvOptions {
  /** Share the store with other threads of this process. */
  readonly multithreading?: boolean;
  readonly cacheOctets?: number;
  readonly writeBufferOctets?: number;
  readonly openFilesMax?: number;
  /** Of a table on disk, at most. */
  readonly tableOctets?: number;
  /** Room the file system must have left; below, the store counts as full before LevelDB runs into it. */
  readonly freeOctetsMin?: number;
  /** False: `storeClosed` instead of a new store when there is none, and no trial write: for those who only read. */
  readonly createIfMissing?: boolean;
}

const MIB = 1024 * 1024;
export const levelDefaults = {
  multithreading: false,
  cacheOctets: 4 * MIB,
  writeBufferOctets: 2 * MIB,
  openFilesMax: 128,
  tableOctets: 2 * MIB,
  freeOctetsMin: 8 * MIB,
  createIfMissing: true,
} as const satisfies Required<LevelKvOptions>;

/**
 * For logs, which are read once, from the oldest on. LevelDB maps every open table into memory, read or not, so what is open
 * is what a drain takes: 64 tables, the fewest that LevelDB allows beside its other ten files, of the smallest size.
 */
export const logLevel = { openFilesMax: 74, tableOctets: MIB } as const satisfies LevelKvOptions;

/**
 * For the history, which the page's thread reads beside us. Each flush has windows of every dimension and so meets every table: the
 * fewer there are, the less is written again. A day at 1,000 flows/s writes 480 MiB with the default, 180 with this, 120 with twice as much.
 */
export const historyLevel = { multithreading: true, writeBufferOctets: 8 * MIB } as const satisfies LevelKvOptions;

/** Octets an iterator reads ahead: a scan asks the thread pool once per this much, not once per record. */
const readAheadOctets = 256 * 1024;
const readAheadRecords = 1_000;

// On Node `level` is classic-level; its types only show what browsers have as well.
const Database = Level as unknown as typeof ClassicLevel;
type Bytes = Uint8Array<ArrayBufferLike>;

/**
 * Opens the store, making it when there is none.
 * @throws ApplianceError `storeLocked`, `storeDamaged`, `storeFull` or `storeUnwritable`
 */
export async function openLevelKv(path: string, options: LevelKvOptions = {}): Promise<LevelKv> {
  const full = { ...levelDefaults, ...options };
  const where = resolve(path);
  if (full.createIfMissing) {
    const fault = await probeFolder(where, full.freeOctetsMin);
    if (fault !== undefined) {
      const words = fault.code === 'storeFull' ? `no room left for ${where}` : `${where} cannot be written`;
      throw new ApplianceError(fault.code, words, { cause: fault.cause, fields: { path: where } });
    }
  } else if (!existsSync(join(where, 'CURRENT'))) {
    throw new ApplianceError('storeClosed', `there is no store at ${where}`, { fields: { path: where } });
  }
  const level = new Database<Bytes, Bytes>(where, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: full.createIfMissing,
    multithreading: full.multithreading,
    cacheSize: full.cacheOctets,
    writeBufferSize: full.writeBufferOctets,
    maxOpenFiles: full.openFilesMax,
    maxFileSize: full.tableOctets,
  });
  try {
    await level.open();
  } catch (error) {
    throw await storeError(error, where, 'open', full.freeOctetsMin);
  }
  return new LevelKv(level, where, full.freeOctetsMin);
}

/**
 * Makes what it can of a store that does not open. Nobody may have it open.
 * @throws ApplianceError when nothing could be made of it
 */
export async function repairLevel(path: string, freeOctetsMin: number = levelDefaults.freeOctetsMin): Promise<void> {
  try {
    await Database.repair(resolve(path));
  } catch (error) {
    throw await storeError(error, resolve(path), 'open', freeOctetsMin);
  }
}

export class LevelKv implements Kv {
  readonly path: string;
  readonly #level: ClassicLevel<Bytes, Bytes>;
  readonly #freeOctetsMin: number;

  constructor(level: ClassicLevel<Bytes, Bytes>, path: string, freeOctetsMin: number) {
    this.#level = level;
    this.path = path;
    this.#freeOctetsMin = freeOctetsMin;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await this.#level.get(key);
    } catch (error) {
      throw await this.#fault(error, 'read');
    }
  }

  async batch(puts: readonly KvPut[], deletes: readonly Uint8Array[] = [], options: { sync?: boolean } = {}): Promise<void> {
    const operations = [
      ...deletes.map((key) => ({ type: 'del' as const, key })),
      ...puts.map(({ key, value }) => ({ type: 'put' as const, key, value })),
    ];
    try {
      await this.#level.batch(operations, { sync: options.sync ?? false });
    } catch (error) {
      throw await this.#fault(error, 'write');
    }
  }

  async *entries(range: KvRange): AsyncIterable<[Uint8Array, Uint8Array]> {
    const iterator = await this.#iterator(range);
    try {
      // Many at a time: a promise for each record costs more than the record.
      for (let entries = await this.#next(iterator); entries.length > 0; entries = await this.#next(iterator)) yield* entries;
    } finally {
      await iterator.close();
    }
  }

  async #iterator(range: KvRange): Promise<Iterator<ClassicLevel<Bytes, Bytes>, Bytes, Bytes>> {
    try {
      return this.#level.iterator({ ...range, highWaterMarkBytes: readAheadOctets });
    } catch (error) {
      throw await this.#fault(error, 'read');
    }
  }

  async #next(iterator: Iterator<ClassicLevel<Bytes, Bytes>, Bytes, Bytes>): Promise<[Bytes, Bytes][]> {
    try {
      return await iterator.nextv(readAheadRecords);
    } catch (error) {
      throw await this.#fault(error, 'read');
    }
  }

  async clear(range: KvRange): Promise<void> {
    try {
      await this.#level.clear({ ...range });
    } catch (error) {
      throw await this.#fault(error, 'write');
    }
  }

  /** Of the whole store (`{}`): what its files take now. Of a part: LevelDB's guess, which knows tables only. */
  async approximateSize(range: KvRange): Promise<number> {
    const start = range.gte ?? range.gt;
    const end = range.lt ?? range.lte;
    try {
      if (start === undefined && end === undefined) return await folderOctets(this.path);
      return await this.#level.approximateSize(start ?? new Uint8Array(1), end ?? new Uint8Array(64).fill(0xff));
    } catch (error) {
      throw await this.#fault(error, 'read');
    }
  }

  async compact(range: KvRange): Promise<void> {
    try {
      const end = range.lt ?? range.lte ?? new Uint8Array(64).fill(0xff);
      await this.#level.compactRange(range.gte ?? range.gt ?? new Uint8Array(1), end);
    } catch (error) {
      throw await this.#fault(error, 'write');
    }
  }

  /** What LevelDB says of its tables, in whole MiB a level; its log is what it was handed. */
  rewrittenOctets(): number {
    return tableOctets(this.#level.getProperty('leveldb.stats')) * MIB;
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  #fault(error: unknown, during: 'read' | 'write'): Promise<ApplianceError> {
    return storeError(error, this.path, during, this.#freeOctetsMin);
  }
}

/** The last column of the statistics, summed over levels: MiB written by compactions and flushes. */
function tableOctets(statistics: string): number {
  const levels = [...statistics.matchAll(/^ *\d+(?: +\d+){4} +(\d+) *$/gm)];
  return levels.reduce((sum, [, written]) => sum + Number(written), 0);
}

async function folderOctets(path: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(path)) {
    const file = await stat(join(path, name)).catch(() => undefined); // LevelDB removes files at any time
    if (file?.isFile()) sum += file.size;
  }
  return sum;
}
