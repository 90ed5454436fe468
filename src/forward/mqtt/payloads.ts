/**
 * What is said over MQTT: pure functions from the shapes of `flow/` to payloads. Every payload opens with `schema`, `site`
 * and `node`; `config/mqtt-payloads.md` shows an example of each and is generated from these functions.
 *
 * Times are wall time in integer ms since 1970, sizes octets of whole frames. Within a schema version fields are only ever
 * added; a changed meaning is a new version.
 */

import type { Alert } from '../../flow/alert_shapes.ts';
import type { Figure } from '../../flow/figure_shapes.ts';
import {
  addVolume,
  type Dimension,
  emptyVolume,
  type HistoryWindow,
  type KeyVolume,
  tierSeconds,
  type Volume,
} from '../../flow/history_shapes.ts';
import { labelDimensions, labelKinds } from '../../flow/labels.ts';
import type { Ledger } from '../../flow/ledger.ts';
import type { MirrorStatus } from '../../flow/mirror_findings.ts';
import type {
  BoxEvent,
  BoxStatus,
  HostHealth,
  MeterStatus,
  StoreStatus,
  TrafficSummary,
  UplinkStatus,
} from '../../flow/status_shapes.ts';
import type { UpdateStatus } from '../../flow/update_shapes.ts';
import type { Identity, Topic } from './topics.ts';

/** Version of each topic's payload; also sent as the user property `schema`. */
export const schemaVersions = { state: 1, health: 1, summary1m: 1, summary1h: 1, alert: 1, event: 1 } as const satisfies Record<
  Topic,
  number
>;

export interface StatePayload {
  readonly schema: 1;
  readonly site: string;
  readonly node: string;
  readonly online: boolean;
  /** `connected`; `stopped` by a planned stop; `lost` when the broker had to say it (last will). */
  readonly reason: 'connected' | 'stopped' | 'lost';
  readonly version: string;
  /** When this was written: for `lost`, when the connection that was lost began. */
  readonly atMs: number;
}

export interface HealthPayload {
  readonly schema: 1;
  readonly site: string;
  readonly node: string;
  readonly atMs: number;
  readonly version: string;
  readonly startedMs: number;
  readonly host: HostHealth;
  /** Without its threads: the box's API has them. */
  readonly meter: Omit<MeterStatus, 'threads' | 'allThreads'>;
  readonly ledger: Ledger;
  /** What the traffic tells about the mirror; its findings are what to change on the switch. */
  readonly mirror: MirrorStatus;
  readonly uplinks: readonly UplinkStatus[];
  readonly stores: readonly StoreStatus[];
  /** Slots, what is done about new versions, and what became of the last three. */
  readonly updates: UpdateStatus;
  /** Figures of the box about itself, without their history. */
  readonly figures: readonly Omit<Figure, 'hours'>[];
}

export interface EventPayload extends BoxEvent {
  readonly schema: 1;
  readonly site: string;
  readonly node: string;
}

export interface AlertPayload extends Alert {
  readonly schema: 1;
  readonly site: string;
  readonly node: string;
}

export function alertPayload({ site, node }: Identity, alert: Alert): AlertPayload {
  return { schema: schemaVersions.alert, site, node, ...alert };
}

export function statePayload(identity: Identity, reason: StatePayload['reason'], version: string, atMs: number): StatePayload {
  const { site, node } = identity;
  return { schema: schemaVersions.state, site, node, online: reason === 'connected', reason, version, atMs };
}

export function healthPayload(status: BoxStatus): HealthPayload {
  const { site, node, nowMs, version, startedMs, host, ledger, mirror, uplinks, stores, updates } = status;
  const { threads: _1, allThreads: _2, ...meter } = status.meter;
  const figures = status.figures.map(({ hours: _, ...figure }) => figure);
  const { health: schema } = schemaVersions;
  return {
    schema,
    site,
    node,
    atMs: nowMs,
    version,
    startedMs,
    host,
    meter,
    ledger,
    mirror,
    uplinks,
    stores,
    updates: shortened(updates),
    figures,
  };
}

/** Sent every minute over lines that are paid by the octet: the page and the API have all of them. */
const shortened = (updates: UpdateStatus): UpdateStatus => ({ ...updates, past: updates.past.slice(0, 3) });

export function eventPayload(identity: Identity, event: BoxEvent): EventPayload {
  const { site, node } = identity;
  const { atMs, level, event: name, text } = event;
  return { schema: schemaVersions.event, site, node, atMs, level, event: name, text };
}

/**
 * One closed window, with the `top` largest keys of a dimension by octets. What is not named is the total less the named
 * ones; a host's octets count at both its ends, so hosts add up to twice the total.
 */
export function summaryPayload(window: HistoryWindow, identity: Identity, top: number): TrafficSummary {
  const { site, node } = identity;
  const total = emptyVolume();
  const all = window.dimensions.find(({ dimension }) => dimension === 'total');
  if (all !== undefined) for (const volume of [...all.top, all.other]) addVolume(total, volume);
  return {
    schema: schemaVersions.summary1m,
    site,
    node,
    startMs: window.startMs,
    endMs: window.startMs + tierSeconds[window.tier] * 1_000,
    partial: window.partial,
    total,
    hosts: largest(window, 'host', top),
    conversations: largest(window, 'conversation', top),
    applications: largest(window, 'application', top),
    ...labelsOf(window, top),
  };
}

/** Only kinds that rules give: a box without labels sends what it always did. */
function labelsOf(window: HistoryWindow, top: number): Pick<TrafficSummary, 'labels'> {
  const counted = new Set(window.dimensions.map(({ dimension }) => dimension));
  const kinds = labelKinds.filter((kind) => counted.has(labelDimensions[kind]));
  if (kinds.length === 0) return {};
  return { labels: Object.fromEntries(kinds.map((kind) => [kind, largest(window, labelDimensions[kind], top)])) };
}

const octets = (volume: Volume): number => volume.outOctets + volume.inOctets;

function largest(window: HistoryWindow, dimension: Dimension, top: number): KeyVolume[] {
  const found = window.dimensions.find((candidate) => candidate.dimension === dimension);
  return [...(found?.top ?? [])]
    .sort((a, b) => octets(b) - octets(a) || (a.key < b.key ? -1 : 1))
    .slice(0, top)
    .map(({ key, outOctets, inOctets, outPackets, inPackets, flows, ...estimate }) => ({
      key,
      outOctets,
      inOctets,
      outPackets,
      inPackets,
      flows,
      ...estimate,
    }));
}
