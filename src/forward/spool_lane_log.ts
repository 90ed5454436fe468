/**
 * One destination's side of the spool: which rows it waits for, which are on their way, and where every row went. Pure but
 * for its own state. Every row handed over is in exactly one place, so the account balances by construction:
 * pending, or counted as acknowledged, not selected, not representable or dropped.
 *
 * Rows that arrived may be kept a while longer to be sent again (`resendMarginBytes`): that is a precaution, not a debt,
 * and changes no account.
 */
import { type DestinationAccount, type DropReason, dropReasons } from '../flow/ledger.ts';
import { type Gap, withGap } from './gaps.ts';
import { type Interval, IntervalSet } from './interval_set.ts';
import type { SpoolChunk } from './spool_chunk.ts';

/** What is kept on disk about a destination. */
export interface LaneState {
  /** Rows not done with, below `next`. */
  readonly pending: readonly Interval[];
  /** Every row from here on is waited for. */
  readonly next: number;
  readonly gaps: readonly Gap[];
  /** Whether a probe of the collector was ever answered (UDP). */
  readonly probeAnswered: boolean;
}

/** Ways for a row to end other than arriving. */
export type NotSent = 'notSelected' | 'notRepresentable';

export class SpoolLaneLog {
  readonly name: string;
  readonly pending = new IntervalSet();
  #unread = new IntervalSet();
  /** Arrived, kept to be sent again should the session break: oldest first. */
  #margin: (Interval & { readonly octets: number })[] = [];
  #marginOctets = 0;
  /** Arrived, and being sent again. */
  #resending = new IntervalSet();
  #next = 0;
  #handedOver = 0;
  #acknowledged = 0;
  #resent = 0;
  readonly #notSent: Record<NotSent, number> = { notSelected: 0, notRepresentable: 0 };
  readonly #dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  #gaps: Gap[] = [];
  /** Being said upstream; not known yet whether it was heard. */
  #telling: Gap[] = [];
  #notSentPackets = 0;
  #notSentOctets = 0;
  #probeAnswered = false;
  #rowsChanged = false;
  #factsChanged = false;

  constructor(name: string) {
    this.name = name;
  }

