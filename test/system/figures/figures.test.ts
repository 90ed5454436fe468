/** The figures over simulated hours and days: values, history, targets, what is kept, what cannot be told. */
import { describe, expect, it } from 'vitest';
import { type SettingsInput, settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { createLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { type FigureName, figureNames } from '../../../src/flow/figure_shapes.ts';
import type { HistoryWindow } from '../../../src/flow/history_shapes.ts';
import type { BoxStatus } from '../../../src/flow/status_shapes.ts';
import { exampleStatus } from '../../../src/forward/mqtt/payload_examples.ts';
import type { TextStore } from '../../../src/system/boot_file.ts';
import { DaySum } from '../../../src/system/day_sum.ts';
import { FigureService } from '../../../src/system/figures/figure_service.ts';
import { jaccardPercent } from '../../../src/system/figures/top_talkers.ts';

class MemoryFile implements TextStore {
  text: string | undefined;
  async read(): Promise<string | undefined> {
    return this.text;
  }
  async replace(text: string): Promise<void> {
    this.text = text;
  }
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Midnight of a day. */
const startMs = Date.UTC(2026, 5, 1);
const [uplink] = exampleStatus.uplinks;
const quiet: BoxStatus = {
  ...exampleStatus,
  host: { ...exampleStatus.host, complaints: [] },
  uplinks: [{ ...uplink!, state: 'up', backlogRecords: 0, backlogOctets: 0, backlogAgeMs: 0 }],
};

function make(targets: NonNullable<SettingsInput>['targets'] = {}, store = new MemoryFile(), atMs = startMs) {
  const clock = new SimulatedClock(1_000, atMs);
  const logged: string[] = [];
  const world = {
    clock,
    random: new SeededRandom(1),
    metrics: createMetrics(),
    log: createLog(clock, (_level, _part, event) => logged.push(event)),
  };
  const state = {
    status: quiet,
    latencyMs: { p50: 15_000 as number | null, p99: 30_000 as number | null },
    completenessPercent: 95 as number | null,
    alertsLastDay: 0 as number | null,
    written: { own: new DaySum() },
  };
  const service = new FigureService(world, settingsSchema.parse({ targets }).targets, store, () => state);
  const of = (name: FigureName) => service.figures.find((figure) => figure.name === name)!;
  return { clock, world, logged, state, service, store, of };
}

describe('figures', () => {
  it('are all there, and none that a good box misses', async () => {
    const { service, clock } = make();
    await service.start();
    expect(service.figures).toEqual([]);
    await clock.advance(20_000);
    expect(service.figures.map(({ name }) => name)).toEqual([...figureNames]);
    expect(service.figures.filter(({ met }) => met === false)).toEqual([]);
    expect(service.targets().every(({ met }) => met)).toBe(true);
    await service.stop(0);
  });

  it('count records that were given up, and damaged packets, of the last hour only', async () => {
    const { service, clock, state, of } = make();
    await service.start();
    await clock.advance(60_000);
    expect(of('exportSuccessPercent').value).toBeNull();
    const annotations = { truncatedIpHeader: 300, badIpVersion: 100, encrypted: 50_000 };
    const ledger = { ...quiet.ledger, received: { packets: quiet.ledger.received.packets + 100_000, octets: 1 }, annotations };
    state.status = {
      ...quiet,
      ledger,
      uplinks: [{ ...quiet.uplinks[0]!, acknowledgedRecords: uplink!.acknowledgedRecords + 990, droppedRecords: 10 }],
    };
    await clock.advance(20_000);
    expect(of('exportSuccessPercent')).toMatchObject({ value: 99, target: 99.9, met: false });
    expect(of('decodeErrorsPpm')).toMatchObject({ value: 4_000, met: false });
    expect(service.targets().find(({ name }) => name === 'decodeErrorsPpm')).toMatchObject({
      met: false,
      text: expect.stringContaining('4000 ppm, where at most 1000 ppm is wanted (targets.decodeErrorsPpm)'),
    });
    await clock.advance(62 * 60_000);
    expect(of('exportSuccessPercent').value).toBeNull();
    // A meter that was opened anew counts from nothing: no negative shares.
    state.status = { ...quiet, ledger: { ...quiet.ledger, received: { packets: 10, octets: 1 } } };
    await clock.advance(20_000);
    expect(of('decodeErrorsPpm').value).toBeNull();
    await service.stop(0);
  });

  it('tell growth and the days that are left once they were watched long enough', async () => {
    const { service, clock, state, of } = make();
    await service.start();
    const grow = async (hours: number): Promise<void> => {
      for (let n = 0; n < hours; n++) {
        const { host, stores } = state.status;
        state.status = {
          ...state.status,
          host: { ...host, diskFreeOctets: host.diskFreeOctets - 1e9 },
          stores: [{ ...stores[0]!, octetsOnDisk: stores[0]!.octetsOnDisk + 1e8 }],
        };
        await clock.advance(hourMs);
      }
    };
    await grow(5);
    expect(of('daysToFull').value).toBeNull();
    await grow(13);
    // The first step came before the first look: 17 of 18 hours' growth in 18 hours.
    expect(of('storageGrowthOctets').value! / 2.4e9).toBeCloseTo(17 / 18, 2);
    // 24.1 GB were free, 18 are gone at 24 a day.
    expect(of('daysToFull').value).toBeCloseTo(6.1 / ((24 * 17) / 18), 2);
    expect(of('daysToFull').met).toBe(false);
    await service.stop(0);
  });

  it('know growth and what was written at once after a restart, whatever the clock says then', async () => {
    const first = make();
    await first.service.start();
    let writtenS = 0;
    for (let n = 0; n < 60; n++) {
      const { host } = first.state.status;
      first.state.status = { ...first.state.status, host: { ...host, diskFreeOctets: host.diskFreeOctets - 1e8 } };
      first.state.written.own.add(first.clock.monotonicMs(), 5_000 + 1_000 * writtenS++);
      await first.clock.advance(600_000);
    }
    const before = first.of('daysToFull').value!;
    await first.service.stop(0);
    expect(first.store.text!.length).toBeLessThan(20_000);
    // The clock of a board without a battery begins in 1970.
    const second = make({}, first.store, 0);
    second.state.status = first.state.status;
    await second.service.start();
    second.state.written.own.add(second.clock.monotonicMs(), 7);
    await second.clock.advance(10_000);
    expect(second.of('daysToFull').value! / before).toBeCloseTo(1, 2);
    expect(second.of('storageGrowthOctets').value).toBe(0);
    expect(second.state.written.own.lastDay).toBe(59_000);
    await second.service.stop(0);
  });

  it('tell what sampling hides, how long things wait, and complaints', async () => {
    const { service, clock, state, of } = make();
    const { meter, host, stores } = quiet;
    state.status = {
      ...quiet,
      meter: { ...meter, sampling: { ...meter.sampling, interval: 8 } },
      host: { ...host, complaints: ['the supply voltage is too low'] },
      stores: [{ ...stores[0]!, octetsOnDisk: 60, octetsMax: 100 }],
      uplinks: [{ ...quiet.uplinks[0]!, backlogRecords: 5, backlogOctets: 7, backlogAgeMs: 400_000 }],
    };
    state.alertsLastDay = 12;
    await service.start();
    await clock.advance(40_000);
    expect(of('smallFlowRecallPercent').value).toBeCloseTo((1 - (7 / 8) ** 10) * 100, 1);
    expect(of('queueS')).toMatchObject({ value: 400, met: false });
    expect(of('queuePercent')).toMatchObject({ value: 60, met: false });
    expect(of('queueRecords')).toMatchObject({ value: 5, target: null, met: null });
    expect(of('alertsPerEntity')).toMatchObject({ value: 3, met: false }); // box, port, uplink, store
    expect(of('throttledPercent').value).toBe(100);
    await service.stop(0);
  });

  it('keep a day of hours over a restart; hours without the box are holes', async () => {
    const first = make();
    await first.service.start();
    first.state.status = { ...quiet, host: { ...quiet.host, cpuPercent: 90 } };
    await first.clock.advance(hourMs);
    first.state.status = { ...quiet, host: { ...quiet.host, cpuPercent: 10 } };
    await first.clock.advance(hourMs);
    expect(first.of('cpuPercent')).toMatchObject({ value: 10, met: true, metPercentLastDay: expect.closeTo(50, -1) });
    await first.service.stop(0);
    const second = make({}, first.store, startMs + 5 * hourMs);
    await second.service.start();
    await second.clock.advance(20_000);
    const { hours } = second.of('cpuPercent');
    expect(hours).toHaveLength(24);
    expect(hours.slice(18).map((hour) => (hour === null ? null : Math.round(hour)))).toEqual([90, 10, 10, null, null, 7]);
    await second.service.stop(0);
    // A day later nothing of it is left.
    const third = make({}, second.store, startMs + 3 * dayMs);
    await third.service.start();
    await third.clock.advance(20_000);
    expect(third.of('cpuPercent').hours.filter((hour) => hour !== null)).toEqual([7.4]);
    await third.service.stop(0);
  });

  it.each([
    '{',
    '[]',
    'null',
    '{"hours":[{"hour":"x"}],"talkers":{"day":1}}',
    '{"hours":[{"hour":1,"sums":{"cpuPercent":{"sum":"9"}}}]}',
  ])('begin anew with a damaged file: %s', async (text) => {
    const store = new MemoryFile();
    store.text = text;
    const { service, clock, of } = make({}, store);
    await service.start();
    await clock.advance(20_000);
    expect(of('cpuPercent').value).toBe(7.4);
    await service.stop(0);
  });

  it('go without a target where none is wanted, and are in the metrics', async () => {
    const { service, clock, of, world } = make({ cpuPercent: null, memoryPercent: 1 });
    await service.start();
    await clock.advance(20_000);
    expect(of('cpuPercent')).toMatchObject({ target: null, met: null, metPercentLastDay: null });
    const text = await world.metrics.render();
    expect(text).toMatch(/flowspan_figure\{figure="cpuPercent"\} 7\.4/);
    expect(text).toMatch(/flowspan_figure_met\{figure="memoryPercent"\} 0/);
    expect(text).not.toMatch(/flowspan_figure_target\{figure="cpuPercent"\}/);
    expect(text).not.toContain('NaN');
    await service.stop(0);
  });
});

describe('top talkers', () => {
  const window = (startMs: number, hosts: readonly string[]): HistoryWindow => ({
    tier: '1h',
    startMs,
    partial: false,
    dimensions: [
      {
        dimension: 'host',
        top: hosts.map((key, n) => ({ key, outOctets: 1_000 - n, inOctets: 0, outPackets: 1, inPackets: 1, flows: 1 })),
        other: { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 },
        distinctKeys: hosts.length,
      },
    ],
  });
  const hosts = (from: number): string[] => Array.from({ length: 20 }, (_, n) => `10.0.0.${from + n}`);

  it('are compared day with day, over a restart, not over a gap', async () => {
    const { service, clock, of, store } = make();
    await service.start();
    const shown = async (target: { clock: SimulatedClock } = { clock }): Promise<void> => target.clock.advance(10_000);
    service.windowClosed(window(startMs, hosts(0)));
    service.windowClosed({ ...window(startMs, hosts(100)), tier: '1m' });
    service.windowClosed(window(startMs + dayMs, hosts(5)));
    await shown();
    expect(of('topTalkersPercent').value).toBeNull(); // the second day runs
    await service.stop(0);
    const second = make({}, store, startMs + dayMs);
    await second.service.start();
    second.service.windowClosed(window(startMs + 2 * dayMs, hosts(5)));
    await shown(second);
    // Five of ten in common: 5 of 15.
    expect(second.of('topTalkersPercent')).toMatchObject({ value: 33.33, met: true });
    second.service.windowClosed(window(startMs + 5 * dayMs, hosts(50)));
    second.service.windowClosed(window(startMs + 6 * dayMs, hosts(50)));
    await shown(second);
    expect(second.of('topTalkersPercent').value).toBe(100);
    await second.service.stop(0);
  });

  it('by Jaccard', () => {
    expect(jaccardPercent(['a', 'b'], ['b', 'c'])).toBeCloseTo(33.3, 1);
    expect(jaccardPercent([], [])).toBe(100);
    expect(jaccardPercent(['a'], ['b'])).toBe(0);
  });
});
