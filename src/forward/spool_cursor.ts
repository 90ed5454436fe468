/**
 * What one transport session reads: the next rows at its place in the spool, in order, and what became of them. Reading does
 * not acknowledge; a broken session rewinds. One session uses it at a time. Positions stay what they were while the spool
 * renumbers beneath.
 */

import type { ApplianceError } from '../core/errors.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { LaneCursor } from './lane_cursor.ts';
import type { LeftOut } from './lane_state.ts';
import type { SpoolChunk } from './spool_chunk.ts';
import type { SpoolLaneLog } from './spool_lane_log.ts';
import type { SpoolLog } from './spool_log.ts';

/** Rows in this version's layout, of one boot. Valid until the session asks for the next ones, or has ended and its place goes back. */
export interface SpooledRows {
  readonly bytes: Uint8Array;
  readonly firstRow: number;
  readonly count: number;
  /** Position of the first row, for the acknowledgement. */
  readonly position: number;
  readonly bootId: string;
  /** Wall time less row clock as it was known when the rows came, ns; undefined when nobody knew. */
  readonly wallOffsetNs: bigint | undefined;
  /** Members of a balance group that share these rows; undefined when all are for this destination. */
  readonly sharedBy: readonly string[] | undefined;
  /** Whether a row may name a selector. */
  readonly isSampled: boolean;
}

/** What a lane needs of the spool. */
export interface LaneStore {
  /** Rows of a chunk in this version's layout; undefined when they are damaged. Throws while the store does not answer. */
  rowsOf(chunk: SpoolChunk): Promise<Uint8Array | undefined>;
  /** Resolves when no rows are being replaced by merged ones. */
  thinned(): Promise<void>;
  /** Rows were given up or acknowledged: the disk is to know soon. */
  changed(): void;
  /** How far numbers were moved since the lane was made. */
  readonly shift: number;
}

export class SpoolCursor {
  readonly #store: LaneStore;
  readonly #log: SpoolLog;
  readonly #lane: SpoolLaneLog;
  readonly #cursor: LaneCursor;
  #wakers: (() => void)[] = [];
  /** The memory of the rows that the session reads. */
  #read: Uint8Array | undefined;

  constructor(store: LaneStore, log: SpoolLog, lane: SpoolLaneLog, cursor: LaneCursor) {
    this.#store = store;
    this.#log = log;
    this.#lane = lane;
    this.#cursor = cursor;
  }

  get unread(): number {
    return this.#cursor.unread.count;
  }
  /** Rows to be sent or on their way. */
  get outstanding(): number {
    return this.#cursor.outstanding;
  }
  /** Rows that arrived by sessions at this place, since start. */
  get arrived(): number {
    return this.#cursor.arrived;
  }

  /**
   * The next rows in order, or undefined when there are none now. Throws an ApplianceError while the store that holds
   * them does not answer; the rows stay where they are.
   */
  async next(): Promise<SpooledRows | undefined> {
    this.#hold(undefined);
    for (;;) {
      const interval = this.#lane.peek(this.#cursor);
      if (interval === undefined) return undefined;
      const chunk = this.#log.chunkAt(interval.from);
      if (chunk === undefined) throw new Error(`the spool lost row ${interval.from} of ${this.#lane.name} without counting it`);
      if (isFrozen(chunk)) {
        await this.#store.thinned();
        continue;
      }
      const rows = chunk.rows ?? (await this.#store.rowsOf(chunk));
      // While it was read, the chunk may have been given up or replaced: then what was read, or not found, says nothing.
      if (this.#log.chunkAt(chunk.first) !== chunk || isFrozen(chunk)) continue;
      if (rows === undefined) {
        this.#log.damaged(chunk);
        this.#store.changed();
        continue;
      }
      const now = this.#lane.peek(this.#cursor);
      if (now === undefined || this.#log.chunkAt(now.from) !== chunk) continue;
      const to = Math.min(now.to, chunk.first + chunk.count);
      this.#cursor.take(now.from, to);
      this.#hold(rows);
      return {
        bytes: rows,
        firstRow: (now.from - chunk.first) * ROW_BYTES,
        count: to - now.from,
        position: now.from - this.#store.shift,
        bootId: chunk.bootId,
        wallOffsetNs: chunk.wallOffsetNs,
        sharedBy: this.#lane.sharedBy(now.from),
        isSampled: chunk.isSampled,
      };
    }
  }

  /** Resolves when there may be rows to send; rejects with the signal's reason when it aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.unread > 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#wakers = this.#wakers.filter((one) => one !== wake);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#wakers.push(wake);
    });
  }

  wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  /**
   * Rows arrived, in a message of so many octets; `marginMax` octets are kept for sending again.
   * @param leftOut of the rows, those that have no record in the message
   */
  acknowledge(position: number, count: number, octets: number, marginMax: number, leftOut: LeftOut = {}): void {
    const from = position + this.#store.shift;
    this.#lane.acknowledge(this.#cursor, from, from + count, octets, marginMax, leftOut);
    this.#log.trim();
    this.#store.changed();
  }

  /** Rows that no message can hold. */
  drop(position: number, count: number, reason: 'unencodable'): void {
    const from = position + this.#store.shift;
    this.#log.dropFor(this.#lane, from, from + count, reason);
    this.#log.trim();
    this.#store.changed();
  }

  /** The session ended, or none came about. With `resend`, rows that had just arrived are sent again too. */
  rewind(resend: boolean): void {
    this.#hold(undefined);
    this.#lane.rewind(this.#cursor, resend);
    this.#log.rewound();
  }

  #hold(rows: Uint8Array | undefined): void {
    if (this.#read !== undefined) this.#log.memory.letGo(this.#read);
    this.#read = rows;
    if (rows !== undefined) this.#log.memory.hold(rows);
  }

  /** The backlog's session ended in order, but without the collector's word: the live session's end will tell. */
  entrustMargin(): void {
    this.#lane.entrustMargin();
  }

  /** The collector was seen to take everything that was sent: none of it needs to be sent again. */
  releaseMargin(): void {
    if (this.unread > 0) return; // what an earlier session left to be sent again was not, yet
    this.#lane.forgetResend(this.#cursor);
    this.#log.trim();
  }
}

const isFrozen = ({ frozen }: SpoolChunk): boolean => frozen === true;

/** The store does not answer now, and may later. */
export function isStoreTrouble(error: unknown): boolean {
  const code = (error as ApplianceError | undefined)?.code;
  return (
    code === 'storeClosed' ||
    code === 'storeFull' ||
    code === 'storeUnwritable' ||
    code === 'storeDamaged' ||
    code === 'storeLocked'
  );
}
