/**
 * The files of flow records in a folder, as a search goes through them: newest first, indexes read as they are needed. Reads
 * only, so that the command line can look into the folder of a stopped box, or beside one that writes.
 *
 * Limits: indexes of `indexesHeld` files in memory, about 0.4 MB each. Owned by one event loop.
 */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { ArchivedBlock, type FlowFile, readFileSpan, readFlowFile } from './flow_file.ts';
import { type FileHeader, type FileSpan, type IndexEntry, spanOf } from './flow_file_form.ts';
import type { Segment } from './flow_segment.ts';
import type { Possible } from './flow_skip.ts';

const indexesHeld = 12;
const namePattern = /^(\d{16})\.flows$/;

export const flowFileName = (first: number): string => `${String(first).padStart(16, '0')}.flows`;

/** What is known of a file without reading it again. */
export interface FileFacts extends FileSpan {
  readonly path: string;
  /** By the file's name: number of the first record. */
  readonly first: number;
  readonly octets: number;
  /** False where it does not even say how it lies: none of its records is found. */
  readonly readable: boolean;
}

/** A block that may hold what is looked for. */
export interface FoundBlock {
  readonly path: string;
  readonly header: FileHeader;
  readonly entry: IndexEntry;
  readonly block: ArchivedBlock;
  /** The last end of its records, ms. */
  readonly endMs: number;
}

/** What is being written: its blocks are known to whoever writes them. */
export interface OpenFile {
  readonly path: string;
  readonly header: FileHeader;
  readonly entries: readonly IndexEntry[];
}

export class ArchivedFiles {
  readonly folder: string;
  /** In ascending order; the last one may be open. */
  #facts: FileFacts[] = [];
  #openFile: OpenFile | undefined;
  readonly #indexes = new Map<string, FlowFile>();
  /** Blocks that a search met and could not read. */
  blocksUnreadable = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Looks what is there.
   * @param onUnfinished is told a file that was not finished, or cannot be read at all (undefined), and may finish or remove it
   * @throws the system's error where the folder cannot be read; a folder that is not there is an empty one
   */
  async scan(
    onUnfinished: (path: string, file: FlowFile | undefined) => Promise<FlowFile | undefined> = async (_, file) => file,
  ): Promise<void> {
    let names: string[];
    try {
      names = (await readdir(this.folder)).filter((name) => namePattern.test(name)).sort();
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      names = []; // nothing was written yet
    }
    const facts: FileFacts[] = [];
    this.#indexes.clear();
    for (const name of names) {
      const path = join(this.folder, name);
      let readable = true;
      let span = await readFileSpan(path).catch(() => undefined); // looked into once more, and said, just below
      if (span === undefined) {
        const file = await onUnfinished(path, await readFlowFile(path).catch(() => undefined)); // told as unreadable
        span = spanOf(file?.entries ?? []);
        readable = file !== undefined;
        // What was not finished would be gone through block by block for each search: its index stays at hand.
        if (file?.finished === false) this.#indexes.set(path, file);
      }
      const octets = await sizeOf(path);
      if (octets !== undefined) facts.push({ path, first: Number(namePattern.exec(name)![1]), octets, readable, ...span });
    }
    // At once: who searches meanwhile goes by what was known before.
    this.#facts = facts;
  }

  get facts(): readonly FileFacts[] {
    return this.#facts;
  }

