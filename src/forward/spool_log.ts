/**
 * The spool as decisions: which rows wait for whom, which go to disk, which are given up and why. Pure but for its own
 * state; `spool.ts` reads and writes. Rows have positions: numbers that count up, also across runs.
 *
 * Limits: `memoryBytesMax` of rows in memory, `diskBytesMax` on disk, `ageMaxMs`, `chunksMax` pieces. Over any of them the
 * oldest rows go first, counted at every destination that still waited for them. A slow destination holds rows for itself
 * only; the log is cut behind the slowest.
 */
import type { DropReason } from '../flow/ledger.ts';
import type { RowBlock } from '../flow/row_block.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { span, type TimeRange } from './gaps.ts';
import type { Interval } from './interval_set.ts';
import type { LaneState } from './lane_state.ts';
import { PieceMemory } from './piece_memory.ts';
import { appendRows, chunkRowsMax, hollow, memoryOf, newChunk, type SpoolChunk, sumsOfParts } from './spool_chunk.ts';
import { SpoolLaneLog } from './spool_lane_log.ts';
import type { SharedBy, SpoolLimits } from './spool_parts.ts';
import { ownSums } from './spool_shares.ts';
import { stillHolds, type ThinPlan, thinPlan } from './spool_thinning.ts';

export interface RecoveredSpool {
  /** Ascending by position, all on disk. */
  readonly chunks: readonly SpoolChunk[];
  /** What was kept of each destination, by name; absent for one that is new. */
  readonly lanes: ReadonlyMap<string, LaneState>;
  /** No position at or above this one was ever used. */
  readonly nextPosition: number;
}

/** A piece takes rows for so long: what is known of its age holds, within this, for each of its rows. */
const chunkSpanMs = 5_000;
/** What a collector proves at once, at 60,000 rows a second. */
const freePiecesMax = 16;

/** Relates a chunk's row clock to wall time for gap reports, ms. */
export type ChunkTimes = (chunk: SpoolChunk) => TimeRange;

export class SpoolLog {
  readonly #limits: SpoolLimits;
  readonly #times: ChunkTimes;
  readonly lanes: readonly SpoolLaneLog[];
  /** Whoever reads rows of a piece over a wait holds them here. */
  readonly memory = new PieceMemory(chunkRowsMax * ROW_BYTES, freePiecesMax);
  #chunks: SpoolChunk[] = [];
  #expectedRows = 0;
  #next = 0;
  #memoryOctets = 0;
  /** Of these, rows that are on disk too. */
  #cachedOctets = 0;
  #diskOctets = 0;
  /** On disk and wanted by nobody: to be deleted with the next write. */
  #dead: number[] = [];
  /** Pieces are being replaced by merged ones: nothing else comes to the disk meanwhile. */
  #replacing = false;

