/** The page's thread as the appliance runs it, over an empty history; `hangMs` in the first status makes it hang that long. */
import { parentPort, workerData } from 'node:worker_threads';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { LiveBuffer } from '../../src/status/live_feed.ts';
import { StatusServer } from '../../src/status/status_server.ts';
import { PageEnd } from '../../src/status/thread_link.ts';

const { port, hangMs } = workerData as { port: number; hangMs: number };
const clock = new SystemClock();
const live = new LiveBuffer();
let hasHung = false;
const link = new PageEnd(clock, parentPort!, {
  onSecond: (second) => live.pushSecond(second),
  onStatus: (status) => {
    // A query that blocks the thread, as bad as it gets.
    if (!hasHung && hangMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, hangMs);
    hasHung = true;
    live.pushStatus(status);
  },
  onWindow: () => {},
  onStop: async (deadlineMs) => {
    await server.stop(deadlineMs);
    link.stopped();
    parentPort!.close();
  },
});
const world = { clock, random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
const closed = async () => Promise.reject(new ApplianceError('storeClosed', 'there is no history here'));
const server = new StatusServer(world, settingsSchema.parse({ status: { port } }).status, {
  live,
  history: { top: closed, series: closed },
  topK: 100,
  metrics: () => link.metrics(),
  pageFolder: '/nonexistent',
});
link.open();
try {
  await server.start(new AbortController().signal);
  link.listening(server.url);
} catch (error) {
  link.failed(error);
}
