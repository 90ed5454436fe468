/** What `doctor` says of the flow cache: whether it had room for all flows. Pure. */
import type { ThreadFigures } from '../flow/meter_threads.ts';
import type { MeterStatus } from '../flow/status_shapes.ts';
import { type DoctorCheck, ok, warn } from './doctor_check.ts';

export interface CacheFacts extends Pick<MeterStatus, 'cachedFlows' | 'cacheCapacityFlows'> {
  readonly allThreads: Pick<ThreadFigures, 'flowsAggregated' | 'flowsEndedForResources'>;
}

/** Above this part, a busier hour may fill it. */
const fullPart = 0.8;

const choose =
  'raise meter.cacheFlows if that was ordinary traffic: 25 times the new flows of a busy second, 255 octets each, all taken at start; of a scan or flood the sums are enough';

/** Nothing while the service cannot be asked: the check of the mirror says so already. */
export function cacheChecks(cache: CacheFacts | null): DoctorCheck[] {
  if (cache === null || cache.cacheCapacityFlows === 0) return [];
  const { cachedFlows, cacheCapacityFlows, allThreads } = cache;
  const { flowsAggregated, flowsEndedForResources } = allThreads;
  const room = `${cachedFlows} flows of ${cacheCapacityFlows}`;
  if (flowsAggregated + flowsEndedForResources > 0) {
    const found = `${room} now, and there was no room for more for a while: since the start ${flowsAggregated} short flows share records and ${flowsEndedForResources} long ones were cut early; all their packets and octets are in records`;
    return [warn('flow cache', found, choose)];
  }
  if (cachedFlows > cacheCapacityFlows * fullPart) {
    return [warn('flow cache', `${room}: when it is full, short flows will share records, and no packet is lost`, choose)];
  }
  return [ok('flow cache', `${room}`)];
}
