/**
 * Rows that arrived and are kept to be sent again should it turn out that nobody read them: as many whole messages as reach
 * `octetsMax` of the link, the newest. Rows that cannot be sent again leave an empty place: their octets still count. Pure but for
 * its own state.
 */
import type { Interval } from './interval_set.ts';

type HeldMessage = Interval & { readonly octets: number };

export class ResendMargin {
  /** The oldest first. */
  #held: HeldMessage[] = [];
  #octets = 0;

  get intervals(): readonly Interval[] {
    return this.#held.filter(({ from, to }) => to > from);
  }

  add(message: HeldMessage, octetsMax: number): void {
    this.#held.push(message);
    this.#octets += message.octets;
    while (this.#held.length > 0 && this.#octets - this.#held[0]!.octets >= octetsMax) this.#octets -= this.#held.shift()!.octets;
  }

  /** Everything that the other one held. */
  takeOver(other: ResendMargin): void {
    this.#held.push(...other.#held);
    this.#octets += other.#octets;
    other.clear();
  }

  clear(): void {
    this.#held = [];
    this.#octets = 0;
  }

  /** These rows cannot be sent again. */
  forget(from: number, to: number): void {
    if (this.touches(from, to))
      this.#held = this.#held.map((one) => (one.to > from && one.from < to ? { ...one, to: one.from } : one));
  }

  touches(from: number, to: number): boolean {
    return this.intervals.some((one) => one.to > from && one.from < to);
  }

  shift(by: number): void {
    this.#held = this.#held.map((one) => ({ ...one, from: one.from + by, to: one.to + by }));
  }
}
