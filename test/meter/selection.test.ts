/** Pools and selection of whole flows through the addon: numbers that mean one thing, totals by selector, refusals that name the value. */
import { afterAll, expect, it } from 'vitest';
import { rowField } from '../../src/flow/row_layout.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder, faultsOf, meterFile, optionsFor } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
// 200 flows, every other one to port 5060, five packets each.
const frames = Array.from({ length: 1_000 }, (_, i) =>
  udpFrame({
    source: `10.0.0.${(i % 200) + 1}`,
    destination: '10.1.0.1',
    sourcePort: 4_000,
    destinationPort: i % 2 === 0 ? 5_060 : 53,
  }),
);
const path = folder.write('flows.pcap', pcapFile(packetsOf(frames, 1_000_000n)));
const calls = { match: { prefixes: ['10.1.0.0/16'], protocols: [17], ports: [[5_060, 5_061]] as const } };

const selectorOf = (row: Uint8Array): number => new DataView(row.buffer, row.byteOffset).getUint16(rowField('selectorId').offset);

it('meters a pool at its own rate, under its own selector, whatever the threads', () => {
  for (const threads of [1, 2]) {
    const { rows, stats, counts } = meterFile(path, {
      duplicates: 'off',
      threads,
      sampling: { kind: 'flowHash', interval: 4, pools: [{ kind: 'none', interval: 1, ...calls }] },
    });
    expect(faultsOf(stats)).toEqual([]);
    const [others, pool] = [stats.selectors.find((one) => one.pool === -1)!, stats.selectors.find((one) => one.pool === 0)!];
    expect(pool).toMatchObject({ kind: 'none', interval: 1, observedPackets: 500, selectedPackets: 500, inForce: true });
    expect(others).toMatchObject({
      kind: 'flowHash',
      interval: 4,
      observedPackets: 500,
      selectedPackets: counts.meteredPackets - 500,
    });
    expect(rows.filter((row) => selectorOf(row) === pool.selectorId)).toHaveLength(100);
    expect(rows.filter((row) => selectorOf(row) === others.selectorId)).toHaveLength(others.selectedPackets / 5);
    expect(others.selectedPackets).toBeGreaterThan(0);
    expect(others.selectedPackets).toBeLessThan(500);
  }
});

it('gives each meaning one number, and a meaning that comes back its former one', () => {
  const meter = addon.open(optionsFor({ kind: 'file', path, pace: 'realtime', loop: true }));
  try {
    const set = (interval: number, pools?: object[]): number =>
      meter.configure({ sampling: { kind: 'random', interval, ...(pools === undefined ? {} : { pools: pools as never }) } });
    const four = set(4);
    const eight = set(8);
    const withPool = set(8, [{ kind: 'none', interval: 1, ...calls }]);
    expect(new Set([0, four, eight, withPool]).size).toBe(4);
    expect(set(8)).toBe(withPool); // pools stay when they are not named
    expect(set(8, [])).toBe(eight);
    expect(set(4)).toBe(four);
  } finally {
    meter.close();
  }
});

it('takes numbers that it is given, and none that stands for something else', () => {
  const meter = addon.open(
    optionsFor({ kind: 'file', path }, { sampling: { kind: 'random', interval: 4, selectorId: 40_000, pools: [] } }),
  );
  try {
    const set = (kind: 'none' | 'count' | 'random', interval: number, selectorId: number): number =>
      meter.configure({ sampling: { kind, interval, selectorId } });
    expect(meter.stats().selectorId).toBe(40_000);
    expect(set('random', 8, 7)).toBe(7);
    expect(() => set('random', 16, 40_000)).toThrow(/selectorId is 40000, which stands for another selection/);
    expect(meter.stats().selectorId).toBe(7);
    expect(set('none', 1, 9)).toBe(0);
    expect(set('random', 4, 0)).toBe(40_000);
    expect(set('count', 4, 0)).toBe(40_001);
    expect(set('random', 4, 65_535)).toBe(65_535);
    expect(set('random', 32, 0)).toBe(1);
  } finally {
    meter.close();
  }
});

it('refuses what a pool cannot be, and says which value', () => {
  const open =
    (pool: object, changes = {}) =>
    () =>
      addon.open(
        optionsFor({ kind: 'file', path }, { sampling: { kind: 'none', interval: 1, pools: [pool as never] }, ...changes }),
      );
  const none = { kind: 'none', interval: 1 };
  expect(open({ ...none, match: { prefixes: ['10.0.0.0/33'] } })).toThrow(/pools\[0\]\.match\.prefixes is .*10\.0\.0\.0\/33/);
  expect(open({ ...none, match: { vlans: [4_095] } })).toThrow(/match\.vlans/);
  expect(open({ ...none, match: { vlans: [7] } }, { vlanInKey: false })).toThrow(/vlanInKey/);
  expect(open({ ...none, match: { ports: [[9, 8]] } })).toThrow(/ports\[0\]\.1 is 8/);
  expect(open({ kind: 'some', interval: 1, match: {} })).toThrow(/kind is "some"/);
});
