/**
 * A collector in the simulation, or the members of a group as one: decodes strictly, checks conformance, compares each record with the flow it is of, and
 * watches what no collector should see: order broken within a session, more sent twice than the stated window, stamps that
 * are wrong without a word.
 */
import type { SimulatedClock } from '../../src/core/clock.ts';
import { ConformanceCheck } from '../../src/forward/ipfix/conformance.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { UNKNOWN } from '../../src/forward/ipfix/options_tables.ts';
import type { Receiver, SimLink } from './sim_network.ts';
import { countsOf } from './traffic.ts';
import type { HandedOver, Run, ToldGap, Witness } from './witness.ts';

/** A connection, or an opening of a UDP transport. */
export interface ProvenLink {
  /** What the box knows to have arrived of it, octets. */
  readonly provenTold: number;
}

interface Arrival {
  readonly link: ProvenLink;
  /** Number of the session, counting up. */
  readonly session: number;
  readonly run: Run;
  readonly endOctet: number;
  readonly atMs: number;
}

/** A kill may take the word that rows on disk have arrived: they are written down once a second. */
const placeWrittenMs = 2_000;
/** A power cut may take what waits for no device: places are synced at least this often while they move. */
const placeSyncedMs = 32_000;
/** One message: the margin is kept in whole ones. */
const messageOctetsMax = 16_384;
/** RFC 7011 section 10.3.3: the path is not known here. */
export const udpOctetsMax = 512;
/** What the box takes for no step of its clock. */
const stampErrorMaxMs = 1_100;

export class SimCollector {
  readonly name: string;
  readonly #world: SimulatedClock;
  readonly #witness: Witness;
  readonly #marginOctets: number;
  /** How long after its arrival something is proven at the latest. */
  readonly #proofMs: number;
  readonly #fault: (what: string) => void;
  /** By flow number: where it came last, and how often it came. */
  readonly arrived = new Map<number, { last: Arrival; times: number }>();
  /** Acknowledged by the kernel and lost when the collector fell, by flow number: when. */
  readonly fellWith = new Map<number, number>();
  /** Lost by UDP as it may: on a line that was back before a probe could tell, or by a collector too slow to read. */
  readonly excused = new Set<number>();
  readonly gaps: ToldGap[] = [];
  /** Records of many flows, by what they say: packets of both directions. */
  readonly merged = new Map<string, number>();
  sessions = 0;
  duplicates = 0;

  constructor(
    name: string,
    world: SimulatedClock,
    witness: Witness,
    window: { readonly marginOctets: number; readonly proofMs: number },
    fault: (what: string) => void,
  ) {
    this.name = name;
    this.#world = world;
    this.#witness = witness;
    this.#marginOctets = window.marginOctets;
    this.#proofMs = window.proofMs;
    this.#fault = (what) => fault(`${name}: ${what}`);
  }

