/** Different keys over tiers and restarts: what the windows carry adds up, whichever run made them. */

import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { distinctError } from '../../src/flow/distinct_count.ts';
import { DimensionSum } from '../../src/flow/history_merge.ts';
import type { HistoryWindow, Tier, WindowOfDimension } from '../../src/flow/history_shapes.ts';
import { Rollup } from '../../src/pipeline/rollup.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { countRows } from './count_rows.ts';
import { blockOf } from './rows.ts';

const T0 = 1_800_000_000_000;

/** A run of the box that meters one flow of each of these hosts, two a millisecond, in a minute. */
function run(seed: number, startMs: number, firstHost: number, hosts: number): HistoryWindow[] {
  const windows: HistoryWindow[] = [];
  const options = {
    countRows,
    dimensions: dimensionsWith([], []),
    names: { label: () => undefined, as: String },
    topK: 10,
    keysMax: 500,
    lateMs: 0,
  };
  // Another seed for each run: tables hash by chance.
  const rollup = new Rollup(options, new SeededRandom(seed), (window) => windows.push(window));
  rollup.begin(startMs);
  for (let from = 0; from < hosts; from += 500) {
    const facts = Array.from({ length: Math.min(500, hosts - from) }, (_, i) => {
      const host = firstHost + from + i;
      const atNs = BigInt(startMs + ((from + i) >> 1)) * 1_000_000n;
      return {
        source: [10, host >> 16, (host >> 8) & 255, host & 255, 0],
        destination: [192, 0, 2, 9, 0],
        protocol: 6,
        sourcePort: 50_000,
        destinationPort: 443,
        startNs: atNs,
        endNs: atNs,
        octets: 100,
        packets: 1,
      };
    });
    const block = blockOf(facts, 'wall', 0n);
    rollup.add(block.bytes, block.firstRow, block.count, 0, startMs + 59_000);
  }
  rollup.flush(startMs + 60_000);
  return windows;
}

const hostsOf = (windows: readonly HistoryWindow[], tier: Tier): WindowOfDimension[] =>
  windows
    .filter((window) => window.tier === tier)
    .map(({ dimensions }) => dimensions.find(({ dimension }) => dimension === 'host')!);

test.each(['10s', '1m', '1h'] as const)('windows of %s, of two runs that saw some hosts both', (tier) => {
  const windows = [...run(1, T0, 0, 6_000), ...run(2, T0 + 3_600_000, 4_000, 6_000)];
  const sum = new DimensionSum('host');
  for (const window of hostsOf(windows, tier)) sum.add(window);
  const { keys, standardError, atLeast } = sum.distinct();
  expect(atLeast).toBe(false);
  // 10,000 and the server; without one hash for all runs it would be 12,000.
  expect(Math.abs(keys - 10_001)).toBeLessThan(3 * distinctError * 10_001);
  expect(standardError).toBeCloseTo(keys * distinctError, -1);
});
