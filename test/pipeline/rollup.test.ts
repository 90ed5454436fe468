import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import {
  addVolume,
  type Dimension,
  emptyVolume,
  type HistoryWindow,
  type Tier,
  tierSeconds,
  type Volume,
} from '../../src/flow/history_shapes.ts';
import { Rollup, type RollupOptions } from '../../src/pipeline/rollup.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { countRows } from './count_rows.ts';
import { blockOf, type RowFacts } from './rows.ts';

/** Those that the rollup makes; days are the store's. */
const tiers = ['10s', '1m', '1h'] as const;

/** On the hour. */
const T0 = 1_800_000_000_000;
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;

/** One kind of label and countries for all of their kind. */
const keyed = dimensionsWith(['site'], ['country']);
const counted = ['total', ...keyed] as const;

function rollup(options: Partial<RollupOptions> = {}): { rollup: Rollup; windows: HistoryWindow[] } {
  const windows: HistoryWindow[] = [];
  const all: RollupOptions = {
    countRows,
    dimensions: keyed,
    names: { label: () => undefined, as: String },
    topK: 1_000,
    keysMax: 10_000,
    lateMs: 75_000,
    ...options,
  };
  const made = new Rollup(all, new SeededRandom(5), (window) => windows.push(window));
  return { rollup: made, windows };
}

/** Rows of a clock that counts from T0, handed over at `atMs` after T0. */
function add(target: Rollup, rows: readonly RowFacts[], atMs: number): void {
  const block = blockOf(rows, 'boot', ns(atMs));
  target.add(block.bytes, block.firstRow, block.count, T0, T0 + atMs);
}

const row = (startMs: number, endMs: number, facts: Partial<RowFacts> = {}): RowFacts => ({
  source: '10.0.0.1',
  destination: '192.0.2.9',
  startNs: ns(startMs),
  endNs: ns(endMs),
  octets: 1_000,
  packets: 10,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort: 443,
  ...facts,
});

function sumOf(windows: readonly HistoryWindow[], tier: Tier, dimension: Dimension): Volume {
  const sum = emptyVolume();
  for (const window of windows.filter((one) => one.tier === tier)) {
    for (const part of window.dimensions.filter((one) => one.dimension === dimension)) {
      for (const key of part.top) addVolume(sum, key);
      addVolume(sum, part.other);
    }
  }
  return sum;
}

function windowAt(windows: readonly HistoryWindow[], tier: Tier, atMs: number): HistoryWindow {
  const found = windows.filter((window) => window.tier === tier && window.startMs === T0 + atMs);
  expect(found).toHaveLength(1);
  return found[0]!;
}

function part(window: HistoryWindow, dimension: Dimension) {
  return window.dimensions.find((one) => one.dimension === dimension)!;
}

function octetsByWindow(windows: readonly HistoryWindow[]): Record<number, number> {
  const octets: Record<number, number> = {};
  for (const window of windows.filter(({ tier }) => tier === '10s')) {
    const sent = part(window, 'total').top[0]!.outOctets;
    if (sent > 0) octets[window.startMs - T0] = sent;
  }
  return octets;
}

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '192.0.2.7', '203.0.113.200', '255.255.255.255', '0.0.0.0');
const address6 = fc.constantFrom('2001:db8::1', '2001:db8::2', 'fe80::ffff', 'ff02::1');
const mac = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 });
const ends = fc.oneof(
  fc.record({ source: address, destination: address }),
  fc.record({ source: address6, destination: address6 }),
  fc.record({ sourceMac: mac, destinationMac: mac }),
  fc.constant({}),
);
const countUpTo = (max: number) => fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max }));
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

