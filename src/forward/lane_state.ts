/** What is kept on disk about a destination, and the ways of a row that has no record. Shapes only. */
import type { Gap } from './gaps.ts';
import type { Interval } from './interval_set.ts';

/** What is kept on disk about a destination. */
export interface LaneState {
  /** Rows not done with, below `next`. */
  readonly pending: readonly Interval[];
  /** Every row from here on is waited for. */
  readonly next: number;
  readonly gaps: readonly Gap[];
  /** Whether a probe of the collector was ever answered (UDP). */
  readonly probeAnswered: boolean;
  /** Of a balance group: who shared the rows; absent for others. */
  readonly shares?: readonly Sharing[];
}

/** From this position on, up to the next one's, flows are shared by these members. */
export interface Sharing {
  readonly from: number;
  readonly members: readonly string[];
}

/** Ways for a row to end other than arriving. */
export type NotSent = 'notSelected' | 'notRepresentable';
/** Of the rows that a message covers, how many have no record in it. */
export type LeftOut = Readonly<Partial<Record<NotSent, number>>>;
