/**
 * Which ends of a row are inside the site: written into rows where they lie, as networkLocality and flowDirection (61: 0 ingress, 1 egress,
 * seen from the site). This is what the pipeline asks for; `native/enrich` does it.
 */
export const localities = { sourceInside: 1, destinationInside: 2 } as const;

/** Addresses that are inside. */
export interface InsideRanges {
  /** First and last address of each range; ascending, none within another. */
  readonly v4: Uint32Array;
  /** The same, four words an address, the highest first. */
  readonly v6: Uint32Array;
}

/** Bad arguments throw an Error with the code EINVAL. */
export interface RowLocality {
  /**
   * Rows without addresses stay as they are. Returns whether any row names a selector, so that it tells of sampled packets.
   * @param firstRow offset of the first in `rows`, octets
   */
  mark(rows: Uint8Array, firstRow: number, count: number): boolean;
}

export type MarkLocality = (inside: InsideRanges) => RowLocality;
