/** What is told of each metering thread, and of all of them together. Counters since the start, unless they are gauges. */
import type { MeterCounter } from './decode_annotations.ts';

/** Of these the threads' add up to the meter's, exactly: all are of one moment. */
export const threadCounters = [
  'receivedPackets',
  'receivedOctets',
  'droppedByKernelPackets',
  'undecodablePackets',
  'duplicatesSeenPackets', // noticed, removed or not
  'sampledOutPackets',
  'meteredPackets',
  'batches',
  'cachedFlows', // now
  'cacheCapacityFlows',
  'flowsCreated',
  'flowsEndedIdle',
  'flowsEndedActive',
  'flowsEndedByProtocol',
  'flowsEndedForced',
  'flowsEndedForResources',
  'flowsAggregated',
  'handedOverRecords',
  'blocksFilled', // now
  'blocksCapacity',
  'handOverStalls', // times a row waited for a free block
] as const satisfies readonly MeterCounter[];
export type ThreadCounter = (typeof threadCounters)[number];

export interface ThreadPace {
  /** Over the last ten seconds; null while nobody knows. */
  readonly packetsPerSecond: number | null;
  /** Of one core's time, over the same seconds; of all threads together it may be more than 100. */
  readonly cpuPercent: number | null;
}

export interface ThreadFigures extends Readonly<Record<ThreadCounter, number>>, ThreadPace {
  /** Share of the ring’s blocks that wait to be read, now: of the fullest one. 0 for a source without rings. */
  readonly ringFilledPercent: number;
}

export interface MeterThreadStatus extends ThreadFigures {
  /** From 0, in the order in which they were started. */
  readonly thread: number;
}
