/**
 * Files of flow records on disk: one is appended to, the others never change. An edge: reads and writes, decides nothing.
 * Every failure of the disk comes out as the system's error; what is not whole is left out and said.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { numberColumns } from '../flow/flow_columns.ts';
import { type BlockHead, BlockReader, decodeHead, type EncodedBlock, encodeHead } from './flow_block.ts';
import {
  decodeFrame,
  decodeHeader,
  decodeIndex,
  decodeSpan,
  decodeTrailer,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  type FileHeader,
  type FileSpan,
  frameOctets,
  frameStart,
  type IndexEntry,
  magics,
  trailerOctets,
} from './flow_file_form.ts';
import { allGroups, ownLayout, placesIn } from './flow_layout.ts';
import type { Segment } from './flow_segment.ts';
import { type FlowSummary, summaryOf } from './flow_summary.ts';
import type { WearHours } from './flow_wear.ts';
import { octetsMax } from './key_sketch.ts';

/** What an entry of the index takes at most beside its sketch, and with it. */
const boundOctets = 2 * 8 * numberColumns.length + 100;
export const entryOctetsMax = boundOctets + octetsMax;

export interface FlowFile {
  readonly path: string;
  readonly header: FileHeader;
  readonly entries: readonly IndexEntry[];
  /** Up to the end of the last whole block. */
  readonly octets: number;
  /** Octets behind that which are no whole block: a write that a power cut or a kill tore. */
  readonly tornOctets: number;
  /** What the index and what follows it take; 0 where the file was not finished. */
  readonly endOctets: number;
  readonly finished: boolean;
}

