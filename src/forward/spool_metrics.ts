/** What `/metrics` shows of the spool. */
import type { Metrics } from '../core/metrics.ts';
import { dropReasons } from '../flow/ledger.ts';
import type { SpoolLog } from './spool_log.ts';

export function declareSpoolMetrics(metrics: Metrics, log: SpoolLog, writtenOctets: () => number): void {
  const { lanes } = log;
  metrics.gauge('spool_memory_octets', 'Rows that the spool holds in memory', () => log.memoryOctets);
  metrics.gauge('spool_disk_octets', 'Compressed rows that the spool holds on disk', () => log.diskOctets);
  metrics.gauge('spool_written_octets', 'Octets handed to the spool’s store since start', writtenOctets);
  metrics.gauge(
    'spool_pending_records',
    'Rows that wait for a destination',
    () => lanes.map((lane) => ({ labels: { destination: lane.name }, value: lane.pending.count })),
    ['destination'],
  );
  metrics.gauge(
    'spool_thinned_records',
    'Rows that were merged into others to make room, by destination',
    () => lanes.map((lane) => ({ labels: { destination: lane.name }, value: lane.account().thinned })),
    ['destination'],
  );
  metrics.gauge(
    'spool_dropped_records',
    'Rows given up, by destination and reason',
    () =>
      lanes.flatMap((lane) =>
        dropReasons.map((reason) => ({
          labels: { destination: lane.name, reason },
          value: lane.account().dropped[reason] ?? 0,
        })),
      ),
    ['destination', 'reason'],
  );
}
