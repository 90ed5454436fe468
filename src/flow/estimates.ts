/**
 * Estimated totals of sampled traffic, with their standard errors. Pure.
 *
 * Each packet is selected with probability p = 1/N, by itself. The total of x over all packets is estimated by the sum of x/p
 * over the selected ones (Horvitz and Thompson, 1952): unbiased, whatever the traffic. Packets are drawn independently, so its
 * variance is Σ x² (1 − p)/p over all packets, and Σ x² (1 − p)/p² = N (N − 1) Σ x² over the selected ones estimates that
 * without bias (Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992, section 3.2). For packets x = 1. Rates
 * that follow one another add up, estimates and variances alike, also when the rate depends on earlier traffic.
 *
 * Count-based sampling takes every N-th packet. Where the traffic has no period of N its variance is at most about this one
 * (that of a total is far smaller); RFC 5475 section 5.1 warns of the rest. With flow selection all packets of a flow are in or
 * out together: the row counts as one draw, which is too little for flows of several rows.
 *
 * Rows hold no Σ x², but how many packets there were, their octets, and the shortest and the longest IP length: see
 * `squaresMost` in `native/rollup/estimates.h`, where rows are counted. Numbers of flows are those seen: how many were missed cannot be told from what was drawn.
 */
import type { SamplingKind } from './selectors.ts';

/** Standard errors of a volume's octets and packets, both directions together; one direction's are smaller. */
export interface StandardError {
  readonly octets: number;
  readonly packets: number;
}

/** How wide the interval is that holds the truth in 95 of 100 cases: this many standard errors to either side. */
export const intervals95 = 1.96;

/** `N (N − 1)`: what Σ x² of the selected packets is multiplied by. */
const varianceFactor = (interval: number): number => interval * (interval - 1);

/**
 * Standard error of the packets that a selector stands for, by how many it took. Undefined where draws are of whole flows:
 * the packets of each would have to be known.
 */
export function packetsError(selected: number, kind: SamplingKind, interval: number): number | undefined {
  if (interval <= 1) return 0;
  return kind === 'flowHash' ? undefined : Math.sqrt(varianceFactor(interval) * selected);
}

/** Of the sum of independent estimates. */
export function addedError(a: StandardError | undefined, b: StandardError | undefined): StandardError | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { octets: Math.hypot(a.octets, b.octets), packets: Math.hypot(a.packets, b.packets) };
}
