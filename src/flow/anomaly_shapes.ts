/**
 * Anomalies in the traffic: their place. Nothing looks for them yet, so there are none, and answers say so. What the box can say without is
 * a comparison with the same hours a week before, which is arithmetic and no judgement.
 */
export interface AnomalyAnswer {
  /** Who looks for anomalies: nothing yet. */
  readonly detection: 'none';
  readonly anomalies: readonly Anomaly[];
  readonly weekBefore: WeekComparison;
}

export interface Anomaly {
  readonly id: string;
  readonly kind: string;
  /** What it is about: a key of a dimension of the history. */
  readonly dimension: string;
  readonly key: string;
  readonly startedMs: number;
  /** Null while it lasts. */
  readonly endedMs: number | null;
  readonly text: string;
}

/** The last 24 whole hours against the same ones seven days earlier. */
export interface WeekComparison {
  readonly fromMs: number;
  readonly toMs: number;
  /** What is told differs by this factor or more, and by this share of the larger day or more. */
  readonly timesLeast: number;
  readonly sharePercentLeast: number;
  /** Why the two cannot be compared; empty where they are. */
  readonly notComparable: string;
  /** The largest difference first. */
  readonly changes: readonly WeekChange[];
}

export interface WeekChange {
  readonly dimension: 'application';
  readonly key: string;
  readonly octets: number;
  /** Null where it was not among those that windows kept by name: then it was less than all that were not. */
  readonly octetsBefore: number | null;
  readonly isMore: boolean;
  /**
   * So many times as much, or as little, at the least: sampling and what was not kept by name are allowed for. Null where there was none of
   * it on one of the days.
   */
  readonly times: number | null;
  readonly estimated: boolean;
}
