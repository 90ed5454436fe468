/**
 * When to try again: full jitter under an exponential cap, so that a thousand branches that lost the same uplink do not
 * come back in the same second. A pure sequence; the caller sleeps.
 */
import type { Random } from './random.ts';

export interface RetryPolicy {
  readonly firstMs: number;
  readonly capMs: number;
}

export class RetrySchedule {
  readonly #policy: RetryPolicy;
  readonly #random: Random;
  #attempt = 0;

  constructor(policy: RetryPolicy, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Delay before the next try: uniform in (0, min(cap, first × 2^attempt)], at least a tenth of the bound. */
  nextMs(): number {
    const bound = Math.min(this.#policy.capMs, this.#policy.firstMs * 2 ** this.#attempt);
    if (bound < this.#policy.capMs) this.#attempt++;
    return bound * (0.1 + 0.9 * this.#random.float());
  }

  /** After a success: start over. */
  reset(): void {
    this.#attempt = 0;
  }
}