  /** Over UDP a session is a socket of the box, and outlives its links. */
  acceptUdp(): Session {
    return new Session(this, { provenTold: 0 }, this.#witness.runs.at(-1)!, 'udp', 0);
  }

  accept(link: SimLink): Receiver {
    this.sessions++;
    const session = new Session(this, link, this.#witness.runs.at(-1)!, 'tcp', this.sessions);
    return {
      message: (bytes, endOctet) => session.take(bytes, endOctet),
      lost: (bytes) => session.lose(bytes),
    };
  }

  fault(what: string): void {
    this.#fault(what);
  }
  get nowMs(): number {
    return this.#world.monotonicMs();
  }
  get wallMs(): number {
    return this.#world.wallMs();
  }
  handedOver(id: number): HandedOver {
    const truth = this.#witness.flows.get(id);
    if (truth === undefined) throw new Error(`${this.name}: flow ${id} was never handed over`);
    return truth;
  }

  arrive(id: number, session: Session, endOctet: number): void {
    const before = this.arrived.get(id);
    const { link, run, number } = session;
    const arrival = { link, session: number, run, endOctet, atMs: this.nowMs };
    // A member of a group that was slow reads what it was sent first after what another one was sent again.
    const [first, last] = before !== undefined && number < before.last.session ? [arrival, before.last] : [before?.last, arrival];
    if (before !== undefined && first !== undefined) {
      this.duplicates++;
      if (first.link === last.link) this.#fault(`flow ${id} came twice in one session`);
      else if (!this.#mayComeAgain(first)) {
        const { link: old, run } = first;
        this.#fault(
          `flow ${id} came again, ${old.provenTold - first.endOctet} octets before what was proven of its session, ` +
            `${this.nowMs - first.atMs} ms later; its run ${run.number} ended by ${run.end?.how} ` +
            `${(run.end?.atMs ?? 0) - first.atMs} ms after it came`,
        );
      }
    }
    this.arrived.set(id, { last, times: (before?.times ?? 0) + 1 });
  }

  /** The stated window: what was not proven, the margin before it, and what the disk did not know when the box was killed. */
  #mayComeAgain({ link, run, endOctet, atMs }: Arrival): boolean {
    if (endOctet > link.provenTold - this.#marginOctets - messageOctetsMax) return true;
    if (run.end === undefined || run.end.how === 'stop') return false;
    const endMs = run.end.atMs;
    const lagMs = (run.end.how === 'kill' ? placeWrittenMs : placeSyncedMs) + this.#proofMs;
    return atMs > endMs - lagMs - this.#witness.writeMaxMs || this.#witness.diskTroubled(atMs, endMs);
  }

  /** At the end, with everything delivered. */
  conclude(persistAfterMs: number): void {
    let givenUp = 0;
    let missingPackets = 0;
    const shared = this.#isShared;
    for (const [id, handed] of this.#witness.flows) {
      if (this.arrived.has(id) || this.excused.has(id)) continue;
      const fellMs = this.fellWith.get(id);
      // The margin is a precaution in memory.
      if (fellMs !== undefined && this.#witness.killedBetween(fellMs - 60_000, this.nowMs)) continue;
      // Nor could it be kept for want of room: then a gap says that nobody knows.
      if (fellMs !== undefined && this.#toldUnsure(handed)) continue;
      if (this.#witness.diedWithItsRun(handed, persistAfterMs)) {
        if (!this.#told(handed, undefined) && !this.#told(handed, 'counted'))
          this.#fault(`flow ${id} died with its run ${handed.run.number}, and no gap tells of it`);
        continue;
      }
      // Which rows of part of a piece on disk were whose share nobody knows.
      if (shared && this.#told(handed, undefined)) continue;
      givenUp++;
      const { packets, reversePackets } = countsOf(id);
      missingPackets += packets + reversePackets;
      if (!this.#told(handed, 'counted'))
        this.#fault(
          `flow ${id} is missing: handed over at ${handed.atMs} in run ${handed.run.number}, which ended by ` +
            `${handed.run.end?.how} at ${handed.run.end?.atMs}; no gap of a known size tells of it`,
        );
    }
    const counted = this.#witness.runs.reduce((sum, { dropped }) => sum + this.#ownOf(dropped), this.merged.size);
    if (givenUp > counted) this.#fault(`${givenUp} flows are missing, but only ${counted} were counted as given up or merged`);
    const told = this.gaps.reduce((sum, { records }) => sum + (records ?? 0), this.merged.size);
    if (givenUp > told) this.#fault(`${givenUp} flows are missing, but gaps tell of ${told}`);
    const mergedPackets = [...this.merged.values()].reduce((sum, packets) => sum + packets, 0);
    const toldPackets = this.gaps.reduce((sum, { packets }) => sum + (packets ?? 0), mergedPackets);
    if (missingPackets > toldPackets) this.#fault(`${missingPackets} packets are missing, but ${toldPackets} are told of`);
  }

  /** Of this destination or group, whose shares have accounts of their own. */
  #ownOf(dropped: ReadonlyMap<string, number>): number {
    return [...dropped].reduce(
      (sum, [name, rows]) => (name === this.name || name.startsWith(`${this.name}/`) ? sum + rows : sum),
      0,
    );
  }
  get #isShared(): boolean {
    return this.#witness.runs.some(({ dropped }) => [...dropped.keys()].some((name) => name.startsWith(`${this.name}/`)));
  }

  #toldUnsure({ flow, run }: HandedOver): boolean {
    const toWall = this.#world.wallMs() - this.nowMs;
    return this.gaps.some(
      ({ records, fromMs, toMs }) =>
        records === undefined &&
        (run.clockWasWrong || (fromMs <= flow.endMs + toWall + 2_000 && toMs >= flow.startMs + toWall - 2_000)),
    );
  }

  #told({ flow, run, atMs }: HandedOver, size: 'counted' | undefined): boolean {
    const gaps = this.gaps.filter(({ records }) => (records === undefined) === (size === undefined));
    if (run.clockWasWrong || this.#witness.runs[run.number + 1]?.clockWasWrong === true) return gaps.length > 0;
    const toWall = this.#world.wallMs() - this.nowMs;
    const [fromMs, toMs] = size === undefined ? [atMs, atMs] : [flow.startMs, flow.endMs];
    return gaps.some((gap) => gap.fromMs <= toMs + toWall + 2_000 && gap.toMs >= fromMs + toWall - 2_000);
  }
}

export class Session {
  link: ProvenLink;
  readonly run: Run;
  readonly number: number;
  readonly #collector: SimCollector;
  readonly #decoder = new IpfixDecoder();
  readonly #check: ConformanceCheck;
  /** Over UDP: knows what was sent, whatever arrives. */
  readonly #sent = new IpfixDecoder();
  #violations = 0;
  /** Place of the last flow, by the run that handed it over: what an earlier run left may be found later. */
  readonly #places = new Map<Run, number>();
  #stampsUncertain = false;

  constructor(collector: SimCollector, link: ProvenLink, run: Run, transport: 'tcp' | 'udp', number: number) {
    this.number = number;
    this.#check = new ConformanceCheck(transport, transport === 'udp' ? udpOctetsMax : 65_535);
    this.#collector = collector;
    this.link = link;
    this.run = run;
  }

  /** UDP: the session goes on. */
  continueOver(link: ProvenLink): void {
    this.link = link;
    this.#places.clear();
  }

  take(bytes: Uint8Array, endOctet: number): void {
    this.observe(bytes);
    this.read(bytes, endOctet);
  }

  observe(bytes: Uint8Array): void {
    this.#check.observe(bytes);
    for (const violation of this.#check.violations.slice(this.#violations)) this.#collector.fault(violation);
    this.#violations = this.#check.violations.length;
  }

  /** What a message says that may never arrive. */
  sent(bytes: Uint8Array): readonly DecodedRecord[] {
    this.observe(bytes);
    return this.#sent.decode(bytes).records;
  }

  /** Lost on the way, which a box may not notice. */
  excuse(records: readonly DecodedRecord[]): void {
    for (const record of records) {
      if (record.scope.length > 0) this.#option(record);
      else if (isMerged(record.values)) this.#merge(record.values);
      else if (isForward(record.values)) this.#collector.excused.add(idOf(record.values));
    }
  }

  /** @param sent what the message says, where its template may never have come: a collector too slow for it may lose it all */
  read(bytes: Uint8Array, endOctet: number, sent: readonly DecodedRecord[] = []): void {
    const { records } = this.#decoder.decode(bytes);
    if (records.length === 0) this.excuse(sent);
    for (const record of records) {
      if (record.scope.length > 0) this.#option(record);
      else this.#flow(record, endOctet);
    }
  }

  /** In the receive buffer of a collector that fell. */
  lose(bytes: Uint8Array): void {
    for (const { values, scope } of this.#decoder.decode(bytes).records)
      if (scope.length === 0 && !isMerged(values)) this.#collector.fellWith.set(idOf(values), this.#collector.nowMs);
  }

  #flow({ values, late }: DecodedRecord, endOctet: number): void {
    if (isMerged(values)) {
      this.#merge(values);
      return;
    }
    const id = idOf(values);
    const truth = this.#collector.handedOver(id);
    this.#compare(id, values);
    this.#stamp(truth, values);
    if (!isForward(values)) return;
    // One that waited for its template, which was lost, has its place before others that came.
    const last = this.#places.get(truth.run) ?? -1;
    if (!late && truth.place <= last) this.#collector.fault(`flow ${id} comes after one that was handed over later`);
    if (!late) this.#places.set(truth.run, truth.place);
    this.#collector.arrive(id, this, endOctet);
  }

  #merge(values: DecodedRecord['values']): void {
    const packets = Number(values.packetDeltaCount) + Number(values.reversePacketDeltaCount ?? 0);
    this.#collector.merged.set(JSON.stringify(values), packets);
  }

  #compare(id: number, values: DecodedRecord['values']): void {
    const { packets, octets, reversePackets, reverseOctets } = countsOf(id);
    const wanted = isForward(values) ? [packets, octets] : [reversePackets, reverseOctets];
    const come = [Number(values.packetDeltaCount), Number(values.octetDeltaCount)];
    if (come[0] !== wanted[0] || come[1] !== wanted[1]) this.#collector.fault(`flow ${id} has ${come}, should have ${wanted}`);
    if (values.reversePacketDeltaCount !== undefined && Number(values.reversePacketDeltaCount) !== reversePackets)
      this.#collector.fault(`flow ${id} has ${values.reversePacketDeltaCount} packets back, should have ${reversePackets}`);
  }

  /** A wrong time is told as such. */
  #stamp({ flow, run }: HandedOver, values: DecodedRecord['values']): void {
    const trueMs = flow.startMs + this.#collector.wallMs - this.#collector.nowMs;
    const errorMs = Number(values.flowStartMilliseconds) - trueMs;
    if (Math.abs(errorMs) <= stampErrorMaxMs || this.#stampsUncertain || run.boot.wasSetWrong) return;
    this.#collector.fault(`flow ${flow.id} of run ${run.number} is stamped wrong by ${errorMs} ms, and nothing says so`);
  }

  #option({ values, scope }: DecodedRecord): void {
    if (values.absoluteError !== undefined) this.#stampsUncertain = Number(values.absoluteError) > 1_000;
    if (!scope.includes('flowStartMilliseconds')) return;
    const known = (value: unknown): number | undefined => (BigInt(value as number) === UNKNOWN ? undefined : Number(value));
    this.#collector.gaps.push({
      fromMs: Number(values.flowStartMilliseconds),
      toMs: Number(values.flowEndMilliseconds),
      records: known(values.notSentFlowTotalCount),
      packets: known(values.notSentPacketTotalCount),
    });
  }
}

/** By hour: of many flows, without addresses. */
const isMerged = (values: DecodedRecord['values']): boolean =>
  !isForward(values) && !String(values.destinationIPv4Address).startsWith('10.');
const isForward = (values: DecodedRecord['values']): boolean => String(values.sourceIPv4Address).startsWith('10.');

function idOf(values: DecodedRecord['values']): number {
  const address = String(isForward(values) ? values.sourceIPv4Address : values.destinationIPv4Address);
  return address
    .split('.')
    .slice(1)
    .reduce((id, octet) => id * 256 + Number(octet), 0);
}
