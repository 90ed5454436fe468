/**
 * Keeps sealed segments of flow records on disk: appended to files, the oldest of which go when the budget is spent or their
 * age is reached. What is written a day has a budget of its own, since cards wear out; when it is spent, or the disk does not
 * take more, records stay in memory only, and that is said. A segment is written once; a power cut loses what was not yet
 * synced (`syncEveryMs`), a kill what was in memory.
 *
 * Limits: `waitingMax` segments wait to be written, more are left out and counted; a file has at most `fileOctetsMax` or a
 * sixteenth of the budget, and is written to for an eighth of the age at most, since it goes as a whole. Owned by one event loop,
 * that of the page's thread; packing takes it some milliseconds a segment.
 */
import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ageByLabelMs, type Clock } from '../core/clock.ts';
import { messageOf, systemCode } from '../core/errors.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import { ArchivedFiles, type FileFacts, flowFileName } from './archived_files.ts';
import { encodeBlock, encodeHead } from './flow_block.ts';
import { entryOctetsMax, type FlowFile, FlowFileWriter, indexOctetsOf, readFlowFile } from './flow_file.ts';
import { encodeHeader, type IndexEntry } from './flow_file_form.ts';
import { ownLayout } from './flow_layout.ts';
import type { Segment } from './flow_segment.ts';
import { summaryOf } from './flow_summary.ts';
import { endCostOf, FlowWear, wearOf } from './flow_wear.ts';

export interface FlowArchiveOptions {
  readonly folder: string;
  readonly bytesMax: number;
  readonly forS: number;
  readonly writtenBytesPerDayMax: number;
  /** A file is finished from this size on; by default what the budget suggests. */
  readonly fileOctetsMax?: number;
}

export interface FlowArchiveParts {
  readonly clock: Clock;
  /** Whether wall time is good enough to throw records away by their age. */
  readonly clockTrusted: () => boolean;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** Why records are in memory only. */
export const skipReasons = ['budget', 'disk', 'behind'] as const;
export type SkipReason = (typeof skipReasons)[number];

const MIB = 1_048_576;
const fileOctetsMax = 8 * MIB;
const fileOctetsMin = 256 * 1_024;
const waitingMax = 64;
const syncEveryMs = 60_000;
const againMs = 60_000;
/** Other stores live on the same disk. */
const freeOctetsMin = 64 * MIB;
const freeEveryBlocks = 16;
const dayMs = 86_400_000;
/** Numbers are never given twice, whatever a file that cannot be read holds. */
const rowsOfUnreadable = 1_000_000;

export class FlowArchive {
  readonly files: ArchivedFiles;
  readonly skippedRows: Record<SkipReason, number> = { budget: 0, disk: 0, behind: 0 };
  /** Octets of pages that this process had the disk write. */
  writtenOctets = 0;
  readonly #options: FlowArchiveOptions;
  readonly #parts: FlowArchiveParts;
  readonly #waiting: Segment[] = [];
  #wear = new FlowWear();
  /** Written since the last block and no block: the next one says so, for whoever opens the file. */
  #asideOctets = 0;
  /** What a file that may be gone on with will need for its index. */
  #indexAheadOctets = 0;
  #writer: FlowFileWriter | undefined;
  #working: Promise<void> | undefined;
  #isTending = false;
  #isOpen = false;
  readonly #saidUnreadable = new Set<string>();
  #syncedAtMs = 0;
  #blocksSinceLook = 0;
  #fault = '';
  #againAtMs = 0;
  #budgetSpentAtMs: number | undefined;
  #nextRow = 0;

  constructor(options: FlowArchiveOptions, parts: FlowArchiveParts) {
    this.#options = options;
    this.#parts = parts;
    this.files = new ArchivedFiles(options.folder);
  }

