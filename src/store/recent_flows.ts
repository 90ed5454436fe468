/**
 * The newest flow records in a bounded memory: sealed segments, oldest first, and one that is open. What is over the budget
 * goes, a whole segment at a time. Owned by one event loop.
 */

import { numberColumns, startColumn } from '../flow/flow_columns.ts';
import { OpenSegment, type Segment, segmentMemory, segmentRows } from './flow_segment.ts';

/** The open segment's memory is part of the budget. */
export const openSegmentBytes = numberColumns.length * segmentRows * 8;

export class RecentFlows {
  readonly #bytesMax: number;
  readonly #memory = segmentMemory();
  #open: OpenSegment;
  #sealed: Segment[] = [];
  #bytes = openSegmentBytes;
  #dropped = 0;
  readonly #onSealed: (segment: Segment) => void;
  readonly #from: number;

  /**
   * @param first number of the first record: records before it are kept elsewhere
   * @param onSealed is given each segment once it will not change any more
   */
  constructor(bytesMax: number, first = 0, onSealed: (segment: Segment) => void = () => {}) {
    this.#bytesMax = bytesMax;
    this.#open = new OpenSegment(first, this.#memory);
    this.#from = first;
    this.#onSealed = onSealed;
  }

  /** Copies the row at `base`, in a view of memory that the caller keeps. */
  add(view: DataView, base: number, offsetUs: number, interval: number): void {
    this.#open.add(view, base, offsetUs, interval);
    if (this.#open.isFull) this.seal();
  }

  /** Closes the open segment, full or not. */
  seal(): void {
    if (this.#open.count === 0) return;
    const segment = this.#open.seal();
    this.#sealed.push(segment);
    this.#bytes += segment.bytes;
    this.#open = new OpenSegment(segment.first + segment.count, this.#memory);
    while (this.#bytes > this.#bytesMax && this.#sealed.length > 0) {
      const oldest = this.#sealed.shift()!;
      this.#bytes -= oldest.bytes;
      this.#dropped += oldest.count;
    }
    this.#onSealed(segment);
  }

  /** As of now, newest first; what comes later changes none of them. */
  newestFirst(): Segment[] {
    const segments = [...this.#sealed].reverse();
    return this.#open.count > 0 ? [this.#open.seal(), ...segments] : segments;
  }

  get rows(): number {
    return this.#open.first + this.#open.count - this.#from - this.#dropped;
  }

  get bytes(): number {
    return this.#bytes;
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
