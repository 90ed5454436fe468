/**
 * The native meter of a simulated box: sees the flows that begin while it runs, keeps them in its cache until they are idle,
 * writes rows into blocks as the real one does, and counts every packet. One packet comes at a flow's start, the others at
 * its end.
 */
import { blockHeader, meterCounters } from '../../src/flow/decode_annotations.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES, rowFamilies } from '../../src/flow/row_layout.ts';
import type { NativeMeter, NativeOptions, NativeStats } from '../../src/meter/addon.ts';
import type { BoxClock } from './box_clock.ts';
import { countsOf, type Flow, frameOverheadOctets, type Traffic } from './traffic.ts';

const flowEndReason = { idle: 1, forced: 4 } as const;
const lingerMs = 1_000;
const rowsPerBlock = 64;
const blocks = 16;

export class SimMeter implements NativeMeter {
  readonly blockBytes = blockHeader.bytes + rowsPerBlock * ROW_BYTES;
  readonly buffer = new ArrayBuffer(blocks * this.blockBytes);
  readonly #clock: BoxClock;
  readonly #traffic: Traffic;
  readonly #trueMs: () => number;
  readonly #handedOver: (flow: Flow) => void;
  readonly #blockMaxAgeMs: number;
  readonly #view = new DataView(this.buffer);
  readonly #row = new RowCursor(new Uint8Array(this.buffer));
  readonly #counters = Object.fromEntries(meterCounters.map((name) => [name, 0])) as Record<
    (typeof meterCounters)[number],
    number
  >;
  readonly #free = Array.from({ length: blocks }, (_, index) => index);
  /** By the time at which they are reported. */
  #cache: Flow[] = [];
  #ready: { readonly index: number; readonly flows: readonly Flow[] }[] = [];
  #open: { flow: Flow; reason: number; atMs: number }[] = [];
  #sequence = 0;
  #stopped = false;
  #running = false;

  constructor(options: NativeOptions, clock: BoxClock, traffic: Traffic, trueMs: () => number, handedOver: (flow: Flow) => void) {
    this.#blockMaxAgeMs = options.blockMaxAgeMs;
    this.#clock = clock;
    this.#traffic = traffic;
    this.#trueMs = trueMs;
    this.#handedOver = handedOver;
  }

  start(): void {
    this.#traffic.until(this.#trueMs()); // gone by before anybody looked
    this.#running = true;
  }
  poll(): number {
    this.#advance();
    const block = this.#ready.shift();
    if (block === undefined) return -1;
    for (const flow of block.flows) this.#handedOver(flow);
    return block.index;
  }
  waitBlock(): number {
    return -1;
  }
  release(block: number): void {
    this.#free.push(block);
  }
  stats(): NativeStats {
    this.#advance();
    const c = this.#counters;
    c.cachedFlows = this.#cache.length;
    c.cacheCapacityFlows = 100_000;
    c.blocksCapacity = blocks;
    c.blocksFilled = this.#ready.length;
    c.sourceStateUp = c.sourceStateCount = 1;
    const counters = Float64Array.from(meterCounters, (name) => c[name]);
    return {
      counters,
      threads: [counters],
      annotations: new Float64Array(0),
      interfaces: [
        {
          ...{ name: 'mirror0', index: 3, present: true, up: true, mtu: 1_500, offloads: 'off', earlyDrop: 'off' },
          ...{ receivedPackets: c.receivedPackets, droppedByKernelPackets: 0, droppedByNicPackets: 0, sampledByKernelPackets: 0 },
        },
      ],
      sourceError: '',
      answering: true,
      selectorId: 1,
      selectors: [
        {
          ...{ selectorId: 1, kind: 'none', interval: 1, pool: -1, kernelInterval: 1, inForce: true },
          ...{ observedPackets: c.decodedPackets, selectedPackets: c.meteredPackets },
        },
      ],
    };
  }
  observations(): number {
    return 0;
  }
  snapshot(): Uint8Array {
    return new Uint8Array();
  }
  configure(): number {
    return 1;
  }
  stop(): void {
    this.#advance();
    this.#running = false;
    for (const flow of this.#cache.splice(0)) this.#end(flow, flowEndReason.forced);
    this.#stopped = true;
    this.#fill(true);
  }
  drained(): boolean {
    this.#fill(this.#stopped);
    return this.#stopped && this.#ready.length === 0 && this.#open.length === 0;
  }
  close(): void {
    this.#running = false;
  }
  feedSlot(): number {
    return -1;
  }
  feed(): void {}
  feedTotals(): void {}

  #advance(): void {
    if (!this.#running) return;
    const nowMs = this.#trueMs();
    for (const flow of this.#traffic.until(nowMs)) {
      this.#receive(flow, 'first');
      this.#cache.push(flow);
    }
    const over = this.#cache.filter(({ endMs }) => endMs + lingerMs <= nowMs);
    if (over.length > 0) {
      this.#cache = this.#cache.filter(({ endMs }) => endMs + lingerMs > nowMs);
      for (const flow of over.sort((a, b) => a.endMs - b.endMs)) this.#end(flow, flowEndReason.idle);
    }
    this.#fill(false);
  }

  #end(flow: Flow, reason: number): void {
    this.#receive(flow, 'rest');
    const { packets, octets, reversePackets, reverseOctets } = countsOf(flow.id);
    const sums = [packets + reversePackets, frameOctets(flow.id), octets + reverseOctets] as const;
    this.#add('cached', -sums[0], -sums[1], -sums[2]);
    this.#add('handedOver', ...sums);
    this.#counters.handedOverRecords++;
    this.#counters.handedOverFlows++;
    this.#open.push({ flow, reason, atMs: this.#clock.monotonicMs() });
  }