/** A row anywhere in the first two hours, up to five minutes long. */
const rowWith = (count: fc.Arbitrary<number>): fc.Arbitrary<RowFacts> =>
  fc
    .tuple(
      ends,
      fc.record({
        startMs: fc.oneof(
          fc.integer({ min: 0, max: 7_000_000 }),
          fc.integer({ min: 0, max: 700 }).map((n) => n * 10_000),
        ),
        lastsMs: fc.oneof(
          fc.constant(0),
          fc.integer({ min: 0, max: 300_000 }),
          fc.integer({ min: 0, max: 30 }).map((n) => n * 10_000),
        ),
        octets: count,
        packets: count,
        reverseOctets: optional(count),
        reversePackets: optional(count),
        protocol: optional(fc.constantFrom(1, 6, 17, 58, 143)),
        etherType: optional(fc.constantFrom(0x800, 0x806, 0x88cc)),
        ports: optional(fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(53, 80, 443, 9_999))),
        vlan: optional(fc.integer({ min: 0, max: 4_095 })),
        biflowDirection: fc.integer({ min: 0, max: 3 }),
        flowEndReason: fc.integer({ min: 1, max: 5 }),
        flows: fc.integer({ min: 1, max: 1_000 }),
      }),
    )
    .map(([who, { startMs, lastsMs, ports, ...rest }]) => {
      const facts = { startNs: ns(startMs), endNs: ns(startMs + lastsMs), ...who, ...rest };
      const withPorts = ports === undefined ? facts : { ...facts, sourcePort: ports[0], destinationPort: ports[1] };
      return Object.fromEntries(Object.entries(withPorts).filter(([, value]) => value !== undefined)) as unknown as RowFacts;
    });

/** What all windows of a dimension must add up to. */
function expectedSum(rows: readonly RowFacts[], dimension: Dimension): Volume {
  const sum = emptyVolume();
  for (const one of rows) {
    const flows = one.flowEndReason === 2 ? 0 : (one.flows ?? 1);
    const back = { octets: one.reverseOctets ?? 0, packets: one.reverseOctets === undefined ? 0 : (one.reversePackets ?? 1) };
    const own = { octets: one.octets, packets: one.packets };
    const [out, into] = one.biflowDirection === 2 ? [back, own] : [own, back];
    const both = dimension === 'host';
    addVolume(sum, {
      outOctets: both ? own.octets + back.octets : out.octets,
      inOctets: both ? own.octets + back.octets : into.octets,
      outPackets: both ? own.packets + back.packets : out.packets,
      inPackets: both ? own.packets + back.packets : into.packets,
      flows: both ? 2 * flows : flows,
    });
  }
  return sum;
}

const bothWays = (volume: Volume) => ({
  octets: volume.outOctets + volume.inOctets,
  packets: volume.outPackets + volume.inPackets,
  flows: volume.flows,
});

