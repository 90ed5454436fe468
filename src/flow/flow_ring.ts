/**
 * Rows on their way from the thread that meters to the thread that answers questions: a ring in shared memory. The writer
 * copies whole runs and waits for nobody: what finds no room is counted as missed (`drop-newest`). One writer, one reader.
 *
 * Memory: `ringRows` rows and 16 octets each, 6.5 MB. Consistency: rows are written before the count that tells of them
 * (Atomics.store), and read before the count that frees them.
 */
import type { RowBlock } from './row_block.ts';
import { ROW_BYTES, rowField } from './row_layout.ts';

export const ringRows = 16_384;
/** So many wait that whoever takes them should not leave it to its timer. */
const crowdedRows = ringRows / 4;
const mask = ringRows - 1;
/** Words of the head: rows written, rows read, rows missed; each on a cache line of its own. */
const written = 0;
const read = 16;
const missed = 32;
const headBytes = 256;
const selectorOffset = rowField('selectorId').offset;

/** Rows that lie behind each other, each with what is added to its times to get wall time, µs, and of one packet in how many it tells. */
export interface RowRun {
  readonly rows: Uint8Array;
  readonly offsetsUs: Float64Array;
  readonly intervals: Float64Array;
}

export function flowRingMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(headBytes + ringRows * (16 + ROW_BYTES));
}

class Ring {
  readonly head: Int32Array;
  /** Added to the rows' clock to get wall time, µs. */
  readonly offsetsUs: Float64Array;
  readonly intervals: Float64Array;
  readonly rows: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.head = new Int32Array(memory, 0, headBytes / 4);
    this.offsetsUs = new Float64Array(memory, headBytes, ringRows);
    this.intervals = new Float64Array(memory, headBytes + 8 * ringRows, ringRows);
    this.rows = new Uint8Array(memory, headBytes + 16 * ringRows);
  }
}

/** Owned by the thread that meters. */
export class FlowRingWriter {
  readonly #ring: Ring;
  readonly #intervalOf: (selectorId: number) => number;
  #next = 0;

  /** @param intervalOf of one packet in how many a selector's rows tell */
  constructor(memory: SharedArrayBuffer, intervalOf: (selectorId: number) => number) {
    this.#ring = new Ring(memory);
    this.#next = Atomics.load(this.#ring.head, written);
    this.#intervalOf = intervalOf;
  }

  /** Copies a block's rows. True when they have become so many that the reader is to be told: once, until it has taken some. */
  add(block: RowBlock, wallOffsetNs: bigint): boolean {
    const { head, offsetsUs, intervals, rows } = this.#ring;
    // Counts go round at 2^32; their difference does not mind.
    const taken = (this.#next - Atomics.load(head, read)) >>> 0;
    const count = Math.min(block.count, ringRows - taken);
    if (count < block.count) Atomics.add(head, missed, block.count - count);
    if (count === 0) return false;
    const offsetUs = Number(wallOffsetNs / 1_000n);
    const view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
    for (let done = 0; done < count; ) {
      const slot = (this.#next + done) & mask;
      const run = Math.min(count - done, ringRows - slot);
      const from = block.firstRow + done * ROW_BYTES;
      rows.set(block.bytes.subarray(from, from + run * ROW_BYTES), slot * ROW_BYTES);
      offsetsUs.fill(offsetUs, slot, slot + run);
      if (block.isSampled === false) intervals.fill(1, slot, slot + run);
      else
        for (let i = 0; i < run; i++) {
          const selector = view.getUint16(from + i * ROW_BYTES + selectorOffset);
          intervals[slot + i] = selector === 0 ? 1 : this.#intervalOf(selector);
        }
      done += run;
    }
    this.#next = (this.#next + count) | 0;
    Atomics.store(head, written, this.#next);
    return taken < crowdedRows && taken + count >= crowdedRows;
  }

  /** Rows that found no room since the memory was made. */
  get missedRows(): number {
    return Atomics.load(this.#ring.head, missed) >>> 0;
  }
}

/** Owned by the thread that answers. */
export class FlowRingReader {
  readonly #ring: Ring;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Ring(memory);
  }

  /** Shows all rows that wait, `atMost` of them, and frees their places: who wants to keep them copies them. Returns how many. */
  drain(take: (run: RowRun) => void, atMost = ringRows): number {
    const { head, offsetsUs, intervals, rows } = this.#ring;
    const from = Atomics.load(head, read);
    const count = Math.min(atMost, (Atomics.load(head, written) - from) >>> 0);
    for (let done = 0; done < count; ) {
      const slot = (from + done) & mask;
      const end = slot + Math.min(count - done, ringRows - slot);
      take({
        rows: rows.subarray(slot * ROW_BYTES, end * ROW_BYTES),
        offsetsUs: offsetsUs.subarray(slot, end),
        intervals: intervals.subarray(slot, end),
      });
      done += end - slot;
    }
    if (count > 0) Atomics.store(head, read, (from + count) | 0);
    return count;
  }

  get missedRows(): number {
    return Atomics.load(this.#ring.head, missed) >>> 0;
  }
}
