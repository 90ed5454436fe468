/** A window that is still being counted: when it is, and its totals. What it counts by keys stands at its place in each dimension's counts. */
import { figuresPerKey, figuresPerTotal } from '../flow/row_counts.ts';

export class OpenWindow {
  readonly place: number;
  /** Start divided by the tier's length. */
  ordinal = 0;
  partial = false;
  readonly total: Float64Array;
  /** What makes estimates of the totals. */
  readonly totalSampled: Float64Array;
  readonly #totals: Float64Array;

  /** @param totals `figuresPerTotal` numbers a place, those of others too */
  constructor(place: number, totals: Float64Array = new Float64Array(figuresPerTotal)) {
    this.place = place;
    this.#totals = totals.subarray(place * figuresPerTotal, (place + 1) * figuresPerTotal);
    this.total = this.#totals.subarray(0, figuresPerKey);
    this.totalSampled = this.#totals.subarray(figuresPerKey);
  }

  clear(ordinal: number): this {
    this.ordinal = ordinal;
    this.partial = false;
    this.#totals.fill(0);
    return this;
  }

  /** Adds another window's totals. */
  add(from: OpenWindow): void {
    this.partial ||= from.partial;
    for (let i = 0; i < figuresPerTotal; i++) this.#totals[i]! += from.#totals[i]!;
  }
}
