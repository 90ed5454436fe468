/** Fills a small disk through a guarded store, makes room, and reports as JSON what happened. Real time. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { GuardedKv } from '../../src/store/guarded_kv.ts';

const folder = process.argv[2] ?? '';
const random = new SeededRandom(1);
const world = { clock: new SystemClock(), random, log: silentLog, metrics: createMetrics() };
const kv = new GuardedKv(
  {
    name: 'history',
    path: join(folder, 'history'),
    octetsMax: 0,
    level: { writeBufferOctets: 128 * 1024, freeOctetsMin: 512 * 1024 },
    retryFirstMs: 20,
    retryCapMs: 100,
  },
  world,
);
const ballast = await open(join(folder, 'ballast'), 'w');
await ballast.write(Buffer.alloc(3 * 1024 * 1024));
await ballast.close();
await kv.start(new AbortController().signal);

const failedWith = new Set<string>();
let written = 0;
while (failedWith.size === 0) {
  try {
    // Random octets do not compress.
    await kv.batch([{ key: Buffer.from(String(written).padStart(6, '0')), value: random.bytes(4_000) }], [], { sync: true });
    written++;
  } catch (error) {
    failedWith.add(error instanceof ApplianceError ? error.code : String(error));
  }
}
await new Promise((resolve) => setTimeout(resolve, 300));
const stoppedReason = kv.status().reason;
await rm(join(folder, 'ballast'));
for (let i = 0; i < 200 && kv.status().state === 'stopped'; i++) await new Promise((resolve) => setTimeout(resolve, 50));
let kept = 0;
for await (const _ of kv.entries({})) kept++;
await kv.batch([{ key: Buffer.from('after'), value: Buffer.from('room') }], [], { sync: true });
process.stdout.write(JSON.stringify({ failedWith: [...failedWith], stoppedReason, written, kept, afterRoom: kv.status().state }));
await kv.stop(1_000);
