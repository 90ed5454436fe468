/**
 * Looks after the files of one destination: repairs what a crash left, compresses what is finished, deletes what has had
 * its time. Touches no file but those that bear the destination's name. Edge; one run at a time.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { FileDestinationSettings } from '../../../config/schema.ts';
import { suffixes } from '../../../flow/file_compression.ts';
import { expired, type FileName, type KeptFile, PART, parseFileName } from './file_names.ts';
import { repair } from './file_repair.ts';

export class FileUpkeep {
  readonly #destination: string;
  readonly #settings: FileDestinationSettings;
  deletedFiles = 0;
  repairedFiles = 0;

  constructor(destination: string, settings: FileDestinationSettings) {
    this.#destination = destination;
    this.#settings = settings;
  }

  /** The destination's files, in order. Rejects with the system's error. */
  async list(): Promise<FileName[]> {
    const names = await readdir(this.#settings.folder);
    return names
      .flatMap((name) => parseFileName(this.#destination, name) ?? [])
      .sort((a, b) => a.number - b.number || a.name.length - b.name.length);
  }

  /** Makes finished files of parts that nobody writes any more. @param writing paths of those that are being written */
  async repairAll(writing: ReadonlySet<string>): Promise<void> {
    const left = (await this.list()).filter(({ name, part }) => part && !writing.has(this.#path(name)));
    for (const { name, compression } of left) {
      const path = this.#path(name);
      // Half a compressed copy: what it was made from is still there.
      if (compression !== 'none') await unlink(path);
      else if ((await repair(path)) !== undefined) this.repairedFiles++;
    }
    if (left.length > 0) await syncFolder(this.#settings.folder);
  }

  /**
   * Compresses and deletes as the settings say. A file that cannot be compressed, on a disk without room for the copy, keeps
   * none from being deleted: that is what makes room. Rejects with the first error once all was tried.
   */
  async tidy(wallMs: number): Promise<void> {
    const errors: unknown[] = [];
    const attempt = (act: Promise<void>): Promise<void> => act.catch((error: unknown) => void errors.push(error));
    const names = await this.list();
    for (const { name, part, compression } of names) {
      if (part || compression !== 'none') continue;
      const twin = names.find((other) => !other.part && other.name !== name && other.name.startsWith(`${name}.`));
      if (twin !== undefined)
        await attempt(unlink(this.#path(name))); // compressed before a crash could delete it
      else if (this.#settings.compression !== 'none') await attempt(this.#compress(this.#path(name)));
    }
    const kept: KeptFile[] = [];
    for (const file of await this.list()) {
      const { size, mtimeMs } = await stat(this.#path(file.name));
      kept.push({ ...file, octets: size, modifiedMs: mtimeMs });
    }
    for (const { name } of expired(kept, this.#settings, wallMs)) await attempt(this.#delete(this.#path(name)));
    if (errors.length > 0) throw errors[0];
  }

  async #delete(path: string): Promise<void> {
    await unlink(path);
    this.deletedFiles++;
  }

  async #compress(path: string): Promise<void> {
    const target = path + suffixes[this.#settings.compression];
    const compressor = this.#settings.compression === 'gzip' ? createGzip() : createZstdCompress();
    try {
      await pipeline(createReadStream(path), compressor, createWriteStream(target + PART, { flush: true }));
      await rename(target + PART, target);
    } catch (error) {
      await rm(target + PART, { force: true }); // half a copy takes room that is missing
      throw error;
    }
    await syncFolder(this.#settings.folder);
    await unlink(path);
  }

  #path(name: string): string {
    return join(this.#settings.folder, name);
  }
}

/** A name is safe from a power cut once its folder is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
