/**
 * Octets on the wire to values as JSON shows them (DESIGN section 2): counters as numbers, or decimal strings above
 * 2^53 − 1; times as integer epoch milliseconds; addresses and MACs as text; what has no meaning here as hexadecimal. Pure.
 * Reduced-size encoding (RFC 7011 section 6.2) is understood for whatever may have it.
 */
import { formatIpv4, formatIpv6, formatMac } from '../../../flow/addresses.ts';
import type { ElementType } from '../../../flow/elements.ts';

export type DecodedValue = number | string | boolean;

const NTP_EPOCH_OFFSET_MS = 2_208_988_800_000;

/** @param type undefined for an element nobody has explained */
export function decodeValue(type: ElementType | undefined, octets: Uint8Array): DecodedValue {
  const { length } = octets;
  const view = new DataView(octets.buffer, octets.byteOffset, length);
  switch (type) {
    case 'unsigned8':
    case 'unsigned16':
    case 'unsigned32':
    case 'unsigned64':
      return length >= 1 && length <= 8 ? unsigned(octets) : hex(octets);
    case 'signed32':
      return length >= 1 && length <= 4 ? signed(octets) : hex(octets);
    case 'float64':
      if (length === 8) return finite(view.getFloat64(0));
      return length === 4 ? finite(view.getFloat32(0)) : hex(octets);
    case 'boolean':
      // RFC 7011 section 6.1.5: 1 is true, 2 is false.
      return length === 1 && (octets[0] === 1 || octets[0] === 2) ? octets[0] === 1 : hex(octets);
    case 'macAddress':
      return length === 6 ? formatMac(octets, 0) : hex(octets);
    case 'ipv4Address':
      return length === 4 ? formatIpv4(octets, 0) : hex(octets);
    case 'ipv6Address':
      return length === 16 ? formatIpv6(octets, 0) : hex(octets);
    case 'string':
      return new TextDecoder().decode(octets).replace(/\0+$/, '');
    case 'dateTimeSeconds':
      return length === 4 ? view.getUint32(0) * 1_000 : hex(octets);
    case 'dateTimeMilliseconds':
      return length === 8 ? unsigned(octets) : hex(octets);
    case 'dateTimeMicroseconds':
    case 'dateTimeNanoseconds':
      if (length !== 8) return hex(octets);
      return view.getUint32(0) * 1_000 - NTP_EPOCH_OFFSET_MS + Math.floor((view.getUint32(4) * 1_000) / 2 ** 32);
    default:
      return hex(octets);
  }
}

function unsigned(octets: Uint8Array): number | string {
  if (octets.length <= 6) return octets.reduce((value, octet) => value * 256 + octet, 0);
  const value = octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

function signed(octets: Uint8Array): number {
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return (octets[0] as number) >= 0x80 ? value - 256 ** octets.length : value;
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
