/**
 * A year of a busy branch in the history: what it takes on disk, what is written for a day, and how long questions take.
 * Prints one line of JSON a figure.
 *
 *   scripts/bench history [--days 390]
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../src/core/random.ts';
import { DistinctCount } from '../../src/flow/distinct_count.ts';
import { dimensions, type HistoryWindow, type KeyVolume, type Tier } from '../../src/flow/history_shapes.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey, type StoredTier } from '../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../src/store/history_reader.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';

const { values } = parseArgs({ options: { days: { type: 'string', default: '390' } } });
const days = Number(values.days);
const endMs = 1_800_000_000_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const topK = 100;
const random = new SeededRandom(1);
const print = (figure: object): void => void process.stdout.write(`${JSON.stringify({ bench: 'history', ...figure })}\n`);

// 2 000 hosts and as many peers as an office has, few of which do most of it, and a long tail that is never the same.
const skewed = (bound: number): number => Math.floor(random.float() ** 3 * bound);
const host = (): string => dotted(0x0a14_0000, skewed(2_000));
const outside = (): string => (random.below(10) === 0 ? dotted(0, random.uint32()) : dotted(0x5db8_0000, skewed(50_000)));
function dotted(base: number, offset: number): string {
  const address = base + offset;
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff).join('.');
}
const keyOf: Readonly<Record<string, () => string>> = {
  host: () => (random.below(2) === 0 ? host() : outside()),
  conversation: () => `${host()} ${outside()}`,
  service: () => `${random.below(3) === 0 ? host() : outside()} tcp/${[443, 443, 80, 445, 53, 993][random.below(6)]}`,
  application: () => `tcp/${skewed(65_536)}`,
  protocol: () => ['tcp', 'udp', 'icmp', 'icmpv6', 'esp', 'gre', 'arp', 'lldp'][random.below(8)]!,
  vlan: () => String(random.below(12) * 10),
};

function volumes(): Omit<KeyVolume, 'key'> {
  const packets = random.below(2_000_000);
  return {
    outOctets: packets * (60 + random.below(1_400)),
    inOctets: packets * (60 + random.below(1_400)),
    outPackets: packets,
    inPackets: packets,
    flows: random.below(5_000),
  };
}

/** Packed counts of as many different keys as such a branch has in an hour; few of them for a bench that is to come to an end. */
const counts = Object.fromEntries(
  Object.entries({ host: 6_000, conversation: 20_000, application: 400, service: 8_000, protocol: 8, vlan: 12 }).map(
    ([dimension, keys]) => [
      dimension,
      Array.from({ length: 16 }, () => {
        const count = new DistinctCount();
        for (let i = 0; i < keys; i++) count.add(random.uint32());
        return count.pack();
      }),
    ],
  ),
);
const distinctOf: Readonly<Record<string, () => Uint8Array>> = Object.fromEntries(
  Object.entries(counts).map(([dimension, packed]) => [dimension, () => packed[random.below(packed.length)]!]),
);

function windowAt(tier: Tier, startMs: number): HistoryWindow {
  return {
    tier,
    startMs,
    partial: false,
    dimensions: dimensions.map((dimension) => {
      const make = keyOf[dimension];
      const keys = make === undefined ? [''] : [...new Set(Array.from({ length: topK }, make))];
      const top = keys.map((key) => ({ key, ...volumes() }));
      const count = distinctOf[dimension];
      return { dimension, top, other: volumes(), distinctKeys: 20_000, ...(count === undefined ? {} : { distinct: count() }) };
    }),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'flowspan-bench-'));
const kv = await openLevelKv(join(folder, 'history'), { freeOctetsMin: 0 });
const writtenOctets = (): number => Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

async function write(tier: StoredTier, startMs: number, sync: boolean): Promise<void> {
  const { dimensions: parts, partial } = windowAt(tier, startMs);
  const puts = parts.map((window) => ({
    key: historyKey(tier, window.dimension, startMs),
    value: encodeWindow({ window, partial }),
  }));
  await kv.batch(puts, [], { sync });
}

for (let startMs = endMs - days * 24 * hourMs; startMs < endMs; startMs += hourMs) await write('1h', startMs, false);
for (let startMs = endMs - days * 24 * hourMs; startMs < endMs; startMs += 24 * hourMs)
  await write('1d', Math.floor(startMs / dayMs) * dayMs, false);
const hoursOctets = await kv.approximateSize({});
print({ figure: 'hours and days on disk', days, octets: hoursOctets, mebibytes: Math.round(hoursOctets / 1024 / 1024) });
for (let startMs = endMs - 48 * hourMs; startMs < endMs - 24 * hourMs; startMs += minuteMs) await write('1m', startMs, false);
const before = writtenOctets();
for (let startMs = endMs - 24 * hourMs; startMs < endMs; startMs += minuteMs) await write('1m', startMs, true);
print({ figure: 'written for a day of minutes', mebibytes: Math.round((writtenOctets() - before) / 1024 / 1024) });

const reader = new StoredHistoryReader((question) => question(kv));
async function time(name: string, ask: () => Promise<unknown>): Promise<void> {
  const tookMs: number[] = [];
  let cpuMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 7; i++) {
    const began = performance.now();
    const before = process.threadCpuUsage();
    await ask();
    const { user, system } = process.threadCpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + system) / 1_000);
    tookMs.push(performance.now() - began);
  }
  tookMs.sort((a, b) => a - b);
  print({ figure: name, cpuMs: Math.round(cpuMs), leastMs: Math.round(tookMs[0]!), medianMs: Math.round(tookMs[3]!) });
}
const day = { fromMs: endMs - 24 * hourMs + 20 * minuteMs, toMs: endMs };
const year = { fromMs: endMs - days * 24 * hourMs, toMs: endMs };
for (const dimension of ['host', 'conversation', 'application'] as const) {
  await time(`top ${dimension}, 24 h`, () => reader.top({ dimension, ...day, limit: 20 }));
  await time(`top ${dimension}, ${days} d`, () => reader.top({ dimension, ...year, limit: 20 }));
}
await time('total in 288 points, 24 h', () => reader.series({ ...day, pointsMax: 300 }));
await time(`total in 400 points, ${days} d`, () => reader.series({ ...year, pointsMax: 400 }));
await time('one host in 288 points, 24 h', () => reader.series({ ...day, pointsMax: 300, dimension: 'host', key: '10.20.1.1' }));
print({ figure: 'resident', mebibytes: Math.round(process.memoryUsage.rss() / 1024 / 1024) });
await kv.close();
await rm(folder, { recursive: true });