describe('rollup', () => {
  test('whatever arrives in whatever order: every tier and dimension adds up to the rows, to the octet', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rowWith(countUpTo(2 ** 44)), { maxLength: 60 }),
        fc.array(fc.integer({ min: 0, max: 7_400_000 }), { maxLength: 60 }),
        fc.constantFrom({ topK: 1, keysMax: 100 }, { topK: 3, keysMax: 2 }, { topK: 1_000, keysMax: 10_000 }),
        async (rows, moments, limits) => {
          // Memory of tables that nobody has any more goes between turns.
          await turn();
          const { rollup: target, windows } = rollup(limits);
          target.begin(T0);
          // Handed over at any time at all, also long before they end and long after their windows have closed.
          rows.forEach((one, i) => {
            const atMs = moments[i] ?? i * 100_000;
            add(target, [one], atMs);
            target.advance(T0 + atMs);
          });
          target.flush(T0 + 7_400_000);
          for (const tier of tiers) {
            for (const dimension of counted) {
              const sum = sumOf(windows, tier, dimension);
              const expected = expectedSum(rows, dimension);
              // A conversation's two directions follow the order of its ends, so only their sum is known here.
              if (dimension === 'conversation') expect(bothWays(sum), `${tier} ${dimension}`).toEqual(bothWays(expected));
              else expect(sum, `${tier} ${dimension}`).toEqual(expected);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('without limits and without delay, each window holds what a plain sum over the rows gives', async () => {
    await fc.assert(
      // Shares are exact as long as octets × milliseconds stay below 2^50: 18 GB a minute.
      fc.asyncProperty(fc.array(rowWith(countUpTo(2 ** 30)), { maxLength: 40 }), async (rows) => {
        await turn();
        const { rollup: target, windows } = rollup({ lateMs: 7_400_000 });
        target.begin(T0);
        for (const one of rows) add(target, [one], 7_399_000);
        target.flush(T0 + 7_400_000);
        for (const tier of ['10s', '1m', '1h'] as const) {
          const sums = new Map<string, Volume>();
          for (const one of rows) for (const [name, volume] of plainSums(one, tier)) addVolume(entry(sums, name), volume);
          const held = new Map<string, Volume>();
          for (const window of windows.filter((candidate) => candidate.tier === tier)) {
            for (const { dimension, top, other } of window.dimensions) {
              if (dimension === 'host' || dimension === 'vlan' || dimension === 'total') {
                for (const { key, ...volume } of top) addVolume(entry(held, `${window.startMs} ${dimension} ${key}`), volume);
              }
              if (!['host', 'conversation', 'service'].includes(dimension)) expect(other).toEqual(emptyVolume());
            }
          }
          const filled = (map: Map<string, Volume>) => new Map([...map].filter(([, v]) => Object.values(v).some((n) => n > 0)));
          expect(filled(held)).toEqual(filled(sums));
        }
      }),
      { numRuns: 80 },
    );
  });

  test('a flow that ends on a boundary leaves its octets before it, and is counted where its last packet was', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(target, [row(5_000, 10_000)], 11_000);
    target.flush(T0 + 20_000);
    expect(octetsByWindow(windows)).toEqual({ 0: 1_000 });
    expect(part(windowAt(windows, '10s', 0), 'total').top[0]!.flows).toBe(0);
    expect(part(windowAt(windows, '10s', 10_000), 'total').top[0]!.flows).toBe(1);
  });

  test('a flow of one instant on a boundary belongs to the window that begins there', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(target, [row(10_000, 10_000)], 11_000);
    target.flush(T0 + 20_000);
    expect(octetsByWindow(windows)).toEqual({ 10000: 1_000 });
  });

  test('a long flow is spread by time, in whole octets that add up', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(target, [row(5_000, 65_000, { octets: 1_001, packets: 7 })], 65_000);
    target.flush(T0 + 70_000);
    // 1 001 octets over 60 s: 83.4 in the first half window, 166.8 in each whole one.
    expect(octetsByWindow(windows)).toEqual({ 0: 83, 10000: 167, 20000: 167, 30000: 166, 40000: 167, 50000: 167, 60000: 84 });
    expect(sumOf(windows, '1m', 'total')).toMatchObject({ outOctets: 1_001, outPackets: 7, flows: 1 });
  });

  test('the parts of a late row go to the oldest open window, and the row is counted', () => {
    const { rollup: target, windows } = rollup({ lateMs: 20_000 });
    target.begin(T0);
    target.advance(T0 + 60_000); // windows up to 40 s are closed
    add(target, [row(0, 0), row(35_000, 45_000, { octets: 100 }), row(41_000, 42_000)], 60_000);
    target.flush(T0 + 70_000);
    expect(octetsByWindow(windows)).toEqual({ 40000: 2_100 });
    expect(target.figures.lateRows).toBe(2);
    expect(target.figures.earlyRows).toBe(0);
  });

  test('a row that claims to end in the future cannot open windows there', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(target, [row(1_000, 86_400_000)], 15_000);
    expect(target.openWindows).toBe(2);
    target.flush(T0 + 20_000);
    expect(sumOf(windows, '10s', 'total').outOctets).toBe(1_000);
    expect(target.figures.earlyRows).toBe(1);
  });

  test('silence is windows of zero; what was not metered is marked', () => {
    const { rollup: target, windows } = rollup({ lateMs: 0 });
    target.begin(T0 + 3_000);
    target.advance(T0 + 125_000);
    target.flush(T0 + 125_000);
    const marks = windows.map(({ tier, startMs, partial }) => `${tier} ${(startMs - T0) / 1_000}${partial ? ' partial' : ''}`);
    expect(marks.filter((mark) => mark.startsWith('10s'))).toEqual([
      '10s 0 partial',
      ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110].map((s) => `10s ${s}`),
      '10s 120 partial',
    ]);
    expect(marks.filter((mark) => !mark.startsWith('10s'))).toEqual(['1m 0 partial', '1m 60', '1m 120 partial', '1h 0 partial']);
  });

  test('a pause of the meter marks the windows it touches, also those not open yet', () => {
    const { rollup: target, windows } = rollup({ lateMs: 0 });
    target.begin(T0);
    add(target, [], 15_000);
    target.markUnmetered(T0 + 12_000, T0 + 31_000);
    target.advance(T0 + 60_000);
    expect(windows.filter(({ tier, partial }) => tier === '10s' && partial).map(({ startMs }) => startMs - T0)).toEqual([
      10_000, 20_000, 30_000,
    ]);
    expect(windowAt(windows, '1m', 0).partial).toBe(true);
  });

  test('a whole hour is closed once, whole, behind its last minute', () => {
    const { rollup: target, windows } = rollup({ lateMs: 5_000 });
    target.begin(T0);
    for (let second = 0; second < 3_700; second += 20) {
      add(target, [row(second * 1_000, second * 1_000 + 9_000, { source: `10.1.0.${second % 200}` })], second * 1_000 + 9_000);
      target.advance(T0 + second * 1_000 + 9_000);
    }
    const hours = windows.filter(({ tier }) => tier === '1h');
    expect(hours.map(({ startMs, partial }) => [startMs, partial])).toEqual([[T0, false]]);
    expect(part(hours[0]!, 'total').top[0]).toMatchObject({ outOctets: 180_000, outPackets: 1_800, flows: 180 });
    expect(part(hours[0]!, 'host')).toMatchObject({ distinctKeys: 11 });
    expect(windows.filter(({ tier }) => tier === '1m').length).toBe(61);
  });

  test('more keys than there is room for: the heavy one stays, the rest is in other, the count is an estimate', () => {
    const { rollup: target, windows } = rollup({ keysMax: 100, topK: 10 });
    target.begin(T0);
    for (let i = 0; i < 5_000; i++) {
      add(target, [row(1_000, 2_000, { source: `172.16.${i >> 8}.${i & 255}`, octets: 60 })], 5_000);
      if (i % 50 === 0) add(target, [row(1_000, 2_000, { source: '10.9.9.9', octets: 100_000 })], 5_000);
    }
    target.flush(T0 + 10_000);
    const hosts = part(windowAt(windows, '10s', 0), 'host');
    expect(hosts.top).toHaveLength(10);
    expect(hosts.top.find(({ key }) => key === '10.9.9.9')).toMatchObject({ outOctets: 100 * 100_000, flows: 100 });
    expect(target.figures.evictedKeys).toBeGreaterThan(4_000);
    for (const tier of tiers) expect(sumOf(windows, tier, 'host').outOctets).toBe(5_000 * 60 + 100 * 100_000);
    expect(hosts.distinctKeys).toBeGreaterThan(5_002 * 0.9);
    expect(hosts.distinctKeys).toBeLessThan(5_002 * 1.1);
  });

  test('of many keys that come at once the heaviest stay, and each minute and hour adds up', () => {
    const { rollup: target, windows } = rollup({ keysMax: 1_000, topK: 100 });
    target.begin(T0);
    // 100 that matter among 50,000 that do not, in blocks with more new keys than a sixteenth of the table.
    for (let block = 0; block < 100; block++) {
      const rows = Array.from({ length: 500 }, (_, i) =>
        row(1_000, 2_000, {
          source: `172.${16 + (block >> 3)}.${block & 7}.${i & 255}`,
          destination: `10.${block}.${i >> 8}.${i & 255}`,
          octets: 60,
        }),
      );
      const heavy = row(1_000, 62_000, { source: `10.200.0.${block}`, destination: '192.0.2.9', octets: 50_000 });
      add(target, [...rows.slice(0, 250), heavy, ...rows.slice(250), heavy], 65_000);
    }
    target.flush(T0 + 70_000);
    const sent = 100 * (500 * 60 + 2 * 50_000);
    for (const tier of tiers)
      for (const dimension of counted) {
        const { outOctets, inOctets } = sumOf(windows, tier, dimension);
        expect(outOctets + inOctets, `${tier} ${dimension}`).toBe(dimension === 'host' ? 2 * sent : sent);
      }
    const top = part(windows.filter(({ tier }) => tier === '1h')[0]!, 'host').top;
    expect(top.filter(({ key, outOctets }) => key.startsWith('10.200.') && outOctets === 100_000).length).toBe(99);
  });

  test('windows that are open at once have a bound: a block after a long silence closes the oldest first', () => {
    const { rollup: target, windows } = rollup({ lateMs: 20_000 });
    target.begin(T0);
    add(target, [row(1_000, 2_000)], 5_000);
    add(target, [row(1_000, 1_800_000, { octets: 7_777 })], 1_800_000);
    expect(target.openWindows).toBeLessThan(12);
    expect(target.figures.lateRows).toBe(1);
    target.flush(T0 + 1_800_000);
    for (const tier of tiers) expect(sumOf(windows, tier, 'total').outOctets).toBe(8_777);
  });

  test('keys make room once no open window counts for them', () => {
    const { rollup: target, windows } = rollup({ keysMax: 300, lateMs: 0 });
    target.begin(T0);
    const hostsPerMinute = 100;
    for (let minute = 0; minute < 10; minute++) {
      const atMs = minute * 60_000;
      const rows = Array.from({ length: hostsPerMinute }, (_, i) => row(atMs, atMs + 1, { source: `10.${minute}.0.${i}` }));
      add(target, rows, atMs + 1_000);
      target.advance(T0 + atMs + 60_000);
    }
    // 300 are room for a minute's 101 hosts at any time, though 1 001 came by: nothing fell into other.
    const minutes = windows.filter(({ tier }) => tier === '1m').map((window) => part(window, 'host'));
    expect(minutes.map(({ distinctKeys }) => distinctKeys)).toEqual(Array(10).fill(hostsPerMinute + 1));
    expect(minutes.every(({ other }) => other.outPackets === 0)).toBe(true);
  });

  test('keys are as people write them', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(
      target,
      [
        row(0, 0, { source: '10.0.0.2', destination: '10.0.0.1', vlan: 20, octets: 10, reverseOctets: 3, reversePackets: 1 }),
        row(0, 0, { source: '2001:db8::2', destination: '2001:db8::1', protocol: 58 }),
        {
          sourceMac: [2, 0, 0, 0, 0, 1],
          destinationMac: [255, 255, 255, 255, 255, 255],
          etherType: 0x806,
          startNs: 0n,
          endNs: 0n,
          octets: 60,
          packets: 1,
        },
      ].map((one, i) => (i === 1 ? omit(one, 'sourcePort', 'destinationPort') : one)),
      1_000,
    );
    target.flush(T0 + 10_000);
    const window = windowAt(windows, '10s', 0);
    const keys = (dimension: Dimension) => part(window, dimension).top.map(({ key }) => key);
    expect(keys('host').sort()).toEqual([
      '02:00:00:00:00:01',
      '10.0.0.1',
      '10.0.0.2',
      '2001:db8::1',
      '2001:db8::2',
      'ff:ff:ff:ff:ff:ff',
    ]);
    expect(keys('conversation')).toEqual(['2001:db8::1 2001:db8::2', '02:00:00:00:00:01 ff:ff:ff:ff:ff:ff', '10.0.0.1 10.0.0.2']);
    expect(part(window, 'conversation').top[2]).toMatchObject({ outOctets: 3, inOctets: 10 });
    expect(keys('application')).toEqual(['icmpv6', 'arp', 'tcp/443']);
    expect(keys('protocol')).toEqual(['icmpv6', 'arp', 'tcp']);
    expect(keys('vlan')).toEqual(['none', '20']);
    expect(part(window, 'host').top.find(({ key }) => key === '10.0.0.2')).toMatchObject({ outOctets: 10, inOctets: 3 });
  });

  test('when the clock is set forward, windows end there and begin anew; the hour they share goes on', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    add(target, [row(1_000, 2_000)], 5_000);
    target.flush(T0 + 5_000, T0 + 600_000);
    const block = blockOf([row(5_500, 6_000)], 'boot', ns(6_500));
    target.add(block.bytes, block.firstRow, 1, T0 + 595_000, T0 + 601_500);
    target.flush(T0 + 602_000);
    expect(octetsByWindow(windows)).toEqual({ 0: 1_000, 600000: 1_000 });
    const hours = windows.filter(({ tier }) => tier === '1h');
    expect(hours.map(({ startMs, partial }) => [startMs - T0, partial])).toEqual([[0, true]]);
    expect(sumOf(windows, '1h', 'total').outOctets).toBe(2_000);
  });

  test('when the clock is set back, the same windows come again, marked, and nothing is lost', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0 + 7_200_000);
    const first = blockOf([row(0, 1_000)], 'boot', ns(2_000));
    target.add(first.bytes, first.firstRow, 1, T0 + 7_200_000, T0 + 7_202_000);
    target.flush(T0 + 7_202_000, T0 + 3_602_000);
    const second = blockOf([row(2_500, 3_000)], 'boot', ns(4_000));
    target.add(second.bytes, second.firstRow, 1, T0 + 3_600_000, T0 + 3_604_000);
    target.advance(T0 + 7_300_000);
    target.flush(T0 + 7_300_000);
    for (const tier of tiers) expect(sumOf(windows, tier, 'total').outOctets).toBe(2_000);
    expect(octetsByWindow(windows)).toEqual({ 3600000: 1_000, 7200000: 1_000 });
  });

  test('a sleep of hours is a gap, not a thousand empty windows', () => {
    const { rollup: target, windows } = rollup();
    target.begin(T0);
    target.advance(T0 + 30_000);
    target.advance(T0 + 86_400_000);
    target.flush(T0 + 86_405_000);
    expect(windows.filter(({ tier }) => tier === '10s').length).toBeLessThan(10);
    expect(windows.filter(({ tier }) => tier === '1h').every(({ partial }) => partial)).toBe(true);
  });
});

