/** What a planned stop has to say. */
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
