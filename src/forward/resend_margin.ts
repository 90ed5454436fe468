/**
 * Rows that arrived and are kept to be sent again should it turn out that nobody read them: as many whole messages as reach
 * `octetsMax` of the link, the newest. Rows that cannot be sent again leave an empty place: their octets still count, and their times
 * are kept for as long, since should nobody have read them they are missing. Pure but for its own state.
 */
import type { TimeRange } from './gaps.ts';
import type { Interval } from './interval_set.ts';

type HeldMessage = Interval & { readonly octets: number; readonly gone?: TimeRange };

export class ResendMargin {
  /** The oldest first. */
  #held: HeldMessage[] = [];
  #octets = 0;
  #octetsMax = 0;

  get intervals(): readonly Interval[] {
    return this.#held.filter(({ from, to }) => to > from);
  }

  /** Times of the rows that would be sent again, and cannot be. */
  get gone(): readonly TimeRange[] {
    return this.#held.flatMap(({ gone }) => gone ?? []);
  }

  add(message: HeldMessage, octetsMax: number): void {
    this.#held.push(message);
    this.#octets += message.octets;
    this.#octetsMax = octetsMax;
    this.#trim();
  }

  /** Everything that the other one held is behind what is held here; together no more than one margin. */
  takeOver(other: ResendMargin): void {
    this.#held.push(...other.#held);
    this.#octets += other.#octets;
    this.#octetsMax = Math.max(this.#octetsMax, other.#octetsMax);
    other.clear();
    this.#trim();
  }

  /** So many octets arrived behind all of it, whose rows another margin holds. */
  pass(octets: number, octetsMax: number): void {
    const last = this.#held.at(-1);
    if (last === undefined) return;
    // Whatever is behind the last rows is one place.
    if (last.to > last.from) this.#held.push({ from: last.to, to: last.to, octets });
    else this.#held[this.#held.length - 1] = { ...last, octets: last.octets + octets };
    this.#octets += octets;
    this.#octetsMax = octetsMax;
    this.#trim();
  }

  #trim(): void {
    let first = 0;
    while (first < this.#held.length && this.#octets - this.#held[first]!.octets >= this.#octetsMax)
      this.#octets -= this.#held[first++]!.octets;
    this.#held.splice(0, first);
  }

  clear(): void {
    this.#held = [];
    this.#octets = 0;
  }

  /** These rows cannot be sent again. Of a message that bears some of them, none can. */
  forget(from: number, to: number, timesOf: (one: Interval) => TimeRange): void {
    if (!this.touches(from, to)) return;
    this.#held = this.#held.map((one) =>
      one.to > one.from && one.to > from && one.from < to ? { ...one, to: one.from, gone: timesOf(one) } : one,
    );
  }

  touches(from: number, to: number): boolean {
    return this.intervals.some((one) => one.to > from && one.from < to);
  }

  shift(by: number): void {
    this.#held = this.#held.map((one) => ({ ...one, from: one.from + by, to: one.to + by }));
  }
}
