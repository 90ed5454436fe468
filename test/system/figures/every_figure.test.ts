/** Each figure by its name: made of what the box says, judged by its target, with its history, and told wherever figures are. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { type FigureName, figureFacts, figureNames } from '../../../src/flow/figure_shapes.ts';
import type { HistoryWindow } from '../../../src/flow/history_shapes.ts';
import type { BoxStatus } from '../../../src/flow/status_shapes.ts';
import { exampleStatus } from '../../../src/forward/mqtt/payload_examples.ts';
import { healthPayload } from '../../../src/forward/mqtt/payloads.ts';
import { DaySum } from '../../../src/system/day_sum.ts';
import { FigureService, type FigureSources } from '../../../src/system/figures/figure_service.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.UTC(2026, 5, 1);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Sources = Mutable<FigureSources>;

/** Something that a box may say before, and what it says after: the figure tells the one and the other. */
interface Case {
  readonly before?: (sources: Sources, service: FigureService) => void;
  readonly after: (sources: Sources, service: FigureService) => void;
  /** How long it takes, ms. */
  readonly takesMs?: number;
  readonly told: readonly [before: number | null, after: number];
}

const status = (sources: Sources, change: (status: BoxStatus) => Partial<BoxStatus>): void => {
  sources.status = { ...sources.status, ...change(sources.status as BoxStatus) };
};
const host = (change: Partial<BoxStatus['host']>) => (sources: Sources) =>
  status(sources, (now) => ({ host: { ...now.host, ...change } }));
const uplink = (change: (now: BoxStatus['uplinks'][number]) => object) => (sources: Sources) =>
  status(sources, ({ uplinks }) => ({ uplinks: uplinks.map((one) => ({ ...one, ...change(one) })) }));
const sampling = (change: Partial<BoxStatus['meter']['sampling']>) => (sources: Sources) =>
  status(sources, ({ meter }) => ({ meter: { ...meter, sampling: { ...meter.sampling, ...change } } }));
const stored = (name: string, change: object) => (sources: Sources) =>
  status(sources, ({ stores }) => ({ stores: stores.map((one) => (one.name === name ? { ...one, ...change } : one)) }));
const day = (n: number, from: number): HistoryWindow => ({
  ...{ tier: '1h', startMs: startMs + n * dayMs, partial: false },
  dimensions: [
    {
      ...{ dimension: 'host', other: { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 }, distinctKeys: 12 },
      top: Array.from({ length: 12 }, (_, i) => ({
        ...{ key: `10.0.0.${from + i}`, outOctets: 1_000 - i, inOctets: 0, outPackets: 1, inPackets: 1, flows: 1 },
      })),
    },
  ],
});

const cases: Readonly<Record<FigureName, Case>> = {
  exportSuccessPercent: {
    after: uplink(({ acknowledgedRecords, droppedRecords }) => ({
      acknowledgedRecords: acknowledgedRecords + 95,
      droppedRecords: droppedRecords + 5,
    })),
    told: [null, 95],
  },
  decodeErrorsPpm: {
    after: (sources) =>
      status(sources, ({ ledger }) => ({
        ledger: {
          ...ledger,
          received: { packets: ledger.received.packets + 1_000, octets: 1 },
          undecodable: { packets: ledger.undecodable.packets + 1, octets: 1 },
          annotations: { ...ledger.annotations, truncatedIpHeader: 3, laterFragment: 500 },
        },
      })),
    told: [null, 4_000],
  },
  latencyP50Ms: {
    after: (sources) => void Object.assign(sources, { latencyMs: { p50: 25_000, p99: null } }),
    told: [1_000, 25_000],
  },
  latencyP99Ms: {
    after: (sources) => void Object.assign(sources, { latencyMs: { p50: null, p99: 61_000 } }),
    told: [2_000, 61_000],
  },
  smallFlowRecallPercent: { after: sampling({ kind: 'random', interval: 16, kernelInterval: 4 }), told: [100, 14.57] },
  topTalkersPercent: {
    before: (_, service) => {
      for (const n of [0, 1, 2]) service.windowClosed(day(n, 0));
    },
    after: (_, service) => {
      service.windowClosed(day(3, 9));
      service.windowClosed(day(4, 0));
    },
    told: [100, 5.263],
  },
  completenessPercent: { after: (sources) => void Object.assign(sources, { completenessPercent: 61.5 }), told: [95, 61.5] },
  alertsPerEntity: { after: (sources) => void Object.assign(sources, { alertsLastDay: 14 }), told: [0, 2.8] },
  cpuPercent: { after: host({ cpuPercent: 91 }), told: [7.4, 91] },
  memoryPercent: { after: host({ memoryAvailableOctets: 200_000_000 }), told: [null, 95] },
  temperatureC: { after: host({ temperatureC: 81.5 }), told: [48.3, 81.5] },
  throttledPercent: { after: host({ complaints: ['the processor is slowed down'] }), takesMs: hourMs / 2, told: [0, 50] },
  queueRecords: { after: uplink(() => ({ backlogRecords: 7 })), told: [0, 7] },
  queueOctets: { after: uplink(() => ({ backlogOctets: 7_000 })), told: [0, 7_000] },
  queueS: { after: uplink(() => ({ backlogAgeMs: 900_000 })), told: [0, 900] },
  queuePercent: { after: stored('spool', { octetsOnDisk: 80, octetsMax: 100 }), told: [2, 80] },
  storageGrowthOctets: { after: stored('history', { octetsOnDisk: 6_000_000 }), takesMs: 12 * hourMs, told: [null, 5_000_000] },
  daysToFull: { after: host({ diskFreeOctets: 8e9 }), takesMs: 12 * hourMs, told: [null, 4] },
  writtenOctets: { after: host({ diskWrittenOctetsPerDay: 3e9 }), told: [1e6, 3e9] },
};