  account(): DestinationAccount {
    return {
      handedOver: this.#handedOver,
      acknowledged: this.#acknowledged,
      pending: this.pending.count,
      thinned: 0,
      ...this.#notSent,
      dropped: { ...this.#dropped },
    };
  }

  /** Rows sent again although they had arrived. */
  get resent(): number {
    return this.#resent;
  }
  /** Packets and IP octets of rows given up in this run. */
  get notSent(): { readonly packets: number; readonly octets: number } {
    return { packets: this.#notSentPackets, octets: this.#notSentOctets };
  }
  /** What was not said upstream yet. */
  get gaps(): readonly Gap[] {
    return [...this.#telling, ...this.#gaps];
  }
  get probeAnswered(): boolean {
    return this.#probeAnswered;
  }
  set probeAnswered(value: boolean) {
    this.#factsChanged ||= value !== this.#probeAnswered;
    this.#probeAnswered = value;
  }
  get unread(): number {
    return this.#unread.count;
  }

  append(from: number, to: number): void {
    this.#handedOver += this.pending.add(from, to);
    this.#unread.add(from, to);
    this.#next = to;
  }

  /** The lowest rows not taken in this session, at most up to the end of their interval. */
  peek(): Interval | undefined {
    return this.#unread.intervals[0];
  }

  taken(from: number, to: number): void {
    this.#unread.remove(from, to);
  }

  /**
   * Rows have arrived, in a message of so many octets.
   * @param marginMax octets of arrived messages to keep for sending again
   */
  acknowledge(from: number, to: number, octets: number, marginMax: number): void {
    const rows = this.pending.remove(from, to);
    const again = this.#resending.remove(from, to);
    this.#acknowledged += rows;
    this.#resent += again;
    this.#rowsChanged ||= rows > 0;
    // Rows that were given up while they were on their way are gone from the log: they cannot be sent again.
    if (marginMax <= 0 || rows + again === 0) return;
    this.#margin.push({ from, to, octets });
    this.#marginOctets += octets;
    while (this.#margin.length > 0 && this.#marginOctets - this.#margin[0]!.octets >= marginMax) {
      this.#marginOctets -= this.#margin.shift()!.octets;
    }
  }

  /**
   * The session ended: what was not acknowledged is to be sent again; with `resend`, also the margin before it. Without,
   * what an earlier session left to be sent again still is: a collector that fell takes a while to come back.
   */
  rewind(resend: boolean): void {
    if (resend) for (const { from, to } of this.#margin) this.#resending.add(from, to);
    this.#margin = [];
    this.#marginOctets = 0;
    for (const gap of this.#telling.splice(0)) this.#gaps = withGap(this.#gaps, gap);
    this.#unread = this.pending.copy();
    for (const { from, to } of this.#resending.intervals) this.#unread.add(from, to);
  }

  /** Nothing that arrived is kept for sending again any more. */
  forgetResend(): void {
    for (const { from, to } of this.#resending.intervals) this.#unread.remove(from, to);
    this.#resending = new IntervalSet();
    this.#margin = [];
    this.#marginOctets = 0;
  }

  leaveOut(from: number, to: number, why: NotSent): void {
    this.#notSent[why] += this.pending.remove(from, to);
    this.#resending.remove(from, to);
    this.#rowsChanged = true;
  }

  /** Gives rows up. Returns those that were waited for. */
  drop(from: number, to: number, reason: DropReason): Interval[] {
    const waited = this.pending.within(from, to);
    this.#dropped[reason] += this.pending.remove(from, to);
    this.#unread.remove(from, to);
    this.#resending.remove(from, to);
    this.#forgetMargin(from, to);
    this.#rowsChanged ||= waited.length > 0;
    return waited;
  }

  addGap(gap: Gap): void {
    this.#gaps = withGap(this.#gaps, gap);
    this.#notSentPackets += gap.packets ?? 0;
    this.#notSentOctets += gap.octets ?? 0;
    this.#factsChanged = true;
  }
  get hasGapsToTell(): boolean {
    return this.#gaps.length > 0;
  }
  /** Gaps to say now. They are said once, unless the session ends before it is known that they were heard. */
  takeGaps(): readonly Gap[] {
    const taken = this.#gaps;
    this.#telling.push(...taken);
    this.#gaps = [];
    return taken;
  }
  gapsTold(told: readonly Gap[]): void {
    this.#telling = this.#telling.filter((gap) => !told.includes(gap));
    this.#factsChanged ||= told.length > 0;
  }

  /** Whether rows must be kept for this destination. */
  wants(from: number, to: number): boolean {
    if (this.pending.touches(from, to) || this.#resending.touches(from, to)) return true;
    return this.#margin.some((one) => one.to > from && one.from < to);
  }

  shift(by: number): void {
    this.pending.shift(by);
    this.#unread.shift(by);
    this.#resending.shift(by);
    this.#margin = this.#margin.map((one) => ({ ...one, from: one.from + by, to: one.to + by }));
    this.#next += by;
  }

  /** Takes up what an earlier run left. */
  restore(state: LaneState, chunks: readonly SpoolChunk[]): void {
    const waited = new IntervalSet([...state.pending, { from: state.next, to: Number.MAX_SAFE_INTEGER }]);
    for (const chunk of chunks) {
      for (const { from, to } of waited.within(chunk.first, chunk.first + chunk.count)) {
        this.#handedOver += this.pending.add(from, to);
        this.#unread.add(from, to);
      }
    }
    for (const gap of state.gaps) this.#gaps = withGap(this.#gaps, gap);
    this.#probeAnswered ||= state.probeAnswered;
  }

  /** @param withMargin at a planned stop that could not see the collector take everything: keeps the margin too */
  state(withMargin: boolean): LaneState {
    const kept = this.pending.copy();
    if (withMargin) for (const { from, to } of [...this.#margin, ...this.#resending.intervals]) kept.add(from, to);
    return { pending: kept.intervals, next: this.#next, gaps: this.gaps, probeAnswered: this.#probeAnswered };
  }

  /** What the disk does not know yet: which rows are done with, and facts that are kept even without rows on disk. */
  takeChanges(): { rows: boolean; facts: boolean } {
    const changes = { rows: this.#rowsChanged, facts: this.#factsChanged };
    this.#rowsChanged = false;
    this.#factsChanged = false;
    return changes;
  }
  returnChanges(changes: { rows: boolean; facts: boolean }): void {
    this.#rowsChanged ||= changes.rows;
    this.#factsChanged ||= changes.facts;
  }

  #forgetMargin(from: number, to: number): void {
    const kept = this.#margin.filter((one) => one.to <= from || one.from >= to);
    if (kept.length === this.#margin.length) return;
    this.#margin = kept;
    this.#marginOctets = kept.reduce((sum, one) => sum + one.octets, 0);
  }
}
