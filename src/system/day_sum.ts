/**
 * How much of a growing counter fell into the last 24 hours: a sample an hour, 25 at most. While the box has run for less
 * it is what there was so far, never an extrapolation: the writes of a start say nothing about a day. Over restarts the hours in which
 * the box ran count on, whatever the clock said. Pure.
 */

const hourMs = 3_600_000;
const hours = 24;

type Kept = readonly [agoMs: number, since: number];

const isKept = (one: unknown): boolean =>
  Array.isArray(one) && one.length === 2 && one.every((number) => Number.isFinite(number) && Number(number) >= 0);

export class DaySum {
  #samples: { atMs: number; value: number }[] = [];
  #newest = 0;
  #newestAtMs = 0;
  /** Of an earlier run, until there is something to put them before. */
  #earlier: readonly Kept[] = [];

  /** @param atMs monotonic */
  add(atMs: number, value: number): void {
    const last = this.#samples.at(-1);
    // A counter that went back began anew: another device, or a reboot.
    if (last !== undefined && value < last.value) this.#samples = [];
    this.#newest = value;
    this.#newestAtMs = atMs;
    this.#prepend();
    if (this.#samples.length === 0 || atMs - this.#samples.at(-1)!.atMs >= hourMs) this.#samples.push({ atMs, value });
    while (this.#samples.length > 1 && this.#samples[1]!.atMs <= atMs - hours * hourMs) this.#samples.shift();
  }

  /** How long ago, in ms of running time, and how much was counted since, oldest first. */
  toJSON(): readonly Kept[] {
    return this.#samples.map(({ atMs, value }) => [this.#newestAtMs - atMs, this.#newest - value]);
  }

  /** What an earlier run has kept goes before what was counted since; nothing of what is no such thing. */
  restore(kept: unknown): void {
    if (!Array.isArray(kept)) return;
    this.#earlier = kept.filter((one): one is Kept => isKept(one)).slice(-hours - 1);
    this.#prepend();
  }

  #prepend(): void {
    const first = this.#samples[0] ?? (this.#newestAtMs === 0 ? undefined : { atMs: this.#newestAtMs, value: this.#newest });
    if (first === undefined || this.#earlier.length === 0) return;
    this.#samples.unshift(...this.#earlier.map(([agoMs, since]) => ({ atMs: first.atMs - agoMs, value: first.value - since })));
    this.#earlier = [];
  }

  get lastDay(): number {
    const first = this.#samples[0];
    return first === undefined ? 0 : this.#newest - first.value;
  }
}
