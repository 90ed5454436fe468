import { describe, expect, test } from 'vitest';
import { DimensionSum, mergeWindows } from '../../src/flow/history_merge.ts';
import { emptyVolume, type HistoryWindow } from '../../src/flow/history_shapes.ts';

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
