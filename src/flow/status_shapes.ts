/**
 * What the box says about itself, once a second to the page and once a minute over MQTT. Made by the composition root
 * from what the services report; the page and the API only show it. Times are wall time in ms, sizes octets.
 */

import type { ErrorCode } from '../core/errors.ts';
import type { Alert } from './alert_shapes.ts';
import type { Figure } from './figure_shapes.ts';
import type { DataPlaneHealth } from './health_shapes.ts';
import type { Volume } from './history_shapes.ts';
import type { LabelKind } from './labels.ts';
import type { Ledger } from './ledger.ts';
import type { LineTerms } from './line_terms.ts';
import type { MeterThreadStatus, ThreadFigures } from './meter_threads.ts';
import type { MirrorStatus } from './mirror_findings.ts';
import type { Sampling } from './selectors.ts';
import type { UpdateStatus } from './update_shapes.ts';

/** Traffic of one second, from the meter's own counters (never from spread flows). */
export interface TrafficSecond {
  readonly atMs: number;
  readonly packets: number;
  readonly octets: number;
  readonly droppedPackets: number;
  readonly newFlows: number;
}

export const uplinkStates = ['connecting', 'up', 'waiting', 'refused', 'stopped'] as const;
export type UplinkState = (typeof uplinkStates)[number];

/** Records that waited too long to be called live, on their way to a collector behind the live ones. */
export interface CatchUpStatus {
  /** Waiting: no collector takes records now. */
  readonly state: 'waiting' | 'sending';
  /** Of the session that they have of their own. */
  readonly observationDomainId: number;
  readonly recordsLeft: number;
  /** Arrived since this backlog began to be sent. */
  readonly recordsDone: number;
  /** Lately. */
  readonly recordsPerSecond: number;
  /** Expected, at that rate; null while nobody knows. */
  readonly remainingMs: number | null;
  /** Allowed now. */
  readonly bitsPerSecondMax: number;
  /** What the uplink was seen to carry; null while nobody knows. */
  readonly uplinkBitsPerSecond: number | null;
}

/** One destination or broker. */
export interface UplinkStatus {
  readonly name: string;
  readonly kind: 'ipfix' | 'netflow' | 'mqtt';
  /** `tcp://192.0.2.9:4739`: never with credentials. */
  readonly address: string;
  readonly state: UplinkState;
  readonly sinceMs: number;
  /** Why it is not up, in words for a technician; empty when it is. */
  readonly reason: string;
  readonly backlogRecords: number;
  readonly backlogOctets: number;
  /** Age of the oldest record that waits, ms; 0 for none. */
  readonly backlogAgeMs: number;
  /** Null while nothing is behind, and for brokers. */
  readonly catchUp: CatchUpStatus | null;
  readonly sentRecords: number;
  readonly acknowledgedRecords: number;
  readonly droppedRecords: number;
  /** From a flow's end to sent, of the last 10 to 20 minutes; null while nothing was sent, and for brokers. */
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  /** What the transport's acknowledgement is worth, in a few words. */
  readonly proof: string;
  /** Next attempt, or 0. */
  readonly retryAtMs: number;
}

export interface InterfaceStatus {
  /** As it is called now: somebody may have renamed it. */
  readonly name: string;
  /** The kernel's number: another one after it was taken out and made again. */
  readonly index: number;
  /** False while it is unplugged. */
  readonly present: boolean;
  readonly up: boolean;
  /** Octets above the link header. */
  readonly mtu: number;
  readonly speedMbps: number | null;
  readonly receivedPackets: number;
  readonly droppedByKernelPackets: number;
  readonly droppedByNicPackets: number;
  /** Left out by sampling in the kernel: an estimate. */
  readonly sampledByKernelPackets: number;
  /** Of mirrored frames, behind the capture: `on`, `off`, or `skipped: ` and why. */
  readonly earlyDrop: string;
}

