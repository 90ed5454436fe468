/**
 * What the native addon offers, and how it is loaded: the whole seam between TypeScript and C++ (`native/`).
 *
 * Threads: every call is made on one JavaScript thread and returns at once; the meter works on threads of its own and
 * hands blocks over by index in `buffer`. A block stays the caller's until `release`. Nothing here throws for traffic.
 */
import { createRequire } from 'node:module';
import { ApplianceError } from '../core/errors.ts';
import { layoutHash } from '../flow/row_layout.ts';

export interface NativeSource {
  kind: 'ring' | 'file';
  /** ring: one or more interface names that form one observation point each. */
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
}

export interface NativeSampling {
  kind: 'none' | 'count' | 'random';
  /** One packet of this many is selected. */
  interval: number;
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
  /** What became of GRO and LRO: `off`, `off (were on)`, `not managed`, or why they stay on. */
  offloads: string;
}

export interface NativeStats {
  /** In the order of `meterCounters`. */
  counters: Float64Array;
  /** Packets by `decodeAnnotations`. */
  annotations: Float64Array;
  interfaces: NativeInterface[];
  /** Empty, or why the source stopped or waits: a code and words, e.g. `ENETDOWN: eth1 is down`. */
  sourceError: string;
  /** Stands for the sampling now in force; 0 for none. A number never means two things in a session. */
  selectorId: number;
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
  /** Rows of up to `count` flows now in the cache, largest first, as they would be handed over. */
  snapshot(count: number): Uint8Array;
  /** Applied by the meter's threads at their next batch. Returns the selectorId of the sampling then in force. */
  configure(change: {
    sampling?: NativeSampling;
    activeTimeoutMs?: number;
    idleTimeoutMs?: number;
    testWallOffsetNs?: bigint;
  }): number;
  /** Ends capture, hands over the whole cache (flowEndReason 4). Blocks may still be polled and released afterwards. */
  stop(): void;
  /** True when the threads have ended and every block has been polled. */
  drained(): boolean;
  /** Ends without waiting; statistics stay readable, and so does `buffer`. */
  close(): void;
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
  /** Octets a TCP socket has sent that its peer's kernel has not acknowledged (SIOCOUTQ); −1 when it cannot be told. */
  unacknowledgedBytes(fd: number): number;
  /** Path MTU the kernel knows for a connected socket (IP_MTU), or −1. */
  pathMtu(fd: number): number;
  /** TCP_USER_TIMEOUT in ms; false when refused. */
  setUserTimeout(fd: number, ms: number): boolean;
  /** Nanoseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME read together. */
  clocks(): { monotonicNs: bigint; realtimeNs: bigint };
  /** Which of `GRO` and `LRO` are on at an interface now; null where the driver does not tell, or there is none. */
  mergingOffloads(name: string): string[] | null;
  /** What adjtimex(2) tells, changing nothing: whether a time service steers the clock, and how wrong it may be; null if refused. */
  kernelClock(): { synchronised: boolean; errorMaxMs: number } | null;
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
