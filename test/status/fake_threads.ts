/** What the metering threads of the fake box say of themselves: they share its traffic unevenly, as real ones do. */
import type { Ledger } from '../../src/flow/ledger.ts';
import { type MeterThreadStatus, type ThreadCounter, type ThreadFigures, threadCounters } from '../../src/flow/meter_threads.ts';

export function fakeThreads(
  book: Ledger,
  cachedFlows: number,
  count: number,
): { threads: MeterThreadStatus[]; allThreads: ThreadFigures } {
  const flows = Math.floor(book.handedOver.records * 0.8);
  const all: Record<ThreadCounter, number> = {
    receivedPackets: book.received.packets,
    receivedOctets: book.received.octets!,
    droppedByKernelPackets: book.droppedByKernel.packets,
    undecodablePackets: book.undecodable.packets,
    duplicatesSeenPackets: book.duplicates.packets,
    sampledOutPackets: 0,
    meteredPackets: book.metered.packets,
    batches: Math.floor(book.received.packets / 3.4),
    cachedFlows,
    cacheCapacityFlows: 262_144,
    flowsCreated: flows + cachedFlows,
    flowsEndedIdle: Math.floor(flows * 0.52),
    flowsEndedActive: Math.floor(flows * 0.25),
    flowsEndedByProtocol: flows - Math.floor(flows * 0.52),
    flowsEndedForced: 0,
    flowsEndedForResources: 0,
    flowsAggregated: 0,
    handedOverRecords: book.handedOver.records,
    blocksFilled: 1,
    blocksCapacity: 64,
    handOverStalls: 0,
  };
  const threads = Array.from({ length: count }, (_, thread): MeterThreadStatus => {
    const part = count === 1 ? 1 : thread === 0 ? 0.64 : 0.36 / (count - 1);
    const counters = Object.fromEntries(
      threadCounters.map((name) => {
        const rest = (one: number): number => Math.floor(all[name] * (count === 1 ? 1 : one === 0 ? 0.64 : 0.36 / (count - 1)));
        // What rounding leaves is the first thread's, so that they add up.
        const others = Array.from({ length: count - 1 }, (_none, at) => rest(at + 1)).reduce((sum, one) => sum + one, 0);
        return [name, thread === 0 ? all[name] - others : rest(thread)];
      }),
    ) as Record<ThreadCounter, number>;
    return {
      thread,
      ...counters,
      ringFilledPercent: thread === 0 ? 3 : 1,
      packetsPerSecond: 5_400 * part,
      cpuPercent: 7.2 * part,
    };
  });
  return { threads, allThreads: { ...all, ringFilledPercent: 3, packetsPerSecond: 5_400, cpuPercent: 7.2 } };
}
