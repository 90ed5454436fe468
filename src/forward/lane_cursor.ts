/**
 * Where one transport session of a destination stands: what it is to send, what is on its way, and what has just arrived
 * and is kept to be sent again should it break. A destination has two, one for live rows and one for its backlog; no row is
 * in both. Pure but for its own state.
 */
import { type Interval, IntervalSet } from './interval_set.ts';

export class LaneCursor {
  readonly unread = new IntervalSet();
  /** Taken by the session, and not done with. */
  readonly taken = new IntervalSet();
  /** Arrived, oldest first. */
  #margin: (Interval & { readonly octets: number })[] = [];
  #marginOctets = 0;
  #arrived = 0;

  /** Rows that arrived by this cursor's sessions and had not before, since start. */
  get arrived(): number {
    return this.#arrived;
  }
  get margin(): readonly Interval[] {
    return this.#margin;
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
   * @param marginMax octets of arrived messages to keep for sending again
   */
  arrive(from: number, to: number, owed: number, octets: number, marginMax: number): void {
    this.taken.remove(from, to);
    this.#arrived += owed;
    if (marginMax <= 0) return;
    this.#margin.push({ from, to, octets });
    this.#marginOctets += octets;
    while (this.#margin.length > 0 && this.#marginOctets - this.#margin[0]!.octets >= marginMax) {
      this.#marginOctets -= this.#margin.shift()!.octets;
    }
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
    this.#margin = [];
    this.#marginOctets = 0;
  }

  /** These rows cannot be sent again. */
  forgetMargin(from: number, to: number): void {
    const kept = this.#margin.filter((one) => one.to <= from || one.from >= to);
    if (kept.length === this.#margin.length) return;
    this.#margin = kept;
    this.#marginOctets = kept.reduce((sum, one) => sum + one.octets, 0);
  }

  holdsInMargin(from: number, to: number): boolean {
    return this.#margin.some((one) => one.to > from && one.from < to);
  }

  shift(by: number): void {
    this.unread.shift(by);
    this.taken.shift(by);
    this.#margin = this.#margin.map((one) => ({ ...one, from: one.from + by, to: one.to + by }));
  }
}
