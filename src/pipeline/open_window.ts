/** A window that is still being counted: when it is, and its totals. What it counts by keys stands at its place in each dimension's counts. */
import { figuresPerKey, figuresPerSample } from '../flow/row_counts.ts';

export class OpenWindow {
  readonly place: number;
  /** Start divided by the tier's length. */
  ordinal = 0;
  partial = false;
  readonly total = new Float64Array(figuresPerKey);
  readonly totalSampled = new Float64Array(figuresPerSample);

  constructor(place: number) {
    this.place = place;
  }

  clear(ordinal: number): this {
    this.ordinal = ordinal;
    this.partial = false;
    this.total.fill(0);
    this.totalSampled.fill(0);
    return this;
  }

  /** Adds another window's totals. */
  add(from: OpenWindow): void {
    this.partial ||= from.partial;
    for (let i = 0; i < figuresPerKey; i++) this.total[i]! += from.total[i]!;
    for (let i = 0; i < figuresPerSample; i++) this.totalSampled[i]! += from.totalSampled[i]!;
  }
}
