import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { LinkSpeeds } from '../../src/system/link_speeds.ts';

const bench = (speeds: Record<string, number | null>) => {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const read = async (name: string) => ({ speedMbps: speeds[name] ?? null });
  return { clock, links: new LinkSpeeds(world, Object.keys(speeds), read) };
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
