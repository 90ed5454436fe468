/**
 * What goes in is what is kept: rows through pipeline, history and store, over planned stops and crashes in the middle of minutes
 * and hours, with late rows, flows that span windows and runs, and more keys than there is room for. Every stored window of every
 * dimension adds up to its total, and every tier to the rows.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { addVolume, type Dimension, dimensions, emptyVolume, type Volume } from '../../src/flow/history_shapes.ts';
import type { RowClock } from '../../src/flow/row_block.ts';
import { PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { History } from '../../src/store/history.ts';
import { decodeWindow } from '../../src/store/history_codec.ts';
import { endOfTimeMs, historyRange, type StoredTier, startOfKey, storedTiers } from '../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../src/store/history_reader.ts';
import { countRows, markLocality } from './count_rows.ts';
import { blockOf, type RowFacts } from './rows.ts';

/** Twenty minutes before midnight UTC, so that the first run goes over an hour and a day. */
const startMs = Date.UTC(2027, 0, 31, 23, 40);
const stepMs = 5_000;
const signal = new AbortController().signal;
const counted: readonly Dimension[] = ['total', ...dimensionsWith([])];

interface Run {
  readonly minutes: number;
  readonly isKilled: boolean;
  readonly awayS: number;
}

const runs: fc.Arbitrary<Run[]> = fc.array(
  fc.record({ minutes: fc.integer({ min: 1, max: 50 }), isKilled: fc.boolean(), awayS: fc.integer({ min: 1, max: 5_000 }) }),
  { minLength: 2, maxLength: 4 },
);
const limits = fc.constantFrom({ topK: 1, keysMax: 3 }, { topK: 3, keysMax: 8 }, { topK: 5, keysMax: 1_000 });

/** A host's volume counts for both its ends, and each direction as sent by the one and received by the other. */
function asIn(dimension: Dimension, { outOctets, inOctets, outPackets, inPackets, flows }: Volume): number[] {
  const both = [outOctets + inOctets, outPackets + inPackets];
  if (dimension === 'host') return [...both, ...both, 2 * flows];
  // A conversation's directions follow the order of its ends.
  return dimension === 'conversation' ? [...both, flows] : [outOctets, outPackets, inOctets, inPackets, flows];
}
function asKept(dimension: Dimension, { outOctets, inOctets, outPackets, inPackets, flows }: Volume): number[] {
  return dimension === 'conversation'
    ? [outOctets + inOctets, outPackets + inPackets, flows]
    : [outOctets, outPackets, inOctets, inPackets, flows];
}

class Branch {
  readonly kv = new MemoryKv();
  readonly random: SeededRandom;
  readonly limits: { readonly topK: number; readonly keysMax: number };
  wallMs = startMs;
  /** Of minutes that were closed, which is what is kept. */
  readonly closed = emptyVolume();
  /** Of rows in runs that were stopped as planned, and what those closed. */
  readonly sent = emptyVolume();
  readonly stopped = emptyVolume();
  /** Of each host in all rows: octets both ways. */
  readonly octetsOfHost = new Map<string, number>();
  #hosts = 0;

  constructor(seed: number, limits: Branch['limits']) {
    this.random = new SeededRandom(seed);
    this.limits = limits;
  }

  async run({ minutes, isKilled, awayS }: Run): Promise<void> {
    const { clock, history, pipeline, rowClock } = this.#parts();
    const closed = emptyVolume();
    const sent = emptyVolume();
    pipeline.onWindow((window) => {
      if (window.tier === '1m') addVolume(closed, window.dimensions[0]!.top[0]!);
      history.add(window);
    });
    await history.start(signal);
    await pipeline.start(signal);
    for (let step = 0; step < minutes * 12; step++) {
      await clock.advance(stepMs);
      const nowNs = clock.monotonicNs();
      const rows = Array.from({ length: this.random.below(4) }, () => this.#row(nowNs));
      pipeline.process(blockOf(rows, rowClock.bootId, nowNs));
      for (const row of rows) {
        const volume = volumeOf(row);
        addVolume(sent, volume);
        for (const host of [String(row.source), String(row.destination)])
          this.octetsOfHost.set(host, (this.octetsOfHost.get(host) ?? 0) + volume.outOctets + volume.inOctets);
      }
    }
    if (!isKilled) await pipeline.stop(1_000);
    await history.settled();
    if (!isKilled) await history.stop(1_000);
    addVolume(this.closed, closed);
    if (!isKilled) {
      addVolume(this.sent, sent);
      addVolume(this.stopped, closed);
    }
    this.wallMs = clock.wallMs() + awayS * 1_000;
  }

  /** Two days later: every hour and every day is over. */
  async rest(): Promise<void> {
    this.wallMs += 48 * 3_600_000;
    const { clock, history } = this.#parts();
    await history.start(signal);
    await clock.advance(1_300_000);
    await history.stop(1_000);
  }

  #parts() {
    const clock = new SimulatedClock(10_000, this.wallMs);
    const world = { clock, random: this.random, log: silentLog, metrics: createMetrics() };
    const rowClock: RowClock = {
      bootId: `boot ${this.wallMs}`,
      wallOffsetNs: () => BigInt(clock.wallMs()) * 1_000_000n - clock.monotonicNs(),
      trusted: () => true,
    };
    const ages = { minutesForS: 1e9, hoursForS: 1e9, daysForS: 1e9, bytesMax: 2 ** 40 };
    const history = new History({ topK: this.limits.topK, ...ages }, { kv: this.kv }, world);
    const pipeline = new PipelineService(
      { siteNetworks: ['10.0.0.0/8'], ...this.limits, lateS: 20 },
      {
        clock: rowClock,
        countRows,
        markLocality,
        keepRows: () => {},
        hourSoFar: (hourStartMs) => history.hourSoFar(hourStartMs),
      },
      world,
    );
    return { clock, history, pipeline, rowClock };
  }