  constructor(limits: SpoolLimits, names: readonly string[], times: ChunkTimes, sharedBy: SharedBy = new Map()) {
    this.#limits = limits;
    this.#times = times;
    this.lanes = names.map((name) => new SpoolLaneLog(name, (rows) => this.#timesOf(rows), sharedBy.get(name)));
  }

  get memoryOctets(): number {
    return this.#memoryOctets;
  }
  get diskOctets(): number {
    return this.#diskOctets;
  }
  get chunkCount(): number {
    return this.#chunks.length;
  }
  get nextPosition(): number {
    return this.#next;
  }
  get holdsDisk(): boolean {
    return this.#diskOctets > 0 || this.#dead.length > 0;
  }
  /** Time to write, before memory has to let rows go. */
  get memoryPressed(): boolean {
    return (this.#memoryOctets - this.#cachedOctets) * 2 > this.#limits.memoryBytesMax;
  }

  /** Copies the block's rows in, for every destination. */
  append(block: RowBlock, wallOffsetNs: bigint | undefined, layout: number, atMs: number, nowMs: number): void {
    if (this.lanes.length === 0) return;
    for (let done = 0; done < block.count; ) {
      let tail = this.#chunks.at(-1);
      if (tail === undefined || tail.sealed || tail.bootId !== block.bootId || nowMs - tail.bornMs >= chunkSpanMs) {
        if (tail !== undefined) tail.sealed = true;
        // A busy box stays busy: memory that grows by doubling costs more than the rows' way through the spool.
        this.#expectedRows = tail?.count ?? 0;
        tail = newChunk(block, { first: this.#next, atMs, bornMs: nowMs, layout, wallOffsetNs });
        this.#chunks.push(tail);
      }
      const before = memoryOf(tail);
      const rows = appendRows(tail, block, done, wallOffsetNs, this.#expectedRows, this.memory);
      this.#memoryOctets += memoryOf(tail) - before;
      tail.grownMs = nowMs;
      for (const lane of this.lanes) lane.append(this.#next, this.#next + rows);
      this.#next += rows;
      done += rows;
    }
    if (this.#memoryOctets > this.#limits.memoryBytesMax || this.#chunks.length > this.#limits.chunksMax) this.enforce();
  }

  /** Puts what was found on disk in front. To be called once, before anything of this run is on disk. */
  restore({ chunks, lanes, nextPosition }: RecoveredSpool): void {
    for (const chunk of this.#chunks) chunk.first += nextPosition;
    this.#chunks.unshift(...chunks);
    this.#next += nextPosition;
    this.#diskOctets += chunks.reduce((sum, chunk) => sum + chunk.diskOctets, 0);
    for (const lane of this.lanes) {
      lane.shift(nextPosition);
      const state = lanes.get(lane.name);
      if (state !== undefined) lane.restore(state, chunks);
    }
    this.#sweep();
    this.enforce();
  }

  /** The chunk that holds a position, or undefined when it is gone. */
  chunkAt(position: number): SpoolChunk | undefined {
    const chunk = this.#chunks[this.#firstEndingAfter(position)];
    return chunk !== undefined && chunk.first <= position ? chunk : undefined;
  }

  #timesOf({ from, to }: Interval): TimeRange {
    let at = this.#firstEndingAfter(from);
    let times = this.#times(this.#chunks[at] ?? this.#chunks.at(-1)!);
    while (++at < this.#chunks.length && this.#chunks[at]!.first < to) times = span(times, this.#times(this.#chunks[at]!));
    return times;
  }

  #firstEndingAfter(position: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { first, count } = this.#chunks[middle]!;
      if (first + count > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The first position from here on whose piece has rows that came later than that. Between pieces there may be none. */
  firstGrownAfter(position: number, ms: number): number {
    let at = this.#firstEndingAfter(position);
    while (at < this.#chunks.length && this.#chunks[at]!.grownMs <= ms) at++;
    return Math.max(position, this.#chunks[at]?.first ?? this.#next);
  }

  /** Age of the oldest row a destination waits for, ms. */
  oldestAgeMs(lane: SpoolLaneLog, nowMs: number): number {
    const first = lane.pending.first;
    const chunk = first === undefined ? undefined : this.chunkAt(first);
    return chunk === undefined ? 0 : Math.max(0, nowMs - chunk.bornMs);
  }

  /** Chunks that must go to disk now: some destination waits for them and they are old enough, or memory is short. */
  due(nowMs: number, persistAfterMs: number): SpoolChunk[] {
    const pressed = this.memoryPressed;
    return this.#waitedInMemory().filter((chunk) => pressed || nowMs - chunk.bornMs >= persistAfterMs);
  }

  /** Chunks that would be lost if the program ended now. Those only kept to be sent again count too. */
  unpersisted(): SpoolChunk[] {
    return this.#chunks.filter((chunk) => chunk.diskOctets === 0 && this.#wanted(chunk));
  }

  persisted(chunk: SpoolChunk, octets: number): void {
    // It may have been given up while it was being written.
    if (this.chunkAt(chunk.first) !== chunk) return void this.#dead.push(chunk.first);
    for (const lane of this.lanes) lane.forgetLetGo(chunk.first, chunk.first + chunk.count);
    chunk.diskOctets = octets;
    chunk.rowSums = undefined; // the rows themselves tell again
    this.#diskOctets += octets;
    this.#cachedOctets += memoryOf(chunk);
  }

  /** Gives the rows of a chunk up that turned out to be unreadable. */
  damaged(chunk: SpoolChunk): void {
    this.#giveUp(chunk, 'damaged');
  }

  /** Gives up rows of one piece for one destination. */
  dropFor(lane: SpoolLaneLog, from: number, to: number, reason: DropReason): void {
    const chunk = this.chunkAt(from);
    const waited = lane.drop(from, to, reason);
    const records = waited.reduce((sum, one) => sum + one.to - one.from, 0);
    if (chunk !== undefined && records > 0)
      lane.addGap({ reason, ...this.#times(chunk), records, ...sumsOfParts(chunk, waited, records) });
  }

  /** Gives up what is not on disk, at the end of a run, or what cannot come there. Returns the rows that somebody waited for. */
  dropUnpersisted(reason: DropReason, onlyLetGo = false): number {
    let rows = 0;
    for (const chunk of this.unpersisted()) if (!onlyLetGo || chunk.rows === undefined) rows += this.#giveUp(chunk, reason);
    return rows;
  }

  /** What was on disk is gone: what is in memory too is to be written again, the rest is given up. */
  diskLost(): void {
    this.#dead = [];
    for (const chunk of this.#chunks.filter(({ diskOctets }) => diskOctets > 0)) {
      this.#diskOctets -= chunk.diskOctets;
      this.#cachedOctets -= memoryOf(chunk);
      chunk.diskOctets = 0;
      if (chunk.rows === undefined) this.#giveUp(chunk, 'damaged');
    }
  }

  /** Lets go of what nobody waits for, from the oldest on. */
  trim(): void {
    let gone = 0;
    while (gone < this.#chunks.length && !this.#wanted(this.#chunks[gone]!) && this.#chunks[gone]!.frozen !== true) gone++;
    for (const chunk of this.#chunks.splice(0, gone)) this.#release(chunk);
  }

  /** Applies every limit. While pieces are replaced nothing comes to the disk, so what bounds it waits for the next time. */
  enforce(nowMs?: number): void {
    this.trim();
    if (!this.#replacing) this.#enforceOldest(nowMs);
    if (this.#memoryOctets > this.#limits.memoryBytesMax) this.#enforceMemory();
  }

  #enforceOldest(nowMs: number | undefined): void {
    if (nowMs !== undefined) {
      while (this.#chunks.length > 0 && nowMs - this.#chunks[0]!.bornMs > this.#limits.ageMaxMs)
        this.#giveUp(this.#chunks[0]!, 'tooOld');
    }
    while (this.#chunks.length > this.#limits.chunksMax) this.#giveUp(this.#chunks[0]!, 'overBudget');
    while (this.#diskOctets > this.#limits.diskBytesMax) {
      const oldest = this.#chunks.find((chunk) => chunk.diskOctets > 0);
      if (oldest === undefined) break;
      this.#giveUp(oldest, 'overBudget');
    }
  }

  /** What is to be merged so that the disk has room for what comes. */
  thinPlan(layout: number): ThinPlan | undefined {
    return thinPlan(this.#chunks, this.lanes, this.#diskOctets, this.#limits.diskBytesMax, layout);
  }

  /**
   * Destinations wait for the merged rows from here on; nobody reads them before `commitThin` or the undoing that is
   * returned. Undefined when something was sent or given up since the plan was made.
   * @param kept rows that became of each segment
   */
  beginThin(plan: ThinPlan, kept: readonly number[]): (() => void) | undefined {
    if (!stillHolds(plan, this.#chunks, this.lanes)) return undefined;
    this.#replacing = true;
    for (const chunk of plan.chunks) chunk.frozen = true;
    const { fromMs, toMs } = plan.chunks.map((chunk) => this.#times(chunk)).reduce(span);
    // Between and beside the segments are rows that have arrived everywhere: they cannot be sent again any more.
    let done = plan.chunks[0]!.first;
    for (const { from, to } of [...plan.segments, { from: plan.chunks.at(-1)!.first + plan.chunks.at(-1)!.count, to: 0 }]) {
      for (const lane of this.lanes) lane.forgetArrived(done, from, 'overBudget');
      done = to;
    }
    const undo = plan.segments.flatMap(({ from, to }, index) =>
      this.lanes.map((lane) => lane.thin(from, to, kept[index]!, { reason: 'thinned', fromMs, toMs, packets: 0, octets: 0 })),
    );
    return () => {
      for (const back of undo.reverse()) back();
      for (const chunk of plan.chunks) chunk.frozen = false;
      this.#replacing = false;
    };
  }

  /** The merged rows are on disk in the place of the others. */
  commitThin(plan: ThinPlan, merged: readonly SpoolChunk[]): void {
    const at = this.#chunks.indexOf(plan.chunks[0]!);
    if (at < 0 || this.#chunks[at + plan.chunks.length - 1] !== plan.chunks.at(-1))
      throw new Error('pieces that were being replaced are not in the spool any more');
    this.#replacing = false;
    for (const { diskOctets } of merged) this.#diskOctets += diskOctets;
    for (const chunk of plan.chunks) {
      this.#forgetRows(chunk);
      this.#diskOctets -= chunk.diskOctets;
      chunk.diskOctets = 0;
    }
    this.#chunks.splice(at, plan.chunks.length, ...merged);
    // They may lie where pieces were that are still to be deleted: those are overwritten.
    const taken = new Set(merged.map(({ first }) => first));
    this.#dead = this.#dead.filter((first) => !taken.has(first));
  }

  /** Positions of chunks on disk that can be deleted. */
  takeDead(): number[] {
    return this.#dead.splice(0);
  }
  returnDead(positions: readonly number[]): void {
    this.#dead.push(...positions);
  }

  /** What of the log is in the middle and wanted by nobody goes too. For now and then: looks at every chunk. */
  #sweep(): void {
    const done = this.#chunks.filter((chunk) => chunk.sealed && chunk.frozen !== true && !this.#wanted(chunk));
    if (done.length === 0) return;
    const gone = new Set(done);
    this.#chunks = this.#chunks.filter((chunk) => !gone.has(chunk));
    for (const chunk of done) this.#release(chunk);
  }

  #enforceMemory(): void {
    const max = this.#limits.memoryBytesMax;
    // To the half at once, so that not every block looks through the log.
    this.#releaseMemory(max / 2);
    if (this.#memoryOctets <= max) return;
    // Rows that are only kept to be sent again are a precaution; they go before rows that never arrived.
    for (const lane of this.lanes) lane.giveUpResend();
    this.trim();
    this.#sweep();
    for (const chunk of this.#waitedInMemory()) {
      if (this.#memoryOctets <= max) return;
      this.#letGo(chunk);
    }
  }

  /** The rows leave memory and are on no disk: what is on its way may arrive all the same, the rest is given up. */
  #letGo(chunk: SpoolChunk): void {
    this.#giveUpUnsent(chunk);
    if (this.chunkAt(chunk.first) !== chunk) return;
    this.#memoryOctets -= memoryOf(chunk);
    hollow(chunk);
  }

  /** A session ended: rows that were let go while they were on its way cannot be sent again. */
  rewound(): void {
    for (const chunk of [...this.#chunks]) if (chunk.rows === undefined && chunk.diskOctets === 0) this.#giveUpUnsent(chunk);
    this.trim();
  }

  #giveUpUnsent(chunk: SpoolChunk): void {
    const [from, to] = [chunk.first, chunk.first + chunk.count];
    for (const lane of this.lanes) this.#count(lane, chunk, lane.dropUnsent(from, to, 'overBudget'), 'overBudget');
    if (!this.#wanted(chunk)) this.#remove(chunk);
  }

  /** What is on disk need not be in memory too. */
  #releaseMemory(target: number): void {
    for (const chunk of this.#chunks) {
      if (this.#memoryOctets <= target) return;
      if (chunk.diskOctets > 0) this.#forgetRows(chunk);
    }
  }

  #giveUp(chunk: SpoolChunk, reason: DropReason): number {
    const [from, to] = [chunk.first, chunk.first + chunk.count];
    let most = 0;
    for (const lane of this.lanes) most = Math.max(most, this.#count(lane, chunk, lane.drop(from, to, reason), reason));
    this.#remove(chunk);
    return most;
  }

  #count(lane: SpoolLaneLog, chunk: SpoolChunk, waited: readonly Interval[], reason: DropReason): number {
    const rows = waited.reduce((sum, one) => sum + one.to - one.from, 0);
    if (rows === 0) return 0;
    const { own, told } = ownSums(lane, chunk, waited, rows);
    lane.leaveToOthers(rows - own, reason);
    if (told.records !== 0) lane.addGap({ reason, ...this.#times(chunk), ...told });
    return rows;
  }

  #remove(chunk: SpoolChunk): void {
    const at = this.#chunks.indexOf(chunk);
    if (at >= 0) this.#chunks.splice(at, 1);
    this.#release(chunk);
  }

  #forgetRows(chunk: SpoolChunk): void {
    if (chunk.rows === undefined) return;
    this.#memoryOctets -= memoryOf(chunk);
    if (chunk.diskOctets > 0) this.#cachedOctets -= memoryOf(chunk);
    this.memory.giveBack(chunk.rows);
    chunk.rows = undefined;
  }

  #release(chunk: SpoolChunk): void {
    this.#forgetRows(chunk);
    if (chunk.diskOctets > 0) {
      this.#diskOctets -= chunk.diskOctets;
      this.#dead.push(chunk.first);
      chunk.diskOctets = 0;
    }
    chunk.sealed = true;
  }

  /** Chunks not on disk that some destination has not acknowledged. */
  #waitedInMemory(): SpoolChunk[] {
    const held = this.#chunks.filter((chunk) => chunk.diskOctets === 0 && chunk.rows !== undefined);
    return held.filter((chunk) => this.lanes.some((lane) => lane.pending.touches(chunk.first, chunk.first + chunk.count)));
  }

  #wanted(chunk: SpoolChunk): boolean {
    return this.lanes.some((lane) => lane.wants(chunk.first, chunk.first + chunk.count));
  }
}