let clock: SimulatedClock;
let sources: Sources;
let service: FigureService;
let metrics: ReturnType<typeof createMetrics>;
beforeEach(() => {
  clock = new SimulatedClock(1_000, startMs);
  metrics = createMetrics();
  const [one] = exampleStatus.uplinks;
  const [store] = exampleStatus.stores;
  sources = {
    status: {
      ...exampleStatus,
      host: {
        ...{ ...exampleStatus.host, complaints: [], cpuPercent: 7.4, temperatureC: 48.3, diskWrittenOctetsPerDay: 1e6 },
        ...{ diskTotalOctets: 32e9, diskFreeOctets: 10e9, memoryTotalOctets: 4e9, memoryAvailableOctets: 3e9 },
      },
      uplinks: [{ ...one!, backlogRecords: 0, backlogOctets: 0, backlogAgeMs: 0 }],
      stores: [
        { ...store!, name: 'history' as const, octetsOnDisk: 1_000_000, octetsMax: 512_000_000 },
        { ...store!, name: 'spool' as const, octetsOnDisk: 2, octetsMax: 100 },
      ],
    },
    latencyMs: { p50: 1_000, p99: 2_000 },
    completenessPercent: 95,
    alertsLastDay: 0,
    written: { own: new DaySum() },
  };
  const store0 = { read: async () => undefined, replace: async () => {} };
  const world = { clock, random: new SeededRandom(1), metrics, log: silentLog };
  service = new FigureService(world, settingsSchema.parse({}).targets, store0, () => sources);
});
afterEach(() => service.stop(0));

const figure = (name: FigureName) => service.figures.find((one) => one.name === name)!;

describe.each(figureNames)('%s', (name) => {
  const { before, after, takesMs = 10_000, told } = cases[name];

  test('follows what the box says, is judged, and is told with its history', async () => {
    await service.start();
    before?.(sources, service);
    await clock.advance(takesMs);
    const first = figure(name).value;
    if (told[0] !== null) expect(first).toBeCloseTo(told[0], 1);
    after(sources, service);
    await clock.advance(takesMs);
    const { value, target, met, hours, metPercentLastDay } = figure(name);
    expect(value).not.toBe(first);
    expect(value! / told[1], `${value}`).toBeCloseTo(1, 2);
    expect(target).toBe(settingsSchema.parse({}).targets[name]);
    expect(met).toBe(target === null ? null : figureFacts[name].good === 'above' ? told[1] >= target : told[1] <= target);
    // Where a target stands, each case misses it.
    if (target !== null) expect([met, metPercentLastDay! < 100]).toEqual([false, true]);
    expect(hours).toHaveLength(24);
    expect(hours.at(-1)).not.toBeNull();

    const page = await metrics.render();
    expect(page).toContain(`flowspan_figure{figure="${name}"} `);
    if (target !== null) {
      expect(page).toContain(`flowspan_figure_met{figure="${name}"} 0`);
      expect(page).toContain(`flowspan_figure_target{figure="${name}"} `);
      expect(page).toContain(`flowspan_figure_met_percent_last_day{figure="${name}"} `);
    }
    const { figures } = healthPayload({ ...exampleStatus, figures: service.figures });
    expect(figures.find((one) => one.name === name)).toEqual({ name, value, target, met, metPercentLastDay });
    const asked = service.targets().find((one) => one.name === name);
    if (target === null) expect(asked).toBeUndefined();
    else
      expect(asked).toMatchObject({
        met: false,
        text: expect.stringContaining(`targets.${name}`),
        runbook: expect.stringMatching(/\S{3,}/),
      });
  });
});

test('whole flows that are chosen are seen by that chance; what the kernel leaves out comes on top', async () => {
  await service.start();
  const told = async (change: Partial<BoxStatus['meter']['sampling']>): Promise<number> => {
    sampling(change)(sources);
    await clock.advance(10_000);
    return figure('smallFlowRecallPercent').value!;
  };
  expect(await told({ kind: 'flowHash', interval: 4, kernelInterval: 1 })).toBeCloseTo(25, 1);
  expect(await told({ kind: 'flowHash', interval: 4, kernelInterval: 2 })).toBeCloseTo(25 * (1 - 0.5 ** 10), 1);
  expect(await told({ kind: 'none', interval: 1, kernelInterval: 8 })).toBeCloseTo(100 * (1 - (7 / 8) ** 10), 1);
});

test('what nobody can tell is no figure: a board that does not complain, alerts that are off', async () => {
  await service.start();
  const { complaints: _, ...mute } = sources.status.host;
  status(sources, () => ({ host: { ...mute, temperatureC: null, diskTotalOctets: 0 } }));
  sources.alertsLastDay = null;
  await clock.advance(8 * hourMs);
  for (const name of ['throttledPercent', 'temperatureC', 'alertsPerEntity', 'storageGrowthOctets', 'daysToFull'] as const)
    expect(figure(name), name).toMatchObject({ value: null, met: null });
});

test('a board that complained since its start complains now only while it does', async () => {
  await service.start();
  host({ complaints: ['the processor has been slowed down since the start'] })(sources);
  await clock.advance(hourMs);
  expect(figure('throttledPercent').value).toBe(0);
});
