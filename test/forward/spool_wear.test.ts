/**
 * What the spool writes to a card, over a real LevelDB, as the kernel counts what this process writes (`wchar` of
 * /proc/self/io: logs, tables and what LevelDB writes again). Time is simulated: an hour passes in seconds.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { Spool } from '../../src/forward/spool.ts';
import { GuardedKv } from '../../src/store/guarded_kv.ts';
import { blockOf, rowClock } from './rows.ts';

const MIB = 1024 * 1024;
const flowsPerS = 1_000;
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Opened {
  readonly spool: Spool;
  readonly store: GuardedKv;
  readonly clock: SimulatedClock;
}
async function open(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-wear-'));
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const store = new GuardedKv({ name: 'spool', path: join(folder, 'spool'), octetsMax: 1e9 }, world);
  await store.start(new AbortController().signal);
  const settings = { memoryBytesMax: 32 * MIB, diskBytesMax: 2_048 * MIB, ageMaxS: 1e6, persistAfterS: 5 };
  const spool = new Spool({ world, kv: store, settings, destinations: ['a'], rowClock: rowClock() });
  await spool.start();
  cleanups.push(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { spool, store, clock };
}

/** A second of an office's flows: hosts, servers, ports and counts are chance. */
function second(random: SeededRandom, first: number): RowBlock {
  const block = blockOf(first, flowsPerS);
  const row = new RowCursor(block.bytes);
  for (let i = 0; i < flowsPerS; i++) {
    row.at(i, block.firstRow);
    row.setSourceAddress(Uint8Array.of(10, 1, random.below(4), random.below(256)));
    row.setDestinationAddress(Uint8Array.of(random.below(224), ...random.bytes(3)));
    row.sourceTransportPort = 32_768 + random.below(28_000);
    row.packetDeltaCount = 1 + random.below(200);
    row.octetDeltaCount = row.packetDeltaCount * (40 + random.below(1_400));
    row.reversePacketDeltaCount = 1 + random.below(200);
    row.reverseOctetDeltaCount = row.reversePacketDeltaCount * (40 + random.below(1_400));
    row.roundTripTimeMicroseconds = random.below(200_000);
  }
  return block;
}
/** Octets that this process has handed to write(2). */
const written = (): number => Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

async function take({ spool }: Opened): Promise<void> {
  const lane = spool.lane('a');
  for (let rows = await lane.next(); rows !== undefined; rows = await lane.next())
    lane.acknowledge(rows.position, rows.count, 100_000, 65_536);
}
/** Compression and LevelDB work on threads of their own: simulated time waits for them. */
async function settle(store: GuardedKv): Promise<void> {
  for (let before = -1; before !== store.written.handedOctets; ) {
    before = store.written.handedOctets;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('an hour of 1,000 flows a second over a healthy uplink writes less than 5 MB', async () => {
  const box = await open();
  const random = new SeededRandom(2);
  const block = second(random, 0);
  const before = written();
  for (let s = 0; s < 3_600; s++) {
    box.spool.append(block);
    // Once the collector takes eight seconds to answer, and every minute three.
    const answers = s < 1_800 || s >= 1_808 ? s % 60 >= 3 : false;
    if (answers) await take(box);
    await box.clock.advance(1_000);
    if (s >= 1_800 && s < 1_812) await settle(box.store);
  }
  await settle(box.store);
  const octets = written() - before;
  expect(box.spool.lane('a').account()).toMatchObject({ handedOver: 3_600_000, acknowledged: 3_600_000 });
  expect(octets).toBeGreaterThan(10_000); // the pause of eight seconds is in it
  expect(octets).toBeLessThan(5e6);
  if (process.env.FLOWSPAN_TRACE !== undefined) process.stderr.write(`healthy: ${(octets / 1e6).toFixed(2)} MB an hour\n`);
});

test('an outage and its drain write less than the rows are large, LevelDB’s rewriting included', async () => {
  const box = await open();
  const random = new SeededRandom(3);
  const seconds = 240;
  const before = written();
  for (let s = 0; s < seconds; s++) {
    box.spool.append(second(random, s * flowsPerS));
    await box.clock.advance(1_000);
    if (s % 5 === 4) await settle(box.store);
  }
  await box.clock.advance(8_000);
  await settle(box.store);
  const kept = box.spool.status().octetsOnDisk;
  await take(box);
  for (let s = 0; s < 40; s++) {
    await box.clock.advance(1_000);
    await settle(box.store);
  }
  const octets = written() - before;
  const rows = seconds * flowsPerS * ROW_BYTES;
  expect(kept).toBeGreaterThan(1_000_000);
  expect(octets).toBeGreaterThan(kept);
  expect(octets).toBeLessThan(rows);
  const { handedOctets, rewrittenOctets } = box.store.written;
  // What the store says of itself is about what the kernel saw.
  expect(handedOctets + rewrittenOctets).toBeGreaterThan(octets * 0.6);
  expect(handedOctets + rewrittenOctets).toBeLessThan(octets * 1.4);
  if (process.env.FLOWSPAN_TRACE !== undefined)
    process.stderr.write(
      `outage: rows ${(rows / 1e6).toFixed(0)} MB, kept ${(kept / 1e6).toFixed(1)} MB, written ${(octets / 1e6).toFixed(1)} MB, ` +
        `handed ${(handedOctets / 1e6).toFixed(1)} MB, rewritten ${(rewrittenOctets / 1e6).toFixed(1)} MB\n`,
    );
});
