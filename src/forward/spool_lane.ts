/**
 * A destination's view of the spool: rows to send, in order, and what became of them. Reading does not acknowledge; a
 * broken session rewinds. One exporter uses it. Positions stay what they were while the spool renumbers beneath.
 */
import type { DestinationAccount } from '../flow/ledger.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { Gap } from './gaps.ts';
import type { SpoolChunk } from './spool_chunk.ts';
import type { NotSent, SpoolLaneLog } from './spool_lane_log.ts';
import type { SpoolLog } from './spool_log.ts';

/** Rows in this version's layout, of one boot. Valid for as long as they are held. */
export interface SpooledRows {
  readonly bytes: Uint8Array;
  readonly firstRow: number;
  readonly count: number;
  /** Position of the first row, for the acknowledgement. */
  readonly position: number;
  readonly bootId: string;
  /** Wall time less row clock as it was known when the rows came, ns; undefined when nobody knew. */
  readonly wallOffsetNs: bigint | undefined;
}

/** What a lane needs of the spool. */
export interface LaneStore {
  /** Rows of a chunk in this version's layout; undefined when they are damaged. Throws while the store does not answer. */
  rowsOf(chunk: SpoolChunk): Promise<Uint8Array | undefined>;
  /** Rows were given up or acknowledged: the disk is to know soon. */
  changed(): void;
  /** How far numbers were moved since the lane was made. */
  readonly shift: number;
}

export class SpoolLane {
  readonly #store: LaneStore;
  readonly #log: SpoolLog;
  readonly #lane: SpoolLaneLog;
  readonly #nowMs: () => number;
  #wakers: (() => void)[] = [];

  constructor(store: LaneStore, log: SpoolLog, lane: SpoolLaneLog, nowMs: () => number) {
    this.#store = store;
    this.#log = log;
    this.#lane = lane;
    this.#nowMs = nowMs;
  }

  get name(): string {
    return this.#lane.name;
  }
  get gaps(): readonly Gap[] {
    return this.#lane.gaps;
  }
  get notSent(): { readonly packets: number; readonly octets: number } {
    return this.#lane.notSent;
  }
  get resentRecords(): number {
    return this.#lane.resent;
  }
  get unread(): number {
    return this.#lane.unread;
  }
  /** Whether a probe of the collector was ever answered, also in earlier runs. */
  get probeAnswered(): boolean {
    return this.#lane.probeAnswered;
  }
  set probeAnswered(value: boolean) {
    this.#lane.probeAnswered = value;
  }

  account(): DestinationAccount {
    return this.#lane.account();
  }
  /** Octets that the waiting rows take, uncompressed. */
  get backlogOctets(): number {
    return this.#lane.pending.count * ROW_BYTES;
  }
  get backlogAgeMs(): number {
    return this.#log.oldestAgeMs(this.#lane, this.#nowMs());
  }

  /**
   * The next rows in order, or undefined when there are none now. Throws an ApplianceError while the store that holds
   * them does not answer; the rows stay where they are.
   */
  async next(): Promise<SpooledRows | undefined> {
    for (;;) {
      const interval = this.#lane.peek();
      if (interval === undefined) return undefined;
      const chunk = this.#log.chunkAt(interval.from);
      if (chunk === undefined) throw new Error(`the spool lost row ${interval.from} of ${this.name} without counting it`);
      const rows = chunk.rows ?? (await this.#store.rowsOf(chunk));
      if (rows === undefined) {
        this.#log.damaged(chunk);
        this.#store.changed();
        continue;
      }
      // While it was read, the chunk may have been given up or renumbered.
      const now = this.#lane.peek();
      if (now === undefined || this.#log.chunkAt(now.from) !== chunk) continue;
      const to = Math.min(now.to, chunk.first + chunk.count);
      this.#lane.taken(now.from, to);
      return {
        bytes: rows,
        firstRow: (now.from - chunk.first) * ROW_BYTES,
        count: to - now.from,
        position: now.from - this.#store.shift,
        bootId: chunk.bootId,
        wallOffsetNs: chunk.wallOffsetNs,
      };
    }
  }

  /** Resolves when there may be rows to send; rejects with the signal's reason when it aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#lane.unread > 0) return Promise.resolve();
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

  /** Rows arrived, in a message of so many octets; `marginMax` octets are kept for sending again. */
  acknowledge(position: number, count: number, octets: number, marginMax: number): void {
    const from = position + this.#store.shift;
    this.#lane.acknowledge(from, from + count, octets, marginMax);
    this.#log.trim();
    this.#store.changed();
  }

  leaveOut(position: number, count: number, why: NotSent): void {
    const from = position + this.#store.shift;
    this.#lane.leaveOut(from, from + count, why);
    this.#log.trim();
    this.#store.changed();
  }

  /** Rows that no message can hold. */
  drop(position: number, count: number, reason: 'unencodable'): void {
    const from = position + this.#store.shift;
    this.#lane.drop(from, from + count, reason);
    this.#log.trim();
    this.#store.changed();
  }

  /** The session ended, or none came about. With `resend`, rows that had just arrived are sent again too. */
  rewind(resend: boolean): void {
    this.#lane.rewind(resend);
    this.#log.trim();
  }

  /** The collector was seen to take everything that was sent: none of it needs to be sent again. */
  releaseMargin(): void {
    if (this.#lane.unread > 0) return; // what an earlier session left to be sent again was not, yet
    this.#lane.forgetResend();
    this.#log.trim();
  }

  /** Gaps to say now, each once; `gapsTold` when they were heard. A rewind brings them back. */
  takeGaps(): readonly Gap[] {
    return this.#lane.takeGaps();
  }
  get hasGapsToTell(): boolean {
    return this.#lane.hasGapsToTell;
  }
  gapsTold(gaps: readonly Gap[]): void {
    this.#lane.gapsTold(gaps);
  }
}
