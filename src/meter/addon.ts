/**
 * What the native addon offers, and how it is loaded: the whole seam between TypeScript and C++ (`native/`).
 *
 * Threads: every call is made on one JavaScript thread and returns at once; the meter works on threads of its own and
 * hands blocks over by index in `buffer`. A block stays the caller's until `release`. Nothing here throws for traffic.
 */
import { createRequire } from 'node:module';
import { ApplianceError } from '../core/errors.ts';
import type { ObservationKind } from '../flow/decode_annotations.ts';
import type { PackFlows } from '../flow/flow_packing.ts';
import type { CountRows } from '../flow/row_counts.ts';
import type { ReadEvidence } from '../flow/row_evidence.ts';
import { layoutHash } from '../flow/row_layout.ts';
import type { MarkLocality } from '../flow/row_locality.ts';

export interface NativeSource {
  /** `feed`: somebody else captures on the interfaces and hands frames over; one thread. */
  kind: 'ring' | 'file' | 'feed';
  /** ring, feed: one or more interface names that form one observation point each. */
  interfaces?: string[];
  /** file: path to a pcap or pcapng capture, `.gz` allowed. */
  path?: string;
  /** file: `asFast` on packet time, or `realtime`: replayed at the capture's own pace on the monotonic clock. */
  pace?: 'asFast' | 'realtime';
  /** file, realtime: start again at the end. */
  loop?: boolean;
  /** BPF expression in libpcap's language; empty for all. */
  filter?: string;
  /** ring: octets of ring memory per interface and thread. */
  ringBytes?: number;
  /** Octets kept of each frame; lengths are always the original's. */
  snapLength?: number;
  promiscuous?: boolean;
  /** ring: turn GRO/LRO off while metering and restore them on close. */
  manageOffloads?: boolean;
  /** ring, feed: where it is kept which offloads were turned off, for whoever comes after a kill; nowhere when left out. */
  memoryFolder?: string;
  /** ring: drop frames at tc ingress, behind the taps, while metering; never on a port with an IP address. */
  earlyDrop?: boolean;
}

/**
 * How packets are selected: all; every n-th (RFC 5475 section 5.1); each with probability 1/n (RFC 5475 section 5.2.2); or all
 * packets of one flow in n, by a keyed hash of the flow key, both directions (hash-based flow filtering of RFC 7014).
 */
export interface NativeSelection {
  kind: 'none' | 'count' | 'random' | 'flowHash';
  /** One packet, or one flow, of this many is selected: 1 to 2^30. */
  interval: number;
  /**
   * The number to stand in rows; 0 or left out for one of the meter's choice. Every packet outside of pools is 0 in any case.
   * One that stands for another selection in this run is refused (EINVAL).
   */
  selectorId?: number;
}

/**
 * What a pool takes, by the flow key (of the inner flow where a tunnel is opened). Every list that is given must match, one of
 * its members suffices. Address and port are those of one endpoint, whichever: both directions of a flow meet in one pool.
 */
export interface NativePoolMatch {
  /** 802.1Q identifiers, of the outer or the customer tag; 0 for frames without a VLAN. Needs `vlanInKey`. At most 64. */
  vlans?: readonly number[];
  /** `10.20.0.0/16`, `2001:db8::/48`. At most 32. */
  prefixes?: readonly string[];
  /** IP protocol numbers. At most 32. */
  protocols?: readonly number[];
  /** First and last port of protocols that have ports. At most 32. */
  ports?: readonly (readonly [number, number])[];
}

export interface NativePool extends NativeSelection {
  match: NativePoolMatch;
}

/** What matches no pool is selected by `kind` and `interval`. */
export interface NativeSampling extends NativeSelection {
  /** At most 8; the first that matches wins. Left out of `configure`: they stay as they are. */
  pools?: readonly NativePool[];
  /**
   * ring: a first stage in the kernel passes one packet of this many on, at random, before it is copied: a power of two up
   * to 65536, 1 for none. Left out of `configure`: it stays as it is. Other sources refuse anything but 1 (EINVAL).
   */
  kernelInterval?: number;
}

/** What a selectorId stands for, and its totals (RFC 5477 elements 318 and 319), summed over threads. */
export interface NativeSelector extends Required<NativeSelection> {
  /** Which pool it selects from; −1: what matches none. */
  pool: number;
  /** Its rate is the product of `interval` and this. */
  kernelInterval: number;
  /** Packets that came to this selector: decoded, not removed as duplicates, let through by the kernel's stage. */
  observedPackets: number;
  selectedPackets: number;
  /** False when rows may still name it but no packet comes to it now. */
  inForce: boolean;
}

