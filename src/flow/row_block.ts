/**
 * A block of rows on its way through the pipeline: shared shape between meter, pipeline and spool. The bytes belong to
 * the meter and are only valid until the hand-over returns; who keeps rows copies them.
 */

export interface RowBlock {
  /** Memory that holds the rows. */
  readonly bytes: Uint8Array;
  /** Offset of the first row in `bytes`; rows follow each other, ROW_BYTES apart. */
  readonly firstRow: number;
  readonly count: number;
  /** The row clock the times belong to: this boot's id, or `wall` when the row clock is wall time (offline). */
  readonly bootId: string;
  /** Row clock when the block was closed, ns. */
  readonly closedAtNs: bigint;
  /** Smallest flowStart and largest flowEnd in the block, ns of the row clock. */
  readonly firstStartNs: bigint;
  readonly lastEndNs: bigint;
  /** Whether a row names a selector, and so tells of sampled packets; absent where nobody has looked. */
  readonly isSampled?: boolean;
}

export const WALL_BOOT_ID = 'wall';

/** Relates row clocks to wall time; implemented by `system/clock_state.ts`. */
export interface RowClock {
  readonly bootId: string;
  /** Add to a row time of that boot to get wall time; undefined when nobody knows. */
  wallOffsetNs(bootId: string): bigint | undefined;
  /** Whether the offset of the current boot can be trusted (the box has learned the time). */
  trusted(): boolean;
  /**
   * This box does not know the time yet and may well learn it soon: what cannot be taken back once it is labelled waits,
   * for a bounded time. Absent: never.
   */
  awaited?(): boolean;
  /** Whether the offset of any boot was learned, not only bounded by its neighbours. Absent: always. */
  certain?(bootId: string): boolean;
}
