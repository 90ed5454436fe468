/**
 * Rates that change while a capture is metered, through the addon: every row's selectorId names one rate, because the
 * packets of one selector come wholly before those of the next and no row reaches across; and nothing is lost or counted
 * twice on the way.
 */
import { afterAll, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { NativeSampling } from '../../src/meter/addon.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder, countsOf, faultsOf, optionsFor, takeRows } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

// 60 s at 1 000 packets/s: eight flows that go on all the time, and short ones that end and fill blocks.
const frames = Array.from({ length: 60_000 }, (_, i) =>
  i % 2 === 0
    ? udpFrame({ source: `10.0.0.${(i / 2) % 8}`, destination: '10.9.9.9' })
    : udpFrame({ source: '10.1.1.1', destination: `10.2.${(i >> 9) & 255}.${(i >> 3) & 63}` }),
);
const capture = folder.write('rates.pcap', pcapFile(packetsOf(frames)));

const plan: readonly (NativeSampling | undefined)[] = [
  { kind: 'random', interval: 4 },
  undefined,
  { kind: 'random', interval: 16 },
  { kind: 'random', interval: 2 },
  { kind: 'none', interval: 1 },
  { kind: 'count', interval: 8 },
];

interface Era {
  readonly selectorId: number;
  readonly sampling: NativeSampling;
}

test.each([1n, 2n, 3n])('a record never mixes two rates, and the ledger is exact (seed %d)', (seed) => {
  const meter = addon.open(
    optionsFor({ kind: 'file', path: capture }, { idleTimeoutMs: 300, rowsPerBlock: 16, blocks: 4, seed, duplicates: 'off' }),
  );
  const eras: Era[] = [{ selectorId: 0, sampling: { kind: 'none', interval: 1 } }];
  const rows: Uint8Array[] = [];
  try {
    meter.start();
    let blocks = 0;
    while (!meter.drained()) {
      const taken = takeRows(meter, meter.waitBlock(1_000));
      rows.push(...taken);
      const sampling = plan[Math.floor(++blocks / 20) - 1];
      if (blocks % 20 === 0 && sampling !== undefined) eras.push({ selectorId: meter.configure({ sampling }), sampling });
    }
    const stats = meter.stats();
    expect(faultsOf(stats)).toEqual([]);
    const counts = countsOf(stats);
    expect(counts.receivedPackets).toBe(frames.length);
    expect(counts.sampledOutPackets).toBeGreaterThan(5_000);
    const cursors = rows.map((bytes) => new RowCursor(bytes));
    expect(cursors.reduce((sum, row) => sum + row.packetDeltaCount, 0)).toBe(counts.meteredPackets);
    expect(cursors.reduce((sum, row) => sum + row.layer2OctetDeltaCount, 0)).toBe(counts.meteredOctets);
    expect(counts.meteredPackets + counts.sampledOutPackets).toBe(frames.length);
  } finally {
    meter.close();
  }
  // A selector of its own for each change; going back to none is 0 again.
  expect(eras.map(({ selectorId }) => selectorId)).toEqual([0, 1, 2, 3, 0, 4]);
  const spans = rows.map((bytes) => {
    const row = new RowCursor(bytes);
    return { selectorId: row.selectorId, fromMs: row.flowStartMs, toMs: row.flowEndMs, packets: row.packetDeltaCount };
  });
  expect([...new Set(spans.map(({ selectorId }) => selectorId))].sort()).toEqual([0, 1, 2, 3, 4]);
  const borders = eras.map(({ selectorId }) => {
    const own = spans.filter((span) => span.selectorId === selectorId);
    return { fromMs: Math.min(...own.map(({ fromMs }) => fromMs)), toMs: Math.max(...own.map(({ toMs }) => toMs)) };
  });
  // Between two eras of selector 0 others were in force: its rows lie before all of those or after.
  for (const era of [1, 2, 3]) {
    const { fromMs, toMs } = borders[era]!;
    const next = era < 3 ? borders[era + 1]! : { fromMs: toMs + 1 };
    expect(toMs).toBeLessThan(next.fromMs);
    for (const span of spans) {
      if (span.selectorId === eras[era]!.selectorId) continue;
      expect(span.toMs < fromMs || span.fromMs > toMs).toBe(true);
    }
  }
  // The selected share of each era is the rate's: within five standard deviations of a coin with that probability.
  for (const era of [1, 2, 3]) {
    const { selectorId, sampling } = eras[era]!;
    const { fromMs, toMs } = borders[era]!;
    const shown = Math.round(toMs - fromMs) + 1;
    const taken = spans.reduce((sum, span) => sum + (span.selectorId === selectorId ? span.packets : 0), 0);
    const p = 1 / sampling.interval;
    expect(Math.abs(taken - shown * p)).toBeLessThan(5 * Math.sqrt(shown * p * (1 - p)) + 2);
  }
});