  /** Finds what was kept, and makes whole what was not finished. Never fails for the disk. */
  async open(): Promise<void> {
    try {
      await this.#find();
    } catch (error) {
      // Behind whatever is there: no box counts a record every microsecond.
      this.#nextRow = Math.max(this.#nextRow, Math.floor(this.#parts.clock.wallMs()) * 1_000);
      this.#stopped(error);
    }
    this.#isOpen = true;
  }

  /** Number of the next record. */
  get nextRow(): number {
    return this.#nextRow;
  }

  /** Why nothing is written just now, in words; empty while all is well. */
  get trouble(): string {
    if (this.#fault !== '') return this.#fault;
    if (!this.#isOpen) return 'what was kept is still being looked through';
    return this.#budgetSpentAtMs === undefined
      ? ''
      : 'the day’s budget of writing is spent (history.flowArchive.writtenBytesPerDayMax)';
  }

  get writtenLastDay(): number {
    return this.#wear.lastDay(this.#parts.clock.wallMs());
  }

  /** Takes a sealed segment; returns at once. */
  offer(segment: Segment): void {
    this.#nextRow = segment.first + segment.count;
    if (this.#waiting.length >= waitingMax) this.skippedRows.behind += segment.count;
    else this.#waiting.push(segment);
    this.#begin();
  }

  /** Has what is too old go where no record comes that would; returns at once. */
  tend(): void {
    this.#isTending = true;
    this.#begin();
  }

  #begin(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Whether a segment that was offered may still be read. */
  get isWorking(): boolean {
    return this.#working !== undefined;
  }

  /** Resolves when what was offered until now is written or given up. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** Writes what waits, and the index of the last file. */
  async stop(): Promise<void> {
    await this.#working;
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer === undefined) return;
    try {
      await this.#finish(writer);
    } catch (error) {
      this.#stopped(error);
    }
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0 || this.#isTending) {
      this.#isTending = false;
      const segment = this.#waiting.shift();
      let rows = segment?.count ?? 0;
      try {
        if (segment !== undefined) await this.#keep(segment);
        rows = 0;
        // Where the disk fails, it is tried again with a record, after a while.
        if (this.#fault === '') await this.#settle();
      } catch (error) {
        if (systemCode(error) === undefined) throw error; // not the disk's: a bug
        this.skippedRows.disk += rows;
        this.#stopped(error);
        await this.#writer?.leave();
        this.#writer = undefined;
      }
    }
  }

  async #keep(segment: Segment): Promise<void> {
    const { clock } = this.#parts;
    if (this.#fault !== '') {
      if (clock.monotonicMs() < this.#againAtMs) {
        this.skippedRows.disk += segment.count;
        return;
      }
      this.#againAtMs = clock.monotonicMs() + againMs;
      await this.#find();
    }
    const nowMs = clock.wallMs();
    const at = this.#writer?.octets ?? 0;
    if (this.#isSpent(at, 1, nowMs)) {
      this.#skipForBudget(segment, nowMs);
      return;
    }
    const block = encodeBlock(segment, nowMs);
    const octets = encodeHead(block.head).length + block.groups.reduce((sum, { length }) => sum + length, 0);
    if (this.#isSpent(at, octets, nowMs)) {
      this.#skipForBudget(segment, nowMs);
      return;
    }
    if (this.#budgetSpentAtMs !== undefined && nowMs - this.#budgetSpentAtMs > dayMs) {
      this.#budgetSpentAtMs = undefined;
      this.#parts.onEvent('info', 'flowArchiveWithinBudget', 'a day’s flow records fit into the budget of writing again');
    }
    await this.#lookForRoom();
    this.#writer ??= await this.#nextFile(segment.first);
    const writer = this.#writer;
    const before = writer.octets;
    await writer.append(block, summaryOf(segment), this.#asideOctets);
    this.#asideOctets = 0;
    this.#count(before, writer.octets - before, nowMs);
    this.files.setOpen(writer, writer.octets);
    if (this.#fault !== '') this.#goesOn();
  }

  /** What the open file needs by now, and what has to go. */
  async #settle(): Promise<void> {
    const { clock } = this.#parts;
    const writer = this.#writer;
    if (writer !== undefined && (writer.octets >= this.#fileOctets || this.#isAged(writer.entries))) {
      this.#writer = undefined;
      await this.#finish(writer);
    } else if (clock.monotonicMs() - this.#syncedAtMs >= syncEveryMs) {
      await writer?.sync();
      this.#syncedAtMs = clock.monotonicMs();
    }
    await this.retain();
  }

  /** Whether a file with these blocks has been written to for so long that nothing more belongs into it. */
  #isAged(entries: readonly IndexEntry[]): boolean {
    const sinceMs = entries[0]?.writtenAtMs;
    return sinceMs !== undefined && this.#parts.clock.wallMs() - sinceMs > (this.#options.forS * 1_000) / 8;
  }

  get #fileOctets(): number {
    const { bytesMax, fileOctetsMax: asked } = this.#options;
    return asked ?? Math.max(fileOctetsMin, Math.min(fileOctetsMax, Math.floor(bytesMax / 16)));
  }

  /** Whether an append there, and the index that it makes longer, would be more than the day may have. */
  #isSpent(at: number, octets: number, nowMs: number): boolean {
    const writer = this.#writer;
    const indexOctets = writer === undefined ? this.#indexAheadOctets : indexOctetsOf(writer.entries);
    const headerCost = writer === undefined ? FlowWear.costOf(0, encodeHeader(this.#wear.hours()).length) : 0;
    const cost = headerCost + FlowWear.costOf(at, octets) + FlowWear.costOf(1, indexOctets + entryOctetsMax);
    return this.#wear.lastDay(nowMs) + cost > this.#options.writtenBytesPerDayMax;
  }

  #skipForBudget(segment: Segment, nowMs: number): void {
    this.skippedRows.budget += segment.count;
    const isNew = this.#budgetSpentAtMs === undefined;
    this.#budgetSpentAtMs = nowMs;
    if (isNew)
      this.#parts.onEvent(
        'warn',
        'flowArchiveBudgetSpent',
        `flow records are in memory only for now: ${Math.round(this.#options.writtenBytesPerDayMax / MIB)} MiB were written in 24 h (history.flowArchive.writtenBytesPerDayMax)`,
      );
  }

