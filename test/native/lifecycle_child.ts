/** One way a meter may live and die, run in a process of its own by `lifecycle.test.ts`: `node lifecycle_child.ts WAY CAPTURE`. */
import { parentPort, Worker } from 'node:worker_threads';
import { addon, optionsFor, takeRows } from '../meter/metering.ts';

const [way, path] = process.argv.slice(2) as [string, string];
const asFast = optionsFor({ kind: 'file', path }, { blocks: 2, rowsPerBlock: 1 });
const replay = optionsFor({ kind: 'file', path, pace: 'realtime', loop: true });
const collect = (): void => (globalThis as unknown as { gc(): void }).gc();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const ways: Record<string, () => void | Promise<void>> = {
  openOnly: () => {
    addon.open(asFast);
  },
  openAndClose: () => {
    const meter = addon.open(asFast);
    meter.close();
    meter.close();
  },
  stopBeforeStart: () => {
    const meter = addon.open(asFast);
    meter.stop();
    meter.start();
    if (!meter.drained()) throw new Error('a meter that never ran is not drained');
    meter.close();
  },
  startTwice: () => {
    const meter = addon.open(replay);
    meter.start();
    meter.start();
    meter.close();
  },
  startAfterClose: () => {
    const meter = addon.open(asFast);
    meter.close();
    try {
      meter.start();
    } catch (error) {
      if ((error as { code: string }).code === 'EINVAL') return;
    }
    throw new Error('a closed meter started');
  },
  callsAfterClose: () => {
    const meter = addon.open(asFast);
    meter.start();
    const block = meter.waitBlock(1_000);
    meter.close();
    meter.release(block);
    if (meter.poll() !== -1 || meter.waitBlock(10) !== -1 || !meter.drained()) throw new Error('a closed meter gave a block');
    if (meter.snapshot(5).length > 0) throw new Error('a closed meter has flows');
    meter.stats();
    // What was polled stays readable: the buffer outlives the meter.
    new Uint8Array(meter.buffer).fill(1);
  },
  closeWhileStalled: async () => {
    // One row a block, two blocks, nobody polls: the thread waits for room when it is closed.
    const meter = addon.open(asFast);
    meter.start();
    await pause(100);
    meter.stats();
    meter.close();
  },
  exitWhileStalled: async () => {
    addon.open(asFast).start();
    await pause(100);
    process.exit(0);
  },
  exitWhileRunning: async () => {
    addon.open(replay).start();
    await pause(100);
    process.exit(0);
  },
  leaveWhileRunning: async () => {
    addon.open(replay).start();
    await pause(100);
  },
  garbage: async () => {
    for (let i = 0; i < 20; i++) addon.open(replay).start();
    for (let i = 0; i < 5; i++) {
      collect();
      await pause(20);
    }
  },
  garbageWithBufferHeld: async () => {
    const buffers = Array.from({ length: 5 }, () => addon.open(asFast).buffer);
    collect();
    await pause(20);
    for (const buffer of buffers) new Uint8Array(buffer).fill(7);
  },
  inWorkerThread: () => runInWorker('openAndMeter'),
  workerTerminated: async () => {
    const worker = new Worker(new URL(import.meta.url), { argv: ['leaveRunningForever', path] });
    await pause(300);
    await worker.terminate();
  },
  workerTerminatedInACall: async () => {
    // Wherever it is: opening, reading figures, in the middle of throwing an error.
    for (let n = 0; n < 12; n++) {
      const worker = new Worker(new URL(import.meta.url), { argv: ['callForever', path] });
      await new Promise((resolve) => worker.once('message', resolve));
      await pause(n);
      await worker.terminate();
    }
  },
  twoWorkers: async () => {
    await Promise.all([runInWorker('openAndMeter'), runInWorker('openAndMeter')]);
  },
  openAndMeter: () => {
    const meter = addon.open(asFast);
    meter.start();
    let rows = 0;
    while (!meter.drained()) rows += takeRows(meter, meter.waitBlock(100)).length;
    if (rows === 0) throw new Error('no rows');
    meter.close();
  },
  leaveRunningForever: async () => {
    addon.open(replay).start();
    await pause(60_000);
  },
  callForever: () => {
    parentPort!.postMessage('about to call');
    for (;;) {
      const meter = addon.open(asFast);
      for (let n = 0; n < 100; n++) {
        meter.stats();
        try {
          meter.release(99);
        } catch (error) {
          if ((error as { code: string }).code !== 'EINVAL') throw error;
        }
      }
      meter.close();
    }
  },
  releaseWhatIsNotHeld: () => {
    const meter = addon.open(asFast);
    for (const block of [0, 1, 99]) {
      try {
        meter.release(block);
      } catch (error) {
        if ((error as { code: string }).code === 'EINVAL') continue;
      }
      throw new Error(`block ${block} was released`);
    }
  },
};

function runInWorker(inner: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { argv: [inner, path] });
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`worker ended with ${code}`))));
  });
}

await ways[way]!();
