/** What the spool syncs, and what a power cut therefore sends again: `MemoryKv` loses whatever no sync covered. */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool } from '../../src/forward/spool.ts';
import { blockOf, rowClock } from './rows.ts';

const settings = { memoryBytesMax: 64 * 1024 * 1024, diskBytesMax: 64 * 1024 * 1024, ageMaxS: 86_400, persistAfterS: 5 };

async function open(kv: MemoryKv): Promise<{ spool: Spool; clock: SimulatedClock }> {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const parts = { world, kv, settings, destinations: ['a'], rowClock: rowClock(), compression: zstdInPlace };
  const spool = new Spool(parts);
  await spool.start();
  return { spool, clock };
}

test('in a long drain a power cut sends again what arrived in the last half minute, not all of it', async () => {
  const kv = new MemoryKv();
  const { spool, clock } = await open(kv);
  spool.append(blockOf(0, 1_000));
  await clock.advance(7_000);
  const lane = spool.lane('a');
  const rows = (await lane.next())!;
  expect(rows.count).toBe(1_000);
  // Ten rows a second arrive; nothing new comes that would be synced.
  for (let s = 0; s < 95; s++) {
    lane.acknowledge(rows.position + 10 * s, 10, 100, 0);
    await clock.advance(1_000);
  }
  kv.powerCut();
  kv.reopen();
  const next = await open(kv);
  const { pending } = next.spool.lane('a').account();
  expect(pending).toBeGreaterThanOrEqual(50);
  expect(pending).toBeLessThanOrEqual(50 + 320);
});

test('what has all arrived does not come back with the power', async () => {
  const kv = new MemoryKv();
  const { spool, clock } = await open(kv);
  spool.append(blockOf(0, 100));
  await clock.advance(7_000);
  const rows = (await spool.lane('a').next())!;
  spool.lane('a').acknowledge(rows.position, rows.count, 100, 0);
  await clock.advance(35_000);
  const writes = spool.writtenOctets;
  await clock.advance(600_000);
  expect(spool.writtenOctets).toBe(writes); // and nothing is synced again and again
  kv.powerCut();
  kv.reopen();
  expect((await open(kv)).spool.lane('a').account().pending).toBe(0);
});
