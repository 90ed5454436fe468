/**
 * Reads a DHCP message (RFC 2131 2, RFC 2132) as far as it names the client: its MAC, its address, and the name that it gave
 * or was given (options 12 and 81, RFC 4702). Strict and pure. Options that are continued in `file` or `sname` are not read.
 */
import { formatIpv4, formatMac } from '../../flow/addresses.ts';
import { readName } from './dns_message.ts';
import { asciiText, hostName } from './host_name.ts';

export const dhcpTypes = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;

export interface DhcpMessage {
  readonly fromServer: boolean;
  readonly type: number;
  /** RFC 2131: chosen by the client, the same in the answer. */
  readonly transaction: number;
  readonly mac: string;
  /** The client's own, while it holds one; undefined for 0.0.0.0. */
  readonly clientAddress: string | undefined;
  /** What the server gives it. */
  readonly yourAddress: string | undefined;
  readonly name: string | undefined;
  readonly leaseS: number | undefined;
}

const fixedOctets = 240;
const magicCookie = 0x63825363;
const options = { pad: 0, hostName: 12, leaseTime: 51, messageType: 53, clientFqdn: 81, end: 255 } as const;
const ethernet = { type: 1, addressOctets: 6 } as const;

export function parseDhcpMessage(octets: Uint8Array): DhcpMessage | undefined {
  if (octets.length < fixedOctets) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const operation = view.getUint8(0);
  const isEthernet = view.getUint8(1) === ethernet.type && view.getUint8(2) === ethernet.addressOctets;
  if ((operation !== 1 && operation !== 2) || !isEthernet || view.getUint32(236) !== magicCookie) return undefined;
  const found = readOptions(octets);
  const type = found.get(options.messageType);
  if (type?.length !== 1) return undefined;
  const lease = found.get(options.leaseTime);
  const own = found.get(options.hostName);
  return {
    fromServer: operation === 2,
    type: type[0]!,
    transaction: view.getUint32(4),
    mac: formatMac(octets, 28),
    clientAddress: addressAt(octets, 12),
    yourAddress: addressAt(octets, 16),
    name: qualifiedName(found.get(options.clientFqdn)) ?? (own === undefined ? undefined : optionText(own)),
    leaseS: lease?.length === 4 ? new DataView(lease.buffer, lease.byteOffset).getUint32(0) : undefined,
  };
}

/** The first of each; an option that is cut, and what is behind it, is not there. */
function readOptions(octets: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = fixedOctets; at < octets.length; ) {
    const code = octets[at]!;
    if (code === options.end) break;
    if (code === options.pad) {
      at++;
      continue;
    }
    const length = octets[at + 1];
    if (length === undefined || at + 2 + length > octets.length) break;
    if (!found.has(code)) found.set(code, octets.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

/** RFC 4702 2: flags, two octets of no meaning, the name; the E bit says that it is in DNS' wire format. */
function qualifiedName(option: Uint8Array | undefined): string | undefined {
  if (option === undefined || option.length <= 3) return undefined;
  if ((option[0]! & 4) === 0) return optionText(option.subarray(3));
  // No message around it, so pointers lead nowhere; a partial name has no final zero (RFC 4702 2.3.1).
  const whole = Uint8Array.of(...option.subarray(3), 0);
  const name = readName(whole, 0);
  return name === undefined ? undefined : hostName(name.text);
}

/** Some clients count a final zero. */
function optionText(option: Uint8Array): string | undefined {
  const end = option.at(-1) === 0 ? option.length - 1 : option.length;
  return hostName(asciiText(option.subarray(0, end)));
}

function addressAt(octets: Uint8Array, at: number): string | undefined {
  const address = formatIpv4(octets, at);
  return address === '0.0.0.0' ? undefined : address;
}
