/** How late records are sent, as it is told: of one destination, or of several together. Pure. */
import { quantilesOf } from '../core/sliding_quantiles.ts';

/** Half of them, and 99 of 100, sooner than that; null of nothing. */
export function latencyOf(counts: readonly Uint32Array[]): [p50: number | null, p99: number | null] {
  const [p50 = null, p99 = null] = quantilesOf(counts, [0.5, 0.99]).map((ms) => (ms === null ? null : Math.round(ms)));
  return [p50, p99];
}
