/**
 * What rows tell about the mirror that showed them, as sums by kind. `native/mirror` reads them: constant work a row, 0.7 MB. Sampled rows
 * and those of several flows tell nothing.
 */
export interface RowEvidencePlan {
  /** Addresses, conversations and subnets are remembered for as long. */
  readonly windowMs: number;
  readonly seed: bigint;
  /** Names of the sums; those that rows tell of must be among them. */
  readonly kinds: readonly string[];
  /** In the order of `kinds`: `add` adds to them; the kind that begins with `longest` is a maximum. */
  readonly sums: Float64Array;
}

/** Bad arguments throw an Error with the code EINVAL. */
export interface RowEvidence {
  /**
   * Reads rows, enriched before. Returns whether a conversation of two unicast ends was seen both ways.
   * @param firstRow offset of the first in `rows`, octets
   * @param nowMs of any clock that never steps; the same in every call
   */
  add(rows: Uint8Array, firstRow: number, count: number, nowMs: number): boolean;
  /** Different directed broadcast addresses (RFC 919) in untagged frames within the window. */
  subnets(nowMs: number): number;
}

export type ReadEvidence = (plan: RowEvidencePlan) => RowEvidence;