function entry(map: Map<string, Volume>, name: string): Volume {
  const found = map.get(name) ?? emptyVolume();
  map.set(name, found);
  return found;
}

function omit(facts: RowFacts, ...names: (keyof RowFacts)[]): RowFacts {
  return Object.fromEntries(
    Object.entries(facts).filter(([name]) => !names.includes(name as keyof RowFacts)),
  ) as unknown as RowFacts;
}

/** The reference: shares in exact rational arithmetic, keys as text, for total, host and VLAN. */
function plainSums(one: RowFacts, tier: Tier): [string, Volume][] {
  const lengthMs = BigInt(tierSeconds[tier] * 1_000);
  const startMs = one.startNs / 1_000_000n;
  const endMs = one.endNs / 1_000_000n;
  const result: [string, Volume][] = [];
  const spreadMs = 10_000n;
  const before = (total: number, atMs: bigint): number =>
    atMs > endMs || endMs === startMs ? total : Number((BigInt(total) * (atMs - startMs)) / (endMs - startMs));
  for (let atMs = (startMs / spreadMs) * spreadMs; atMs <= endMs; atMs += spreadMs) {
    const isLast = atMs + spreadMs > endMs;
    const share = (total: number): number =>
      (isLast ? total : before(total, atMs + spreadMs)) - (atMs <= startMs ? 0 : before(total, atMs));
    const own = { octets: share(one.octets), packets: share(one.packets) };
    const back =
      one.reverseOctets === undefined
        ? { octets: 0, packets: 0 }
        : { octets: share(one.reverseOctets), packets: share(one.reversePackets ?? 1) };
    const flows = isLast && one.flowEndReason !== 2 ? (one.flows ?? 1) : 0;
    const volume = (out: typeof own, into: typeof own): Volume => ({
      outOctets: out.octets,
      inOctets: into.octets,
      outPackets: out.packets,
      inPackets: into.packets,
      flows,
    });
    const window = T0 + Number((atMs / lengthMs) * lengthMs);
    const oriented = one.biflowDirection === 2 ? volume(back, own) : volume(own, back);
    result.push([`${window} total `, oriented], [`${window} vlan ${one.vlan ?? 'none'}`, oriented]);
    const names = endsOf(one);
    if (names !== undefined) {
      result.push([`${window} host ${names[0]}`, volume(own, back)], [`${window} host ${names[1]}`, volume(back, own)]);
    }
  }
  return result;
}

function endsOf(one: RowFacts): [string, string] | undefined {
  const colons = (octets: number[]): string => octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
  if (one.source !== undefined) return [String(one.source), String(one.destination)];
  return one.sourceMac === undefined ? undefined : [colons(one.sourceMac), colons(one.destinationMac!)];
}