/** Packets that name hosts, whose first octets are shown. */
export interface NativeObservations {
  /** None of them: nothing is observed. */
  kinds: readonly ObservationKind[];
  /** Of each kind, over all threads; a second's worth may come at once. */
  perSecond: number;
}

export interface NativeOptions {
  source: NativeSource;
  sampling: NativeSampling;
  threads: number;
  cacheFlows: number;
  activeTimeoutMs: number;
  idleTimeoutMs: number;
  /** Idle time-outs that differ by protocol number. */
  idleTimeoutByProtocolMs?: Record<number, number>;
  lingerMs: number;
  vlanInKey: boolean;
  duplicates: 'off' | 'report' | 'remove';
  duplicateWindowMs: number;
  tunnels: string[];
  rowsPerBlock: number;
  blocks: number;
  /** Nothing is observed when left out. */
  observations?: NativeObservations;
  /** A partly filled block is handed over when it is this old. */
  blockMaxAgeMs: number;
  /** Seed of the keyed hash and of random sampling. */
  seed: bigint;
  /** Added to wall stamps of the ring, for tests of clock steps. */
  testWallOffsetNs?: bigint;
}

export interface NativeInterface {
  name: string;
  index: number;
  /** False while it is unplugged. */
  present: boolean;
  up: boolean;
  /** Octets above the link header. */
  mtu: number;
  receivedPackets: number;
  droppedByKernelPackets: number;
  droppedByNicPackets: number;
  /** Estimate of what the first stage of sampling did not let through. */
  sampledByKernelPackets: number;
  /** What became of GRO, LRO and their kin: `off`, `off (were on)`, `not managed`, or why they stay on. */
  offloads: string;
  /** `on`, `off` (not wanted), or why it is not on: `skipped: …`. */
  earlyDrop: string;
}

export interface NativeStats {
  /** Of the whole meter, in the order of `meterCounters`. */
  counters: Float64Array;
  /** Of each metering thread, of the same moment: what can be added up adds up to `counters`, exactly. */
  threads: Float64Array[];
  /** Packets by `decodeAnnotations`. */
  annotations: Float64Array;
  interfaces: NativeInterface[];
  /** Empty, or why the source stopped or waits: a code and words, e.g. `ENETDOWN: eth1 is down`. */
  sourceError: string;
  /** False when a thread did not answer in time: it hangs, or the machine is very busy. */
  answering: boolean;
  /** Stands for the sampling now in force outside of pools; 0 for none. A number never means two things in a session. */
  selectorId: number;
  /** The selectors in force, and before them others used of late; 64 at most. */
  selectors: NativeSelector[];
}

export interface NativeMeter {
  /** Blocks of `blockBytes` each, header first (`blockHeader` in `flow/decode_annotations.ts`). */
  readonly buffer: ArrayBuffer;
  readonly blockBytes: number;
  start(): void;
  /** Index of the next filled block, or −1. */
  poll(): number;
  /**
   * Blocks this thread until a block is filled; −1 when none came in time or the meter is drained. For one-shot commands
   * only, never on the event loop of the service.
   */
  waitBlock(timeoutMs: number): number;
  release(block: number): void;
  /** A consistent copy of the counters, published by the meter's threads on request (waits a few ms at most). */
  stats(): NativeStats;
  /**
   * Copies observations that wait, as many as find room, oldest first within a thread: a head (`observationHead`), the payload, and up to the
   * next multiple of 8. Returns the octets. At most 256 a thread wait; what comes then is counted and left out.
   */
  observations(into: Uint8Array): number;
  /** Rows of up to `count` flows now in the cache, largest first, as they would be handed over. */
  snapshot(count: number): Uint8Array;
  /**
   * Applied by the meter's threads at their next batch; a new first stage in the kernel once the packets come that it let
   * through. Returns the selectorId then in force outside of pools. A changed rate gets another selectorId, and flows are
   * split at their next packet; a rate that comes back gets its former one, because it means the same.
   */
  configure(change: {
    sampling?: NativeSampling;
    activeTimeoutMs?: number;
    idleTimeoutMs?: number;
    observations?: NativeObservations;
    testWallOffsetNs?: bigint;
  }): number;
  /** Ends capture, hands over the whole cache (flowEndReason 4). Blocks may still be polled and released afterwards. */
  stop(): void;
  /** True when the threads have ended and every block has been polled. */
  drained(): boolean;
  /** Ends without waiting; statistics stay readable, and so does `buffer`. */
  close(): void;
  /** feed: slots of `feedSlotBytes`, each filled with records (`native/source/feed_lane.h`: six words, the frame, padding to 8). */
  readonly feedBuffer?: ArrayBuffer;
  readonly feedSlotBytes?: number;
  /** feed: lends a slot to fill, −1 when all wait to be metered. */
  feedSlot(): number;
  /** feed: hands over a lent slot whose first `octets` are whole records. */
  feed(slot: number, octets: number): void;
  /** feed: totals about the interface at this place: packets its reader was shown, and of these lost. */
  feedTotals(port: number, tapped: number, dropped: number): void;
}

