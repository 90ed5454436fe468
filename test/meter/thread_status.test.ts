/** Figures of metering threads: both of two are told, they add up to the whole exactly, and each one's own ledger balances. */
import { afterAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { meterCounters } from '../../src/flow/decode_annotations.ts';
import { ledgerFaults } from '../../src/flow/ledger.ts';
import { threadCounters } from '../../src/flow/meter_threads.ts';
import { figuresOf, type MeterFigures } from '../../src/meter/figures.ts';
import { MeterService } from '../../src/meter/meter_service.ts';
import { ThreadPaces, threadStatus } from '../../src/meter/thread_status.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder, meterFile } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
// Each frame twice in a row: duplicates are a figure, too.
const frames = Array.from({ length: 400 }, (_, i) => udpFrame({ source: `10.0.${i % 3}.${(i >> 1) % 40}` }));
const capture = folder.write('threads.pcap', pcapFile(packetsOf(frames, 1_000_000n)));

function sumsHold({ counts, threads }: Pick<MeterFigures, 'counts' | 'threads'>): void {
  for (const name of threadCounters)
    expect([name, threads.reduce((sum, one) => sum + one[name], 0)]).toEqual([name, counts[name]]);
  expect(threads.map(ledgerFaults)).toEqual(threads.map(() => []));
}

describe('two metering threads', () => {
  it('over a file: each has its share of packets and flows, of one moment', () => {
    const { stats } = meterFile(capture, { threads: 2 });
    const figures = figuresOf(stats);
    expect(figures.threads).toHaveLength(2);
    for (const one of figures.threads) {
      expect(one.receivedPackets).toBeGreaterThan(50);
      expect(one.flowsEndedForced).toBeGreaterThan(5);
      expect(one.batches).toBeGreaterThan(0);
      expect(one.blocksCapacity).toBe(4);
    }
    expect(figures.counts).toMatchObject({ receivedPackets: 400, blocksCapacity: 8 });
    sumsHold(figures);
  });

  it('in a running box: in its status and to Prometheus by thread, after the stop as well', async () => {
    const clock = new SystemClock();
    const metrics = createMetrics();
    const world = { clock, random: new SeededRandom(1), log: createLog(clock, () => {}), metrics };
    const settings = settingsSchema.parse({ meter: { source: 'capture', capture, loop: false, threads: 2 } }).meter;
    const meter = new MeterService(world, settings, { bootId: 'boot-1', receive: () => {} });
    expect(meter.status()).toMatchObject({ threads: [], allThreads: { receivedPackets: 0, cpuPercent: null } });
    await meter.start(new AbortController().signal);
    for (let tries = 0; tries < 400 && meter.status().state !== 'stopped'; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const { threads, allThreads } = meter.status();
    expect(threads.map(({ thread }) => thread)).toEqual([0, 1]);
    expect(allThreads).toMatchObject({ receivedPackets: 400, cachedFlows: 0, blocksFilled: 0 });
    expect(Math.min(...threads.map((one) => one.receivedPackets))).toBeGreaterThan(50);
    sumsHold({ counts: { ...meter.figures().counts, ...allThreads }, threads: meter.figures().threads });
    const told = (await metrics.render())
      .split('\n')
      .filter((line) => /^flowspan_meter_thread_(received_packets|cpu_seconds)/.test(line));
    expect(told.slice(0, 2)).toEqual(
      threads.map((one) => `flowspan_meter_thread_received_packets{thread="${one.thread}"} ${one.receivedPackets}`),
    );
    expect(told).toHaveLength(4);
  });
});

describe('how busy threads were', () => {
  const figures = (...threads: [packets: number, cpuMs: number][]): MeterFigures => {
    const counters = ([packets, cpuMs]: [number, number]): Float64Array =>
      Float64Array.from(meterCounters, (name) =>
        name === 'receivedPackets' ? packets : name === 'threadCpuNs' ? cpuMs * 1e6 : 0,
      );
    const [whole, each] = [new Float64Array(meterCounters.length), threads.map(counters)];
    return figuresOf({
      ...{ counters: whole, threads: each, annotations: new Float64Array(0), interfaces: [], sourceError: '' },
      ...{ answering: true, selectorId: 0, selectors: [] },
    });
  };
  const paces = (...looks: [atMs: number, MeterFigures][]) => {
    const seen = new ThreadPaces();
    for (const [atMs, { threads }] of looks) seen.see(atMs, threads);
    const { threads, allThreads } = threadStatus(looks.at(-1)![1], seen);
    return [...threads, allThreads].map(({ packetsPerSecond, cpuPercent }) => [packetsPerSecond, cpuPercent]);
  };

  it('is not known from one look, or from two at once', () => {
    const look = figures([100, 5], [50, 1]);
    const nobodyKnows = [null, null];
    expect(paces([0, look])).toEqual([nobodyKnows, nobodyKnows, nobodyKnows]);
    expect(paces([0, look], [300, look])).toEqual([nobodyKnows, nobodyKnows, nobodyKnows]);
  });

  it('is told of each, and of all: of one core’s time', () => {
    expect(paces([0, figures([100, 5], [50, 0])], [2_000, figures([2_100, 1_905], [50, 500])])).toEqual([
      [1_000, 95],
      [0, 25],
      [1_000, 120],
    ]);
  });

  it('is of the last ten seconds', () => {
    const looks = Array.from({ length: 30 }, (_, s): [number, MeterFigures] => [s * 1_000, figures([s < 15 ? 0 : s * 100, 0])]);
    expect(paces(...looks)[0]).toEqual([100, 0]);
  });

  it('begins anew when the meter was opened again, with other threads too', () => {
    expect(paces([0, figures([9_000, 90])], [2_000, figures([10, 1])])[0]).toEqual([null, null]);
    expect(paces([0, figures([9_000, 90], [1, 1])], [2_000, figures([9_100, 95])])[0]).toEqual([null, null]);
    expect(paces([0, figures([9_000, 90])], [2_000, figures([10, 1])], [3_000, figures([20, 6])])[0]).toEqual([10, 0.5]);
  });
});
