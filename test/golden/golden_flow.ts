/**
 * The form in which cases write down what a flow must be: one readable entry, with defaults for what is plain, so that a
 * case shows only what it is about. Yet every element of the record is compared: `flowOf` takes a row apart to the last one,
 * and what no field here stands for ends up in `beyond`, which no case expects. Pure.
 */
import { decodeAnnotations, tunnelTypes } from '../../src/flow/decode_annotations.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { rowField } from '../../src/flow/row_layout.ts';
import { captureStartNs } from '../captures/pcap_writer.ts';

export interface Direction {
  readonly packets: number;
  /** IP octets (octetDeltaCount). 0 for what is not IP. */
  readonly ip: number;
  /** Frame octets (layer2OctetDeltaCount). */
  readonly frames: number;
  /** Shortest and longest IP packet. All are the same when left out. */
  readonly length?: readonly [number, number];
  /** Smallest and largest TTL or hop limit; 64 when left out. */
  readonly ttl?: readonly [number, number];
  /** Of the first packet. */
  readonly classOfService?: number;
  /** Code points seen; that of classOfService alone when left out. */
  readonly dscp?: readonly number[];
  readonly fragments?: number;
  readonly unreachable?: number;
  /** tcpControlBits as letters: FSRPAUEC, and N for AE (RFC 7125). */
  readonly bits?: string;
  readonly sequence?: number;
  readonly rttUs?: number;
  readonly retransmitted?: number;
  readonly outOfOrder?: number;
  readonly zeroWindows?: number;
  readonly unseen?: number;
}

export interface GoldenFlow {
  /** Address and port, as in 192.0.2.1:80, [2001:db8::1]:80, 192.0.2.1; a MAC where there is no IP; empty without either. */
  readonly from: string;
  readonly to: string;
  /** IP protocol number. Absent: not IP. */
  readonly protocol?: number;
  /** No TCP header could be read, so nothing is known of flags, segments and sequence numbers. */
  readonly tcpHidden?: true;
  /** Absent: the one of the IP version, or none for 802.3 frames without one (then null). */
  readonly etherType?: number | null;
  readonly out: Direction;
  readonly back?: Direction;
  /** First and last packet in ms from the start of the capture, down to the nanosecond. */
  readonly ms: readonly [number, number];
  /** flowEndReason; 4 when left out: the capture's end. */
  readonly end?: number;
  /** biflowDirection 1: the first SYN tells who opened it. */
  readonly initiatorKnown?: boolean;
  /** Source and destination; those of `captures/frames.ts` when left out, null on links without them. */
  readonly macs?: readonly [string, string] | null;
  readonly vlan?: number;
  readonly priority?: number;
  readonly customerVlan?: number;
  readonly customerPriority?: number;
  /** type/code. */
  readonly icmp?: string;
  readonly flowLabel?: number;
  readonly mpls?: { readonly depth: number; readonly top: string };
  readonly greKey?: number;
  readonly tunnel?: {
    readonly type: (typeof tunnelTypes)[number];
    /** layer2SegmentId without its encapsulation octet, and that octet (IANA element 351). */
    readonly id: number;
    readonly encapsulation?: number;
    readonly from: string;
    readonly to: string;
  };
  readonly annotation?: (typeof decodeAnnotations)[number];
}

const bitLetters = 'FSRPAUECN';
const defaultMacs = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as const;

/** The entry with everything written out, in the form `flowOf` gives. */
export function writtenOut(flow: GoldenFlow): object {
  const tcp = flow.protocol === 6 && flow.tcpHidden === undefined;
  const isIp = flow.protocol !== undefined;
  const isV6 = flow.from.includes('[') || (isIp && flow.from.split(':').length > 2);
  const full = (direction: Direction): Direction => ({
    packets: direction.packets,
    ip: direction.ip,
    frames: direction.frames,
    unreachable: direction.unreachable ?? 0,
    ...(isIp && {
      length: direction.length ?? [direction.ip / direction.packets, direction.ip / direction.packets],
      ttl: direction.ttl ?? [64, 64],
      classOfService: direction.classOfService ?? 0,
      dscp: direction.dscp ?? [(direction.classOfService ?? 0) >> 2],
      fragments: direction.fragments ?? 0,
    }),
    ...(tcp && {
      bits: [...bitLetters].filter((letter) => direction.bits?.includes(letter)).join(''),
      sequence: direction.sequence ?? 0,
      rttUs: direction.rttUs,
      retransmitted: direction.retransmitted ?? 0,
      outOfOrder: direction.outOfOrder ?? 0,
      zeroWindows: direction.zeroWindows ?? 0,
      unseen: direction.unseen ?? 0,
    }),
  });
  return {
    ...flow,
    tcpHidden: undefined,
    out: full(flow.out),
    back: flow.back && full(flow.back),
    ipVersion: isIp ? (isV6 ? 6 : 4) : undefined,
    etherType: flow.etherType === undefined && isIp ? (isV6 ? 0x86dd : 0x0800) : (flow.etherType ?? null),
    end: flow.end ?? 4,
    initiatorKnown: flow.initiatorKnown ?? false,
    macs: flow.macs === undefined ? defaultMacs : flow.macs,
    ...(flow.vlan !== undefined && { priority: flow.priority ?? 0 }),
    ...(flow.customerVlan !== undefined && { customerPriority: flow.customerPriority ?? 0 }),
    ...(isV6 && { flowLabel: flow.flowLabel ?? 0 }),
    ...(flow.tunnel && { tunnel: { encapsulation: 0, ...flow.tunnel } }),
    annotation: flow.annotation ?? 'none',
    beyond: {},
  };
}