/** The counters of the mirror ports beside the meter's, over the same time. */
export interface PortAccount {
  readonly overMs: number;
  /** By the kernel: what the ports took from the wire. */
  readonly portPackets: number;
  readonly portOctets: number;
  /** By the meter. */
  readonly receivedPackets: number;
  readonly receivedOctets: number;
  /** By the filter, and by sampling in the kernel. */
  readonly leftOutPackets: number;
  /** By the kernel, for lack of room in the ring. */
  readonly droppedPackets: number;
}

/** What of the records is enriched, over the last ten to twenty minutes; %, null while or where nobody can tell. */
export interface EnrichmentStatus {
  /** With everything that is set up. */
  readonly completePercent: number | null;
  /** Which lack a part; null for what is not set up. A name (of either end) is no part of the whole: it depends on the traffic. */
  readonly lackingPercent: Readonly<Record<'locality' | 'application' | 'label' | 'country' | 'name', number | null>>;
}

export interface MeterStatus {
  readonly source: 'interface' | 'capture' | 'demo' | 'none';
  readonly state: 'metering' | 'waiting' | 'stopped' | 'failed';
  /** Why it waits or has failed, in words for a technician; empty when it meters. */
  readonly reason: string;
  /** The same for programs; null when nothing is wrong. */
  readonly code: ErrorCode | null;
  readonly interfaces: readonly InterfaceStatus[];
  readonly cachedFlows: number;
  readonly cacheCapacityFlows: number;
  readonly blocksFilled: number;
  readonly blocksCapacity: number;
  readonly sampling: SamplingStatus;
  readonly duplicatesSeenPackets: number;
  /** Each metering thread, and all of them together. */
  readonly threads: readonly MeterThreadStatus[];
  readonly allThreads: ThreadFigures;
}

/** What is in force now, outside of pools: one packet of `interval` is metered. */
export interface SamplingStatus extends Sampling {
  /** Of these, the kernel lets one packet of this many through; 1 for all. */
  readonly kernelInterval: number;
  readonly selectorId: number;
  /** The box chooses the rate by itself, while it cannot keep up. */
  readonly adaptive: boolean;
  /** What the box multiplies the intervals of the settings by at present; 1 while it keeps up. */
  readonly factor: number;
  /** Since when, and why it was changed then, in words; empty for as it was at the start. */
  readonly sinceMs: number;
  readonly why: string;
  /** Those in force, pools in their order and what none of them takes; then others that records of this run name. At most 32. */
  readonly selectors: readonly SelectorStatus[];
}

/** A selector of this run, with the meter's own counts beside what they stand for. */
export interface SelectorStatus extends Sampling {
  readonly selectorId: number;
  /** Empty for what no pool takes. */
  readonly pool: string;
  /** A random stage before it, in the kernel; 1 for none. */
  readonly kernelInterval: number;
  readonly inForce: boolean;
  /** Packets that came to it (318) and packets that it took (319). */
  readonly observedPackets: number;
  readonly selectedPackets: number;
  /** What the selected ones stand for, and how far off that is in 95 of 100 cases; null where it cannot be told (flowHash). */
  readonly estimatedPackets: number;
  readonly within95Packets: number | null;
}

export interface StoreStatus {
  readonly name: 'history' | 'spool' | 'outbox';
  readonly state: 'open' | 'stopped' | 'repaired';
  /** Why it does not work, in words for a technician; empty when it does. */
  readonly reason: string;
  readonly octetsOnDisk: number;
  readonly octetsMax: number;
}

/** Of a store and what is kept in it: the store knows what is wrong with the disk, what is kept how much it is. */
export function keptStatus(disk: StoreStatus, kept: StoreStatus): StoreStatus {
  if (disk.state === 'open' && kept.state !== 'open') return kept;
  return { ...disk, octetsOnDisk: Math.max(disk.octetsOnDisk, kept.octetsOnDisk) };
}

