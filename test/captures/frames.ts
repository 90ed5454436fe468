/**
 * Frames for tests, built layer by layer: `ethernet({ payload: ipv4({ payload: udp({ … }) }) })`. Lengths and checksums of
 * headers are right unless a test overrides them. Addresses are text, ports numbers, payloads octets. Pure.
 */

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;
export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128, ae: 256 } as const;

/** A frame's payload with what the layer below must say about it. */
export interface Layer {
  readonly octets: Uint8Array;
  /** EtherType for IP headers and tags, protocol number for transport headers. */
  readonly kind: number;
  /** A checksum that covers the addresses of the IP header below, which fills it in. */
  readonly checksum?: PseudoHeaderChecksum;
}

/** RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1. */
export interface PseudoHeaderChecksum {
  readonly protocol: number;
  /** Where the octets it covers begin, and where it stands, from the start of the layer. */
  readonly from: number;
  readonly at: number;
}

export interface VlanTag {
  readonly id: number;
  readonly priority?: number;
  readonly tpid?: number;
}

export interface EthernetFields {
  readonly source?: string;
  readonly destination?: string;
  readonly vlans?: readonly VlanTag[];
  readonly payload: Layer;
  /** Pads the frame to this length, as a NIC does up to 60. */
  readonly padTo?: number;
}

export function ethernet(fields: EthernetFields): Uint8Array {
  const { source = '02:00:00:00:00:01', destination = '02:00:00:00:00:02', vlans = [], payload, padTo = 0 } = fields;
  const tags = vlans.flatMap((tag) => [
    ...u16(tag.tpid ?? etherTypes.vlan),
    ...u16(((tag.priority ?? 0) << 13) | (tag.id & 0xfff)),
  ]);
  const header = Uint8Array.from([...macOctets(destination), ...macOctets(source), ...tags, ...u16(payload.kind)]);
  return padded(joined(header, payload.octets), padTo);
}

export interface Ipv4Fields {
  readonly source: string;
  readonly destination: string;
  readonly payload: Layer;
  readonly ttl?: number;
  readonly tos?: number;
  readonly identification?: number;
  readonly moreFragments?: boolean;
  /** In octets, a multiple of 8. */
  readonly fragmentOffset?: number;
  readonly options?: Uint8Array;
}

export function ipv4(fields: Ipv4Fields): Layer {
  const options = fields.options ?? new Uint8Array();
  const headerOctets = 20 + options.length;
  const fragment = (fields.moreFragments ? 0x2000 : 0) | ((fields.fragmentOffset ?? 0) >> 3);
  const header = Uint8Array.from([
    0x40 | (headerOctets >> 2),
    fields.tos ?? 0,
    ...u16(headerOctets + fields.payload.octets.length),
    ...u16(fields.identification ?? 0),
    ...u16(fragment),
    fields.ttl ?? 64,
    fields.payload.kind,
    ...u16(0),
    ...ipv4Octets(fields.source),
    ...ipv4Octets(fields.destination),
    ...options,
  ]);
  new DataView(header.buffer).setUint16(10, internetChecksum(header));
  return { octets: joined(header, sealed(fields.payload, fields.source, fields.destination)), kind: etherTypes.ipv4 };
}

export interface Ipv6Fields {
  readonly source: string;
  readonly destination: string;
  readonly payload: Layer;
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
}

export function ipv6(fields: Ipv6Fields): Layer {
  const word = ((6 << 28) | ((fields.trafficClass ?? 0) << 20) | (fields.flowLabel ?? 0)) >>> 0;
  const header = Uint8Array.from([
    ...u32(word),
    ...u16(fields.payload.octets.length),
    fields.payload.kind,
    fields.hopLimit ?? 64,
    ...ipv6Octets(fields.source),
    ...ipv6Octets(fields.destination),
  ]);
  return { octets: joined(header, sealed(fields.payload, fields.source, fields.destination)), kind: etherTypes.ipv6 };
}

export interface UdpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload?: Uint8Array;
}

export function udp({ sourcePort, destinationPort, payload = new Uint8Array() }: UdpFields): Layer {
  const header = Uint8Array.from([...u16(sourcePort), ...u16(destinationPort), ...u16(8 + payload.length), 0, 0]);
  return { octets: joined(header, payload), kind: protocols.udp, checksum: { protocol: protocols.udp, from: 0, at: 6 } };
}

export interface TcpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly payload?: Uint8Array;
}

export function tcp(fields: TcpFields): Layer {
  const header = Uint8Array.from([
    ...u16(fields.sourcePort),
    ...u16(fields.destinationPort),
    ...u32(fields.sequence ?? 0),
    ...u32(fields.acknowledgement ?? 0),
    ...u16(0x5000 | (fields.flags ?? tcpFlags.ack)),
    ...u16(fields.window ?? 65_535),
    ...u32(0),
  ]);
  const octets = joined(header, fields.payload ?? new Uint8Array());
  return { octets, kind: protocols.tcp, checksum: { protocol: protocols.tcp, from: 0, at: 16 } };
}

/** Any octets as a layer: an unknown EtherType or protocol, a cut header. */
export function raw(kind: number, octets: Uint8Array): Layer {
  return { octets, kind };
}

export interface UdpFrameFields {
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly payloadOctets?: number;
  readonly vlans?: readonly VlanTag[];
}

/** The frame most tests want: UDP over IPv4 or IPv6, told apart by the addresses. */
export function udpFrame(fields: UdpFrameFields = {}): Uint8Array {
  const { source = '10.0.0.1', destination = '10.0.0.2', sourcePort = 1000, destinationPort = 53, payloadOctets = 18 } = fields;
  const payload = udp({ sourcePort, destinationPort, payload: new Uint8Array(payloadOctets) });
  const network = source.includes(':') ? ipv6({ source, destination, payload }) : ipv4({ source, destination, payload });
  return ethernet({ payload: network, vlans: fields.vlans ?? [] });
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function padded(octets: Uint8Array, length: number): Uint8Array {
  return octets.length >= length ? octets : joined(octets, new Uint8Array(length - octets.length));
}

/** A layer's octets with the checksum that needs the addresses around it. */
export function sealed({ octets, checksum }: Layer, source: string, destination: string): Uint8Array {
  if (checksum === undefined) return octets;
  const covered = octets.subarray(checksum.from);
  const addresses = source.includes(':')
    ? [...ipv6Octets(source), ...ipv6Octets(destination)]
    : [...ipv4Octets(source), ...ipv4Octets(destination)];
  const pseudo = Uint8Array.from([...addresses, ...u32(covered.length), ...u32(checksum.protocol)]);
  const whole = octets.slice();
  // UDP says 0xffff for 0, which would mean none; to the others both are the same sum.
  new DataView(whole.buffer).setUint16(checksum.at, internetChecksum(joined(pseudo, covered)) || 0xffff);
  return whole;
}

/** RFC 1071. */
export function internetChecksum(octets: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) sum += (octets[i]! << 8) | (octets[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

export function macOctets(text: string): number[] {
  return text.split(':').map((part) => Number.parseInt(part, 16));
}

export function ipv4Octets(text: string): number[] {
  return text.split('.').map(Number);
}

export function ipv6Octets(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...middle, ...back].flatMap(u16);
}
