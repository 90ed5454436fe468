/**
 * How fast the line was, second by second: a histogram of bit rates with buckets that grow by 4 %, so that a percentile is within
 * 2 % of the true one, and the exact maximum. Histograms of shorter times add up to that of the longer one, exactly; what a
 * percentile of percentiles could not do. Pure.
 */

/** Seconds by bucket: bucket 0 is below 1 bit/s, bucket b ends at growth^b. Buckets in ascending order. */
export interface RateHistogram {
  readonly maxBits: number;
  readonly buckets: readonly number[];
  readonly seconds: readonly number[];
}

/** What people ask of it, in bit/s. */
export interface Rates {
  readonly p50Bits: number;
  readonly p95Bits: number;
  readonly maxBits: number;
  /** Seconds that were measured: those without a measure are left out. */
  readonly seconds: number;
}

const growth = 1.04;
const logGrowth = Math.log(growth);
/** The most that a percentile is off, as a part of it. */
export const rateErrorMax = (growth - 1) / (growth + 1);
/** 10 Tbit/s. */
const bucketMax = Math.ceil(Math.log(1e13) / logGrowth);

const bucketOf = (bits: number): number =>
  bits < 1 ? 0 : Math.min(bucketMax, Math.max(1, Math.ceil(Math.log(bits) / logGrowth)));
/** The value whose distance to both ends of its bucket is the same part of them. */
const middleOf = (bucket: number): number => (bucket === 0 ? 0 : (2 * growth ** bucket) / (growth + 1));

export class RateSum {
  #maxBits = 0;
  readonly #seconds = new Map<number, number>();

  addSecond(bits: number): void {
    this.#maxBits = Math.max(this.#maxBits, bits);
    this.#add(bucketOf(bits), 1);
  }

  add({ maxBits, buckets, seconds }: RateHistogram): void {
    this.#maxBits = Math.max(this.#maxBits, maxBits);
    buckets.forEach((bucket, i) => {
      this.#add(bucket, seconds[i]!);
    });
  }

  merge(other: RateSum): void {
    this.#maxBits = Math.max(this.#maxBits, other.#maxBits);
    for (const [bucket, seconds] of other.#seconds) this.#add(bucket, seconds);
  }

  get isEmpty(): boolean {
    return this.#seconds.size === 0;
  }

  close(): RateHistogram {
    const sorted = [...this.#seconds].sort(([a], [b]) => a - b);
    return { maxBits: this.#maxBits, buckets: sorted.map(([bucket]) => bucket), seconds: sorted.map(([, seconds]) => seconds) };
  }

  #add(bucket: number, seconds: number): void {
    this.#seconds.set(bucket, (this.#seconds.get(bucket) ?? 0) + seconds);
  }
}

export function ratesOf(histogram: RateHistogram): Rates {
  const seconds = histogram.seconds.reduce((sum, count) => sum + count, 0);
  const { maxBits } = histogram;
  return { p50Bits: percentile(histogram, seconds, 0.5), p95Bits: percentile(histogram, seconds, 0.95), maxBits, seconds };
}

/** Nearest rank: the least rate that so many of the seconds do not exceed. */
function percentile({ buckets, seconds, maxBits }: RateHistogram, all: number, part: number): number {
  let left = Math.ceil(part * all);
  for (const [i, bucket] of buckets.entries()) {
    left -= seconds[i]!;
    if (left <= 0) return Math.min(maxBits, middleOf(bucket));
  }
  return maxBits;
}