/** The box itself. `null` where this machine does not tell. */
export interface HostHealth {
  readonly model: string;
  readonly os: string;
  readonly kernel: string;
  readonly uptimeS: number;
  readonly cpuPercent: number;
  readonly cpuCores: number;
  readonly load1: number;
  readonly memoryTotalOctets: number;
  readonly memoryAvailableOctets: number;
  readonly processOctets: number;
  readonly temperatureC: number | null;
  readonly diskTotalOctets: number;
  readonly diskFreeOctets: number;
  /** What this program wrote to storage in the last 24 hours. */
  readonly writtenOctetsPerDay: number;
  /** What all programs wrote to the disk of the data folder, by its own count, file system included; null where nobody counts. */
  readonly diskWrittenOctetsPerDay: number | null;
  /** By which of them wear is judged: the disk's own where the disk is this box's alone (image), else this program's. */
  readonly wearBy: 'disk' | 'program';
  readonly clockSynchronised: boolean | null;
  /** What the board complains about (supply voltage, heat), in words for a technician. */
  readonly complaints?: readonly string[];
}

/** What wears the disk, of the last 24 hours. */
export const wornOctetsPerDay = ({ wearBy, diskWrittenOctetsPerDay, writtenOctetsPerDay }: HostHealth): number =>
  wearBy === 'disk' && diskWrittenOctetsPerDay !== null ? diskWrittenOctetsPerDay : writtenOctetsPerDay;

export interface BoxEvent {
  readonly atMs: number;
  readonly level: 'info' | 'warn' | 'error';
  /** A stable name: `uplinkLost`, `meterStarted`, `historyStopped`, `gapMarked`, … */
  readonly event: string;
  readonly text: string;
}

export interface BoxStatus {
  readonly version: string;
  readonly site: string;
  readonly node: string;
  readonly nowMs: number;
  readonly startedMs: number;
  readonly meter: MeterStatus;
  readonly ledger: Ledger;
  readonly mirror: MirrorStatus;
  readonly uplinks: readonly UplinkStatus[];
  readonly stores: readonly StoreStatus[];
  readonly host: HostHealth;
  /** Whether capture, threads, timers and stores work: what an update is judged by. */
  readonly dataPlane: DataPlaneHealth;
  readonly events: readonly BoxEvent[];
  /** Those that stand, and the last that have cleared. */
  readonly alerts: readonly Alert[];
  /** What the box keeps about itself, each with its target; empty in the first seconds. */
  readonly figures: readonly Figure[];
  /** What is not configured yet, each with what to do. */
  readonly notConfigured: readonly string[];
  /** Settings that were changed while running and wait for a restart, by their paths. */
  readonly restartNeededFor: readonly string[];
  /** Kinds of label that some rule gives, and the history counts by. */
  readonly labelKinds: readonly LabelKind[];
  /** Places that a file tells, and the history counts by. */
  readonly places: readonly ('country' | 'as')[];
  /** Null while nothing can be compared, and where no port is metered. */
  readonly ports: PortAccount | null;
  readonly enrichment: EnrichmentStatus;
  /** What the line carries and costs, as far as the settings say. */
  readonly line: LineTerms;
  /** Slots, and what is done about new versions. */
  readonly updates: UpdateStatus;
}

/** `summary/1m` and `summary/1h` over MQTT. */
export interface TrafficSummary {
  readonly schema: 1;
  readonly site: string;
  readonly node: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly partial: boolean;
  readonly total: Volume;
  readonly hosts: readonly (Volume & { readonly key: string })[];
  readonly conversations: readonly (Volume & { readonly key: string })[];
  readonly applications: readonly (Volume & { readonly key: string })[];
  /** By kind, for kinds that some rule gives; `(none)` is what has none. */
  readonly labels?: Readonly<Partial<Record<LabelKind, readonly (Volume & { readonly key: string })[]>>>;
}
