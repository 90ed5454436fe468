/**
 * The shapes of the history: dimensions, windows, figures. Shared by the rollup (writes), the store (keeps), the page, the
 * CLI and MQTT (read). Volumes are octets of whole frames on the wire (layer 2) and packets.
 */

import { addedError, type StandardError } from './estimates.ts';
import type { AnswerAboutHosts } from './host_names.ts';
import type { RateHistogram, Rates } from './rate_histogram.ts';

export const tiers = ['10s', '1m', '1h', '1d'] as const;
export type Tier = (typeof tiers)[number];
export const tierSeconds: Readonly<Record<Tier, number>> = { '10s': 10, '1m': 60, '1h': 3_600, '1d': 86_400 };

export const dimensions = [
  'total',
  'host',
  'conversation',
  'application',
  'protocol',
  'vlan',
  'service',
  'siteLabel',
  'tenantLabel',
  'serviceLabel',
  'costCentreLabel',
  'country',
  'as',
] as const;
export type Dimension = (typeof dimensions)[number];

/**
 * What is counted for a key. `out` is what the key sent (host), went from A to B (conversation), or from initiator to
 * responder (application, protocol, VLAN, total); `in` is the other direction. A host's flows count for both its ends.
 */
export interface Volume {
  outOctets: number;
  inOctets: number;
  outPackets: number;
  inPackets: number;
  /** Flows by deltaFlowCount, counted once in the window in which they were reported to end. Never scaled: those seen. */
  flows: number;
  /** Present when packets were sampled: octets and packets are estimates, with this error. */
  estimated?: true;
  standardError?: StandardError;
  /** Present when packets were sampled: what was counted, both directions together. Without it the figures are counted themselves. */
  counted?: Counted;
}

export interface Counted {
  readonly octets: number;
  readonly packets: number;
}

export interface KeyVolume extends Volume {
  /**
   * host `192.0.2.1`, or a MAC for traffic without addresses; conversation `192.0.2.1 198.51.100.7`, the two in the order
   * of their octets; application `tcp/443` (protocol and service port), `icmp` or `arp`; protocol `tcp` or `arp`; VLAN
   * `20`, untagged `none`; service `192.0.2.1 tcp/443` (the server's end); labels as in the settings, `(none)` for what has
   * none of that kind; country `CH` and AS `AS64500 Example Networks` of the end outside the site, or `(none)`; the total has the empty string.
   */
  readonly key: string;
}

/** One closed window of one dimension: `Σ top + other = total of the dimension`, exactly. */
export interface WindowOfDimension {
  readonly dimension: Dimension;
  readonly top: readonly KeyVolume[];
  readonly other: Volume;
  /** Keys counted apart plus an estimate of those that were not. */
  readonly distinctKeys: number;
  /** A packed `DistinctCount` of all keys, for merging; not of the total, nor of windows of before it was kept. */
  readonly distinct?: Uint8Array;
  /** Of the total alone, and where the meter's counters were read second by second. */
  readonly rates?: RateHistogram;
}

export interface HistoryWindow {
  readonly tier: Tier;
  /** Start of the window, wall time in ms. */
  readonly startMs: number;
  readonly dimensions: readonly WindowOfDimension[];
  /** True when part of the window was not metered (start, stop, power cut): shown as a gap, not as silence. */
  readonly partial: boolean;
}

export interface SeriesPoint extends Volume {
  readonly startMs: number;
  /** False where there is no window: the box was off or the meter stood still. */
  readonly present: boolean;
  /** True when part of the point's time was not metered, or is not over yet. */
  readonly partial?: boolean;
  /** Of the line as a whole: what its seconds were like. */
  readonly rates?: Rates;
}

export interface TopAnswer extends AnswerAboutHosts {
  readonly dimension: Dimension;
  readonly tier: Tier;
  readonly fromMs: number;
  readonly toMs: number;
  readonly rows: readonly KeyVolume[];
  readonly other: Volume;
  readonly total: Volume;
  /** Absent from a box of before it was counted. */
  readonly distinct?: DistinctKeys;
}

/** How many different keys there were. */
export interface DistinctKeys {
  readonly keys: number;
  /** Of `keys`; 0 where all of them are known by name. */
  readonly standardError: number;
  /** True where some of the time does not tell (windows of before counts were kept): there were so many or more. */
  readonly atLeast: boolean;
}

export interface SeriesAnswer {
  readonly tier: Tier;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly points: readonly SeriesPoint[];
  /** Of all points together. */
  readonly rates?: Rates;
}

/** Answers questions about what was kept. `fromMs` inclusive, `toMs` exclusive, wall time. */
export interface HistoryReader {
  /**
   * @param question `host` asks for the conversations of one host, as far as they were kept by name: what is left
   * of the host's own volume is `other`
   */
  top(question: { dimension: Dimension; fromMs: number; toMs: number; limit: number; host?: string }): Promise<TopAnswer>;
  series(question: {
    fromMs: number;
    toMs: number;
    pointsMax: number;
    dimension?: Dimension;
    key?: string;
  }): Promise<SeriesAnswer>;
}

export const emptyVolume = (): Volume => ({ outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 });

/** What was counted, both directions together: of sampled traffic the packets that were taken. Undefined where that was not kept. */
export function countedOf({
  outOctets,
  inOctets,
  outPackets,
  inPackets,
  estimated,
  counted,
}: Readonly<Volume>): Counted | undefined {
  if (estimated) return counted;
  return { octets: outOctets + inOctets, packets: outPackets + inPackets };
}

export function addVolume(to: Volume, from: Readonly<Volume>): void {
  if (to.estimated || from.estimated) addEstimate(to, from);
  to.outOctets += from.outOctets;
  to.inOctets += from.inOctets;
  to.outPackets += from.outPackets;
  to.inPackets += from.inPackets;
  to.flows += from.flows;
}

function addEstimate(to: Volume, from: Readonly<Volume>): void {
  const [a, b] = [countedOf(to), countedOf(from)];
  if (a !== undefined && b !== undefined) to.counted = { octets: a.octets + b.octets, packets: a.packets + b.packets };
  else delete to.counted;
  to.estimated = true;
  to.standardError = addedError(to.standardError, from.standardError) ?? { octets: 0, packets: 0 };
}
