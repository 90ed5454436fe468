/**
 * A destination's view of the spool. The lane itself is the place of the session that sends live rows; `backlog` is that of
 * another session, for ranges of rows that have waited too long to be called live. Each keeps its order.
 */
import type { DestinationAccount } from '../flow/ledger.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { Gap } from './gaps.ts';
import { type LaneStore, SpoolCursor } from './spool_cursor.ts';
import type { SpoolLaneLog } from './spool_lane_log.ts';
import type { SpoolLog } from './spool_log.ts';

export class SpoolLane extends SpoolCursor {
  readonly backlog: SpoolCursor;
  readonly #log: SpoolLog;
  readonly #lane: SpoolLaneLog;
  readonly #nowMs: () => number;

  constructor(store: LaneStore, log: SpoolLog, lane: SpoolLaneLog, nowMs: () => number) {
    super(store, log, lane, lane.live);
    this.backlog = new SpoolCursor(store, log, lane, lane.backlog);
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

  /** All that waits is live: for a member that takes rows in one order only. */
  promote(): void {
    this.#lane.promote();
  }

  /** Live rows that came longer ago than this become backlog, save those on their way. Returns how many. */
  demote(olderThanMs: number): number {
    const first = this.#lane.firstLive;
    if (first === undefined) return 0;
    const below = this.#log.firstGrownAfter(first, this.#nowMs() - olderThanMs);
    const rows = below > first ? this.#lane.demote(below) : 0;
    if (rows > 0) this.backlog.wake();
    return rows;
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