async function readAt(handle: FileHandle, at: number, octets: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(octets);
  let done = 0;
  while (done < octets) {
    const { bytesRead } = await handle.read(buffer, done, octets - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** Undefined where the file is none of ours, or so damaged that it does not say how it lies. */
export async function readFlowFile(path: string): Promise<FlowFile | undefined> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const header = await headerOf(handle);
    if (header === undefined) return undefined;
    const entries = await indexOf(handle, size);
    if (entries !== undefined) {
      const last = entries.at(-1);
      const octets = last === undefined ? header.octets : endOf(last);
      const whole = { octets, tornOctets: 0, endOctets: size - octets, finished: true };
      return { path, header: header.header, entries: mapped(entries, header.header), ...whole };
    }
    const found = await blocksOf(handle, header.header, header.octets, size);
    const octets = found.length === 0 ? header.octets : endOf(found.at(-1)!);
    return { path, header: header.header, entries: found, octets, tornOctets: size - octets, endOctets: 0, finished: false };
  } finally {
    await handle.close();
  }
}

/** No less than the index of these blocks will take. */
export const indexOctetsOf = (entries: readonly IndexEntry[]): number =>
  entries.reduce((sum, { summary }) => sum + boundOctets + summary.keys.bits.length, 0);

export const endOf = ({ at, headOctets, packed }: IndexEntry): number =>
  at + headOctets + packed.reduce((sum, octets) => sum + octets, 0);

async function frameAt(handle: FileHandle, at: number): Promise<ReturnType<typeof decodeFrame>> {
  const start = frameStart(await readAt(handle, at, frameOctets));
  return start === undefined ? undefined : decodeFrame(await readAt(handle, at, frameOctets + start.headOctets));
}

async function headerOf(handle: FileHandle): Promise<{ header: FileHeader; octets: number } | undefined> {
  const frame = await frameAt(handle, 0);
  if (frame?.magic !== magics.header) return undefined;
  const header = decodeHeader(frame.head);
  return header === undefined ? undefined : { header, octets: frameOctets + frame.head.length };
}

async function indexOf(handle: FileHandle, size: number): Promise<IndexEntry[] | undefined> {
  const end = await trailerOf(handle, size);
  if (end === undefined) return undefined;
  const frame = decodeFrame(await readAt(handle, end.indexAt, end.factsAt - end.indexAt));
  return frame?.magic === magics.index ? decodeIndex(frame.head) : undefined;
}

async function trailerOf(handle: FileHandle, size: number): Promise<ReturnType<typeof decodeTrailer>> {
  return size < trailerOctets ? undefined : decodeTrailer(await readAt(handle, size - trailerOctets, trailerOctets), size);
}

/** What a finished file says of itself in a few octets; undefined for one that was not finished. */
export async function readFileSpan(path: string): Promise<FileSpan | undefined> {
  const handle = await open(path, 'r');
  try {
    const end = await trailerOf(handle, (await handle.stat()).size);
    if (end === undefined) return undefined;
    const frame = decodeFrame(await readAt(handle, end.factsAt, end.endAt - end.factsAt));
    return frame?.magic === magics.facts ? decodeSpan(frame.head) : undefined;
  } finally {
    await handle.close();
  }
}

/** Every whole block from there on, with what the index would have said of it. */
async function blocksOf(handle: FileHandle, header: FileHeader, from: number, size: number): Promise<IndexEntry[]> {
  const entries: IndexEntry[] = [];
  for (let at = from; at < size; ) {
    const frame = await frameAt(handle, at);
    if (frame?.magic !== magics.block) break;
    const head = decodeHead(frame.head);
    if (head === undefined) break;
    const headOctets = frameOctets + frame.head.length;
    const { writtenAtMs, asideOctets } = head;
    const place = { at, headOctets, packed: head.groups.map(([octets]) => octets), writtenAtMs, asideOctets };
    const reader = new BlockReader(head, header.layout);
    if (!(await readGroups(handle, place, reader, allGroups))) break;
    entries.push({ ...place, summary: summaryOf(reader.segment()) });
    at = endOf(entries.at(-1)!);
  }
  return entries;
}

/** Neighbouring groups with one read. */
async function readGroups(
  handle: FileHandle,
  { at, headOctets, packed }: Omit<IndexEntry, 'summary'>,
  reader: BlockReader,
  groups: readonly number[],
): Promise<boolean> {
  let place = at + headOctets;
  const places = packed.map((octets) => {
    place += octets;
    return place - octets;
  });
  const from = places[groups[0]!]!;
  const to = places[groups.at(-1)!]! + packed[groups.at(-1)!]!;
  const octets = await readAt(handle, from, to - from);
  return groups.every((group) => {
    const begin = places[group]! - from;
    return reader.take(group, octets.subarray(begin, begin + packed[group]!));
  });
}

/** Summaries of another version's columns, in the order of ours. */
function mapped(entries: readonly IndexEntry[], { layout }: FileHeader): readonly IndexEntry[] {
  if (layout === ownLayout) return entries;
  const { numbers, presence } = placesIn(layout);
  const inOrder = (values: Float64Array): Float64Array => Float64Array.from(numbers, (place) => values[place] ?? 0);
  const bitsOf = presence?.ours ?? ((same: number) => same);
  return entries.map((entry) => {
    const { low, high, presentInSome, presentInAll } = entry.summary;
    const summary: FlowSummary = {
      ...entry.summary,
      low: inOrder(low),
      high: inOrder(high),
      presentInSome: bitsOf(presentInSome),
      presentInAll: bitsOf(presentInAll),
    };
    return { ...entry, summary };
  });
}

/** A block of a file that a search looks into: group after group, as it needs them. */
export class ArchivedBlock {
  readonly #handle: FileHandle;
  readonly #entry: IndexEntry;
  readonly #header: FileHeader;
  readonly #taken = new Set<number>();
  #reader: BlockReader | undefined;

  constructor(handle: FileHandle, entry: IndexEntry, header: FileHeader) {
    this.#handle = handle;
    this.#entry = entry;
    this.#header = header;
  }

  /** Undefined where the disk gives something else than what was written. */
  async read(groups: Iterable<number>): Promise<Segment | undefined> {
    if (this.#reader === undefined) {
      const { at, headOctets } = this.#entry;
      const frame = decodeFrame(await readAt(this.#handle, at, headOctets));
      const head: BlockHead | undefined = frame === undefined ? undefined : decodeHead(frame.head);
      if (head === undefined) return undefined;
      this.#reader = new BlockReader(head, this.#header.layout);
    }
    const wanted = [...groups].filter((group) => !this.#taken.has(group)).sort((a, b) => a - b);
    for (const group of wanted) this.#taken.add(group);
    if (wanted.length > 0 && !(await readGroups(this.#handle, this.#entry, this.#reader, wanted))) return undefined;
    return this.#reader.segment();
  }
}

/** Appends blocks to one file. Whoever holds it writes one after the other. */
export class FlowFileWriter {
  readonly path: string;
  readonly header: FileHeader;
  readonly entries: IndexEntry[];
  readonly #handle: FileHandle;
  #octets: number;

  private constructor(path: string, handle: FileHandle, header: FileHeader, entries: IndexEntry[], octets: number) {
    this.path = path;
    this.#handle = handle;
    this.header = header;
    this.entries = entries;
    this.#octets = octets;
  }

  static async create(path: string, wear: WearHours): Promise<FlowFileWriter> {
    const handle = await open(path, 'wx+', 0o600);
    const head = encodeHeader(wear);
    try {
      await handle.appendFile(head);
    } catch (error) {
      await handle.close();
      await rm(path, { force: true }).catch(() => {}); // else every attempt would leave one; it holds no record
      throw error;
    }
    return new FlowFileWriter(path, handle, { layout: ownLayout, wear }, [], head.length);
  }

  /** Goes on behind the last whole block; index and torn octets are cut off. */
  static async resume({ path, header, entries, octets }: FlowFile): Promise<FlowFileWriter> {
    const handle = await open(path, 'r+');
    try {
      await handle.truncate(octets);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new FlowFileWriter(path, handle, header, [...entries], octets);
  }

  get octets(): number {
    return this.#octets;
  }

  /** What failed is cut off again, where the disk still takes that. */
  async append(block: EncodedBlock, summary: FlowSummary, asideOctets = 0): Promise<void> {
    const { writtenAtMs } = block.head;
    const bodyOctets = block.groups.reduce((sum, { length }) => sum + length, 0);
    const frame = encodeFrame(magics.block, encodeHead({ ...block.head, asideOctets }), bodyOctets);
    await this.#write(Buffer.concat([frame, ...block.groups]));
    const packed = block.groups.map(({ length }) => length);
    this.entries.push({ at: this.#octets, headOctets: frame.length, packed, writtenAtMs, asideOctets, summary });
    this.#octets = endOf(this.entries.at(-1)!);
  }

  async #write(octets: Uint8Array): Promise<void> {
    try {
      let done = 0;
      while (done < octets.length) {
        const { bytesWritten } = await this.#handle.write(octets, done, octets.length - done, this.#octets + done);
        done += bytesWritten;
      }
    } catch (error) {
      await this.#handle.truncate(this.#octets).catch(() => {}); // a reader finds the torn end by its checksum
      throw error;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  /** Writes the index and closes. @returns octets written for it */
  async finish(): Promise<number> {
    try {
      const index = encodeEnd(this.entries);
      await this.#write(index);
      await this.#handle.datasync();
      return index.length;
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes without an index: the disk does not take one. */
  async leave(): Promise<void> {
    await this.#handle.close().catch(() => {}); // nothing more can be done about it
  }
}
