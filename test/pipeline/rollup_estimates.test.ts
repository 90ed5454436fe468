/**
 * Raw counts beside estimates: whatever rows come at whatever rates, mixed with rows of every packet, every tier and dimension
 * knows exactly what was counted and what it stands for.
 */

import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import {
  addVolume,
  countedOf,
  type Dimension,
  dimensions,
  emptyVolume,
  type HistoryWindow,
  type Volume,
} from '../../src/flow/history_shapes.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { Sampling } from '../../src/flow/selectors.ts';
import { Rollup } from '../../src/pipeline/rollup.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { decodeWindow, encodeWindow } from '../../src/store/history_codec.ts';
import { countRows } from './count_rows.ts';
import { blockOf, type RowFacts } from './rows.ts';

const T0 = 1_800_000_000_000;
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const samplings: readonly Sampling[] = [
  { kind: 'none', interval: 1 },
  { kind: 'random', interval: 3 },
  { kind: 'count', interval: 64 },
  { kind: 'flowHash', interval: 7 },
];

interface SampledRow extends RowFacts {
  readonly selectorId: number;
}

const count = fc.integer({ min: 1, max: 5_000 });
const anyRow: fc.Arbitrary<SampledRow> = fc
  .record({
    startMs: fc.integer({ min: 0, max: 200_000 }),
    lastsMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90_000 })),
    source: fc.constantFrom('10.0.0.1', '10.0.0.2', '192.0.2.7'),
    destination: fc.constantFrom('10.0.0.9', '203.0.113.2'),
    octets: count,
    packets: count,
    reverse: fc.option(fc.tuple(count, count), { nil: undefined }),
    protocol: fc.constantFrom(6, 17),
    biflowDirection: fc.integer({ min: 0, max: 2 }),
    selectorId: fc.integer({ min: 0, max: samplings.length - 1 }),
  })
  .map(({ startMs, lastsMs, reverse, ...rest }) => ({
    ...rest,
    ...(reverse === undefined ? {} : { reverseOctets: reverse[0], reversePackets: reverse[1] }),
    startNs: ns(startMs),
    endNs: ns(startMs + lastsMs),
  }));

const facts = ({ octets, packets, reverseOctets = 0, reversePackets = 0 }: RowFacts): { octets: number; packets: number } => ({
  octets: octets + reverseOctets,
  packets: packets + reversePackets,
});

test('counted and estimated are both exact, in every tier and dimension, also where keys give way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 60 }), fc.constantFrom(2, 1_000), async (rows, topK) => {
      await turn();
      const windows: HistoryWindow[] = [];
      const rollup = new Rollup(
        {
          ...{
            countRows,
            dimensions: dimensionsWith([], []),
            names: { label: () => undefined, as: String },
            topK,
            keysMax: topK + 2,
            lateMs: 75_000,
          },
          selectorOf: (selectorId) => samplings[selectorId],
        },
        new SeededRandom(5),
        (window) => void windows.push(window),
      );
      rollup.begin(T0);
      const block = blockOf(rows, 'boot', ns(300_000));
      const cursor = new RowCursor(block.bytes);
      rows.forEach(({ selectorId }, i) => {
        cursor.at(i, block.firstRow).selectorId = selectorId;
      });
      rollup.add(block.bytes, block.firstRow, block.count, T0, T0 + 300_000);
      rollup.flush(T0 + 3_600_000);
      const counted = { octets: 0, packets: 0 };
      const estimate = { octets: 0, packets: 0 };
      for (const row of rows) {
        const { interval } = samplings[row.selectorId]!;
        const { octets, packets } = facts(row);
        counted.octets += octets;
        counted.packets += packets;
        estimate.octets += interval * octets;
        estimate.packets += interval * packets;
      }
      const isSampled = rows.some(({ selectorId }) => selectorId > 0);
      for (const tier of ['10s', '1m', '1h'] as const) {
        for (const dimension of ['total', 'conversation', 'protocol', 'application', 'vlan'] as const) {
          const sum = sumOf(
            windows.filter((window) => window.tier === tier),
            dimension,
          );
          expect({ tier, dimension, ...countedOf(sum) }).toEqual({ tier, dimension, ...counted });
          expect(sum.outOctets + sum.inOctets).toBe(estimate.octets);
          expect(sum.outPackets + sum.inPackets).toBe(estimate.packets);
          expect(sum.estimated ?? false).toBe(isSampled);
        }
      }
      for (const volume of windows.flatMap(({ dimensions: all }) => all.flatMap(({ top, other }) => [...top, other]))) {
        const own = countedOf(volume)!;
        expect(own.octets).toBeGreaterThanOrEqual(0);
        expect(own.octets).toBeLessThanOrEqual(volume.outOctets + volume.inOctets);
        expect(own.packets).toBeLessThanOrEqual(volume.outPackets + volume.inPackets);
      }
      // And on disk.
      for (const { dimensions: all, partial } of windows) {
        for (const window of all) {
          expect(decodeWindow(window.dimension, encodeWindow({ window, partial }))).toEqual({ window, partial });
        }
      }
    }),
    { numRuns: 150 },
  );
});

function sumOf(windows: readonly HistoryWindow[], dimension: Dimension): Volume {
  expect(dimensions).toContain(dimension);
  const sum = emptyVolume();
  for (const part of windows.flatMap(({ dimensions: all }) => all.filter((one) => one.dimension === dimension))) {
    for (const key of part.top) addVolume(sum, key);
    addVolume(sum, part.other);
  }
  return sum;
}

test('what was kept before counts were has an error and no count, and so has any sum with it', () => {
  const plain = { outOctets: 100, inOctets: 20, outPackets: 3, inPackets: 1, flows: 1 };
  const before: Volume = { ...plain, estimated: true, standardError: { octets: 3, packets: 1 } };
  const sum = { ...plain };
  addVolume(sum, before);
  expect(sum).toMatchObject({ outOctets: 200, estimated: true, standardError: { octets: 3, packets: 1 } });
  expect(countedOf(sum)).toBeUndefined();
  const after: Volume = { ...before, standardError: { octets: 4, packets: 1 }, counted: { octets: 30, packets: 1 } };
  const known = { ...plain };
  addVolume(known, after);
  expect(countedOf(known)).toEqual({ octets: 150, packets: 5 });
  addVolume(known, before);
  expect(countedOf(known)).toBeUndefined();
  expect(known).toMatchObject({ standardError: { octets: 5 } });
});
