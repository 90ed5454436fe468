/**
 * One destination's side of the spool: which rows it waits for, which are on their way, and where every row went. Pure but
 * for its own state. Every row handed over is in exactly one place, so the account balances by construction:
 * pending, or counted as acknowledged, not selected, not representable or dropped.
 *
 * What waits is read by two cursors (DESIGN section 4): live rows, and a backlog of ranges that came to be when rows waited
 * too long. Rows that arrived may be kept a while longer to be sent again (`resendMarginBytes`): that is a precaution, not
 * a debt, and changes no account. Where they are given up for want of room and the session then breaks, nobody knows
 * whether they were read: a gap without counts says so. The same holds of rows that memory let go while they were on their
 * way: until they arrive or are given up the disk knows them as such a gap, since a run that ends can tell nothing more.
 * Limit: `rangesMax` ranges are kept on disk; beyond that the narrowest holes are closed, so that some rows come twice and
 * none is forgotten.
 */
import { type DestinationAccount, type DropReason, dropReasons } from '../flow/ledger.ts';
import { type Gap, type TimeRange, unsure, withGap } from './gaps.ts';
import { HeardGaps } from './heard_gaps.ts';
import { closeHoles, type Interval, IntervalSet } from './interval_set.ts';
import { LaneCursor } from './lane_cursor.ts';
import type { LaneState, LeftOut, NotSent, Sharing } from './lane_state.ts';
import type { SpoolChunk } from './spool_chunk.ts';

const rangesMax = 256;
/** Times that the members of a balance group may change while rows wait. Rows from before come to this one whole. */
const sharesMax = 8;

export class SpoolLaneLog {
  readonly name: string;
  /** Of a balance group: the member whose share this is. */
  readonly member: string;
  readonly pending = new IntervalSet();
  readonly live = new LaneCursor();
  readonly backlog = new LaneCursor();
  /** Arrived, and being sent again. */
  #resending = new IntervalSet();
  /** Owed, on their way, and neither in memory nor on disk any more. */
  readonly #letGo = new IntervalSet();
  #next = 0;
  #handedOver = 0;
  #acknowledged = 0;
  #resent = 0;
  #thinned = 0;
  readonly #notSent: Record<NotSent, number> = { notSelected: 0, notRepresentable: 0 };
  readonly #dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  #gaps: Gap[] = [];
  /** Being said upstream; not known yet whether it was heard. */
  #telling: Gap[] = [];
  readonly #heard = new HeardGaps();
  #notSentPackets = 0;
  #notSentOctets = 0;
  #probeAnswered = false;
  #shares: readonly Sharing[] = [];
  readonly #timesOf: (rows: Interval) => TimeRange;
  #rowsChanged = false;
  #factsChanged = false;

  /**
   * @param timesOf of rows that are still in the log
   * @param members of a balance group; absent: every row is for this destination
   */
  constructor(name: string, timesOf: (rows: Interval) => TimeRange, members?: readonly string[]) {
    this.name = name;
    this.#timesOf = timesOf;
    this.member = name.slice(name.lastIndexOf('/') + 1);
    if (members !== undefined) this.#shares = [{ from: 0, members }];
  }

  /** Who shares the row at this position; undefined when it is for this destination alone. */
  sharedBy(position: number): readonly string[] | undefined {
    return this.#shares.findLast(({ from }) => from <= position)?.members;
  }

