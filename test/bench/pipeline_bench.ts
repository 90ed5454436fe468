/**
 * How many rows a CPU second of one core enriches, rolls up and packs for the history. Prints one line of JSON a case; `branch` is the one with a target
 * (300 000 rows a second), `flood` has a new host in every row.
 *
 *   scripts/bench pipeline [--rows 2000000]
 */
import { parseArgs } from 'node:util';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { RowBlock, RowClock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { countRows, markLocality } from '../pipeline/count_rows.ts';
import { writeRow } from '../pipeline/rows.ts';

const rowsPerBlock = 512;
const blocksHeld = 256;
const startMs = 1_800_000_000_000;
const bootOffsetNs = BigInt(startMs) * 1_000_000n - 1_000_000_000n;

const { values } = parseArgs({ options: { rows: { type: 'string', default: '2000000' } } });
const rowsWanted = Number(values.rows);

interface Mix {
  readonly hosts: number;
  readonly outside: number;
  readonly longShare: number;
}
const mixes: Readonly<Record<string, Mix>> = {
  branch: { hosts: 2_000, outside: 20_000, longShare: 0.25 },
  elephants: { hosts: 50, outside: 50, longShare: 1 },
  flood: { hosts: 2 ** 31, outside: 1, longShare: 0 },
};

function makeBlocks(mix: Mix): Uint8Array {
  const random = new SeededRandom(1);
  const bytes = new Uint8Array(blocksHeld * rowsPerBlock * ROW_BYTES);
  const row = new RowCursor(bytes);
  // Squared, so that few hosts do much and many do little.
  const skewed = (bound: number): number => Math.floor(random.float() ** 2 * bound);
  for (let i = 0; i < blocksHeld * rowsPerBlock; i++) {
    writeRow(row.at(i), {
      source: [10, 0, 0, 0, skewed(mix.hosts)],
      destination: [93, 184, 0, 0, skewed(mix.outside)],
      startNs: 0n,
      endNs: 0n,
      octets: 60 + random.below(1_000_000),
      packets: 1 + random.below(900),
      reverseOctets: random.below(5_000_000),
      reversePackets: 1 + random.below(4_000),
      sourcePort: 32_768 + random.below(28_000),
      destinationPort: [443, 80, 53, 22, 8_080][random.below(5)]!,
      protocol: random.below(10) < 8 ? 6 : 17,
      vlan: random.below(4) * 10,
    });
  }
  return bytes;
}

async function measure(name: string, mix: Mix): Promise<void> {
  const clock = new SimulatedClock(1_000, startMs);
  const world = { clock, random: new SeededRandom(7), log: silentLog, metrics: createMetrics() };
  const rowClock: RowClock = { bootId: 'boot', wallOffsetNs: () => bootOffsetNs, trusted: () => true };
  const { history, siteNetworks } = settingsSchema.parse({});
  let handedOn = 0;
  const pipeline = new PipelineService(
    { siteNetworks, topK: history.topK, keysMax: history.keysMax, lateS: history.lateS },
    { clock: rowClock, countRows, markLocality, keepRows: (block) => (handedOn += block.count) },
    world,
  );
  let windows = 0;
  let packedOctets = 0;
  pipeline.onWindow((window) => {
    windows++;
    // What the history keeps is packed on the same thread; LevelDB's own work is on others.
    if (window.tier === '10s') return;
    for (const one of window.dimensions) packedOctets += encodeWindow({ window: one, partial: window.partial }).length;
  });
  await pipeline.start(new AbortController().signal);
  const bytes = makeBlocks(mix);
  const row = new RowCursor(bytes);
  const random = new SeededRandom(3);
  // A busy branch: 2 000 rows a second of its own time, so that windows close as they do in the field.
  const nsPerBlock = BigInt(Math.round((rowsPerBlock / 2_000) * 1e9));
  let nowNs = 1_000_000_000n;
  let workedUs = 0;
  const blocks = Math.ceil(rowsWanted / rowsPerBlock);
  for (let block = 0; block < blocks; block++) {
    nowNs += nsPerBlock;
    const firstRow = (block % blocksHeld) * rowsPerBlock * ROW_BYTES;
    for (let i = 0; i < rowsPerBlock; i++) {
      row.at(i, firstRow);
      const lasts = random.float() < mix.longShare ? 60_000_000_000n : BigInt(random.below(3_000)) * 1_000_000n;
      row.flowEndNs = nowNs;
      row.flowStartNs = nowNs > lasts ? nowNs - lasts : 0n;
      if (mix.hosts === 2 ** 31) row.view.setUint32(row.sourceAddressOffset, random.uint32());
    }
    const rows: RowBlock = {
      bytes,
      firstRow,
      count: rowsPerBlock,
      bootId: 'boot',
      closedAtNs: nowNs,
      firstStartNs: 0n,
      lastEndNs: nowNs,
    };
    const began = process.threadCpuUsage();
    pipeline.process(rows);
    const { user, system } = process.threadCpuUsage(began);
    workedUs += user + system;
  }
  await pipeline.stop(1_000);
  const seconds = workedUs / 1e6;
  const { evictedKeys, lateRows } = pipeline.figures();
  process.stdout.write(
    `${JSON.stringify({
      bench: 'pipeline',
      case: name,
      rows: handedOn,
      rowsPerCpuS: Math.round(handedOn / seconds),
      windows,
      packedOctets,
      evictedKeys,
      lateRows,
      rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      ...(name === 'branch' ? { goals: { rowsPerCpuS: 300_000, rssMiB: 250 } } : {}),
    })}\n`,
  );
}

for (const [name, mix] of Object.entries(mixes)) await measure(name, mix);
