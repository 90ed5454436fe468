/** What V8 holds for a thread, for `/metrics`; each thread registers its own. */
import type { Metrics } from './metrics.ts';

export function measureHeap(metrics: Metrics, thread: 'main' | 'page'): void {
  const gauge = (name: string, help: string, read: (usage: NodeJS.MemoryUsage) => number): void =>
    metrics.gauge(`${thread}_${name}`, `${help}, of the ${thread} thread`, () => read(process.memoryUsage()));
  gauge('heap_used_octets', 'Octets of JavaScript’s objects', ({ heapUsed }) => heapUsed);
  gauge('heap_held_octets', 'Octets that V8 holds for JavaScript’s objects', ({ heapTotal }) => heapTotal);
  gauge('arrays_octets', 'Octets of arrays of numbers beside the heap', ({ arrayBuffers }) => arrayBuffers);
}