  /** The file that is appended to, as it is now. */
  setOpen(file: OpenFile | undefined, octets: number): void {
    this.#openFile = file;
    if (file === undefined) return;
    const first = Number(namePattern.exec(file.path.slice(-22))![1]);
    this.#facts = [
      ...this.#facts.filter(({ path }) => path !== file.path),
      { path: file.path, first, octets, readable: true, ...spanOf(file.entries) },
    ];
    this.#indexes.delete(file.path);
  }

  forget(path: string): void {
    this.#facts = this.#facts.filter((facts) => facts.path !== path);
    this.#indexes.delete(path);
  }

  get octets(): number {
    return this.#facts.reduce((sum, { octets }) => sum + octets, 0);
  }

  /** Records below that number. */
  rowsBefore(row: number): number {
    return this.#facts.reduce(
      (sum, { blocks }) => sum + blocks.reduce((rows, { first, count }) => rows + Math.max(0, Math.min(count, row - first)), 0),
      0,
    );
  }

  /** Start of the oldest record, ms; undefined where there is none. */
  get oldestMs(): number | undefined {
    const startUs = Math.min(...this.#facts.map((facts) => facts.startUs));
    return Number.isFinite(startUs) ? startUs / 1_000 : undefined;
  }

  /**
   * Blocks with records below `before` that are under way in [fromMs, toMs) and may match, newest first.
   * @param goesOn asked before each file, with a number above those of its records and their last end
   */
  async *blocks(
    { before, fromMs, toMs }: { before: number; fromMs: number; toMs: number },
    possible: Possible,
    goesOn: (end: number, endMs: number) => boolean = () => true,
  ): AsyncGenerator<FoundBlock> {
    for (const { path, first, blocks, startUs, endUs, readable } of [...this.#facts].reverse()) {
      if (!readable && first < before) this.blocksUnreadable++; // who knows of what time
      if (first >= before || startUs >= toMs * 1_000 || endUs < fromMs * 1_000) continue;
      const last = blocks.at(-1)!;
      if (!goesOn(Math.min(before, last.first + last.count), endUs / 1_000)) return;
      let handle: FileHandle | undefined;
      try {
        const file = await this.#fileOf(path);
        if (file === undefined) {
          this.blocksUnreadable++;
          continue;
        }
        const wanted = file.entries.filter(({ summary }) => summary.first < before && possible(summary));
        if (wanted.length === 0) continue;
        handle = await open(path, 'r');
        for (const entry of wanted.reverse())
          yield {
            ...{ path, header: file.header, entry, endMs: spanOf([entry]).endUs / 1_000 },
            block: new ArchivedBlock(handle, entry, file.header),
          };
      } catch (error) {
        this.#unreadable(error);
      } finally {
        await handle?.close();
      }
    }
  }

  /** Groups of a block while it is at hand; undefined, and counted, where the disk gives something else than was written. */
  async read({ block }: FoundBlock, groups: Iterable<number>): Promise<Segment | undefined> {
    try {
      const segment = await block.read(groups);
      if (segment === undefined) this.blocksUnreadable++;
      return segment;
    } catch (error) {
      this.#unreadable(error);
      return undefined;
    }
  }

  /** Once more, for what was found; undefined where it has gone meanwhile. */
  async load({ path, header, entry }: Omit<FoundBlock, 'block'>, groups: Iterable<number>): Promise<Segment | undefined> {
    try {
      const handle = await open(path, 'r');
      try {
        const segment = await new ArchivedBlock(handle, entry, header).read(groups);
        if (segment === undefined) this.blocksUnreadable++;
        return segment;
      } finally {
        await handle.close();
      }
    } catch (error) {
      this.#unreadable(error);
      return undefined;
    }
  }

  async #fileOf(path: string): Promise<OpenFile | undefined> {
    if (this.#openFile?.path === path) return { ...this.#openFile, entries: [...this.#openFile.entries] };
    const known = this.#indexes.get(path);
    const file = known ?? (await readFlowFile(path));
    if (file === undefined) return undefined;
    // The one asked for last stands last; the first one goes.
    this.#indexes.delete(path);
    this.#indexes.set(path, file);
    if (this.#indexes.size > indexesHeld) this.#indexes.delete(this.#indexes.keys().next().value!);
    return file;
  }

  #unreadable(error: unknown): void {
    const code = systemCode(error);
    if (code === undefined) throw error; // not the disk's: a bug
    if (code !== 'ENOENT') this.blocksUnreadable++; // without it, it made room for newer ones meanwhile
  }
}

/** Undefined where it has gone meanwhile: whoever writes made room. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** For the command line: what a stopped box kept. @throws ApplianceError where nothing is kept there */
export async function openArchivedFiles(folder: string): Promise<ArchivedFiles> {
  const files = new ArchivedFiles(folder);
  try {
    await files.scan();
  } catch (error) {
    throw new ApplianceError('storeUnwritable', `${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (files.facts.length === 0)
    throw new ApplianceError('storeClosed', `there are no flow records on disk at ${folder} (history.flowArchive.bytesMax)`);
  return files;
}
