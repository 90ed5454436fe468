/**
 * How much of a growing counter fell into the last 24 hours: a sample an hour, 25 at most. While the box has run for less
 * it is what there was so far, never an extrapolation: the writes of a start say nothing about a day. Pure.
 */

const hourMs = 3_600_000;
const hours = 24;

export class DaySum {
  #samples: { atMs: number; value: number }[] = [];
  #newest = 0;

  /** @param atMs monotonic */
  add(atMs: number, value: number): void {
    const last = this.#samples.at(-1);
    // A counter that went back began anew: another device, or a reboot.
    if (last !== undefined && value < last.value) this.#samples = [];
    this.#newest = value;
    if (this.#samples.length === 0 || atMs - this.#samples.at(-1)!.atMs >= hourMs) this.#samples.push({ atMs, value });
    while (this.#samples.length > 1 && this.#samples[1]!.atMs <= atMs - hours * hourMs) this.#samples.shift();
  }

  get lastDay(): number {
    const first = this.#samples[0];
    return first === undefined ? 0 : this.#newest - first.value;
  }
}
