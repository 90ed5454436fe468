/** The meter's counters for `/metrics`: one figure each, read when scraped. */
import type { Metrics } from '../core/metrics.ts';
import { decodeAnnotations, meterCounters } from '../flow/decode_annotations.ts';
import type { MeterCounts } from '../flow/ledger.ts';
import { threadCounters } from '../flow/meter_threads.ts';
import { counterWords } from './counter_words.ts';
import type { MeterFigures } from './figures.ts';

export function registerMetrics(metrics: Metrics, read: () => MeterFigures): void {
  for (const name of meterCounters) {
    metrics.gauge(`meter_${snake(name)}`, counterWords[name], () => read().counts[name]);
  }
  const byThread = (name: string, help: string, of: (counts: MeterCounts) => number): void =>
    metrics.gauge(
      `meter_thread_${name}`,
      `${help}, by metering thread`,
      () => read().threads.map((counts, thread) => ({ labels: { thread: String(thread) }, value: of(counts) })),
      ['thread'],
    );
  for (const name of threadCounters) byThread(snake(name), counterWords[name], (counts) => counts[name]);
  byThread('cpu_seconds', 'Processor time', (counts) => counts.threadCpuNs / 1e9);
  byThread('ring_filled_ratio', 'Share of the fullest ring that waits to be read', (counts) => counts.ringFilledPercent / 100);
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

/** `receivedPackets` → `received_packets`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