  account(): DestinationAccount {
    return {
      handedOver: this.#handedOver,
      acknowledged: this.#acknowledged,
      pending: this.pending.count,
      thinned: this.#thinned,
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
  append(from: number, to: number): void {
    this.#handedOver += this.pending.add(from, to);
    this.live.unread.add(from, to);
    this.#next = to;
  }

  /** The lowest rows that a session has not taken: either all of them are owed, or all are sent again. */
  peek({ unread }: LaneCursor): Interval | undefined {
    const first = unread.intervals[0];
    if (first === undefined) return undefined;
    const owed = this.pending.within(first.from, first.to)[0];
    if (owed === undefined) return first;
    return owed.from === first.from ? owed : { from: first.from, to: owed.from };
  }

  /** The lowest row of the live ones that is owed, and was not taken. */
  get firstLive(): number | undefined {
    for (const { from, to } of this.live.unread.intervals) {
      const owed = this.pending.within(from, to)[0];
      if (owed !== undefined) return owed.from;
    }
    return undefined;
  }

  /** Live rows below the position that are owed and not on their way become backlog. Returns how many. */
  demote(below: number): number {
    let rows = 0;
    for (const waiting of this.live.unread.copy().intervals) {
      if (waiting.from >= below) break;
      for (const { from, to } of this.pending.within(waiting.from, Math.min(waiting.to, below))) {
        this.live.unread.remove(from, to);
        rows += this.backlog.unread.add(from, to);
      }
    }
    return rows;
  }

  /** What waits in the backlog is live again. */
  promote(): void {
    for (const { from, to } of this.backlog.unread.copy().intervals) {
      this.backlog.unread.remove(from, to);
      this.live.unread.add(from, to);
    }
  }

  /**
   * Rows have arrived, in a message of so many octets.
   * @param marginMax octets of arrived messages to keep for sending again
   */
  acknowledge(cursor: LaneCursor, from: number, to: number, octets: number, marginMax: number, leftOut: LeftOut = {}): void {
    const owed = this.pending.remove(from, to);
    const again = this.#resending.remove(from, to);
    // Some may have been given up meanwhile: those are counted, whatever would have become of them.
    const notSelected = Math.min(leftOut.notSelected ?? 0, owed);
    const notRepresentable = Math.min(leftOut.notRepresentable ?? 0, owed - notSelected);
    const arrived = owed - notSelected - notRepresentable;
    this.#notSent.notSelected += notSelected;
    this.#notSent.notRepresentable += notRepresentable;
    this.#acknowledged += arrived;
    this.#resent += owed > 0 ? again : Math.max(0, again - (leftOut.notSelected ?? 0) - (leftOut.notRepresentable ?? 0));
    this.#rowsChanged ||= owed > 0;
    if (cursor === this.live) this.#heard.pass(octets, marginMax);
    // Rows that were given up while they were on their way are gone from the log: they cannot be sent again.
    cursor.arrive(from, to, arrived, octets, marginMax, owed + again === 0);
    // The log knows when those were that memory let go, and no more of them.
    if (this.forgetLetGo(from, to)) cursor.forgetMargin(from, to, this.#timesOf);
  }

  /**
   * The session ended: what was not acknowledged is to be sent again; with `resend`, also the margin before it. Without,
   * what an earlier session left to be sent again still is: a collector that fell takes a while to come back.
   */
  rewind(cursor: LaneCursor, resend: boolean): void {
    if (resend) {
      for (const { from, to } of cursor.margin) {
        this.#resending.add(from, to);
        cursor.unread.add(from, to);
      }
      for (const times of cursor.goneOfMargin) this.addGap(unsure(times, 'overBudget'));
    }
    cursor.dropMargin();
    cursor.rewind();
    if (cursor !== this.live) return;
    const heard = this.#heard.take();
    for (const gap of [...(resend ? heard : []), ...this.#telling.splice(0)]) this.#gaps = withGap(this.#gaps, gap);
  }

  /** The backlog's session ended in order, but nobody said that everything was read. */
  entrustMargin(): void {
    this.live.entrust(this.backlog);
  }

  /** Memory is short: no row is kept for sending again any more. */
  giveUpResend(): void {
    for (const one of this.#resending.intervals) this.addGap(unsure(this.#timesOf(one), 'overBudget'));
    for (const cursor of this.#cursors) {
      for (const { from, to } of cursor.margin) cursor.forgetMargin(from, to, this.#timesOf);
      this.#takeBackResend(cursor);
    }
  }

  /** The collector has read what arrived by this cursor's sessions. */
  forgetResend(cursor: LaneCursor): void {
    this.#takeBackResend(cursor);
    cursor.dropMargin();
    if (cursor === this.live && this.#heard.take().length > 0) this.#factsChanged = true;
  }

  #takeBackResend(cursor: LaneCursor): void {
    for (const held of [cursor.unread, cursor.taken]) {
      for (const waiting of held.copy().intervals) {
        for (const { from, to } of this.#resending.within(waiting.from, waiting.to)) {
          this.#resending.remove(from, to);
          held.remove(from, to);
        }
      }
    }
  }

  /** Memory lets the rows go: gives those up that are not on their way. Returns them. */
  dropUnsent(from: number, to: number, reason: DropReason): Interval[] {
    const unsent = new IntervalSet(this.pending.within(from, to));
    for (const { taken } of this.#cursors) for (const sent of taken.within(from, to)) unsent.remove(sent.from, sent.to);
    const waited = unsent.copy().intervals;
    for (const one of this.pending.within(from, to)) this.#letGo.add(one.from, one.to);
    for (const one of waited) this.drop(one.from, one.to, reason);
    return [...waited];
  }

  /** Gives rows up. Returns those that were waited for. */
  drop(from: number, to: number, reason: DropReason): Interval[] {
    const waited = this.pending.within(from, to);
    this.#dropped[reason] += this.pending.remove(from, to);
    this.forgetArrived(from, to, reason);
    this.forgetLetGo(from, to);
    this.#rowsChanged ||= waited.length > 0;
    return waited;
  }

  /** Rows that memory let go have reached the disk none the less, or are done with. Returns whether there were any. */
  forgetLetGo(from: number, to: number): boolean {
    const some = this.#letGo.remove(from, to) > 0;
    this.#factsChanged ||= some;
    return some;
  }

  /** So many of the rows that were just given up are those of other members. */
  leaveToOthers(rows: number, reason: DropReason): void {
    this.#dropped[reason] -= rows;
    this.#notSent.notSelected += rows;
  }

  /** Whether a session is at these rows. */
  isTaken(from: number, to: number): boolean {
    return this.#cursors.some(({ taken }) => taken.touches(from, to));
  }

  /** Rows that have arrived are not kept for sending again any more. */
  forgetArrived(from: number, to: number, reason: DropReason): void {
    for (const one of this.#resending.within(from, to)) this.addGap(unsure(this.#timesOf(one), reason));
    this.#resending.remove(from, to);
    for (const cursor of this.#cursors) {
      cursor.forget(from, to);
      cursor.forgetMargin(from, to, this.#timesOf);
    }
  }

  /**
   * The rows are merged into `kept` rows, which take the first of their places, and told so by a gap. Returns how to take
   * that back.
   */
  thin(from: number, to: number, kept: number, gap: Omit<Gap, 'records'>): () => void {
    const owed = this.pending.within(from, to);
    const unread = this.#cursors.map((cursor) => cursor.unread.within(from, to));
    this.forgetArrived(from, to, 'overBudget');
    if (owed.length === 0) return () => {};
    const merged = this.pending.remove(from, to) - kept;
    this.pending.add(from, from + kept);
    (unread[1]!.length > 0 ? this.backlog : this.live).unread.add(from, from + kept);
    const before = this.#gaps;
    this.#thinned += merged;
    if (merged > 0) this.addGap({ ...gap, records: merged });
    const after = this.#gaps;
    return () => {
      this.#thinned -= merged;
      this.pending.remove(from, from + kept);
      for (const one of owed) this.pending.add(one.from, one.to);
      this.#cursors.forEach((cursor, index) => {
        cursor.unread.remove(from, from + kept);
        for (const one of unread[index]!) cursor.unread.add(one.from, one.to);
      });
      // If it is being told already it will be told once more, after the next attempt.
      if (this.#gaps === after) this.#gaps = before;
    };
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
    this.#heard.add(told);
    this.#factsChanged ||= told.length > 0;
  }

  /** Whether rows must be kept for this destination. */
  wants(from: number, to: number): boolean {
    if (this.pending.touches(from, to) || this.#resending.touches(from, to)) return true;
    return this.#cursors.some((cursor) => cursor.holdsInMargin(from, to));
  }

  shift(by: number): void {
    this.pending.shift(by);
    this.#resending.shift(by);
    this.#letGo.shift(by);
    for (const cursor of this.#cursors) cursor.shift(by);
    this.#shares = this.#shares.map(({ from, members }) => ({ from: from + by, members }));
    this.#next += by;
  }

  /** Takes up what an earlier run left. */
  restore(state: LaneState, chunks: readonly SpoolChunk[]): void {
    const waited = new IntervalSet([...state.pending, { from: state.next, to: Number.MAX_SAFE_INTEGER }]);
    for (const chunk of chunks) {
      for (const { from, to } of waited.within(chunk.first, chunk.first + chunk.count)) {
        this.#handedOver += this.pending.add(from, to);
        this.live.unread.add(from, to);
      }
    }
    for (const gap of state.gaps) this.#gaps = withGap(this.#gaps, gap);
    this.#probeAnswered ||= state.probeAnswered;
    this.#takeUpShares(state.shares ?? []);
  }

  /** What waits was shared as it was when it came: otherwise rows would be nobody's, or two members'. */
  #takeUpShares(before: readonly Sharing[]): void {
    const now = this.#shares[0];
    const last = before.at(-1);
    if (now === undefined || last === undefined) return;
    const same = now.members.length === last.members.length && now.members.every((name) => last.members.includes(name));
    this.#shares = (same ? before : [...before, now]).slice(-sharesMax);
  }

  /** @param withMargin at a planned stop that could not see the collector take everything: keeps the margin too */
  state(withMargin: boolean): LaneState {
    const kept = this.pending.copy();
    const margins = this.#cursors.flatMap(({ margin }) => margin);
    const gone = this.#letGo.intervals.map(this.#timesOf);
    if (withMargin) gone.push(...this.#cursors.flatMap(({ goneOfMargin }) => goneOfMargin));
    if (withMargin) for (const { from, to } of [...margins, ...this.#resending.intervals]) kept.add(from, to);
    return {
      pending: closeHoles(kept.intervals, rangesMax),
      next: this.#next,
      gaps: gone.reduce(
        (gaps, times) => withGap(gaps, unsure(times, 'overBudget')),
        [...this.#heard.gaps, ...this.gaps].reduce<readonly Gap[]>(withGap, []),
      ),
      probeAnswered: this.#probeAnswered,
      ...(this.#shares.length === 0 ? {} : { shares: this.#shares }),
    };
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

  get #cursors(): readonly LaneCursor[] {
    return [this.live, this.backlog];
  }
}
