import { describe, expect, test } from 'vitest';
import { DistinctCount, distinctHash } from '../../src/flow/distinct_count.ts';
import { DimensionSum, mergeWindows } from '../../src/flow/history_merge.ts';
import { emptyVolume, type HistoryWindow, type WindowOfDimension } from '../../src/flow/history_shapes.ts';

const row = (key: string, octets: number) => ({ key, ...emptyVolume(), outOctets: octets, flows: 1 });

describe('windows added up', () => {
  test('more keys than are held: totals are exact, the heavy ones stay', () => {
    const sum = new DimensionSum('host');
    for (let window = 0; window < 1_000; window++) {
      const top = Array.from({ length: 100 }, (_, i) => row(`${window}/${i}`, i === 0 ? 1_000_000 + window : 1 + (i % 3)));
      sum.add({
        dimension: 'host',
        top: [row('always', 5_000), ...top],
        other: { ...emptyVolume(), outOctets: 7 },
        distinctKeys: 300,
      });
    }
    const small = Array.from({ length: 99 }, (_, i) => 1 + ((i + 1) % 3)).reduce((all, octets) => all + octets, 0);
    const expected = 1_000 * (5_000 + 1_000_000 + 7 + small) + (999 * 1_000) / 2;
    expect(sum.total().outOctets).toBe(expected);
    const { top, other, distinctKeys } = sum.close(3);
    expect(top.map(({ key, outOctets }) => [key, outOctets])).toEqual([
      ['always', 5_000_000],
      ['999/0', 1_000_999],
      ['998/0', 1_000_998],
    ]);
    expect(top.reduce((all, { outOctets }) => all + outOctets, other.outOctets)).toBe(expected);
    expect(top.reduce((all, { flows }) => all + flows, other.flows)).toBe(101_000);
    expect(distinctKeys).toBeGreaterThan(20_000);
  });

  describe('different keys', () => {
    const counted = (from: number, to: number): WindowOfDimension => {
      const count = new DistinctCount();
      for (let i = from; i < to; i++) count.add(distinctHash(Int32Array.of(4, i), 0, 2));
      const other = { ...emptyVolume(), outOctets: 1 };
      return { dimension: 'host', top: [row(`${from}`, 9)], other, distinctKeys: to - from, distinct: count.pack() };
    };

    test('of windows that overlap are those of all of them, within the error that is told; and once more merged', () => {
      const sum = new DimensionSum('host');
      for (let hour = 0; hour < 24; hour++) sum.add(counted(500 * hour, 500 * hour + 2_000));
      const { keys, standardError, atLeast } = sum.distinct();
      expect(atLeast).toBe(false);
      expect(Math.abs(keys - 13_500)).toBeLessThan(3 * standardError);
      expect(standardError).toBeCloseTo(0.023 * keys, -2);
      const days = new DimensionSum('host');
      days.add(sum.close(10));
      days.add(counted(0, 2_000));
      expect(days.distinct()).toEqual({ keys, standardError, atLeast: false });
    });

    test('are exact where all are known by name, and a lower bound where some of the time does not tell', () => {
      const known = new DimensionSum('vlan');
      const window = { dimension: 'vlan' as const, other: emptyVolume(), distinctKeys: 2 };
      known.add({ ...window, top: [row('10', 1), row('20', 1)] });
      known.add({ ...window, top: [row('20', 1), row('30', 1)] });
      expect(known.distinct()).toEqual({ keys: 3, standardError: 0, atLeast: false });
      const before = new DimensionSum('host');
      const { distinct: _, ...old } = counted(0, 3_000);
      before.add(old);
      before.add(counted(5_000, 6_000));
      expect(before.distinct()).toMatchObject({ keys: 3_000, atLeast: true });
      expect(before.close(5).distinct).toBeUndefined();
    });
  });

  test('a merged window is partial when a part is, or when one is missing', () => {
    const part = (partial: boolean): HistoryWindow => ({
      tier: '1m',
      startMs: 0,
      partial,
      dimensions: [{ dimension: 'total', top: [row('', 1)], other: emptyVolume(), distinctKeys: 1 }],
    });
    expect(mergeWindows([part(false), part(false)], '1h', 0, 10, true)).toMatchObject({ tier: '1h', partial: false });
    expect(mergeWindows([part(false), part(true)], '1h', 0, 10, true).partial).toBe(true);
    expect(mergeWindows([part(false)], '1h', 0, 10, false).partial).toBe(true);
    expect(mergeWindows([part(false), part(false)], '1h', 0, 10, true).dimensions[0]!.top[0]!.outOctets).toBe(2);
  });
});
