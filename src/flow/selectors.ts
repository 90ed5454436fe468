/**
 * What a row's selectorId stands for: which sampling its packets were selected by (RFC 5475, RFC 5477, RFC 7014). Shared by the
 * meter (numbers them), the rollup (estimates by them), the exporters (tell them) and the page. Pure.
 */

export type SamplingKind = 'none' | 'count' | 'random' | 'flowHash';

export interface Sampling {
  readonly kind: SamplingKind;
  /** One packet of this many is selected; one flow with flowHash. */
  readonly interval: number;
}

/** Two selectors mean the same when all of this is the same. */
export interface SelectorMeaning extends Sampling {
  /** Name of the pool it selects from; empty for what no pool takes. */
  readonly pool: string;
  /** Before it the kernel passes one packet of this many on, at random; 1 for all. */
  readonly kernelInterval: number;
  /** The pools in their order, names and what they match, as a digest: it decides what is left for this one. Empty without pools. */
  readonly partition: string;
}

/** As collectors, page and figures are told. */
export interface SelectorFact extends Sampling {
  readonly selectorId: number;
  readonly pool?: string;
  readonly kernelInterval?: number;
  /** Packets come to it now; false where rows may still name it. */
  readonly inForce?: boolean;
  /**
   * Packets that came to it and packets it took, since the start (318, 319): the meter's own counts. Their sums over all
   * selectors are exact. Absent for one of an earlier run.
   */
  readonly observedPackets?: number;
  readonly selectedPackets?: number;
}

/** Every packet that comes to no pool: needs no register. */
export const everyPacket: SelectorMeaning = { kind: 'none', interval: 1, pool: '', kernelInterval: 1, partition: '' };

/**
 * How many packets each packet of such a row stands for, and how it came to be chosen: the kernel's stage and the meter's
 * taken together. After a random stage nothing is by count any more.
 */
export function samplingOfBoth({ kind, interval, kernelInterval = 1 }: Sampling & { kernelInterval?: number }): Sampling {
  if (kernelInterval === 1) return { kind, interval };
  return { kind: kind === 'flowHash' ? kind : 'random', interval: interval * kernelInterval };
}
