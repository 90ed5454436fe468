/**
 * Whether the stated intervals keep their word: a capture is sampled again and again with other seeds, through the addon and
 * the rollup, and the truth must lie in the 95 % interval as often as that says. Seeds are fixed, so the outcome is too. The
 * bounds are those of a binomial count widened by what few packets do to a normal interval; a variance wrong by a fifth
 * of its root (intervals 20 % too narrow or too wide) falls outside, which the test proves by trying it.
 */

import { afterAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { addVolume, emptyVolume, type HistoryWindow, type Volume } from '../../src/flow/history_shapes.ts';
import type { NativeSampling } from '../../src/meter/addon.ts';
import { Rollup } from '../../src/pipeline/rollup.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { udpFrame } from '../captures/frames.ts';
import { captureStartNs, packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { countRows } from '../pipeline/count_rows.ts';
import { CaptureFolder, meterFile } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

// Twelve hosts with 1 000 packets each, of lengths as on a line: empty, full, and some between.
const random = new SeededRandom(11);
const lengths = [0, 0, 0, 1_400, 1_400, 1_400, 1_400, 300, 700];
const frames = Array.from({ length: 12_000 }, (_, i) => {
  const payloadOctets = lengths[random.below(lengths.length)]!;
  return udpFrame({
    source: `10.0.0.${(i % 12) + 1}`,
    destination: '10.9.9.9',
    sourcePort: 1_024 + random.below(8),
    payloadOctets,
  });
});
const capture = folder.write('coverage.pcap', pcapFile(packetsOf(frames)));

// Twelve hosts with 250 short flows each, of one to seven packets: whole flows are drawn, so a host needs many of them.
const flowFrames = Array.from({ length: 12 * 250 }, (_, flow) => {
  const payloadOctets = lengths[random.below(lengths.length)]!;
  const frame = udpFrame({
    source: `10.0.0.${(flow % 12) + 1}`,
    destination: '10.9.9.9',
    sourcePort: 1_024 + flow,
    payloadOctets,
  });
  return Array.from({ length: 1 + random.below(7) }, () => frame);
}).flat();
const flows = folder.write('flow_coverage.pcap', pcapFile(packetsOf(flowFrames)));

function windowOf(sampling: NativeSampling, seed: bigint, path = capture): ReadonlyMap<string, Volume> {
  const { rows } = meterFile(path, { sampling, seed, duplicates: 'off' });
  const windows: HistoryWindow[] = [];
  const startMs = Number(captureStartNs / 1_000_000n);
  const rollup = new Rollup(
    {
      countRows,
      dimensions: dimensionsWith([]),
      names: { label: () => undefined, as: String },
      topK: 100,
      keysMax: 1_000,
      lateMs: 0,
      selectorOf: () => sampling,
    },
    new SeededRandom(1),
    (window) => void (window.tier === '10s' && windows.push(window)),
  );
  const nowMs = startMs + 20_000;
  rollup.begin(startMs);
  for (const row of rows) rollup.add(row, 0, 1, 0, nowMs);
  rollup.flush(nowMs);
  const sums = new Map<string, Volume>();
  for (const { dimensions } of windows) {
    for (const { dimension, top } of dimensions) {
      if (dimension !== 'total' && dimension !== 'host' && dimension !== 'protocol') continue;
      for (const one of top) {
        const name = `${dimension} ${one.key}`;
        const volume = sums.get(name) ?? emptyVolume();
        addVolume(volume, one);
        sums.set(name, volume);
      }
    }
  }
  return sums;
}

const octets = (volume: Volume): number => volume.outOctets + volume.inOctets;
const packets = (volume: Volume): number => volume.outPackets + volume.inPackets;
const runs = 250;

test.each([4, 16])(
  'at 1 packet in %d the interval covers the truth in 95 of 100 cases, as it says',
  { timeout: 120_000 },
  (interval) => {
    const truth = windowOf({ kind: 'none', interval: 1 }, 1n);
    expect(truth.size).toBe(15);
    expect([...truth.values()].every(({ estimated }) => estimated === undefined)).toBe(true);
    /** By figure and factor on the interval: how often it held the truth. */
    const held = { octets: [0, 0, 0], packets: [0, 0, 0] };
    const factors = [0.8, 1, 1.2];
    const bias = { octets: 0, packets: 0 };
    // Hosts are independent of one another; the total and the protocol are the same sum of them.
    const hosts = [...truth].filter(([name]) => name.startsWith('host') && !name.endsWith('10.9.9.9'));
    for (let run = 0; run < runs; run++) {
      const estimates = windowOf({ kind: 'random', interval }, BigInt(1_000 + run));
      for (const [name, real] of hosts) {
        const volume = estimates.get(name) ?? emptyVolume();
        factors.forEach((factor, i) => {
          const width = 1.96 * factor;
          if (Math.abs(octets(volume) - octets(real)) <= width * (volume.standardError?.octets ?? 0)) held.octets[i]!++;
          if (Math.abs(packets(volume) - packets(real)) <= width * (volume.standardError?.packets ?? 0)) held.packets[i]!++;
        });
      }
      const total = estimates.get('total ')!;
      bias.octets += octets(total) / octets(truth.get('total ')!) - 1;
      bias.packets += packets(total) / packets(truth.get('total ')!) - 1;
      expect(octets(total)).toBe(octets(estimates.get('protocol udp')!));
    }
    const trials = runs * hosts.length;
    const share = (count: number): number => count / trials;
    for (const figure of ['octets', 'packets'] as const) {
      const [narrow, right, wide] = held[figure].map(share) as [number, number, number];
      // 3 000 trials: ± 4 standard deviations of a binomial share are ± 1.6 %.
      const slack = 4 * Math.sqrt((0.95 * 0.05) / trials);
      const most = figure === 'octets' ? 0.975 : 0.95 + slack;
      const within = (value: number): boolean => value >= 0.95 - slack && value <= most;
      expect({ figure, interval, right, ok: within(right) }).toMatchObject({ ok: true });
      expect({ figure, interval, narrow, ok: within(narrow) }).toMatchObject({ ok: false });
      expect({ figure, interval, wide, ok: within(wide) }).toMatchObject({ ok: false });
      // Unbiased: the mean of the runs is within four of its own standard errors.
      const one = Math.sqrt((interval - 1) / 12_000) * (figure === 'octets' ? 1.5 : 1);
      expect(Math.abs(bias[figure] / runs)).toBeLessThan((4 * one) / Math.sqrt(runs));
    }
  },
);

test('where whole flows are drawn the interval covers the truth in 95 of 100 cases, as it says', { timeout: 120_000 }, () => {
  const truth = windowOf({ kind: 'none', interval: 1 }, 1n, flows);
  const hosts = [...truth].filter(([name]) => name.startsWith('host') && !name.endsWith('10.9.9.9'));
  const factors = [0.75, 1];
  const held = { octets: [0, 0], packets: [0, 0] };
  const flowRuns = 120;
  let bias = 0;
  for (let run = 0; run < flowRuns; run++) {
    const estimates = windowOf({ kind: 'flowHash', interval: 4 }, BigInt(9_000 + run), flows);
    for (const [name, real] of hosts) {
      const volume = estimates.get(name) ?? emptyVolume();
      factors.forEach((factor, i) => {
        const width = 1.96 * factor;
        if (Math.abs(octets(volume) - octets(real)) <= width * (volume.standardError?.octets ?? 0)) held.octets[i]!++;
        if (Math.abs(packets(volume) - packets(real)) <= width * (volume.standardError?.packets ?? 0)) held.packets[i]!++;
      });
    }
    bias += packets(estimates.get('total ')!) / packets(truth.get('total ')!) - 1;
  }
  const trials = flowRuns * hosts.length;
  // 1 440 trials: ± 4 standard deviations of a binomial share are ± 2.3 %; some 60 flows drawn of a host make intervals a little short.
  const slack = 4 * Math.sqrt((0.95 * 0.05) / trials);
  for (const figure of ['octets', 'packets'] as const) {
    const [narrow, right] = held[figure].map((count) => count / trials) as [number, number];
    const within = (value: number): boolean => value >= 0.94 - slack && value <= 0.95 + slack;
    expect({ figure, right, ok: within(right) }).toMatchObject({ ok: true });
    expect({ figure, narrow, ok: within(narrow) }).toMatchObject({ ok: false });
  }
  // Unbiased: Σ x² over the flows makes up for their number.
  expect(Math.abs(bias / flowRuns)).toBeLessThan((4 * Math.sqrt((3 * 1.25) / 3_000)) / Math.sqrt(flowRuns));
});
