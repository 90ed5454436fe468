/**
 * When templates and options go out again. RFC 7011 section 8.1: over UDP they are resent by time, because they may be
 * lost; the first ones are the likeliest to be missed (the collector may just be starting), so they come three times.
 * Pure: the caller knows the time.
 */

/** After the start of a session, ms. */
const firstOffsetsMs = [0, 1_000, 3_000];

export class ResendSchedule {
  readonly #periodMs: number;
  readonly #startMs: number;
  #sent = 0;

  /** @param periodMs between resends after the first three; Infinity for a transport that loses nothing */
  constructor(periodMs: number, startMs: number) {
    this.#periodMs = periodMs;
    this.#startMs = startMs;
  }

  /** Monotonic time of the next, Infinity for never. */
  get dueMs(): number {
    if (this.#sent === 0) return this.#startMs;
    if (this.#periodMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    const first = firstOffsetsMs[this.#sent];
    if (first !== undefined) return this.#startMs + first;
    return this.#startMs + firstOffsetsMs.at(-1)! + (this.#sent - firstOffsetsMs.length + 1) * this.#periodMs;
  }

  /** They were sent. What a pause has missed is not made up for. */
  sent(nowMs: number): void {
    this.#sent++;
    while (this.dueMs <= nowMs && this.dueMs !== Number.POSITIVE_INFINITY) this.#sent++;
  }
}
