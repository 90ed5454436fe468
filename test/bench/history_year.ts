/**
 * Windows of a busy branch for the history bench: 2,000 hosts, 20,000 conversations an hour. Made up, K keys in each of those dimensions
 * that a box counts by without further settings, the tail never the same, which costs questions most; and metered, from rows
 * through the real pipeline, to hold the made-up ones to.
 */
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { DistinctCount } from '../../src/flow/distinct_count.ts';
import { type Dimension, type HistoryWindow, type KeyVolume, type Tier, tierSeconds } from '../../src/flow/history_shapes.ts';
import { RateSum } from '../../src/flow/rate_histogram.ts';
import type { RowClock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { dimensionsWith } from '../../src/pipeline/row_keys.ts';
import { countRows, markLocality } from '../pipeline/count_rows.ts';
import { writeRow } from '../pipeline/rows.ts';

export const branch = { hosts: 2_000, conversationsPerHour: 20_000 } as const;
/** What is counted without labels and without files of countries. */
export const dimensionsByDefault: readonly Dimension[] = ['total', ...dimensionsWith([])];

const random = new SeededRandom(1);
// 2,000 hosts and as many peers as an office has, few of which do most of it, and a long tail that is never the same.
const skewed = (bound: number): number => Math.floor(random.float() ** 3 * bound);
const host = (): string => dotted(0x0a14_0000, skewed(branch.hosts));
const outside = (): string => (random.below(10) === 0 ? dotted(0, random.uint32()) : dotted(0x5db8_0000, skewed(50_000)));
function dotted(base: number, offset: number): string {
  const address = base + offset;
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff).join('.');
}

const protocols = ['tcp', 'udp', 'icmp', 'icmpv6', 'esp', 'gre', 'arp', 'lldp'] as const;
const vlans = 12;
/** By dimension: a key, and how many different ones an hour has. */
const keys: Readonly<Partial<Record<Dimension, { readonly make: () => string; readonly anHour: number }>>> = {
  host: { make: () => (random.below(2) === 0 ? host() : outside()), anHour: 6_000 },
  conversation: { make: () => `${host()} ${outside()}`, anHour: branch.conversationsPerHour },
  service: {
    make: () => `${random.below(3) === 0 ? host() : outside()} tcp/${[443, 443, 80, 445, 53, 993][random.below(6)]}`,
    anHour: 8_000,
  },
  application: { make: () => `tcp/${skewed(65_536)}`, anHour: 400 },
  protocol: { make: () => protocols[random.below(protocols.length)]!, anHour: protocols.length },
  vlan: { make: () => String(random.below(vlans) * 10), anHour: vlans },
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
const packedCounts = new Map(
  Object.entries(keys).map(([dimension, { anHour }]) => [
    dimension as Dimension,
    Array.from({ length: 16 }, () => {
      const count = new DistinctCount();
      for (let i = 0; i < anHour; i++) count.add(random.uint32());
      return count.pack();
    }),
  ]),
);

function topOf(dimension: Dimension, topK: number): KeyVolume[] {
  const { make, anHour } = keys[dimension]!;
  const wanted = Math.min(topK, anHour);
  const found = new Set<string>();
  while (found.size < wanted) found.add(make());
  return [...found].map((key) => ({ key, ...volumes() }));
}

/** The rate of every second of such a line: a base that changes by the hour of the day, and bursts. */
function ratesOf(tier: Tier): ReturnType<RateSum['close']> {
  const sum = new RateSum();
  // A day's seconds are so many that a part of them fills the same buckets.
  for (let second = 0; second < Math.min(tierSeconds[tier], 7_200); second++)
    sum.addSecond(2e6 * (1 + random.float()) + (random.below(5) === 0 ? 9e7 * random.float() ** 2 : 0));
  return sum.close();
}

export function madeUpWindow(tier: Tier, startMs: number, topK: number): HistoryWindow {
  const parts = dimensionsByDefault.map((dimension) => {
    const other = volumes();
    if (dimension === 'total')
      return { dimension, top: [{ key: '', ...other }], other: nothing, distinctKeys: 1, rates: ratesOf(tier) };
    const packed = packedCounts.get(dimension)!;
    const { anHour } = keys[dimension]!;
    return {
      dimension,
      top: topOf(dimension, topK),
      other,
      distinctKeys: anHour,
      distinct: packed[random.below(packed.length)]!,
    };
  });
  return { tier, startMs, partial: false, dimensions: parts };
}

const nothing = { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 };

const rowsPerBlock = 500;

/** An hour of the branch at so many flows a second, through the pipeline: minutes as they close, then the hour. */
export async function* meteredHour(
  startMs: number,
  { flowsPerS, topK, keysMax }: { readonly flowsPerS: number; readonly topK: number; readonly keysMax: number },
): AsyncGenerator<HistoryWindow> {
  const clock = new SimulatedClock(1_000, startMs);
  const world = { clock, random: new SeededRandom(7), log: silentLog, metrics: createMetrics() };
  const bootOffsetNs = BigInt(startMs) * 1_000_000n - 1_000_000_000n;
  const rowClock: RowClock = { bootId: 'boot', wallOffsetNs: () => bootOffsetNs, trusted: () => true };
  const pipeline = new PipelineService(
    { siteNetworks: ['10.0.0.0/8'], topK, keysMax, lateS: 5 },
    { clock: rowClock, countRows, markLocality, keepRows: () => {} },
    world,
  );
  let closed: HistoryWindow[] = [];
  pipeline.onWindow((window) => {
    if (window.tier !== '10s') closed.push(window);
  });
  await pipeline.start(new AbortController().signal);
  const conversations = Array.from({ length: branch.conversationsPerHour }, () => ({
    source: [10, 20, 0, 0, skewed(branch.hosts)],
    destination: [93, 184, 0, 0, skewed(50_000)],
    port: [443, 443, 80, 445, 53, 993, 1_024 + random.below(60_000)][random.below(7)]!,
    protocol: random.below(10) < 8 ? 6 : 17,
    vlan: random.below(vlans) * 10,
  }));
  const bytes = new Uint8Array(rowsPerBlock * ROW_BYTES);
  const row = new RowCursor(bytes);
  const blocks = (3_600 * flowsPerS) / rowsPerBlock;
  for (let block = 0; block < blocks; block++) {
    const nowNs = 1_000_000_000n + BigInt(Math.round(((block + 1) * rowsPerBlock * 1e9) / flowsPerS));
    for (let i = 0; i < rowsPerBlock; i++) {
      const { source, destination, port, protocol, vlan } = conversations[skewed(conversations.length)]!;
      const lasts = random.below(4) === 0 ? 60_000_000_000n : BigInt(random.below(3_000)) * 1_000_000n;
      const startNs = nowNs > lasts + 1_000_000_000n ? nowNs - lasts : 1_000_000_000n;
      writeRow(row.at(i), {
        ...{ source, destination, protocol, vlan, startNs, endNs: nowNs },
        ...{ octets: 60 + random.below(1_000_000), packets: 1 + random.below(900) },
        ...{ reverseOctets: random.below(5_000_000), reversePackets: 1 + random.below(4_000) },
        ...{ sourcePort: 32_768 + random.below(28_000), destinationPort: port },
      });
    }
    pipeline.process({
      ...{ bytes, firstRow: 0, count: rowsPerBlock, bootId: 'boot' },
      closedAtNs: nowNs,
      firstStartNs: 0n,
      lastEndNs: nowNs,
    });
    yield* closed;
    closed = [];
  }
  await pipeline.stop(1_000);
  yield* closed;
}
