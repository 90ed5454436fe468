/** Figures about updates, for `/metrics`. */
import type { Metrics } from '../../core/metrics.ts';
import { type UpdateStatus, updateOutcomes, updateStates } from '../../flow/update_shapes.ts';

export function declareUpdateMetrics(metrics: Metrics, status: () => UpdateStatus): void {
  metrics.gauge(
    'update_state',
    '1 for what is being done about updates',
    () => updateStates.map((state) => ({ labels: { state }, value: status().state === state ? 1 : 0 })),
    ['state'],
  );
  metrics.gauge(
    'update_slot_good',
    '1 for a slot that has shown that it meters',
    () =>
      status().slots.map(({ name, version, isRunning, state }) => ({
        labels: { slot: name, version, running: String(isRunning) },
        value: state === 'good' ? 1 : 0,
      })),
    ['slot', 'version', 'running'],
  );
  metrics.gauge(
    'update_checked_timestamp_seconds',
    'When the folder of updates answered last; 0 for never',
    () => status().checkedMs / 1_000,
  );
  metrics.gauge('update_check_failing', '1 while the folder of updates cannot be read', () =>
    status().checkFault === '' ? 0 : 1,
  );
  metrics.gauge(
    'updates_remembered',
    'What became of the last updates, the newest eight',
    () =>
      updateOutcomes.map((outcome) => ({
        labels: { outcome },
        value: status().past.filter((one) => one.outcome === outcome).length,
      })),
    ['outcome'],
  );
}
