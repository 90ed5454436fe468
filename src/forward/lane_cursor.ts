/**
 * Where one transport session of a destination stands: what it is to send, what is on its way, and what has just arrived
 * and is kept to be sent again should it break. A destination has two, one for live rows and one for its backlog; no row is
 * in both. Pure but for its own state.
 */
import type { TimeRange } from './gaps.ts';
import { type Interval, IntervalSet } from './interval_set.ts';
import { ResendMargin } from './resend_margin.ts';

export class LaneCursor {
  readonly unread = new IntervalSet();
  /** Taken by the session, and not done with. */
  readonly taken = new IntervalSet();
  readonly #margin = new ResendMargin();
  /** Of sessions that ended without the collector's word: sent again when this one breaks. */
  readonly #entrusted = new ResendMargin();
  #arrived = 0;

  /** Rows that arrived by this cursor's sessions and had not before, since start. */
  get arrived(): number {
    return this.#arrived;
  }
  get margin(): readonly Interval[] {
    return [...this.#entrusted.intervals, ...this.#margin.intervals];
  }
  /** Times of rows that would be sent again, and cannot be. */
  get goneOfMargin(): readonly TimeRange[] {
    return this.#margins.flatMap(({ gone }) => gone);
  }
  /** To be sent or on their way. */
  get outstanding(): number {
    return this.unread.count + this.taken.count;
  }

  take(from: number, to: number): void {
    this.unread.remove(from, to);
    this.taken.add(from, to);
  }

  /**
   * A message with these rows has arrived.
   * @param owed how many of them had not arrived before
   * @param octets of the link, since the message with rows before it
   * @param marginMax octets of the link for which rows are kept to be sent again
   * @param areGone the rows are in the log no more: their octets count, they are not sent again
   */
  arrive(from: number, to: number, owed: number, octets: number, marginMax: number, areGone = false): void {
    this.taken.remove(from, to);
    this.#arrived += owed;
    if (marginMax <= 0) return;
    this.#margin.add({ from, to: areGone ? from : to, octets }, marginMax);
    this.#entrusted.pass(octets, marginMax);
  }

  /**
   * The other session, to the same collector, ended without its word that it has read everything. Should it fall before
   * it could, this session breaks with it: until a margin's worth has arrived after them its rows are kept with ours.
   */
  entrust(other: LaneCursor): void {
    for (const margin of [other.#entrusted, other.#margin]) this.#entrusted.takeOver(margin);
  }

  /** Rows that are done with otherwise. */
  forget(from: number, to: number): void {
    this.unread.remove(from, to);
    this.taken.remove(from, to);
  }

  /** The session ended: what it had taken is to be sent again. */
  rewind(): void {
    for (const { from, to } of this.taken.copy().intervals) {
      this.unread.add(from, to);
      this.taken.remove(from, to);
    }
  }

  dropMargin(): void {
    for (const margin of this.#margins) margin.clear();
  }

  /** These rows cannot be sent again. */
  forgetMargin(from: number, to: number, timesOf: (one: Interval) => TimeRange): void {
    for (const margin of this.#margins) margin.forget(from, to, timesOf);
  }

  holdsInMargin(from: number, to: number): boolean {
    return this.#margins.some((margin) => margin.touches(from, to));
  }

  shift(by: number): void {
    this.unread.shift(by);
    this.taken.shift(by);
    for (const margin of this.#margins) margin.shift(by);
  }

  get #margins(): readonly ResendMargin[] {
    return [this.#entrusted, this.#margin];
  }
}
