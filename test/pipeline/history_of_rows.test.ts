/** Rows through pipeline, history and LevelDB to the answer, across restarts: what goes in is what is answered. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { RowClock } from '../../src/flow/row_block.ts';
import { PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { GuardedKv } from '../../src/store/guarded_kv.ts';
import { History } from '../../src/store/history.ts';
import { openHistoryReader } from '../../src/store/history_reader.ts';
import { countRows, markLocality } from './count_rows.ts';
import { blockOf } from './rows.ts';

/** Ten minutes before the hour. */
const startMs = 1_800_000_000_000 + 50 * 60_000;
const signal = new AbortController().signal;

test('across the hour and three restarts, one of them a crash: hours and minutes hold every row whose minute was closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flowspan-rows-'));
  const path = join(folder, 'history');
  const random = new SeededRandom(11);
  let wallMs = startMs;
  let octets = 0;
  let lostOctets = 0;

  /** One run of the box for so many minutes, with a flow every 5 s; a crash takes what is open with it. */
  async function run(minutes: number, crash: boolean): Promise<void> {
    const clock = new SimulatedClock(10_000, wallMs);
    const world = { clock, random, log: silentLog, metrics: createMetrics() };
    const rowClock: RowClock = {
      bootId: `boot ${wallMs}`,
      wallOffsetNs: () => BigInt(clock.wallMs()) * 1_000_000n - clock.monotonicNs(),
      trusted: () => true,
    };
    const level = { freeOctetsMin: 0, multithreading: true };
    const kv = new GuardedKv({ name: 'history', path, octetsMax: 2 ** 30, level }, world);
    const history = new History(
      { topK: 5, minutesForS: 172_800, hoursForS: 34_214_400, daysForS: 157_680_000, bytesMax: 2 ** 30 },
      { kv },
      world,
    );
    const pipeline = new PipelineService(
      { siteNetworks: ['10.0.0.0/8'], topK: 5, keysMax: 1_000, lateS: 20 },
      {
        clock: rowClock,
        countRows,
        markLocality,
        keepRows: () => {},
        hourSoFar: (hourStartMs) => history.hourSoFar(hourStartMs),
      },
      world,
    );
    let closedOctets = 0;
    let sentOctets = 0;
    pipeline.onWindow((window) => {
      if (window.tier === '1m') closedOctets += window.dimensions[0]!.top[0]!.outOctets;
      history.add(window);
    });
    await kv.start(signal);
    await history.start(signal);
    await pipeline.start(signal);
    for (let second = 0; second < minutes * 60; second += 5) {
      await clock.advance(5_000);
      const nowNs = clock.monotonicNs();
      const sent = random.below(1_000_000);
      pipeline.process(
        blockOf(
          [
            {
              source: `10.0.0.${random.below(30)}`,
              destination: `192.0.2.${random.below(30)}`,
              startNs: nowNs - BigInt(random.below(15)) * 1_000_000_000n,
              endNs: nowNs,
              octets: sent,
              packets: 1,
              protocol: 6,
              sourcePort: 50_000,
              destinationPort: 1 + random.below(20),
            },
          ],
          rowClock.bootId,
          nowNs,
        ),
      );
      sentOctets += sent;
    }
    if (!crash) await pipeline.stop(1_000);
    await history.settled();
    if (!crash) await history.stop(1_000);
    await kv.stop(1_000);
    octets += closedOctets;
    lostOctets += sentOctets - closedOctets;
    wallMs = clock.wallMs() + 7_000;
  }

  await run(4, false);
  await run(9, true); // over the hour, then killed
  expect(lostOctets).toBeGreaterThan(0);
  const lostByCrash = lostOctets;
  await run(3, false);
  await run(70, false); // over the next hour
  expect(lostOctets).toBe(lostByCrash); // planned stops lose nothing

  const reader = openHistoryReader(path);
  const hours = await reader.series({ fromMs: startMs, toMs: wallMs, pointsMax: 3 });
  expect(hours.tier).toBe('1h');
  expect(hours.points.reduce((sum, point) => sum + point.outOctets, 0)).toBe(octets);
  const minutes = await reader.series({ fromMs: startMs, toMs: wallMs, pointsMax: 1_000 });
  expect(minutes.tier).toBe('1m');
  expect(minutes.points.reduce((sum, point) => sum + point.outOctets, 0)).toBe(octets);
  for (const dimension of ['total', ...dimensionsWith([])] as const) {
    const { total } = await reader.top({ dimension, fromMs: startMs, toMs: wallMs, limit: 5 });
    expect(total.outOctets + total.inOctets, dimension).toBe(dimension === 'host' ? 2 * octets : octets);
  }
  await rm(folder, { recursive: true, force: true });
});