  /** Reported up to five minutes after its end, as long as an hour, perhaps from before this run or the one before. */
  #row(nowNs: bigint): RowFacts {
    const { random } = this;
    const endNs = nowNs - (random.below(3) === 0 ? BigInt(random.below(300)) * 1_000_000_000n : 0n);
    const lastsS = [0, random.below(15), random.below(120), random.below(3_600)][random.below(4)]!;
    const startNs = endNs - BigInt(lastsS) * 1_000_000_000n;
    const later = (ns: bigint): bigint => (ns > 0n ? ns : 0n);
    // Some are heard once only: what they are given beyond their own octets shows.
    const isOnce = random.below(3) === 0;
    const once = this.#hosts++;
    return {
      source: isOnce ? `10.9.${once >> 8}.${once & 255}` : `10.0.${random.below(2)}.${random.below(6)}`,
      destination: `192.0.2.${random.below(6)}`,
      ...{ startNs: later(startNs), endNs: later(endNs) },
      ...{ octets: random.below(isOnce ? 60 : 1_000_000), packets: random.below(900), protocol: [6, 17][random.below(2)]! },
      ...(random.below(2) === 0 ? { reverseOctets: random.below(50_000), reversePackets: random.below(70) } : {}),
      ...{ sourcePort: 50_000, destinationPort: 1 + random.below(20), vlan: random.below(3) * 10 },
      ...{ biflowDirection: random.below(3), flowEndReason: 1 + random.below(4), flows: 1 + random.below(3) },
    };
  }
}

function volumeOf(row: RowFacts): Volume {
  const own = [row.octets, row.packets] as const;
  const back = row.reverseOctets === undefined ? ([0, 0] as const) : ([row.reverseOctets, row.reversePackets ?? 1] as const);
  const [out, into] = row.biflowDirection === 2 ? [back, own] : [own, back];
  const flows = row.flowEndReason === 2 ? 0 : row.flows!;
  return { outOctets: out[0], outPackets: out[1], inOctets: into[0], inPackets: into[1], flows };
}

/** Octets that windows of a tier ascribe to each key. */
async function ascribed(kv: MemoryKv, tier: StoredTier, dimension: Dimension): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const [, value] of kv.entries(historyRange(tier, dimension, 0, endOfTimeMs)))
    for (const { key, outOctets, inOctets } of decodeWindow(dimension, value)!.window.top)
      found.set(key, (found.get(key) ?? 0) + outOctets + inOctets);
  return found;
}

/** By tier and dimension, by start: sums of what stands in the store. */
async function kept(kv: MemoryKv, tier: StoredTier, dimension: Dimension): Promise<Map<number, Volume>> {
  const found = new Map<number, Volume>();
  for await (const [key, value] of kv.entries(historyRange(tier, dimension, 0, endOfTimeMs))) {
    const { window } = decodeWindow(dimension, value)!;
    const sum = emptyVolume();
    for (const row of window.top) addVolume(sum, row);
    addVolume(sum, window.other);
    found.set(startOfKey(key), sum);
  }
  return found;
}

const added = (volumes: Iterable<Volume>): Volume => {
  const sum = emptyVolume();
  for (const volume of volumes) addVolume(sum, volume);
  return sum;
};

test('every stored window of every dimension adds up to its total, and every tier to the rows', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(runs, limits, fc.integer({ min: 1, max: 2 ** 30 }), async (plan, few, seed) => {
      const branch = new Branch(seed, few);
      for (const run of plan) await branch.run(run);
      // A planned stop loses nothing.
      expect(branch.stopped).toEqual(branch.sent);
      await branch.rest();
      for (const tier of storedTiers) {
        const totals = await kept(branch.kv, tier, 'total');
        expect(added(totals.values()), `${tier}: all that was closed`).toEqual(branch.closed);
        for (const dimension of counted) {
          const windows = await kept(branch.kv, tier, dimension);
          expect([...windows.keys()], `${tier} ${dimension}`).toEqual([...totals.keys()]);
          for (const [at, volume] of windows)
            expect(asKept(dimension, volume), `${tier} ${dimension} at ${at}`).toEqual(asIn(dimension, totals.get(at)!));
        }
        expect(await kept(branch.kv, tier, 'country')).toEqual(new Map());
        // What a key lost to other is not another's: none has more than it sent and received.
        for (const [host, octets] of await ascribed(branch.kv, tier, 'host'))
          expect(octets, `${tier} ${host}`).toBeLessThanOrEqual(branch.octetsOfHost.get(host)!);
      }
      // And so does the answer, whichever windows it is made of, cut to whatever limit.
      const reader = new StoredHistoryReader((question) => question(branch.kv));
      for (const dimension of counted) {
        for (const limit of [0, 2, 1_000]) {
          const { rows, other, total } = await reader.top({ dimension, fromMs: startMs - 3_600_000, toMs: branch.wallMs, limit });
          expect(asKept(dimension, total)).toEqual(asIn(dimension, branch.closed));
          expect(added([...rows, other])).toEqual(total);
        }
      }
    }),
    { numRuns: 30 },
  );
  expect(dimensions).toEqual(expect.arrayContaining([...counted]));
});
