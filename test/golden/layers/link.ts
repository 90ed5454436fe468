/**
 * What stands between the wire and IP, beside Ethernet and its tags: LLC and SNAP, MPLS, PPPoE and PPP, and the link headers
 * of captures without Ethernet (tcpdump.org/linktypes). Each wraps a layer from `captures/frames.ts`. Pure.
 */
import { joined, type Layer, macOctets, u16, u32 } from '../../captures/frames.ts';

/** IEEE 802.3 with 802.2: the type field is a length, and says where padding begins. */
export function llc(fields: { dsap: number; ssap: number; control?: number; payload: Uint8Array }): Layer {
  const octets = joined(Uint8Array.of(fields.dsap, fields.ssap, fields.control ?? 0x03), fields.payload);
  return { octets, kind: octets.length };
}

/** IEEE 802 SNAP: with OUI 0 the protocol is an EtherType (RFC 1042). */
export function snap(payload: Layer, oui = 0): Layer {
  const header = Uint8Array.from([oui >> 16, (oui >> 8) & 0xff, oui & 0xff, ...u16(payload.kind)]);
  return llc({ dsap: 0xaa, ssap: 0xaa, payload: joined(header, payload.octets) });
}

/** RFC 3032: the last label has the bottom-of-stack bit. */
export function mpls(labels: readonly number[], payload: Uint8Array, { trafficClass = 0, ttl = 64, kind = 0x8847 } = {}): Layer {
  const entries = labels.map((label, i) =>
    u32(((label << 12) | (trafficClass << 9) | (i === labels.length - 1 ? 0x100 : 0) | ttl) >>> 0),
  );
  return { octets: joined(Uint8Array.from(entries.flat()), payload), kind };
}

const pppProtocols: Record<number, number> = { 2048: 0x0021, 34525: 0x0057, 34887: 0x0281 };

/** RFC 1661 section 2. A layer whose kind is no EtherType that PPP has a number for keeps its kind. */
export function ppp(payload: Layer, { addressAndControl = false, compressed = false } = {}): Uint8Array {
  const protocol = pppProtocols[payload.kind] ?? payload.kind;
  const header = [...(addressAndControl ? [0xff, 0x03] : []), ...(compressed ? [protocol] : u16(protocol))];
  return joined(Uint8Array.from(header), payload.octets);
}

/** RFC 2516 section 4: session (code 0) or discovery stage. */
export function pppoe(payload: Uint8Array, { session = 0x0011, code = 0 } = {}): Layer {
  const header = Uint8Array.from([0x11, code, ...u16(session), ...u16(payload.length)]);
  return { octets: joined(header, payload), kind: code === 0 ? 0x8864 : 0x8863 };
}

/** LINKTYPE_LINUX_SLL. */
export function linuxSll(payload: Layer, { packetType = 0, hardwareType = 1, address = '02:00:00:00:00:01' } = {}): Uint8Array {
  const header = [...u16(packetType), ...u16(hardwareType), ...u16(6), ...macOctets(address), 0, 0, ...u16(payload.kind)];
  return joined(Uint8Array.from(header), payload.octets);
}

/** LINKTYPE_LINUX_SLL2. */
export function linuxSll2(payload: Layer, { packetType = 0, hardwareType = 1, address = '02:00:00:00:00:01' } = {}): Uint8Array {
  const end = [...u16(hardwareType), packetType, 6, ...macOctets(address), 0, 0];
  return joined(Uint8Array.from([...u16(payload.kind), 0, 0, ...u32(3), ...end]), payload.octets);
}

/** LINKTYPE_NULL: the address family in the byte order of the host that captured. */
export function bsdLoopback(payload: Layer, { family, bigEndian = false }: { family: number; bigEndian?: boolean }): Uint8Array {
  const octets = u32(family);
  return joined(Uint8Array.from(bigEndian ? octets : octets.reverse()), payload.octets);
}
