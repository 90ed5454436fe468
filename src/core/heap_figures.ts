/** What V8 holds for a thread, for `/metrics`; each thread registers its own. */
import type { Metrics } from './metrics.ts';

export function measureHeap(metrics: Metrics, thread: 'main' | 'page'): void {
  const gauge = (name: string, help: string, read: (usage: NodeJS.MemoryUsage) => number): void =>
    metrics.gauge(`${thread}_${name}`, `${help}, of the ${thread} thread`, () => read(process.memoryUsage()));
  gauge('heap_used_octets', 'Objects of JavaScript', ({ heapUsed }) => heapUsed);
  gauge('heap_held_octets', 'What V8 holds for them', ({ heapTotal }) => heapTotal);
  gauge('arrays_octets', 'Arrays of numbers beside the heap', ({ arrayBuffers }) => arrayBuffers);
}
