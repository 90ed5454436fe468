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
  #open = new OpenSegment(0, this.#memory);
  #sealed: Segment[] = [];
  #bytes = openSegmentBytes;
  #dropped = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Copies the row at `base`, in a view of memory that the caller keeps. */
  add(view: DataView, base: number, offsetUs: number, interval: number): void {
    this.#open.add(view, base, offsetUs, interval);
    if (!this.#open.isFull) return;
    const segment = this.#open.seal();
    this.#sealed.push(segment);
    this.#bytes += segment.bytes;
    this.#open = new OpenSegment(segment.first + segment.count, this.#memory);
    while (this.#bytes > this.#bytesMax && this.#sealed.length > 0) {
      const oldest = this.#sealed.shift()!;
      this.#bytes -= oldest.bytes;
      this.#dropped += oldest.count;
    }
  }

  /** As of now, newest first; what comes later changes none of them. */
  newestFirst(): Segment[] {
    const segments = [...this.#sealed].reverse();
    return this.#open.count > 0 ? [this.#open.seal(), ...segments] : segments;
  }

  get rows(): number {
    return this.#open.first + this.#open.count - this.#dropped;
  }

  get bytes(): number {
    return this.#bytes;
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
