/**
 * The rate of each of the last seconds, from the meter's own counters, until the windows they belong to close: a flow's octets are
 * spread over its time, so windows made of flows know no peaks. Limit: `secondsMax` seconds, the oldest goes. Pure.
 */
import type { HistoryWindow } from '../flow/history_shapes.ts';
import { tierSeconds } from '../flow/history_shapes.ts';
import { RateSum } from '../flow/rate_histogram.ts';

/** An hour and some more, beside the time that windows wait for late flows. */
const beyondHourS = 3_900;

export class SecondRates {
  readonly #atMs: Float64Array;
  readonly #bits: Float64Array;
  #next = 0;

  /** @param lateS windows close this long after their end */
  constructor(lateS: number) {
    this.#atMs = new Float64Array(beyondHourS + lateS);
    this.#bits = new Float64Array(beyondHourS + lateS);
  }

  /** @param endMs wall time at the end of what was measured */
  add(endMs: number, elapsedMs: number, octets: number): void {
    const slot = this.#next++ % this.#atMs.length;
    this.#atMs[slot] = endMs - elapsedMs / 2;
    this.#bits[slot] = (octets * 8_000) / elapsedMs;
  }

  /** The window with the rates of its seconds in its total; as it was when none is known. */
  with(window: HistoryWindow): HistoryWindow {
    const endMs = window.startMs + tierSeconds[window.tier] * 1_000;
    const sum = new RateSum();
    const known = Math.min(this.#next, this.#atMs.length);
    for (let slot = 0; slot < known; slot++) {
      if (this.#atMs[slot]! >= window.startMs && this.#atMs[slot]! < endMs) sum.addSecond(this.#bits[slot]!);
    }
    if (sum.isEmpty) return window;
    const rates = sum.close();
    return { ...window, dimensions: window.dimensions.map((one) => (one.dimension === 'total' ? { ...one, rates } : one)) };
  }
}
