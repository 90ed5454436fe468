/**
 * What the history writes to a card, over the store as a box opens it, as the kernel counts what this process writes (`wchar` of
 * /proc/self/io: log, tables and what LevelDB writes again). Windows of a busy branch; eight hours pass in seconds.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { boxStores } from '../../src/store/box_stores.ts';
import { openerOf } from '../../src/store/guarded_kv.ts';
import { History } from '../../src/store/history.ts';
import { madeUpWindow } from '../bench/history_year.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;
const startMs = 1_800_000_000_000;
const written = (): number => Number(/^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

test('eight hours of minutes are written once to the log, once to tables, and not much more', { timeout: 120_000 }, async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'history-wear-'));
  const clock = new SimulatedClock(1_000, startMs);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const settings = settingsSchema.parse({ dataFolder });
  const { history: kv } = boxStores({ world, settings, opener: openerOf });
  await kv.start(new AbortController().signal);
  const history = new History(settings.history, { kv }, world);
  await history.start(new AbortController().signal);
  const before = written();
  for (let atMs = startMs; atMs < startMs + 8 * hourMs; atMs += minuteMs) {
    if ((atMs + minuteMs) % hourMs === 0) history.add(madeUpWindow('1h', atMs + minuteMs - hourMs, settings.history.topK));
    history.add(madeUpWindow('1m', atMs, settings.history.topK));
    await history.settled();
    await clock.advance(minuteMs);
  }
  await history.stop(1_000);
  await kv.close();
  /** What such a window takes, its dimensions together. */
  const handed = history.figures.windowsWritten * 21_000;
  const octets = written() - before;
  rmSync(dataFolder, { recursive: true });
  expect(history.figures.windowsWritten).toBe(488);
  expect(octets).toBeGreaterThan(handed);
  expect(octets).toBeLessThan(3 * handed);
});
