/**
 * Whether questions delay the hand-over of rows: a thread asks for 13 months of conversations and sums of flow records in memory and on disk without a
 * pause, as the page's thread would, while this one takes blocks of rows as the main thread does. What counts is how late a block
 * is taken, with and without the questions, in one run. `scripts/bench handover [--days 390] [--seconds 10]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SystemClock } from '../../src/core/clock.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { FlowRingReader, FlowRingWriter, flowRingMemory } from '../../src/flow/flow_ring.ts';
import type { KeyVolume, WindowOfDimension } from '../../src/flow/history_shapes.ts';
import { Rollup } from '../../src/pipeline/rollup.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { FlowArchive } from '../../src/store/flow_archive.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey } from '../../src/store/history_keys.ts';
import { openHistoryReader } from '../../src/store/history_reader.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { countRows } from '../pipeline/count_rows.ts';
import { blockOf } from '../pipeline/rows.ts';
import { recentFlows } from '../store/packed_flows.ts';

const names = { label: () => undefined, as: String };
const hourMs = 3_600_000;
const endMs = 1_800_000_000_000;
const blockRows = 512;
/** 51,200 rows a second: far more than a branch has. */
const everyMs = 10;

interface Asked {
  readonly folder: string;
  readonly memory: SharedArrayBuffer;
  readonly days: number;
}

/** The page's part: questions one after the other, rows taken in between. */
async function askAndAsk({ folder, memory, days }: Asked): Promise<void> {
  const reader = openHistoryReader(folder);
  const ring = new FlowRingReader(memory);
  const clock = new SystemClock();
  // Memory for a third of the rows: the rest is written to disk and searched there.
  const options = { folder: join(folder, '../flows'), bytesMax: 2 ** 30, forS: 86_400, writtenBytesPerDayMax: 2 ** 40 };
  const archive = new FlowArchive(options, { clock, clockTrusted: () => false, onEvent: () => {} });
  await archive.open();
  const flows = recentFlows(16 * 2 ** 20, archive);
  const coverage = (): { recordsSkipped: number; trouble: string } => ({ recordsSkipped: 0, trouble: archive.trouble });
  const search = new FlowSearch({ flows, clock, missedRows: () => ring.missedRows, archive: { files: archive.files, coverage } });
  const tookMs: number[] = [];
  let searches = 0;
  // Nobody took rows before.
  ring.drain(() => {});
  const missedBefore = ring.missedRows;
  parentPort!.on('message', () => {
    parentPort!.postMessage({
      questions: tookMs.length,
      medianMs: tookMs.sort((a, b) => a - b)[tookMs.length >> 1],
      missedRows: ring.missedRows - missedBefore,
      rowsOnDisk: archive.files.rowsBefore(Number.POSITIVE_INFINITY),
      searches,
    });
    process.exit(0);
  });
  clock.every(
    100,
    () => void ring.drain((run) => flows.add(run)),
    () => {},
  );
  for (;;) {
    const began = clock.monotonicMs();
    await reader.top({ dimension: 'conversation', fromMs: endMs - days * 24 * hourMs, toMs: endMs, limit: 20 });
    tookMs.push(Math.round(clock.monotonicMs() - began));
    await search.group({
      filter: { kind: 'all' },
      fromMs: 0,
      toMs: 2 ** 48,
      by: ['conversation', 'application'],
      order: 'bytes',
      limit: 20,
    });
    searches++;
    await clock.sleep(0);
  }
}

