/**
 * The server name (RFC 6066 3) out of the first octets of a TLS ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2). Strict and
 * pure; null where a whole hello has none, undefined where the packet was cut before it or is not well-formed. A hello with an encrypted one inside
 * tells the name of the front, by design.
 */
import { asciiText, hostName } from './host_name.ts';

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const hostNameType = 0;

export function serverNameOf(octets: Uint8Array): string | null | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  // Record header 5, handshake header 4, version 2, random 32.
  const fixed = 5 + 4 + 2 + 32;
  if (octets.length <= fixed || octets[0] !== handshakeRecord || octets[1] !== 3 || octets[5] !== clientHello) return undefined;
  // The hello ends where its own length says, or where the packet was cut.
  const end = Math.min(octets.length, 9 + ((octets[6]! << 16) | view.getUint16(7)), 5 + view.getUint16(3));
  const reader = { at: fixed };
  const skip = (octetsOfLength: 1 | 2): boolean => {
    if (reader.at + octetsOfLength > end) return false;
    reader.at += octetsOfLength + (octetsOfLength === 1 ? view.getUint8(reader.at) : view.getUint16(reader.at));
    return reader.at <= end;
  };
  // Session identifier, cipher suites, compression methods.
  if (!skip(1) || !skip(2) || !skip(1) || reader.at + 2 > end) return undefined;
  const wholeEnd = reader.at + 2 + view.getUint16(reader.at);
  const extensionsEnd = Math.min(end, wholeEnd);
  let at = reader.at + 2;
  for (; at + 4 <= extensionsEnd; at += 4 + view.getUint16(at + 2)) {
    if (view.getUint16(at) !== serverNameExtension) continue;
    const nameEnd = at + 4 + view.getUint16(at + 2);
    return nameEnd > extensionsEnd ? undefined : nameIn(octets.subarray(at + 4, nameEnd));
  }
  return at === wholeEnd ? null : undefined;
}

/** ServerNameList: only one name of a type, so the first is the only host name. */
function nameIn(list: Uint8Array): string | undefined {
  if (list.length < 5 || list[2] !== hostNameType) return undefined;
  const listOctets = (list[0]! << 8) | list[1]!;
  const nameOctets = (list[3]! << 8) | list[4]!;
  if (listOctets + 2 !== list.length || 5 + nameOctets > list.length) return undefined;
  return hostName(asciiText(list.subarray(5, 5 + nameOctets)));
}
