/**
 * Encapsulations, each as what its outer header carries: a layer for those on IP, a payload for those on UDP. What is inside
 * is a frame (`ethernet(…)`) or an IP layer of `captures/frames.ts`. Pure.
 */
import { joined, type Layer, raw, type UdpFields, u16, u32, udp } from '../../captures/frames.ts';

export const tunnelPorts = { vxlan: 4789, geneve: 6081, gtpu: 2152, teredo: 3544, l2tp: 1701 } as const;

const u24 = (value: number): number[] => [value >> 16, (value >> 8) & 0xff, value & 0xff];

/** RFC 2784 and 2890: key and sequence number are there when given. */
export function gre(payload: Layer, { key, sequence }: { key?: number; sequence?: number } = {}): Layer {
  const flags = (key === undefined ? 0 : 0x2000) | (sequence === undefined ? 0 : 0x1000);
  const optional = [...(key === undefined ? [] : u32(key)), ...(sequence === undefined ? [] : u32(sequence))];
  return raw(47, joined(Uint8Array.from([...u16(flags), ...u16(payload.kind), ...optional]), payload.octets));
}

/** RFC 7637: a GRE key of a 24-bit segment and a flow hash. */
export function nvgre(segment: number, flowHash: number, frame: Uint8Array): Layer {
  return gre(raw(0x6558, frame), { key: ((segment << 8) | flowHash) >>> 0 });
}

/** draft-foschiano-erspan section 4.2: version 1; VLAN, session of 10 bits, index. */
export function erspan2(session: number, sequence: number, frame: Uint8Array): Layer {
  return gre(raw(0x88be, joined(Uint8Array.from([...u16(0x1000), ...u16(session), ...u32(0)]), frame)), { sequence });
}

/** draft-foschiano-erspan section 4.3: version 2, a timestamp, Ethernet inside, optionally a platform's header. */
export function erspan3(session: number, sequence: number, frame: Uint8Array, { platform = false } = {}): Layer {
  const header = [...u16(0x2000), ...u16(session), ...u32(12_345), ...u16(0), ...u16(platform ? 0x0001 : 0)];
  const platformHeader = platform ? [0x0c, 0, 0, 0, 0, 0, 0, 0] : [];
  return gre(raw(0x22eb, joined(Uint8Array.from([...header, ...platformHeader]), frame)), { sequence });
}

/** UDP to a tunnel's port, from the source port of the flow inside. */
export function toPort(destinationPort: number, payload: Uint8Array, fields: Partial<UdpFields> = {}): Layer {
  return udp({ sourcePort: 50_000, destinationPort, payload, ...fields });
}

/** RFC 7348 section 5. */
export function vxlan(segment: number, frame: Uint8Array): Uint8Array {
  return joined(Uint8Array.from([0x08, 0, 0, 0, ...u24(segment), 0]), frame);
}

/** RFC 8926 section 3.4; `options` in whole words. */
export function geneve(segment: number, payload: Layer, options = new Uint8Array()): Uint8Array {
  const header = Uint8Array.from([options.length >> 2, 0, ...u16(payload.kind), ...u24(segment), 0]);
  return joined(header, options, payload.octets);
}

/** 3GPP TS 29.281 section 5: a G-PDU, with a sequence number when given, and extension headers: type, length in words, content. */
export function gtpu(
  endpoint: number,
  packet: Layer,
  sequence?: number,
  extensions: readonly (readonly [type: number, words: number, ...content: number[]])[] = [],
): Uint8Array {
  const chain = extensions.flatMap(([, ...content], i) => [...content, extensions[i + 1]?.[0] ?? 0]);
  const isPlain = sequence === undefined && extensions.length === 0;
  const optional = isPlain ? [] : [...u16(sequence ?? 0), 0, extensions[0]?.[0] ?? 0, ...chain];
  const flags = 0x30 | (sequence === undefined ? 0 : 0x02) | (extensions.length === 0 ? 0 : 0x04);
  const header = [flags, 255, ...u16(optional.length + packet.octets.length), ...u32(endpoint)];
  return joined(Uint8Array.from([...header, ...optional]), packet.octets);
}

/** RFC 4380 section 5.1.1: with an origin indication (port and address obfuscated) when asked for. */
export function teredo(packet: Layer, { origin = false } = {}): Uint8Array {
  return joined(Uint8Array.from(origin ? [0, 0, 0x3c, 0xaf, 0x3f, 0xff, 0xfd, 0xfe] : []), packet.octets);
}

/** RFC 3931 section 4.1.1: straight on IP. */
export function l2tpv3(session: number, frame: Uint8Array, cookie: readonly number[] = []): Layer {
  return raw(115, joined(Uint8Array.from([...u32(session), ...cookie]), frame));
}

/** RFC 3931 section 4.1.2: on UDP port 1701, data (T bit clear), version 3. */
export function l2tpv3OverUdp(session: number, frame: Uint8Array, cookie: readonly number[] = []): Uint8Array {
  return joined(Uint8Array.from([0, 3, 0, 0, ...u32(session), ...cookie]), frame);
}
