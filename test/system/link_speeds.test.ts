import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { noFigures } from '../../src/meter/figures.ts';
import { LinkSpeeds } from '../../src/system/link_speeds.ts';

const bench = (speeds: Record<string, number | null>) => {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const port = { exists: true, receivedPackets: 1_000, receivedOctets: 64_000 };
  const meter = { ...noFigures.counts };
  const read = async (name: string) => ({ speedMbps: speeds[name] ?? null, ...port });
  return { clock, port, meter, links: new LinkSpeeds(world, Object.keys(speeds), () => ({ ...meter }), read) };
};
const signal = new AbortController().signal;

test('two halves of a TAP carry as much as both ports', async () => {
  const { links } = bench({ eth1: 1_000, eth2: 1_000 });
  await links.start(signal);
  expect(links.capacityMbps()).toBe(2_000);
  expect(links.speedMbps('eth2')).toBe(1_000);
});

test('one port that does not tell leaves the whole unknown', async () => {
  const { links } = bench({ eth1: 1_000, veth0: null });
  await links.start(signal);
  expect(links.capacityMbps()).toBeNull();
});

test('a link that comes up at another rate is followed', async () => {
  const speeds: Record<string, number | null> = { eth1: null };
  const { clock, links } = bench(speeds);
  await links.start(signal);
  expect(links.capacityMbps()).toBeNull();
  speeds.eth1 = 100;
  await clock.advance(10_000);
  expect(links.capacityMbps()).toBe(100);
  await links.stop(0);
});

test('a replayed capture has no line', () => {
  expect(bench({}).links.capacityMbps()).toBeNull();
});

test('what the ports counted is held against what the meter took in, from when both were first looked at', async () => {
  const { clock, links, port, meter } = bench({ eth1: 1_000, eth2: 1_000 });
  Object.assign(meter, { receivedPackets: 900, receivedOctets: 50_000 });
  await links.start(signal);
  expect(links.account()).toBeNull();
  Object.assign(port, { receivedPackets: 1_500, receivedOctets: 96_000 }); // of each of the two
  Object.assign(meter, {
    receivedPackets: 1_880,
    receivedOctets: 113_000,
    droppedByKernelPackets: 12,
    filteredPackets: 5,
    sampledByKernelPackets: 3,
  });
  await clock.advance(10_000);
  expect(links.account()).toEqual({
    overMs: 10_000,
    portPackets: 1_000,
    portOctets: 64_000,
    receivedPackets: 980,
    receivedOctets: 63_000,
    leftOutPackets: 8,
    droppedPackets: 12,
  });
});

test('counters that begin again, or cannot be read, begin the comparison anew', async () => {
  const { clock, links, port, meter } = bench({ eth1: 1_000 });
  await links.start(signal);
  await clock.advance(10_000);
  expect(links.account()).not.toBeNull();
  for (const anew of [() => Object.assign(port, { receivedPackets: 3 }), () => Object.assign(meter, { receivedPackets: -1 })]) {
    anew();
    await clock.advance(10_000);
    expect(links.account()).toBeNull();
    port.receivedPackets += 10;
    meter.receivedPackets += 10;
    await clock.advance(10_000);
    expect(links.account()).toMatchObject({ overMs: 10_000, portPackets: 10, receivedPackets: 10 });
  }
  port.exists = false;
  await clock.advance(10_000);
  expect(links.account()).toBeNull();
  port.exists = true;
  await clock.advance(20_000);
  expect(links.account()).toMatchObject({ overMs: 10_000 });
});
