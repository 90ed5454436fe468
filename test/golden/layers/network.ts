/**
 * Around IP: ICMP and ICMPv6, SCTP, ESP, AH, IPv6 extension headers, fragments of both versions; checksums right, so that
 * tshark has nothing to say. Each wraps or makes a layer of `captures/frames.ts`. Pure.
 */
import {
  type Ipv4Fields,
  type Ipv6Fields,
  internetChecksum,
  ipv4,
  ipv6,
  joined,
  type Layer,
  protocols,
  raw,
  sealed,
  u16,
  u32,
} from '../../captures/frames.ts';

/** `count` octets that are not zero, so that nothing passes for padding. */
export function filler(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i % 251) + 1);
}

interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** The four octets after the checksum: identifier and sequence, MTU, or unused. */
  readonly rest?: readonly number[];
  readonly payload?: Uint8Array;
}

/** RFC 792. */
export function icmp({ type, code = 0, rest = [0, 0, 0, 0], payload = filler(8) }: IcmpFields): Layer {
  const octets = joined(Uint8Array.from([type, code, 0, 0, ...rest]), payload);
  new DataView(octets.buffer).setUint16(2, internetChecksum(octets));
  return { octets, kind: protocols.icmp };
}

/** RFC 4443. */
export function icmpv6({ type, code = 0, rest = [0, 0, 0, 0], payload = filler(8) }: IcmpFields): Layer {
  const octets = joined(Uint8Array.from([type, code, 0, 0, ...rest]), payload);
  return { octets, kind: protocols.icmpv6, checksum: { protocol: protocols.icmpv6, from: 0, at: 2 } };
}

export const echo = (type: number, identifier: number, sequence = 1): IcmpFields => ({
  type,
  rest: [...u16(identifier), ...u16(sequence)],
});

/** RFC 9260 section 3: one chunk; the checksum is CRC32c, little end first (appendix A). */
export function sctp(fields: {
  sourcePort: number;
  destinationPort: number;
  tag?: number;
  type: number;
  value: Uint8Array;
}): Layer {
  const { sourcePort, destinationPort, tag = 0x1234, type, value } = fields;
  const chunk = [type, type === 0 ? 3 : 0, ...u16(4 + value.length)];
  const padding = new Uint8Array((4 - (value.length % 4)) % 4);
  const header = Uint8Array.from([...u16(sourcePort), ...u16(destinationPort), ...u32(tag), 0, 0, 0, 0, ...chunk]);
  const octets = joined(header, value, padding);
  new DataView(octets.buffer).setUint32(8, crc32c(octets), true);
  return { octets, kind: protocols.sctp };
}

function crc32c(octets: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

/** RFC 4303: what is inside cannot be told. */
export function esp(octets: number, { spi = 0x100, sequence = 1 } = {}): Layer {
  return raw(50, joined(Uint8Array.from([...u32(spi), ...u32(sequence)]), filler(octets - 8)));
}

/** A header before a layer keeps that layer's checksum in its place. */
function before(kind: number, header: readonly number[], payload: Layer): Layer {
  const octets = joined(Uint8Array.from(header), payload.octets);
  const { checksum } = payload;
  if (checksum === undefined) return { octets, kind };
  return { octets, kind, checksum: { ...checksum, from: checksum.from + header.length, at: checksum.at + header.length } };
}

/** RFC 4302 with an integrity check value of 12 octets: 24 in all. */
export function authenticated(payload: Layer): Layer {
  return before(51, [payload.kind, 4, 0, 0, ...u32(0x200), ...u32(1), ...filler(12)], payload);
}

/** RFC 8200 section 4.3 and 4.6: 8 octets with a PadN option of 4. */
export const hopByHop = (payload: Layer): Layer => before(0, [payload.kind, 0, 1, 4, 0, 0, 0, 0], payload);
export const destinationOptions = (payload: Layer): Layer => before(60, [payload.kind, 0, 1, 4, 0, 0, 0, 0], payload);

/** RFC 8200 section 4.4 with no segments left: the destination is the final one. A segment routing header of one address. */
export function routed(payload: Layer, segment: readonly number[]): Layer {
  return before(43, [payload.kind, 2, 4, 0, 0, 0, 0, 0, ...segment], payload);
}

/** RFC 8200 section 4.5. Offset 0 and no more: an atomic fragment (RFC 6946). */
export function fragmentHeader(payload: Layer, { offset = 0, more = false, identification = 1 } = {}): Layer {
  return before(44, [payload.kind, 0, ...u16(offset | (more ? 1 : 0)), ...u32(identification)], payload);
}

/** The datagram in fragments that begin at `offsets` (multiples of 8), in that order. */
export function ipv4Fragments(fields: Ipv4Fields, offsets: readonly number[]): Layer[] {
  const whole = sealed(fields.payload, fields.source, fields.destination);
  return slices(whole, offsets).map(({ octets, offset, more }) =>
    ipv4({ ...fields, payload: raw(fields.payload.kind, octets), fragmentOffset: offset, moreFragments: more }),
  );
}

export function ipv6Fragments(fields: Ipv6Fields & { identification?: number }, offsets: readonly number[]): Layer[] {
  const whole = sealed(fields.payload, fields.source, fields.destination);
  return slices(whole, offsets).map(({ octets, offset, more }) => {
    const options = { offset, more, identification: fields.identification ?? 1 };
    return ipv6({ ...fields, payload: fragmentHeader(raw(fields.payload.kind, octets), options) });
  });
}

function slices(whole: Uint8Array, offsets: readonly number[]): { octets: Uint8Array; offset: number; more: boolean }[] {
  return offsets.map((offset, i) => {
    const end = offsets[i + 1] ?? whole.length;
    return { octets: whole.subarray(offset, end), offset, more: end < whole.length };
  });
}