async function makeStore(folder: string, days: number): Promise<void> {
  const kv = await openLevelKv(folder, { freeOctetsMin: 0, multithreading: true });
  const random = new SeededRandom(1);
  const top = (): KeyVolume[] =>
    Array.from({ length: 100 }, (_, i) => ({
      key: `10.20.${i >> 4}.${random.below(250)} 93.184.${random.below(200)}.${random.below(250)}`,
      outOctets: random.below(1e9),
      inOctets: random.below(1e9),
      outPackets: random.below(1e6),
      inPackets: random.below(1e6),
      flows: random.below(5_000),
    }));
  const firstMs = endMs - days * 24 * hourMs;
  // Hours, and days where a box has made them of those.
  const starts = (tier: '1h' | '1d', stepMs: number): ['1h' | '1d', number][] =>
    Array.from({ length: (endMs - firstMs) / stepMs }, (_, i) => [tier, Math.floor(firstMs / stepMs + i) * stepMs]);
  for (const [tier, startMs] of [...starts('1h', hourMs), ...starts('1d', 24 * hourMs)]) {
    const window: WindowOfDimension = { dimension: 'conversation', top: top(), other: { ...top()[0]! }, distinctKeys: 20_000 };
    await kv.batch([{ key: historyKey(tier, 'conversation', startMs), value: encodeWindow({ window, partial: false }) }]);
  }
  await kv.close();
}

/** Takes a block every 10 ms for so long; how late each was, sorted, ms. */
async function takeBlocks(seconds: number, memory: SharedArrayBuffer): Promise<{ lateMs: number[]; busyMs: number }> {
  const clock = new SystemClock();
  const writer = new FlowRingWriter(memory, () => 1);
  const rollup = new Rollup(
    { countRows, topK: 100, keysMax: 20_000, lateMs: 75_000, dimensions: dimensionsWith([]), names },
    new SeededRandom(2),
    () => {},
  );
  const startNs = BigInt(endMs) * 1_000_000n;
  const facts = Array.from({ length: blockRows }, (_, i) => ({
    source: [10, 20, i & 7, i % 250, 0],
    destination: [93, 184, i & 63, (i * 7) % 250, 0],
    protocol: 6,
    sourcePort: 30_000 + i,
    destinationPort: 443,
    startNs,
    endNs: startNs + 900_000_000n,
    octets: 1_000 + i,
    packets: 10,
    reverseOctets: 9_000,
    reversePackets: 9,
  }));
  const block = blockOf(facts, 'wall', startNs);
  rollup.begin(endMs);
  const lateMs: number[] = [];
  const cpu = process.threadCpuUsage();
  const began = clock.monotonicMs();
  for (let due = began + everyMs; due < began + seconds * 1_000; due += everyMs) {
    await clock.sleep(Math.max(0, due - clock.monotonicMs()));
    rollup.add(block.bytes, block.firstRow, block.count, 0, endMs + 1_000);
    writer.add(block, 0n);
    lateMs.push(clock.monotonicMs() - due);
  }
  const { user, system } = process.threadCpuUsage(cpu);
  return { lateMs: lateMs.sort((a, b) => a - b), busyMs: (user + system) / 1_000 };
}

function say(figure: string, seconds: number, { lateMs, busyMs }: { lateMs: number[]; busyMs: number }, more: object = {}): void {
  const at = (part: number): number =>
    Math.round(lateMs[Math.min(lateMs.length - 1, Math.floor(part * lateMs.length))]! * 10) / 10;
  const cpuPercent = Math.round(busyMs / (10 * seconds));
  process.stdout.write(
    `${JSON.stringify({ bench: 'hand-over', figure, blocks: lateMs.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), cpuPercent, ...more })}\n`,
  );
}

if (isMainThread) {
  const { values } = parseArgs({
    options: { days: { type: 'string', default: '390' }, seconds: { type: 'string', default: '10' } },
  });
  const [days, seconds] = [Number(values.days), Number(values.seconds)];
  const place = await mkdtemp(join(tmpdir(), 'flowspan-bench-'));
  const folder = join(place, 'history');
  await makeStore(folder, days);
  const memory = flowRingMemory();
  say('nobody asks', seconds, await takeBlocks(seconds, memory));
  const worker = new Worker(new URL(import.meta.url), { workerData: { folder, memory, days } satisfies Asked });
  const blocks = await takeBlocks(seconds, memory);
  const asked = new Promise<object>((resolve) => worker.on('message', resolve));
  worker.postMessage('end');
  say('13 months and all flow records asked for without a pause', seconds, blocks, await asked);
  await worker.terminate();
  await rm(place, { recursive: true });
} else await askAndAsk(workerData as Asked);
