/** What a planned stop has to say, from what services counted. Pure. */
import type { MeterCounts } from './ledger.ts';

export interface StopReport {
  /** Rows and messages on disk that wait for a collector or broker. */
  readonly waitingRecords: number;
  readonly waitingMessages: number;
  readonly historyWindows: number;
  readonly meteredPackets: number;
  readonly records: number;
  /** In no record: what was still in the meter's cache when the time was over. */
  readonly lostPackets: number;
  /** In memory only when the time was over: not taken from the meter, or not taken by the disk. */
  readonly lostRecords: number;
  /** Services that did not end in time or failed to. */
  readonly failed: readonly string[];
}

export interface StopFacts {
  /** By destination. */
  readonly pendingRecords: readonly number[];
  readonly droppedAtEndRecords: readonly number[];
  /** By broker. */
  readonly pendingMessages: readonly number[];
  readonly historyWindows: number;
  readonly counts: Pick<MeterCounts, 'meteredPackets' | 'handedOverRecords' | 'cachedPackets'>;
  readonly untakenRecords: number;
  readonly failed: readonly string[];
}

/** A row waits for several destinations at once: the one that is furthest behind tells how many wait. */
export function stopReport(facts: StopFacts): StopReport {
  const { counts, historyWindows, failed } = facts;
  return {
    waitingRecords: Math.max(0, ...facts.pendingRecords),
    waitingMessages: Math.max(0, ...facts.pendingMessages),
    historyWindows,
    meteredPackets: counts.meteredPackets,
    records: counts.handedOverRecords,
    lostPackets: counts.cachedPackets,
    lostRecords: facts.untakenRecords + Math.max(0, ...facts.droppedAtEndRecords),
    failed,
  };
}
