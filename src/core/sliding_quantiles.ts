/**
 * Quantiles of what was lately seen, in fixed memory: logarithmic buckets, an eighth of a doubling each (within 5 % of the
 * truth), of two halves of a window that take turns. Pure, with the time handed in. Limit: 264 buckets, 1 to 2^33.
 */

const perDoubling = 8;
const doublings = 33;
const buckets = perDoubling * doublings;

export class SlidingQuantiles {
  readonly #halfMs: number;
  #now = new Uint32Array(buckets);
  #before = new Uint32Array(buckets);
  #turnedMs: number | undefined;

  /** @param overMs answers cover between half of it and all of it */
  constructor(overMs: number) {
    this.#halfMs = overMs / 2;
  }

  add(value: number, nowMs: number): void {
    this.#turn(nowMs);
    const bucket = value <= 1 ? 0 : Math.min(buckets - 1, Math.floor(Math.log2(value) * perDoubling));
    this.#now[bucket]!++;
  }

  /** The value below which so much lies, for each part asked for; null while nothing was seen. */
  quantiles(parts: readonly number[], nowMs: number): (number | null)[] {
    this.#turn(nowMs);
    const counts = this.#now.map((count, at) => count + this.#before[at]!);
    return quantilesOf([counts], parts);
  }

  /** For sums over several. */
  counts(nowMs: number): Uint32Array {
    this.#turn(nowMs);
    return this.#now.map((count, at) => count + this.#before[at]!);
  }

  #turn(nowMs: number): void {
    this.#turnedMs ??= nowMs;
    const halves = Math.floor((nowMs - this.#turnedMs) / this.#halfMs);
    if (halves < 1) return;
    this.#before = halves === 1 ? this.#now : new Uint32Array(buckets);
    this.#now = new Uint32Array(buckets);
    this.#turnedMs += halves * this.#halfMs;
  }
}

/** Of several counts together. */
export function quantilesOf(all: readonly Uint32Array[], parts: readonly number[]): (number | null)[] {
  const counts = new Float64Array(buckets);
  for (const one of all) for (let at = 0; at < buckets; at++) counts[at]! += one[at]!;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return parts.map((part) => {
    if (total === 0) return null;
    let below = 0;
    for (let at = 0; at < buckets; at++) {
      below += counts[at]!;
      // The middle of the bucket, on its logarithmic scale.
      if (below >= part * total) return 2 ** ((at + 0.5) / perDoubling);
    }
    return null;
  });
}
