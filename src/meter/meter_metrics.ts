/** The meter's counters for `/metrics`: one figure each, read when scraped. */
import type { Metrics } from '../core/metrics.ts';
import { decodeAnnotations, meterCounters } from '../flow/decode_annotations.ts';
import type { MeterFigures } from './figures.ts';

export function registerMetrics(metrics: Metrics, read: () => MeterFigures): void {
  for (const name of meterCounters) {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    metrics.gauge(`meter_${snake}`, `Meter counter ${name}`, () => read().counts[name]);
  }
  metrics.gauge(
    'meter_annotated_packets',
    'Packets that could not be decoded further, by reason',
    () => read().annotations.map((value, index) => ({ labels: { reason: decodeAnnotations[index] ?? '' }, value })),
    ['reason'],
  );
  metrics.gauge(
    'meter_interface_dropped_packets',
    'Packets lost before the meter saw them, by interface and place',
    () =>
      read().interfaces.flatMap(({ name, droppedByKernelPackets, droppedByNicPackets }) => [
        { labels: { interface: name, place: 'kernel' }, value: droppedByKernelPackets },
        { labels: { interface: name, place: 'nic' }, value: droppedByNicPackets },
      ]),
    ['interface', 'place'],
  );
  metrics.gauge(
    'meter_interface_sampled_by_kernel_packets',
    'Packets that the first stage of sampling left out before they were copied, by interface: an estimate',
    () => read().interfaces.map((one) => ({ labels: { interface: one.name }, value: one.sampledByKernelPackets })),
    ['interface'],
  );
}