export interface NativeAddon {
  layoutHash(): number;
  layoutDescription(): string;
  /** Throws an Error with `code` (`ENODEV`, `EPERM`, `ENOENT`, `EBADFILTER`, `ELINKTYPE`, `EBADCAPTURE`, `EINVAL`, `ENOMEM`). */
  open(options: NativeOptions): NativeMeter;
  /** Compiles a packed projection table (`packTable`) once; the handle is used by `project`. */
  compileProjection(table: Int32Array): object;
  /**
   * `projectRows` of `flow/projection.ts` in C++. `result` receives octets, rows, records. Octets of `out` behind the
   * records and before the limit are scratch.
   */
  project(
    projection: object,
    rows: Uint8Array,
    firstRowOffset: number,
    count: number,
    out: Uint8Array,
    outOffset: number,
    limit: number,
    wallOffsetNs: bigint,
    result: Int32Array,
  ): void;
  markLocality: MarkLocality;
  countRows: CountRows;
  readEvidence: ReadEvidence;
  /** Rows packed into columns, to be searched. */
  packFlows: PackFlows;
  /** Octets a TCP socket has sent that its peer's kernel has not acknowledged (SIOCOUTQ); −1 when it cannot be told. */
  unacknowledgedBytes(fd: number): number;
  /** Path MTU the kernel knows for a connected socket (IP_MTU), or −1. */
  pathMtu(fd: number): number;
  /** TCP_USER_TIMEOUT in ms; false when refused. */
  setUserTimeout(fd: number, ms: number): boolean;
  /** Nanoseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME read together. */
  clocks(): { monotonicNs: bigint; realtimeNs: bigint };
  /** Which of `GRO`, `LRO`, `rx-gro-hw`, `rx-gro-list`, `rx-udp-gro-forwarding` are on at an interface now; null where the driver does not tell, or there is none. */
  mergingOffloads(name: string): string[] | null;
  /** Whether an early drop of ours is on an interface now, put there by whatever process. */
  earlyDrop(name: string): boolean;
  /** What adjtimex(2) tells, changing nothing: whether a time service steers the clock, and how wrong it may be; null if refused. */
  kernelClock(): { synchronised: boolean; errorMaxMs: number } | null;
  /** Has the C library keep free memory in few places and give large pieces back when they are freed; before other threads begin. */
  keepMemoryTogether(): void;
  /** Resolves when what lies free within the process is given back to the system; other threads that allocate may wait for milliseconds. */
  giveMemoryBack(): Promise<void>;
  /** Sends a datagram to a service manager's socket (sd_notify(3)); false when it cannot be sent. */
  notifyService(address: string, text: string): boolean;
  version(): string;
}

/** Loads the addon built by `npm run build:native` and refuses one whose row layout differs. */
export function loadAddon(): NativeAddon {
  const require = createRequire(import.meta.url);
  const candidates = ['../../build/native/flowspan.node', '../../native/flowspan.node'];
  let cause: unknown;
  for (const path of candidates) {
    let addon: NativeAddon;
    try {
      addon = require(path) as NativeAddon;
    } catch (error) {
      cause = error; // the next place may hold it; the last error is reported
      continue;
    }
    if (addon.layoutHash() !== layoutHash()) {
      throw new ApplianceError('addonMismatch', 'the native addon was built for another row layout: run npm run build', {});
    }
    return addon;
  }
  throw new ApplianceError('addonMissing', 'the native addon is not built: run npm run build', { cause });
}
