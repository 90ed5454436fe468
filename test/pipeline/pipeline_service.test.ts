import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { HistoryWindow, Tier } from '../../src/flow/history_shapes.ts';
import type { RowBlock, RowClock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { NameBook } from '../../src/pipeline/name_book.ts';
import { type PipelineParts, PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { countRows, markLocality } from './count_rows.ts';
import { blockOf } from './rows.ts';

const T0 = 1_800_000_000_000;

function bench(parts: Partial<PipelineParts> = {}, wallMs = T0) {
  const clock = new SimulatedClock(5_000, wallMs);
  const metrics = createMetrics();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics };
  const rowClock: RowClock = {
    bootId: 'boot',
    wallOffsetNs: (bootId) => (bootId === 'boot' ? BigInt(clock.wallMs()) * 1_000_000n - clock.monotonicNs() : undefined),
    trusted: () => true,
  };
  const kept: number[] = [];
  const windows: HistoryWindow[] = [];
  const pipeline = new PipelineService(
    { siteNetworks: ['10.0.0.0/8'], topK: 10, keysMax: 1_000, lateS: 75 },
    {
      clock: rowClock,
      countRows,
      markLocality,
      keepRows: (block) => kept.push(new RowCursor(block.bytes).at(0, block.firstRow).networkLocality),
      ...parts,
    },
    world,
  );
  pipeline.onWindow((window) => windows.push(window));
  /** A block of one flow that lasted a second and ends now. */
  const flow = (octets: number): RowBlock => {
    const nowNs = clock.monotonicNs();
    return blockOf(
      [{ source: '10.0.0.1', destination: '192.0.2.1', startNs: nowNs - 1_000_000_000n, endNs: nowNs, octets, packets: 1 }],
      'boot',
      nowNs,
    );
  };
  const octets = (tier: Tier): Record<number, number> =>
    Object.fromEntries(
      windows
        .filter((window) => window.tier === tier)
        .map((window) => [window.startMs - T0, window.dimensions[0]!.top[0]!.outOctets])
        .filter(([, sum]) => sum !== 0),
    );
  return { clock, pipeline, windows, kept, flow, octets, metrics };
}

const signal = new AbortController().signal;

describe('pipeline service', () => {
  test('rows are enriched before they are handed on, and counted at their wall time', async () => {
    const { clock, pipeline, kept, flow, octets } = bench();
    await pipeline.start(signal);
    await clock.advance(25_000);
    pipeline.process(flow(100));
    expect(kept).toEqual([1]);
    await pipeline.stop(1_000);
    expect(octets('10s')).toEqual({ 20000: 100 });
    expect(octets('1m')).toEqual({ 0: 100 });
    expect(octets('1h')).toEqual({ 0: 100 });
  });

  test('blocks say whether rows of theirs tell of sampled packets, when they are kept and when they are shown', async () => {
    const said: (boolean | undefined)[] = [];
    const say = ({ isSampled }: RowBlock): unknown => said.push(isSampled);
    const { pipeline, flow } = bench({ keepRows: say, showRows: say, selectorOf: () => ({ kind: 'random', interval: 10 }) });
    await pipeline.start(signal);
    const sampled = flow(100);
    new RowCursor(sampled.bytes).at(0, sampled.firstRow).selectorId = 4;
    for (const block of [flow(100), sampled, flow(100)]) pipeline.process(block);
    expect(said).toEqual([false, false, true, true, false, false]);
    await pipeline.stop(1_000);
  });

  test('on a quiet site windows close by the clock alone, late enough for blocks that wait', async () => {
    const { clock, pipeline, windows } = bench();
    await pipeline.start(signal);
    await clock.advance(85_000);
    expect(windows).toEqual([]);
    await clock.advance(6_000);
    expect(windows.map(({ tier, startMs, partial }) => [tier, startMs - T0, partial])).toEqual([['10s', 0, false]]);
    await pipeline.stop(1_000);
  });

  test('after stop nothing closes any more', async () => {
    const { clock, pipeline, windows } = bench();
    await pipeline.start(signal);
    await pipeline.stop(1_000);
    const count = windows.length;
    await clock.advance(600_000);
    expect(windows.length).toBe(count);
  });

  test.each([
    [3_600_000, 'forward'],
    [-3_600_000, 'back'],
    [-30_000, 'back within the minute before'],
  ])('a clock set by %s ms (%s): rows before keep their time, rows after have the new one, none is lost', async (stepMs) => {
    const { clock, pipeline, windows, flow, octets } = bench({}, T0 + 1_800_000);
    await pipeline.start(signal);
    await clock.advance(100_000);
    pipeline.process(flow(7));
    clock.stepWall(stepMs);
    await clock.advance(2_000);
    pipeline.process(flow(30));
    await clock.advance(300_000);
    await pipeline.stop(1_000);
    const sum = (tier: Tier): number =>
      windows.filter((window) => window.tier === tier).reduce((all, window) => all + window.dimensions[0]!.top[0]!.outOctets, 0);
    expect([sum('10s'), sum('1m'), sum('1h')]).toEqual([37, 37, 37]);
    // Both flows lie across an edge of 10 s or not; the window where each ends is what counts here.
    expect(octets('10s')).toHaveProperty(String(Math.floor((1_900_000 - 1) / 10_000) * 10_000));
    expect(octets('10s')).toHaveProperty(String(Math.floor((1_902_000 + stepMs - 1) / 10_000) * 10_000));
    expect(pipeline.figures().clockSteps).toBe(1);
  });

  test('a clock that is steered is no step', async () => {
    const { clock, pipeline, windows } = bench();
    await pipeline.start(signal);
    for (let i = 0; i < 30; i++) {
      clock.stepWall(20);
      await clock.advance(1_000);
    }
    expect(pipeline.figures().clockSteps).toBe(0);
    expect(windows).toEqual([]);
    await pipeline.stop(1_000);
  });

  test('an hour begun by an earlier run is completed with what was kept of it, once', async () => {
    const earlier: HistoryWindow = {
      tier: '1h',
      startMs: T0,
      partial: false,
      dimensions: [
        {
          dimension: 'total',
          top: [{ key: '', outOctets: 1_000, inOctets: 0, outPackets: 1, inPackets: 0, flows: 1 }],
          other: { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 },
          distinctKeys: 1,
        },
      ],
    };
    const asked: number[] = [];
    const { clock, pipeline, windows, flow, octets } = bench(
      {
        hourSoFar: async (startMs) => {
          asked.push(startMs);
          return earlier;
        },
      },
      T0 + 3_000_000,
    );
    await pipeline.start(signal);
    expect(asked).toEqual([T0]);
    await clock.advance(10_000);
    pipeline.process(flow(50));
    await clock.advance(700_000);
    pipeline.process(flow(5));
    await clock.advance(3_600_000);
    expect(octets('1h')).toEqual({ 0: 1_050, 3600000: 5 });
    expect(windows.find(({ tier }) => tier === '1h')!.partial).toBe(true);
    // At stop the open hour stays out: its minutes are kept.
    await pipeline.stop(1_000);
    expect(windows.filter(({ tier }) => tier === '1h')).toHaveLength(2);
  });

  test('rows of an earlier boot whose offset nobody knows are still counted', async () => {
    const { clock, pipeline, flow, octets } = bench();
    await pipeline.start(signal);
    await clock.advance(15_000);
    pipeline.process({ ...flow(9), bootId: 'another' });
    await pipeline.stop(1_000);
    expect(Object.values(octets('1h'))).toEqual([9]);
  });

  test('labels of the settings are in the rows that are kept and in every window; what has none is told apart', async () => {
    let text: string | undefined;
    const file = {
      read: async () => text,
      replace: async (next: string) => {
        text = next;
      },
    };
    const world = { clock: new SimulatedClock(0, T0), random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
    const names = new NameBook({ world, file, onEvent: () => expect.fail('no event is due') });
    await names.start(signal);
    const rules = [{ prefixes: ['10.0.0.0/24'], site: 'Zürich' }];
    const numbers: number[] = [];
    const { clock, pipeline, windows, flow } = bench({
      labels: { rules, names },
      keepRows: (block) => numbers.push(new RowCursor(block.bytes).at(0, block.firstRow).siteLabelId),
    });
    await pipeline.start(signal);
    // Before the first row its number is on disk.
    expect(text).toContain('Zürich');
    await clock.advance(15_000);
    pipeline.process(flow(70));
    pipeline.process(
      blockOf(
        [
          {
            source: '192.0.2.1',
            destination: '192.0.2.2',
            startNs: clock.monotonicNs(),
            endNs: clock.monotonicNs(),
            octets: 30,
            packets: 1,
          },
        ],
        'boot',
        clock.monotonicNs(),
      ),
    );
    await pipeline.stop(1_000);
    expect(numbers).toEqual([1, 0]);
    for (const tier of ['10s', '1m', '1h'] as const) {
      const labelled = windows
        .filter((window) => window.tier === tier)
        .flatMap(({ dimensions }) => dimensions.filter(({ dimension }) => dimension === 'siteLabel'))
        .flatMap(({ top }) => top.map(({ key, outOctets }) => [key, outOctets]));
      expect(labelled).toEqual([
        ['Zürich', 70],
        ['(none)', 30],
      ]);
    }
    expect(windows.every(({ dimensions }) => dimensions.every(({ dimension }) => dimension !== 'tenantLabel'))).toBe(true);
  });

  test('its figures are metrics', async () => {
    const { pipeline, flow, metrics } = bench();
    await pipeline.start(signal);
    pipeline.process(flow(1));
    expect(await metrics.render()).toContain('flowspan_pipeline_rows 1');
    await pipeline.stop(1_000);
  });
});
