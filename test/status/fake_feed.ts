/**
 * A branch office that is not there: seconds, statuses and a history as a real box would report them, from a seed. For the
 * page's tests and for looking at the page; not shipped. Every scenario is a trouble a technician may find.
 */
import { createHash } from 'node:crypto';
import {
  addVolume,
  type Dimension,
  emptyVolume,
  type HistoryReader,
  type KeyVolume,
  type SeriesPoint,
  type Volume,
} from '../../src/flow/history_shapes.ts';
import { RateSum, type Rates, ratesOf } from '../../src/flow/rate_histogram.ts';
import type { TrafficSecond } from '../../src/flow/status_shapes.ts';

export const scenarios = [
  'normal',
  'no-data',
  'uplink-down',
  'catching-up',
  'disk-full',
  'ledger-fault',
  'first-start',
  'just-on',
  'year',
  'one-way-mirror',
] as const;
export type Scenario = (typeof scenarios)[number];

const dayMs = 86_400_000;

/** The same number from 0 to 1 for the same words, always. */
function chance(...words: (string | number)[]): number {
  return createHash('sha1').update(words.join(' ')).digest().readUInt32BE(0) / 2 ** 32;
}

/** Smooth noise around 0 with knots every `periodMs`. */
function drift(name: string, atMs: number, periodMs: number): number {
  const knot = Math.floor(atMs / periodMs);
  const part = (atMs - knot * periodMs) / periodMs;
  const ease = part * part * (3 - 2 * part);
  return (chance(name, knot) * (1 - ease) + chance(name, knot + 1) * ease) * 2 - 1;
}

/** Octets a second that the office moves at that moment: working hours, a backup at night, video calls, bursts. */
export function rateAt(atMs: number): { octets: number; packets: number } {
  const hour = (atMs % dayMs) / 3_600_000;
  const weekday = new Date(atMs).getUTCDay() % 6 !== 0;
  const work = weekday ? Math.exp(-(((hour - 11) / 4.2) ** 2)) : 0.08;
  const backup = hour > 22 && hour < 23.4 ? 9e6 : 0;
  const calls = 1.6e6 * work * (1 + 0.25 * drift('calls', atMs, 300_000));
  const web = 3.4e6 * (0.16 + work) * (1 + 0.5 * drift('web', atMs, 20_000) + 0.3 * drift('click', atMs, 3_000));
  const burst = chance('burst', Math.floor(atMs / 15_000)) > 0.86 ? 6e6 * work * (0.7 + 0.3 * drift('file', atMs, 2_000)) : 0;
  const octets = Math.max(40_000, calls + web + burst + backup * (1 + 0.1 * drift('disk', atMs, 5_000)));
  return { octets: Math.round(octets), packets: Math.round(octets / (620 + 180 * drift('size', atMs, 60_000))) };
}

export function secondAt(atMs: number, scenario: Scenario): TrafficSecond | undefined {
  const quietMs = scenario === 'no-data' ? 190_000 : 0;
  if (quietMs > 0 && atMs > startedNow - quietMs) return { atMs, packets: 0, octets: 0, droppedPackets: 0, newFlows: 0 };
  // Twenty seconds during which the interface was away: there is no second, and the page must show that there is none.
  if (scenario !== 'no-data' && atMs > startedNow - 312_000 && atMs < startedNow - 290_000) return undefined;
  const { octets, packets } = rateAt(atMs);
  const dropped = chance('drop', atMs) > 0.995 ? Math.round(30 * chance('drops', atMs)) : 0;
  return { atMs, octets, packets, droppedPackets: dropped, newFlows: Math.round(packets / 55) };
}

/** When this process began to pretend; scenarios are laid out around it. */
export const startedNow = Math.floor(Date.now() / 1_000) * 1_000;