  #count(at: number, octets: number, nowMs: number): number {
    const cost = FlowWear.costOf(at, octets);
    this.#wear.add(cost, nowMs);
    this.writtenOctets += cost;
    return cost;
  }

  async #finish(writer: FlowFileWriter): Promise<void> {
    const octets = await writer.finish();
    this.#asideOctets += this.#count(writer.octets, octets, this.#parts.clock.wallMs());
    this.#indexAheadOctets = 0;
    this.files.setOpen(writer, writer.octets + octets);
    this.files.setOpen(undefined, 0);
    this.#syncedAtMs = this.#parts.clock.monotonicMs();
  }

  async #lookForRoom(): Promise<void> {
    if (this.#blocksSinceLook++ % freeEveryBlocks !== 0) return;
    const { bavail, bsize } = await statfs(this.#options.folder);
    if (bavail * bsize >= freeOctetsMin) return;
    this.#blocksSinceLook = 0;
    throw Object.assign(new Error(`less than ${freeOctetsMin / MIB} MiB are free`), { code: 'ENOSPC' });
  }

  /** By the budget, then by age; the file that is written stays. */
  async retain(): Promise<void> {
    const { bytesMax, forS } = this.#options;
    const wallMs = this.#parts.clock.wallMs();
    const isTrusted = this.#parts.clockTrusted();
    let octets = this.files.octets;
    /** What does not say its age is as old as what follows. */
    let undated: FileFacts[] = [];
    for (const file of this.files.facts) {
      if (file.path === this.#writer?.path) break;
      const isDated = Number.isFinite(file.endUs);
      const isOld = isTrusted && isDated && ageByLabelMs(file.endUs / 1_000, wallMs) > forS * 1_000;
      const going = octets > bytesMax ? [file] : isOld ? [...undated, file] : [];
      for (const one of going) {
        await rm(one.path, { force: true });
        this.files.forget(one.path);
        octets -= one.octets;
      }
      undated = isDated || going.length > 0 ? [] : [...undated, file];
    }
  }

  async #find(): Promise<void> {
    await mkdir(this.#options.folder, { mode: 0o700 }).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    this.files.setOpen(undefined, 0);
    await this.files.scan((path, file) => this.#whole(path, file));
    for (const { first, blocks } of this.files.facts) {
      const last = blocks.at(-1);
      const end = last === undefined ? first + rowsOfUnreadable : last.first + last.count;
      this.#nextRow = Math.max(this.#nextRow, end);
    }
    const newest = await this.#newest();
    if (newest !== undefined) {
      this.#wear = wearOf(newest);
      this.#asideOctets = endCostOf(newest);
      this.#indexAheadOctets = this.#goesOnWith(newest) ? indexOctetsOf(newest.entries) : 0;
    }
    await this.retain();
  }

  async #newest(): Promise<FlowFile | undefined> {
    const path = this.files.facts.at(-1)?.path;
    return path === undefined ? undefined : readFlowFile(path);
  }

  /** The last one goes on while it is small, so that restarts do not leave many; else a new one. */
  async #nextFile(first: number): Promise<FlowFileWriter> {
    const { octets = Number.POSITIVE_INFINITY } = this.files.facts.at(-1) ?? {};
    const newest = octets < this.#fileOctets / 2 ? await this.#newest() : undefined;
    if (newest !== undefined && this.#goesOnWith(newest)) return FlowFileWriter.resume(newest);
    const writer = await FlowFileWriter.create(join(this.#options.folder, flowFileName(first)), this.#wear.hours());
    this.#asideOctets = this.#count(0, writer.octets, this.#parts.clock.wallMs());
    return writer;
  }

  #goesOnWith({ header, entries, octets, endOctets }: FlowFile): boolean {
    return header.layout === ownLayout && octets + endOctets < this.#fileOctets / 2 && !this.#isAged(entries);
  }

  /** A file that was left unfinished is cut behind its last whole block, and gets its index. */
  async #whole(path: string, file: FlowFile | undefined): Promise<FlowFile | undefined> {
    if (file === undefined) {
      const octets = await stat(path).then(
        ({ size }) => size,
        () => undefined, // the event says that nothing can be had of it
      );
      if (octets === 0)
        await rm(path); // begun, and nothing of it had reached the disk
      else if (!this.#saidUnreadable.has(path))
        this.#parts.onEvent('warn', 'flowArchiveUnreadable', `${path} cannot be read; its flow records cannot be searched`);
      this.#saidUnreadable.add(path);
      return undefined;
    }
    if (file.tornOctets > 0)
      this.#parts.onEvent(
        'info',
        'flowArchiveCut',
        `the last ${file.tornOctets} octets of ${path} were not written whole and are cut off; what they held is lost`,
      );
    try {
      const writer = await FlowFileWriter.resume(file);
      const endOctets = await writer.finish();
      this.#count(file.octets, endOctets, this.#parts.clock.wallMs());
      return { ...file, finished: true, tornOctets: 0, endOctets };
    } catch (error) {
      if (systemCode(error) === undefined) throw error; // not the disk's: a bug
      return file; // it can be searched as it is; the next write says what the disk lacks
    }
  }

  #stopped(error: unknown): void {
    const isNew = this.#fault === '';
    this.#fault = `${this.#options.folder} takes no flow records: ${messageOf(error)}`;
    this.#againAtMs = this.#parts.clock.monotonicMs() + againMs;
    if (isNew) this.#parts.onEvent('warn', 'flowArchiveStopped', `${this.#fault}; they stay searchable in memory`);
  }

  #goesOn(): void {
    this.#fault = '';
    this.#parts.onEvent('info', 'flowArchiveStarted', 'flow records are written to disk again');
  }
}
