/**
 * A spool on disk: filling a LevelDB while no collector listens, draining it when one does, with the memory that takes, and
 * how long a start takes with so much in it. Prints one line of JSON a case, with its goal; asserts nothing.
 *
 *   scripts/bench spool_disk [--rows 10000000] [--gib 4] [--only drain,start] [--quick] [--folder DIR]
 *
 * `--quick` is 500,000 rows and 0.25 GiB. Takes as much room under the folder (default: the system's for temporary files).
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { layoutHash } from '../../src/flow/row_layout.ts';
import { chunkRowsMax } from '../../src/forward/spool_chunk.ts';
import { destinationKey, encodeIndex, encodeLane, indexKey, rowsKey } from '../../src/forward/spool_record.ts';
import { logLevel, openLevelKv } from '../../src/store/level_kv.ts';
import { startNs } from '../forward/rows.ts';
import { arrived, type Box, blockNumber, pause, print, rowsPerBlock, Sink, Stretch, startBox, turn } from './spool_box.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    gib: { type: 'string' },
    only: { type: 'string', default: 'drain,start' },
    quick: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rowsWanted = Number(values.rows ?? (values.quick ? 500_000 : 10_000_000));
const gibWanted = Number(values.gib ?? (values.quick ? 0.25 : 4));
const GIB = 1024 ** 3;
/** The first reads code and files in; others on the machine disturb some. */
const startRounds = 3;
const layout = layoutHash();
const goals = { growthMiB: 64, startS: 2 } as const;
/** Compressed rows of a busy branch: 1,024 rows at about 80 octets. */
const chunkOctets = 80 * 1_024;
const roomy = { diskBytesMax: 64 * GIB };

/** A port where nobody listens yet. */
async function freePort(): Promise<number> {
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as { port: number };
  await new Promise((resolve) => reserved.close(resolve));
  return port;
}

async function fill(box: Box): Promise<number> {
  let rows = 0;
  for (let block = 0; rows < rowsWanted; block++) {
    box.spool.append(blockNumber(block));
    rows += rowsPerBlock;
    await turn();
    // Not faster than they are written: a spool with its memory full would give rows up.
    while (box.spool.pressed) await pause();
  }
  return rows;
}

async function drain(folder: string): Promise<void> {
  const port = await freePort();
  const box = await startBox({ kv: await openLevelKv(folder, logLevel), port, spool: roomy });
  const filling = new Stretch();
  const rows = await fill(box);
  const kept = box.pending();
  const diskMiB = Math.round(box.spool.status().octetsOnDisk / 1024 ** 2);
  print('filled', { diskMiB, ...filling.figures(rows, kept) });
  const draining = new Stretch();
  const sink = new Sink(port);
  // The first half warms code up and fills LevelDB's table of open files: what grows after it grows with the backlog.
  await arrived(box, () => draining.look(), kept / 2);
  const steady = new Stretch();
  await arrived(box, () => steady.look());
  const { rssMiBBefore, rssMiBMost } = steady.figures(rows, kept);
  const growthMiB = rssMiBMost - rssMiBBefore;
  const goal = {
    text: `no more than ${goals.growthMiB} MiB of growth over the second half`,
    met: growthMiB <= goals.growthMiB,
  };
  print('drained, tcp', { ...draining.figures(rows, box.sentRecords()), rssMiBMost, growthMiB }, goal);
  await box.stop();
  await sink.end();
}

/** What a start reads does not depend on what is in the rows, so noise stands for them: LevelDB cannot make it smaller. */
async function start(folder: string): Promise<void> {
  const kv = await openLevelKv(folder, logLevel);
  const chunks = Math.ceil((gibWanted * GIB) / chunkOctets);
  const noise = randomBytes(chunkOctets * 2);
  const nowMs = Date.now();
  for (let at = 0; at < chunks; at += 16) {
    const puts = Array.from({ length: Math.min(16, chunks - at) }, (_, i) => {
      const first = (at + i) * chunkRowsMax;
      const from = (first * 7_919) % chunkOctets;
      const born = { first, atMs: nowMs, bornMs: 0, grownMs: 0, layout, wallOffsetNs: 0n };
      const times = { firstStartNs: startNs, lastEndNs: startNs + 60_000_000_000n };
      const held = { count: chunkRowsMax, bootId: 'wall', sums: { packets: 40_000, octets: 30_000_000 } };
      const chunk = {
        ...born,
        ...times,
        ...held,
        rows: undefined,
        rowSums: undefined,
        diskOctets: chunkOctets,
        sealed: true,
        isSampled: true,
      };
      return [
        { key: rowsKey(first), value: noise.subarray(from, from + chunkOctets) },
        { key: indexKey(first), value: encodeIndex(chunk, chunkOctets) },
      ];
    });
    await kv.batch(puts.flat(), []);
  }
  const next = chunks * chunkRowsMax;
  const lane = { pending: [{ from: 0, to: next }], next, gaps: [], probeAnswered: false };
  await kv.batch([{ key: destinationKey('sink'), value: encodeLane(lane) }], [], { sync: true });
  await kv.close();
  for (let round = 0; round < startRounds; round++) {
    const cpu = process.cpuUsage();
    const stretch = new Stretch();
    const box = await startBox({ kv: await openLevelKv(folder, logLevel), port: await freePort(), spool: roomy });
    const seconds = Number(stretch.wallS.toFixed(2));
    const { user, system } = process.cpuUsage(cpu);
    const found = { chunks, waiting: box.pending(), diskMiB: Math.round(box.spool.status().octetsOnDisk / 1024 ** 2) };
    const { rssMiBMost } = stretch.figures(1, 1);
    const goal = { text: `${goals.startS} s with 4 GiB`, met: seconds <= goals.startS };
    const figures = { round, ...found, seconds, cpuSeconds: Number(((user + system) / 1e6).toFixed(2)), rssMiBMost };
    print('start', figures, gibWanted >= 4 ? goal : undefined);
    await box.stop();
  }
}

const work = { drain, start } as const;
for (const name of values.only.split(',')) {
  const folder = await mkdtemp(join(values.folder, 'flowspan-spool-bench-'));
  try {
    await work[name as keyof typeof work](folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
