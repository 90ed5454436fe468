/** The few octets of TLS 1.3 (RFC 8446) and QUIC (RFC 9000) that can be read on the wire: hellos, and headers of what is encrypted. */
import type { Random } from '../../core/random.ts';

/** A ClientHello record naming its server (RFC 6066 3). */
export function clientHello(name: string, random: Random): Uint8Array {
  const host = Buffer.from(name, 'latin1');
  const serverName = extension(0, [...u16(host.length + 3), 0, ...u16(host.length), ...host]);
  const groups = extension(10, [0, 4, 0, 0x1d, 0, 0x17]);
  const signatures = extension(13, [0, 6, 4, 3, 8, 4, 8, 7]);
  const protocols = extension(16, [0, 12, 2, 0x68, 0x32, 8, ...Buffer.from('http/1.1', 'latin1')]);
  const versions = extension(43, [2, 3, 4]);
  const keyShare = extension(51, [0, 36, 0, 0x1d, 0, 32, ...random.bytes(32)]);
  const extensions = [...serverName, ...groups, ...signatures, ...protocols, ...versions, ...keyShare];
  const ciphers = [0x13, 0x01, 0x13, 0x02, 0x13, 0x03];
  const session = [32, ...random.bytes(32)];
  const body = [
    3,
    3,
    ...random.bytes(32),
    ...session,
    ...u16(ciphers.length),
    ...ciphers,
    1,
    0,
    ...u16(extensions.length),
    ...extensions,
  ];
  return handshakeRecord(1, body);
}

/** A ServerHello record and the change of cipher for old middleboxes (RFC 8446 D.4). */
export function serverHello(random: Random): Uint8Array {
  const extensions = [...extension(43, [3, 4]), ...extension(51, [0, 0x1d, 0, 32, ...random.bytes(32)])];
  const session = [32, ...random.bytes(32)];
  const body = [3, 3, ...random.bytes(32), ...session, 0x13, 0x01, 0, ...u16(extensions.length), ...extensions];
  return Uint8Array.from([...handshakeRecord(2, body), 20, 3, 3, 0, 1, 1]);
}

/** Head of an encrypted record that fills `octets` with its header; the same array each time, for use at once. */
export function encryptedRecord(octets: number): Uint8Array {
  recordHead[3] = ((octets - 5) >>> 8) & 0xff;
  recordHead[4] = (octets - 5) & 0xff;
  return recordHead;
}
const recordHead = Uint8Array.of(23, 3, 3, 0, 0, 0x9c, 0x41, 0xe7, 0x1b, 0x52, 0xd8, 0x2f, 0x86, 0x70, 0xb3, 0x0d);

/** RFC 9000 17.2.2: a long header of version 1 over `octets` in all; the rest is encrypted. */
export function quicInitial(destinationId: Uint8Array, sourceId: Uint8Array, octets: number, random: Random): Uint8Array {
  const before = [0xc3, 0, 0, 0, 1, destinationId.length, ...destinationId, sourceId.length, ...sourceId, 0];
  const length = octets - before.length - 2;
  return Uint8Array.from([...before, 0x40 | (length >>> 8), length & 0xff, ...random.bytes(24)]);
}

/** RFC 9000 17.3.1: a short header. */
export function quicShort(destinationId: Uint8Array): Uint8Array {
  return Uint8Array.from([0x4c, ...destinationId, 0x27, 0xa1, 0x5e, 0x93]);
}

function handshakeRecord(type: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([22, 3, 1, ...u16(body.length + 4), type, 0, ...u16(body.length), ...body]);
}

function extension(type: number, content: readonly number[]): number[] {
  return [...u16(type), ...u16(content.length), ...content];
}

function u16(value: number): [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff];
}