const keysOf: Readonly<Record<Dimension, readonly [string, number, number][]>> = {
  // key, share of the octets, part of it that goes out
  total: [['', 1, 0.18]],
  host: [
    ['10.20.1.14', 0.31, 0.06],
    ['10.20.1.9', 0.2, 0.81],
    ['142.250.185.78', 0.17, 0.93],
    ['10.20.4.22', 0.12, 0.22],
    ['52.112.120.14', 0.11, 0.52],
    ['10.20.1.31', 0.09, 0.11],
    ['10.20.4.7', 0.07, 0.48],
    ['2a01:4f8:c17:b8f::2', 0.05, 0.96],
    ['10.20.9.2', 0.03, 0.72],
    ['10.20.1.77', 0.02, 0.1],
    ['fd20:1::a4c2:31ff:fe09:77', 0.012, 0.33],
    ['10.20.3.5', 0.006, 0.8],
  ],
  conversation: [
    ['10.20.1.14 142.250.185.78', 0.17, 0.04],
    ['10.20.1.9 10.20.9.2', 0.14, 0.88],
    ['10.20.4.22 52.112.120.14', 0.11, 0.46],
    ['10.20.1.31 2a01:4f8:c17:b8f::2', 0.05, 0.03],
    ['10.20.1.14 151.101.1.69', 0.045, 0.05],
    ['10.20.4.7 52.112.120.14', 0.04, 0.51],
    ['10.20.1.77 10.20.1.9', 0.03, 0.12],
    ['10.20.3.5 10.20.9.2', 0.011, 0.91],
    ['fd20:1::a4c2:31ff:fe09:77 2606:4700::6810:84e5', 0.008, 0.2],
    ['10.20.1.14 1.1.1.1', 0.002, 0.4],
  ],
  application: [
    ['tcp/443', 0.46, 0.1],
    ['udp/443', 0.19, 0.07],
    ['tcp/445', 0.14, 0.62],
    ['udp/3478', 0.1, 0.5],
    ['tcp/9101', 0.05, 0.94],
    ['tcp/9100', 0.018, 0.97],
    ['udp/53', 0.008, 0.31],
    ['tcp/22', 0.006, 0.4],
    ['udp/49813', 0.004, 0.5],
    ['icmp', 0.001, 0.5],
  ],
  protocol: [
    ['tcp', 0.688, 0.16],
    ['udp', 0.305, 0.24],
    ['icmp', 0.003, 0.5],
    ['icmpv6', 0.002, 0.6],
    ['esp', 0.002, 0.5],
    ['arp', 0.0004, 0.5],
  ],
  vlan: [
    ['10', 0.52, 0.15],
    ['40', 0.23, 0.43],
    ['90', 0.17, 0.6],
    ['30', 0.06, 0.8],
    ['none', 0.02, 0.5],
  ],
  service: [
    ['142.250.185.78 tcp/443', 0.17, 0.04],
    ['10.20.1.9 tcp/445', 0.14, 0.62],
    ['52.112.120.14 udp/3478', 0.1, 0.5],
    ['10.20.9.2 tcp/9101', 0.05, 0.94],
    ['fd20:1::a4c2:31ff:fe09:77 tcp/22', 0.006, 0.4],
  ],
  siteLabel: [
    ['Zürich', 0.62, 0.2],
    ['Data centre', 0.3, 0.7],
    ['(none)', 0.08, 0.5],
  ],
  tenantLabel: [
    ['Bookkeeping', 0.55, 0.2],
    ['Ward 4', 0.4, 0.3],
    ['(none)', 0.05, 0.5],
  ],
  serviceLabel: [
    ['Telephony', 0.1, 0.5],
    ['Backup', 0.05, 0.94],
    ['(none)', 0.85, 0.2],
  ],
  country: [
    ['CH', 0.5, 0.2],
    ['US', 0.3, 0.1],
    ['(none)', 0.2, 0.5],
  ],
  as: [
    ['AS15169 Google LLC', 0.4, 0.1],
    ['AS3303 Swisscom (Schweiz) AG', 0.3, 0.2],
    ['(none)', 0.3, 0.5],
  ],
  costCentreLabel: [
    ['4711', 0.7, 0.2],
    ['(none)', 0.3, 0.3],
  ],
};

/** A busy branch: a hundred keys, the longest there are, none of them large. */
function longKeysOf(dimension: Dimension): readonly [string, number, number][] {
  if (dimension !== 'host' && dimension !== 'conversation') return keysOf[dimension];
  const host = (n: number): string =>
    `2001:db8:1234:5678:9abc:def0:${(0x1000 + n * 7).toString(16)}:${(0xffff - n * 11).toString(16)}`;
  return Array.from({ length: 100 }, (_, n) => [
    dimension === 'host' ? host(n) : `${host(n)} ${host(n + 200)}`,
    0.12 * 0.93 ** n,
    chance('key', n),
  ]);
}