/** A row of the program in the same form. */
export function flowOf(row: Uint8Array): object {
  const elements = new Map<string, string | number>(Object.entries(rowToJson(row, 0)));
  const take = (name: string): string | number | undefined => {
    const value = elements.get(name);
    elements.delete(name);
    return value;
  };
  const number = (name: string): number | undefined => {
    const value = take(name);
    return value === undefined ? undefined : Number(value);
  };
  const flow = {
    ...endsOf(take),
    ipVersion: number('ipVersion'),
    protocol: number('protocolIdentifier'),
    etherType: number('ethernetType') ?? null,
    out: directionOf((name) => take(name)),
    back: elements.has('reversePacketDeltaCount') ? directionOf((name) => take(reversed(name))) : undefined,
    ms: [millisecondsOf(row, 'flowStart'), millisecondsOf(row, 'flowEnd')],
    end: number('flowEndReason'),
    initiatorKnown: number('biflowDirection') === 1,
    vlan: number('dot1qVlanId'),
    priority: number('dot1qPriority'),
    customerVlan: number('dot1qCustomerVlanId'),
    customerPriority: number('dot1qCustomerPriority'),
    icmp: typeAndCode(number('icmpTypeCodeIPv4') ?? number('icmpTypeCodeIPv6')),
    flowLabel: number('flowLabelIPv6'),
    mpls: mplsOf(number('mplsLabelStackDepth'), take('mplsTopLabelStackSection')),
    greKey: number('greKey'),
    tunnel: tunnelOf(take),
    annotation: decodeAnnotations[number('decodeAnnotation') ?? 0],
  };
  // The id is a hash, the times in milliseconds are the row's, rounded; one row is one flow, all of one interface.
  for (const name of ['flowId', 'flowStartMilliseconds', 'flowEndMilliseconds', 'ingressInterface']) elements.delete(name);
  for (const name of ['reverseFlowStartMilliseconds', 'reverseFlowEndMilliseconds']) elements.delete(name);
  if (elements.get('deltaFlowCount') === 1) elements.delete('deltaFlowCount');
  return { ...flow, beyond: Object.fromEntries(elements) };
}

type Take = (name: string) => string | number | undefined;

function endsOf(take: Take): Pick<GoldenFlow, 'from' | 'to' | 'macs'> {
  const source = take('sourceIPv4Address') ?? take('sourceIPv6Address');
  const destination = take('destinationIPv4Address') ?? take('destinationIPv6Address');
  const ports = [take('sourceTransportPort'), take('destinationTransportPort')];
  const macs = [take('sourceMacAddress'), take('destinationMacAddress')];
  const end = (address: unknown, port: unknown): string =>
    port === undefined ? String(address) : String(address).includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const linkEnds = { from: String(macs[0] ?? ''), to: String(macs[1] ?? '') };
  const ends = source === undefined ? linkEnds : { from: end(source, ports[0]), to: end(destination, ports[1]) };
  return { ...ends, macs: macs[0] === undefined ? null : [String(macs[0]), String(macs[1])] };
}

function directionOf(take: Take): object {
  const number = (name: string): number | undefined => {
    const value = take(name);
    return value === undefined ? undefined : Number(value);
  };
  const pair = (low?: number, high?: number): readonly [number, number] | undefined =>
    low === undefined || high === undefined ? undefined : [low, high];
  const bits = number('tcpControlBits');
  const codePoints = take('diffServCodePointSet');
  return {
    packets: number('packetDeltaCount'),
    ip: number('octetDeltaCount'),
    frames: number('layer2OctetDeltaCount'),
    unreachable: number('icmpUnreachableDeltaCount') ?? 0,
    length: pair(number('minimumIpTotalLength'), number('maximumIpTotalLength')),
    ttl: pair(number('minimumTTL'), number('maximumTTL')),
    classOfService: number('ipClassOfService'),
    dscp: codePoints === undefined ? undefined : codePointsOf(BigInt(codePoints)),
    fragments: number('fragmentDeltaCount'),
    bits: bits === undefined ? undefined : [...bitLetters].filter((_, i) => (bits >> i) & 1).join(''),
    sequence: number('tcpSequenceNumber'),
    rttUs: number('roundTripTimeMicroseconds'),
    retransmitted: number('retransmittedPacketDeltaCount'),
    outOfOrder: number('outOfOrderPacketDeltaCount'),
    zeroWindows: number('zeroWindowPacketDeltaCount'),
    unseen: number('unseenAcknowledgedOctetDeltaCount'),
  };
}

function tunnelOf(take: Take): object | undefined {
  const segment = take('layer2SegmentId');
  const [type, from, to] = [take('tunnelType'), take('outerSourceAddress'), take('outerDestinationAddress')];
  if (segment === undefined) return undefined;
  const id = BigInt(segment);
  const plain = (address: unknown): string => String(address).replace(/^::ffff:(?=\d+\.)/, '');
  return {
    type: tunnelTypes[Number(type)],
    id: Number(id & 0xffff_ffff_ffffn),
    encapsulation: Number(id >> 56n),
    from: plain(from),
    to: plain(to),
  };
}

const reversed = (name: string): string => `reverse${name[0]!.toUpperCase()}${name.slice(1)}`;
const codePointsOf = (set: bigint): number[] => Array.from({ length: 64 }, (_, i) => i).filter((i) => (set >> BigInt(i)) & 1n);
const typeAndCode = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `${value >> 8}/${value & 0xff}`;
const mplsOf = (depth: number | undefined, top: unknown): object | undefined =>
  depth === undefined ? undefined : { depth, top };

function millisecondsOf(row: Uint8Array, field: string): number {
  const ns = new DataView(row.buffer, row.byteOffset).getBigUint64(rowField(field).offset) - captureStartNs;
  return Number(ns) / 1_000_000;
}
