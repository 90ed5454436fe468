/**
 * 13 months of a busy branch in the history: what they take on disk, what is written for a day at 1,000 flows/s, and how long
 * questions to the API take. Prints one line of JSON a figure, with its goal where it has one; nothing is asserted.
 *
 *   scripts/bench history [--days 396] [--top 100] [--quick] [--keep FOLDER]
 *
 * `--quick`: two weeks, to see that it works. With `--keep` the store stays there, and is asked again without being written anew.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { Dimension, HistoryWindow } from '../../src/flow/history_shapes.ts';
import { History } from '../../src/store/history.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey, type StoredTier } from '../../src/store/history_keys.ts';
import { openHistoryReader } from '../../src/store/history_reader.ts';
import { historyLevel, type LevelKv, openLevelKv } from '../../src/store/level_kv.ts';
import { serve } from '../status/served.ts';
import { branch, dimensionsByDefault, madeUpWindow, meteredHour } from './history_year.ts';

const { history: defaults } = settingsSchema.parse({});
const { values } = parseArgs({
  options: {
    days: { type: 'string' },
    top: { type: 'string', default: String(defaults.topK) },
    quick: { type: 'boolean' },
    keep: { type: 'string' },
  },
});
const days = Number(values.days ?? (values.quick === true ? 14 : defaults.hoursForS / 86_400));
const topK = Number(values.top);
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const endMs = Math.floor(1_800_000_000_000 / dayMs) * dayMs;
const rounds = 7;
const flowsPerS = 1_000;
const print = (figure: object): void => void process.stdout.write(`${JSON.stringify({ bench: 'history', ...figure })}\n`);
const mebibytes = (octets: number): number => Math.round((octets / 1024 / 1024) * 10) / 10;
const writtenOctets = (): number => Number(/\nwrite_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

const putsOf = ({ tier, startMs, dimensions, partial }: HistoryWindow) =>
  dimensions.map((window) => ({
    key: historyKey(tier as StoredTier, window.dimension, startMs),
    value: encodeWindow({ window, partial }),
  }));
const octetsOf = (window: HistoryWindow): number => putsOf(window).reduce((sum, { value }) => sum + value.length, 0);

/** 13 months of hours and days, and a day of minutes, before the day that is measured. */
async function writeYear(kv: LevelKv): Promise<void> {
  for (let startMs = endMs - days * dayMs; startMs < endMs; startMs += hourMs)
    await kv.batch(putsOf(madeUpWindow('1h', startMs, topK)));
  for (let startMs = endMs - days * dayMs; startMs < endMs; startMs += dayMs)
    await kv.batch(putsOf(madeUpWindow('1d', startMs, topK)));
  const octets = await kv.approximateSize({});
  const of = { days, topK, dimensions: dimensionsByDefault, ...branch };
  print({ figure: 'hours and days on disk', ...of, octets, goal: '500 MB for 13 months' });
  for (let startMs = endMs - dayMs; startMs < endMs; startMs += minuteMs)
    await kv.batch(putsOf(madeUpWindow('1m', startMs, topK)));
}

/** Through the service that writes them on a box, batch by batch, synced, with what goes by age. */
async function writeDay(kv: LevelKv): Promise<void> {
  const clock = new SimulatedClock(1_000, endMs);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const history = new History({ ...defaults, topK, minutesForS: 86_400 }, { kv }, world);
  await history.start(new AbortController().signal);
  const before = writtenOctets();
  let handed = 0;
  for (let startMs = endMs; startMs < endMs + dayMs; startMs += minuteMs) {
    const windows = [madeUpWindow('1m', startMs, topK)];
    if ((startMs + minuteMs) % hourMs === 0) windows.unshift(madeUpWindow('1h', startMs + minuteMs - hourMs, topK));
    for (const window of windows) {
      history.add(window);
      handed += octetsOf(window);
    }
    await history.settled();
    await clock.advance(minuteMs);
  }
  await history.stop(1_000);
  const octets = writtenOctets() - before;
  const of = { flowsPerS, topK, handedMiB: mebibytes(handed), windows: history.figures.windowsWritten };
  print({ figure: `written for a day of history at ${flowsPerS} flows/s`, ...of, mebibytes: mebibytes(octets) });
}

/** Whether made-up windows are as long as those that a box makes of rows. */
async function compareWithMetered(): Promise<void> {
  const tiers: Record<string, { windows: number; octets: number }> = {};
  for await (const window of meteredHour(endMs, { flowsPerS, topK, keysMax: defaults.keysMax })) {
    if (window.partial) continue;
    const { windows, octets } = tiers[window.tier] ?? { windows: 0, octets: 0 };
    tiers[window.tier] = { windows: windows + 1, octets: octets + octetsOf(window) };
  }
  for (const tier of ['1m', '1h'] as const) {
    const { windows = 0, octets = 0 } = tiers[tier] ?? {};
    const madeUp = octetsOf(madeUpWindow(tier, endMs, topK));
    print({ figure: `octets of a ${tier} window, of rows and made up`, windows, ofRows: Math.round(octets / windows), madeUp });
  }
}

/** Over HTTP, as the page asks, from a handle beside the one that writes. */
async function askAll(folder: string): Promise<void> {
  const reader = openHistoryReader(folder);
  const served = await serve({
    history: { top: (question) => reader.top(question), series: (question) => reader.series(question) },
  });
  const toMs = endMs;
  const spans = [
    { name: '24 h', fromMs: toMs - dayMs + 20 * minuteMs, goalMs: 100 },
    { name: `${days} d`, fromMs: toMs - days * dayMs, goalMs: 300 },
  ];
  const time = async (figure: string, path: string, goalMs: number): Promise<void> => {
    const tookMs: number[] = [];
    let cpuMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const before = process.threadCpuUsage();
      const answer = await fetch(`${served.url}${path}`);
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${text}`);
      const { user, system } = process.threadCpuUsage(before);
      cpuMs = Math.min(cpuMs, (user + system) / 1_000);
      tookMs.push(performance.now() - began);
    }
    tookMs.sort((a, b) => a - b);
    const [leastMs, medianMs, mostMs] = [tookMs[0]!, tookMs[rounds >> 1]!, tookMs.at(-1)!].map(Math.round);
    print({ figure, cpuMs: Math.round(cpuMs), leastMs, medianMs, mostMs, goalMs });
  };
  for (const { name, fromMs, goalMs } of spans) {
    const range = `from=${fromMs}&to=${toMs}`;
    await time(`the line, ${name}`, `/api/v1/series?${range}&points=400`, goalMs);
    for (const by of dimensionsByDefault.filter((dimension: Dimension) => dimension !== 'total'))
      await time(`top ${by}, ${name}`, `/api/v1/top?by=${by}&${range}&limit=20`, goalMs);
    await time(`one host as a line, ${name}`, `/api/v1/series?${range}&points=400&by=host&key=10.20.0.1`, goalMs);
    await time(`conversations of a host, ${name}`, `/api/v1/top?by=conversation&host=10.20.0.1&${range}&limit=20`, goalMs);
  }
  await served.stop();
}

const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'flowspan-bench-')));
await mkdir(folder, { recursive: true });
const store = join(folder, 'history');
const isThere = existsSync(store);
const kv = await openLevelKv(store, { ...historyLevel, freeOctetsMin: 0 });
if (!isThere) {
  await compareWithMetered();
  await writeYear(kv);
}
await askAll(store);
if (!isThere) await writeDay(kv);
print({ figure: 'resident', mebibytes: mebibytes(process.memoryUsage.rss()) });
await kv.close();
if (values.keep === undefined) await rm(folder, { recursive: true });
