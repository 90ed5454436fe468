import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../src/core/kv.ts';
import { dimensions } from '../../src/flow/history_shapes.ts';
import { decodeWindow, encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey, startOfKey, storedTiers } from '../../src/store/history_keys.ts';

const figure = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const anyVolume = fc.record({ outOctets: figure, inOctets: figure, outPackets: figure, inPackets: figure, flows: figure });
const anyStored = fc.record({
  partial: fc.boolean(),
  window: fc.record(
    {
      dimension: fc.constantFrom(...dimensions),
      top: fc.array(
        fc.tuple(fc.string(), anyVolume).map(([key, sums]) => ({ key, ...sums })),
        { maxLength: 20 },
      ),
      other: anyVolume,
      distinctKeys: figure,
      distinct: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    },
    { requiredKeys: ['dimension', 'top', 'other', 'distinctKeys'] },
  ),
});

describe('history record', () => {
  test('comes back as it went in, up to 2^53 − 1', () => {
    fc.assert(
      fc.property(anyStored, (stored) => {
        expect(decodeWindow(stored.window.dimension, encodeWindow(stored))).toEqual(stored);
      }),
    );
  });

  test('one key alone is what it is among all, and nothing where it is not there', () => {
    fc.assert(
      fc.property(anyStored, fc.nat(), (stored, n) => {
        const { dimension, top } = stored.window;
        const key = top[n % Math.max(1, top.length)]?.key ?? 'none';
        const found = decodeWindow(dimension, encodeWindow(stored), key);
        expect(found).toEqual({ ...stored, window: { ...stored.window, top: top.filter((row) => row.key === key).slice(0, 1) } });
        expect(decodeWindow(dimension, encodeWindow(stored), `${key} and more`)!.window.top).toEqual([]);
      }),
    );
  });

  test('estimates keep their errors, and what was counted whole has none', () => {
    const counted = { outOctets: 1, inOctets: 2, outPackets: 3, inPackets: 4, flows: 5 };
    const estimated = { ...counted, estimated: true as const, standardError: { octets: 12.5, packets: 3.5 } };
    const both = { ...estimated, counted: { octets: 1, packets: 2 } };
    const exact = { ...both, standardError: { octets: 0, packets: 0 } };
    for (const other of [counted, estimated, both, exact]) {
      const top = [
        { key: 'a', ...estimated },
        { key: 'b', ...counted },
        { key: 'c', ...both },
      ];
      const stored = { partial: false, window: { dimension: 'host' as const, top, other, distinctKeys: 2 } };
      expect(decodeWindow('host', encodeWindow(stored))).toEqual(stored);
    }
  });

  test('another version, nothing, or damage is undefined, never an exception', () => {
    const value = encodeWindow({
      partial: false,
      window: {
        dimension: 'total',
        top: [],
        other: { outOctets: 1, inOctets: 2, outPackets: 3, inPackets: 4, flows: 5 },
        distinctKeys: 0,
      },
    });
    expect(decodeWindow('total', new Uint8Array(0))).toBeUndefined();
    expect(
      decodeWindow(
        'total',
        Uint8Array.from(value, (octet, i) => (i === 0 ? 2 : octet)),
      ),
    ).toBeUndefined();
    for (let length = 1; length < value.length; length++)
      expect(decodeWindow('total', value.subarray(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        decodeWindow('host', Uint8Array.from([1, ...octets]));
      }),
    );
  });

  test('a busy hour takes little: five dimensions of a hundred keys in less than 25 KB', () => {
    const top = Array.from({ length: 100 }, (_, i) => ({
      key: `10.20.${i}.17 203.0.113.${i}`,
      outOctets: 10 ** 9 + i * 12_345,
      inOctets: 10 ** 8 + i * 999,
      outPackets: 10 ** 6 + i,
      inPackets: 10 ** 5 + i,
      flows: 500 + i,
    }));
    const other = { outOctets: 10 ** 10, inOctets: 10 ** 9, outPackets: 10 ** 7, inPackets: 10 ** 6, flows: 10 ** 5 };
    const value = encodeWindow({ partial: false, window: { dimension: 'conversation', top, other, distinctKeys: 20_000 } });
    expect(value.length * 5).toBeLessThan(25_000);
  });

  test('keys order by tier, dimension, time', () => {
    const instants = [0, 60_000, 1_700_000_040_000, 1_800_000_000_000, 0xffff_ffff * 1_000];
    const keys = storedTiers.flatMap((tier) =>
      dimensions.flatMap((dimension) => instants.map((at) => historyKey(tier, dimension, at))),
    );
    expect([...keys].sort(compareKeys)).toEqual(keys);
    expect(instants.map((at) => startOfKey(historyKey('1m', 'host', at)))).toEqual(instants);
  });
});
