/**
 * The newest flow records in a bounded memory: sealed segments, oldest first, and one that is open. What is over the budget
 * goes, a whole segment at a time, and its memory with it: collected as garbage it would come back when V8 finds the time, and until
 * then be as much again. Owned by one event loop.
 */

import { startColumn } from '../flow/flow_columns.ts';
import type { RowRun } from '../flow/flow_ring.ts';
import { OpenSegment, type Segment, type SegmentMemory } from './flow_segment.ts';

/** Keeps segments elsewhere, and reads them until it has. */
export interface SegmentTaker {
  /** Number of the first record that it does not have. */
  readonly nextRow: number;
  /** Is given each segment once it will not change any more. */
  offer(segment: Segment): void;
  /** Whether it may still read one that was offered. */
  readonly isWorking: boolean;
}

/** What a search needs of them. */
export type SearchedFlows = Pick<RecentFlows, 'whileRead' | 'newestFirst' | 'rows' | 'firstRow' | 'oldestMs'>;

/** Of a box that does not run. */
export const noRecentFlows: SearchedFlows = {
  whileRead: (work) => work(),
  newestFirst: () => [],
  rows: 0,
  firstRow: Number.POSITIVE_INFINITY,
  oldestMs: undefined,
};

export class RecentFlows {
  #bytesMax: number;
  readonly #memory: SegmentMemory;
  #open: OpenSegment;
  #sealed: Segment[] = [];
  #sealedBytes = 0;
  #dropped = 0;
  #readers = 0;
  readonly #archive: SegmentTaker | undefined;
  readonly #from: number;

  /** @param memory of the open segment, for nobody else; part of the budget */
  constructor(bytesMax: number, memory: SegmentMemory, archive?: SegmentTaker) {
    this.#bytesMax = bytesMax;
    this.#memory = memory;
    this.#from = archive?.nextRow ?? 0;
    this.#open = new OpenSegment(this.#from, this.#memory);
    this.#archive = archive;
  }

  /** Copies the rows. */
  add(run: RowRun): void {
    for (let done = 0; done < run.offsetsUs.length; ) {
      done += this.#open.add(run, done);
      if (this.#open.isFull) this.seal();
    }
  }

  /** Closes the open segment, full or not. */
  seal(): void {
    if (this.#open.count === 0) return;
    const segment = this.#open.seal();
    this.#sealed.push(segment);
    this.#sealedBytes += segment.bytes;
    this.#open = new OpenSegment(segment.first + segment.count, this.#memory);
    this.#archive?.offer(segment);
    this.#makeRoom();
  }

  /** From now on so much; what is more makes room at once. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.bytes > this.#bytesMax && this.#sealed.length > 0) this.#drop(this.#sealed.shift()!);
  }

  #drop(segment: Segment): void {
    this.#sealedBytes -= segment.bytes;
    this.#dropped += segment.count;
    // Whoever still reads it keeps it, and then it is garbage like any other.
    if (this.#readers > 0 || this.#archive?.isWorking === true) return;
    segment.memory?.transfer(0);
  }

  /** What `newestFirst` shows stays while the work goes on. */
  async whileRead<T>(work: () => Promise<T>): Promise<T> {
    this.#readers++;
    try {
      return await work();
    } finally {
      this.#readers--;
    }
  }

  /** As of now, newest first; what comes later changes none of them, while this is read (`whileRead`). */
  newestFirst(): Segment[] {
    const segments = [...this.#sealed].reverse();
    return this.#open.count > 0 ? [this.#open.seal(), ...segments] : segments;
  }

  get rows(): number {
    return this.#open.first + this.#open.count - this.#from - this.#dropped;
  }

  get bytes(): number {
    return this.#sealedBytes + this.#memory.octets;
  }

  /** Number of the oldest record at hand; infinite where there is none. */
  get firstRow(): number {
    return this.#sealed[0]?.first ?? (this.#open.count > 0 ? this.#open.first : Number.POSITIVE_INFINITY);
  }

  /** Records that made room for newer ones. */
  get droppedRows(): number {
    return this.#dropped;
  }

  /** Start of the oldest record, ms; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = this.#sealed[0]?.numbers[startColumn];
    const oldestUs = oldest === undefined ? this.#open.earliestUs : oldest.low;
    return Number.isFinite(oldestUs) ? oldestUs / 1_000 : undefined;
  }
}