function share(total: Volume, part: number, out: number): Volume {
  const octets = (total.outOctets + total.inOctets) * part;
  const packets = (total.outPackets + total.inPackets) * part;
  return {
    outOctets: Math.round(octets * out),
    inOctets: Math.round(octets * (1 - out)),
    outPackets: Math.round(packets * (0.3 + 0.4 * out)),
    inPackets: Math.round(packets * (0.7 - 0.4 * out)),
    flows: Math.round(total.flows * part),
  };
}

/** The seconds of a time, a hundred of them at most. */
function ratesFrom(fromMs: number, lengthMs: number): Rates {
  const sum = new RateSum();
  const stepMs = Math.max(1_000, lengthMs / 100);
  for (let atMs = fromMs; atMs < fromMs + lengthMs; atMs += stepMs) sum.addSecond(rateAt(atMs).octets * 8);
  return { ...ratesOf(sum.close()), seconds: Math.round(lengthMs / 1_000) };
}

export function fakeHistory(scenario: Scenario): HistoryReader {
  const boundaryMs = scenario === 'first-start' ? startedNow - 8 * 60_000 : Number.NEGATIVE_INFINITY;
  const present = (atMs: number): boolean =>
    scenario !== 'no-data' &&
    scenario !== 'just-on' && // no window has closed yet
    atMs >= boundaryMs &&
    !(atMs % dayMs > 3.2 * 3_600_000 && atMs % dayMs < 4.1 * 3_600_000 && scenario !== 'first-start');
  const volume = (fromMs: number, toMs: number, looks = 200): Volume => {
    const sum = emptyVolume();
    const stepMs = Math.max(10_000, (toMs - fromMs) / looks);
    for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
      if (!present(atMs) || atMs > Date.now()) continue;
      const { octets, packets } = rateAt(atMs);
      const s = stepMs / 1_000;
      addVolume(sum, {
        outOctets: Math.round(octets * 0.18 * s),
        inOctets: Math.round(octets * 0.82 * s),
        outPackets: Math.round(packets * 0.4 * s),
        inPackets: Math.round(packets * 0.6 * s),
        flows: Math.round((packets / 55) * s),
      });
    }
    return sum;
  };
  return {
    async top({ dimension, fromMs, toMs, limit }) {
      const total = volume(fromMs, toMs);
      const empty = total.inOctets === 0;
      const keys = scenario === 'year' ? longKeysOf(dimension) : keysOf[dimension];
      // Calls are new this week.
      const isOld = toMs < Date.now() - 6 * dayMs;
      const partOf = (key: string, part: number): number => (isOld && key === 'udp/3478' ? part / 20 : part);
      const all: KeyVolume[] = empty ? [] : keys.map(([key, part, out]) => ({ key, ...share(total, partOf(key, part), out) }));
      const rows = all.slice(0, limit);
      const rest = Math.max(0, 1 - keysOf[dimension].slice(0, limit).reduce((sum, row) => sum + row[1], 0));
      const twice = dimension === 'host' ? share(total, 2, 0.5) : total;
      return {
        dimension,
        tier: '1m',
        fromMs,
        toMs,
        rows,
        distinct: empty
          ? { keys: 0, standardError: 0, atLeast: false }
          : { keys: 40 * all.length, standardError: all.length, atLeast: false },
        other: empty ? emptyVolume() : share(total, dimension === 'host' ? 0.6 : rest, 0.4),
        total: twice,
      };
    },
    async series({ fromMs, toMs, pointsMax }) {
      const steps = [10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 86_400];
      const stepMs =
        (steps.find((s) => (toMs - fromMs) / (s * 1_000) <= pointsMax && s * 1_000 * 360 >= toMs - fromMs) ?? 86_400) * 1_000;
      const points: SeriesPoint[] = [];
      for (let startMs = Math.floor(fromMs / stepMs) * stepMs; startMs < toMs; startMs += stepMs) {
        points.push({
          startMs,
          ...volume(startMs, startMs + stepMs, 24),
          present: present(startMs),
          partial: startMs + stepMs > toMs,
          ...(present(startMs) ? { rates: ratesFrom(startMs, stepMs) } : {}),
        });
      }
      const tier = stepMs < 60_000 ? '10s' : stepMs < 3_600_000 ? '1m' : '1h';
      return { tier, fromMs, toMs, stepMs, points, rates: ratesFrom(fromMs, toMs - fromMs) };
    },
  };
}