  #receive({ id }: Flow, what: 'first' | 'rest'): void {
    const { packets, octets, reversePackets, reverseOctets } = countsOf(id);
    const first = octets / packets;
    const [p, ip] = what === 'first' ? [1, first] : [packets + reversePackets - 1, octets + reverseOctets - first];
    const frames = ip + p * frameOverheadOctets;
    const c = this.#counters;
    for (const term of ['received', 'decoded'] as const) {
      c[`${term}Packets`] += p;
      c[`${term}Octets`] += frames;
    }
    this.#add('metered', p, frames, ip);
    this.#add('cached', p, frames, ip);
    c.lastPacketNs = this.#clock.monotonicMs() * 1e6;
  }

  #add(term: 'metered' | 'cached' | 'handedOver', packets: number, octets: number, ipOctets: number): void {
    this.#counters[`${term}Packets`] += packets;
    this.#counters[`${term}Octets`] += octets;
    this.#counters[`${term}IpOctets`] += ipOctets;
  }

  /** Rows go into a block when it is full, or when the oldest has waited long enough. */
  #fill(whatever: boolean): void {
    while (this.#open.length > 0 && this.#free.length > 0) {
      const waited = this.#clock.monotonicMs() - this.#open[0]!.atMs;
      if (!whatever && this.#open.length < rowsPerBlock && waited < this.#blockMaxAgeMs) return;
      const rows = this.#open.splice(0, rowsPerBlock);
      const index = this.#free.shift()!;
      const base = index * this.blockBytes;
      rows.forEach(({ flow, reason }, i) => {
        this.#write(flow, reason, base + blockHeader.bytes, i);
      });
      this.#view.setUint32(base + blockHeader.rowCount, rows.length, true);
      this.#view.setBigUint64(base + blockHeader.sequence, BigInt(this.#sequence++), true);
      this.#view.setBigUint64(base + blockHeader.closedAtNs, this.#clock.monotonicNs(), true);
      const startNs = this.#boxNs(Math.min(...rows.map(({ flow }) => flow.startMs)));
      const endNs = this.#boxNs(Math.max(...rows.map(({ flow }) => this.#endMs(flow))));
      this.#view.setBigUint64(base + blockHeader.firstRowStartNs, startNs, true);
      this.#view.setBigUint64(base + blockHeader.lastRowEndNs, endNs, true);
      this.#ready.push({ index, flows: rows.map(({ flow }) => flow) });
    }
  }

  /** A flow that is cut short ended when the meter was stopped. */
  #endMs(flow: Flow): number {
    return Math.min(flow.endMs, this.#trueMs());
  }
  #boxNs(trueMs: number): bigint {
    return BigInt(Math.round((trueMs - this.#clock.boot.bornMs) * 1e6));
  }

  #write(flow: Flow, reason: number, base: number, i: number): void {
    const row = this.#row.at(i, base);
    const { id } = flow;
    const { packets, octets, reversePackets, reverseOctets } = countsOf(id);
    row.bytes.fill(0, row.base, row.base + ROW_BYTES);
    for (const group of ['mac', 'addresses', 'protocol', 'ports', 'ip'] as const) row.setPresent(presenceBit(group));
    row.family = rowFamilies.indexOf('ipv4');
    row.ipVersion = 4;
    row.flowStartNs = row.forwardFlowStartNs = this.#boxNs(flow.startMs);
    row.flowEndNs = row.forwardFlowEndNs = this.#boxNs(this.#endMs(flow));
    row.packetDeltaCount = packets;
    row.octetDeltaCount = octets;
    row.layer2OctetDeltaCount = octets + packets * frameOverheadOctets;
    row.flowId = id;
    row.deltaFlowCount = 1;
    row.flowEndReason = reason;
    row.biflowDirection = 1;
    row.ingressInterface = 3;
    row.selectorId = 1;
    row.setSourceMacAddress(Uint8Array.of(2, 0, 0, 0, (id >> 8) & 0xff, id & 0xff));
    row.setDestinationMacAddress(Uint8Array.of(2, 0, 0, 1, 0, 1));
    row.setSourceAddress(Uint8Array.of(10, (id >> 16) & 0xff, (id >> 8) & 0xff, id & 0xff));
    row.setDestinationAddress(Uint8Array.of(198, 51, 100, 1 + (id % 200)));
    row.protocolIdentifier = 17;
    row.sourceTransportPort = 1_024 + (id % 60_000);
    row.destinationTransportPort = [53, 443, 123, 3_478][id % 4]!;
    row.minimumTTL = row.maximumTTL = 64;
    if (reversePackets === 0) return;
    row.setPresent(presenceBit('reverse'));
    row.reversePacketDeltaCount = reversePackets;
    row.reverseOctetDeltaCount = reverseOctets;
    row.reverseLayer2OctetDeltaCount = reverseOctets + reversePackets * frameOverheadOctets;
    row.reverseFlowStartNs = row.flowStartNs;
    row.reverseFlowEndNs = row.flowEndNs;
  }
}

function frameOctets(id: number): number {
  const { packets, octets, reversePackets, reverseOctets } = countsOf(id);
  return octets + reverseOctets + (packets + reversePackets) * frameOverheadOctets;
}
