/**
 * Rows that wait for the time: copies of blocks, in order, while the box does not know what day it is and expects to be
 * told. Pure. Limits: `octetsMax` of rows, `spansMax` spans in which nothing was metered. Owned by the pipeline.
 */
import type { RowBlock } from '../flow/row_block.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';

/** About 43,000 rows: three minutes at 240 a second. A busier box labels its windows earlier. */
const octetsMax = 16 * 1024 * 1024;
const spansMax = 64;
/** Spans are told once a second, each from where the one before ended. */
const joinWithinNs = 2_000_000_000n;

/** On the row clock. */
export interface UnmeteredSpan {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

export class HeldRows {
  /** Row clock when metering began. */
  readonly sinceNs: bigint;
  readonly #blocks: RowBlock[] = [];
  readonly #spans: UnmeteredSpan[] = [];
  #octets = 0;

  constructor(sinceNs: bigint) {
    this.sinceNs = sinceNs;
  }

  /** Whether a block of so many rows still fits. */
  hasRoomFor(rows: number): boolean {
    return this.#octets + rows * ROW_BYTES <= octetsMax;
  }

  add(block: RowBlock): void {
    const from = block.firstRow;
    const bytes = block.bytes.slice(from, from + block.count * ROW_BYTES);
    this.#blocks.push({ ...block, bytes, firstRow: 0 });
    this.#octets += bytes.length;
  }

  addUnmetered(fromNs: bigint, toNs: bigint): void {
    const last = this.#spans.at(-1);
    const joins = last !== undefined && (fromNs - last.toNs <= joinWithinNs || this.#spans.length === spansMax);
    if (joins) this.#spans[this.#spans.length - 1] = { fromNs: last.fromNs, toNs };
    else this.#spans.push({ fromNs, toNs });
  }

  /** In the order in which they came. */
  get blocks(): readonly RowBlock[] {
    return this.#blocks;
  }
  get unmetered(): readonly UnmeteredSpan[] {
    return this.#spans;
  }
}
