/** Records in memory beside a program that takes more than its share of the machine: they make room, say so once, and come again. */
import { expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { NameDictionary } from '../../src/flow/dictionary.ts';
import { everyFlow } from '../../src/flow/filter/filter_syntax.ts';
import { FlowRingWriter, flowRingMemory } from '../../src/flow/flow_ring.ts';
import { FlowKeeper } from '../../src/store/flow_keeper.ts';
import { blockOf } from '../pipeline/rows.ts';
import { openSegmentBytes, packFlows } from './packed_flows.ts';

const MIB = 1_048_576;
const bytesMax = openSegmentBytes + 6 * MIB;

test('whoever asks is told of records that came a moment ago, and none are taken in before the disk was looked through', async () => {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const ring = flowRingMemory();
  const keeper = new FlowKeeper(settingsSchema.parse({}).history, {
    world,
    ring,
    folder: '/dev/null/never',
    packFlows,
    names: async () => new NameDictionary(),
    clockTrusted: () => true,
    onEvent: () => {},
  });
  const asked = { filter: everyFlow, fromMs: 0, toMs: 2 ** 48, order: 'arrival', limit: 1, offset: 0 } as const;
  const row = { source: [10, 0, 0, 0, 1], destination: [10, 0, 0, 0, 2], startNs: 0n, endNs: 1n, octets: 60, packets: 1 };
  const add = (): boolean => new FlowRingWriter(ring, () => 1).add(blockOf([row], 'wall', 0n), 0n);
  add();
  keeper.takeIn();
  expect((await keeper.list(asked)).matched.records).toBe(0);
  await keeper.start();
  expect((await keeper.list(asked)).matched.records).toBe(1);
  add();
  expect(
    (await keeper.group({ filter: everyFlow, fromMs: 0, toMs: 2 ** 48, by: ['protocol'], order: 'bytes', limit: 1 })).groups[0],
  ).toMatchObject({ records: 2 });
  await keeper.stop();
});

test('records make room, say so once, and come again', async () => {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const ring = flowRingMemory();
  const writer = new FlowRingWriter(ring, () => 1);
  const events: string[] = [];
  let restBytes = 100 * MIB;
  let keptBytes = 0;
  const { history } = settingsSchema.parse({ history: { recentFlowsBytesMax: bytesMax } });
  const keeper = new FlowKeeper(history, {
    world,
    ring,
    folder: '/dev/null/never',
    packFlows,
    names: async () => new NameDictionary(),
    clockTrusted: () => true,
    onEvent: (_level, event) => events.push(event),
    program: { taken: async () => restBytes + keptBytes, octetsMax: 150 * MIB },
  });
  await keeper.start();

  /** Ports and octets that no segment makes small. */
  const rows = Array.from({ length: 4_096 }, (_, i) => {
    const chance = Math.imul(i + 1, 0x9e37_79b1) >>> 0;
    return {
      source: [10, 0, 0, 0, i],
      destination: [192, 0, 2, 0, 9],
      startNs: BigInt(i) * 1_000_000n,
      endNs: BigInt(i) * 1_000_000n + BigInt(chance),
      octets: chance,
      packets: chance >>> 8,
      reverseOctets: chance ^ 0x5555,
      reversePackets: chance >>> 7,
      protocol: 6,
      sourcePort: chance & 0xffff,
      destinationPort: 443,
    };
  });
  const block = blockOf(rows, 'wall', 0n);
  let written = 0;
  const figure = async (name: string): Promise<number> =>
    Number(new RegExp(`^flowspan_${name} (\\S+)$`, 'm').exec(await world.metrics.render())?.[1]);
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 28; i++) {
      writer.add(block, 0n);
      written += block.count;
      await clock.advance(2_000);
      if (i % 4 === 3) keptBytes = await figure('recent_flows_bytes');
    }
  };

  await fill();
  expect(await figure('recent_flows_bytes_max')).toBe(bytesMax);
  expect(keptBytes).toBeGreaterThan(bytesMax - MIB);
  expect(keptBytes).toBeLessThanOrEqual(bytesMax);

  // The rest grows: what is left is five MiB of sealed segments at least.
  restBytes = 150 * MIB - openSegmentBytes - 5 * MIB;
  await fill();
  expect(Math.abs((await figure('recent_flows_bytes_max')) - openSegmentBytes - 5 * MIB)).toBeLessThan(2);
  expect(keptBytes).toBeLessThanOrEqual(openSegmentBytes + 5 * MIB);
  restBytes = 400 * MIB;
  await fill();
  expect(await figure('recent_flows_bytes_max')).toBe(openSegmentBytes + 4 * MIB);
  expect(events).toEqual(['flowMemoryShort']);
  const { coverage, matched } = await keeper.list({
    filter: everyFlow,
    fromMs: 0,
    toMs: 2 ** 48,
    order: 'arrival',
    limit: 1,
    offset: 0,
  });
  expect(coverage.recordsKept).toBe(matched.records);
  expect(coverage.recordsKept + (await figure('recent_flows_dropped'))).toBe(written);

  restBytes = 100 * MIB;
  await fill();
  expect(await figure('recent_flows_bytes_max')).toBe(bytesMax);
  expect(keptBytes).toBeGreaterThan(bytesMax - MIB);
  await keeper.stop();
});
