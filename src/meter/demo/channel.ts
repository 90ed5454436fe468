/**
 * Two endpoints and the headers between them: Ethernet, a tag, IPv4 or IPv6, prepared once per conversation in both directions and
 * copied for each packet, with lengths and checksums set in place. UDP, TCP and ICMP build upon it.
 */
import type { Endpoint } from './office.ts';
import type { Recorder } from './recorder.ts';

export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

export interface Ends {
  /** The one inside, whose VLAN tags the frames. */
  readonly near: Endpoint;
  readonly far: Endpoint;
  readonly v6: boolean;
  /** IP time to live of both; 255 for what must not leave the link. */
  readonly ttl?: number;
}

interface Direction {
  readonly headers: Uint8Array;
  /** RFC 1071 sums without the fields that change: of the IPv4 header, and of the pseudo header. */
  readonly headerSum: number;
  readonly pseudoSum: number;
}

export abstract class Channel {
  protected readonly recorder: Recorder;
  protected readonly protocol: number;
  readonly #v6: boolean;
  readonly #ipAt: number;
  readonly #directions: readonly [Direction, Direction];
  #identification = 1;

  constructor(recorder: Recorder, ends: Ends, protocol: number) {
    this.recorder = recorder;
    this.protocol = protocol;
    this.#v6 = ends.v6;
    this.#ipAt = ends.near.vlan === 0 ? 14 : 18;
    this.#directions = [
      prepared(ends, ends.near, ends.far, this.#ipAt, protocol),
      prepared(ends, ends.far, ends.near, this.#ipAt, protocol),
    ];
  }

  /**
   * Opens a packet with `transportOctets` above IP, of which the caller will fill the first `filledOctets`. `from`: 0 near, 1 far.
   * Returns where the transport header begins in the recorder's octets.
   */
  protected open(from: 0 | 1, transportOctets: number, filledOctets: number): number {
    const { headers, headerSum } = this.#directions[from];
    const { octets } = this.recorder;
    const start = this.recorder.frame(headers.length + transportOctets, headers.length + filledOctets);
    octets.set(headers, start);
    const ip = start + this.#ipAt;
    if (this.#v6) {
      octets.writeUInt16BE(transportOctets, ip + 4);
      return ip + 40;
    }
    const length = 20 + transportOctets;
    const identification = this.#identification;
    this.#identification = (identification + 1) & 0xffff;
    octets.writeUInt16BE(length, ip + 2);
    octets.writeUInt16BE(identification, ip + 4);
    octets.writeUInt16BE(folded(headerSum + length + identification), ip + 10);
    return ip + 20;
  }

  /** The checksum of the transport header and payload that were just filled; what is not kept of the payload counts as zero. */
  protected checksum(from: 0 | 1, at: number, transportOctets: number): number {
    const { octets, frameEnd } = this.recorder;
    const kept = Math.min(transportOctets, frameEnd - at);
    let sum = this.#directions[from].pseudoSum + transportOctets;
    const even = at + (kept & ~1);
    for (let i = at; i < even; i += 2) sum += (octets[i]! << 8) | octets[i + 1]!;
    if (kept & 1) sum += octets[even]! << 8;
    return folded(sum);
  }
}

/** RFC 1071: the one's complement of a sum of 16-bit words. */
export function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return ~rest & 0xffff;
}

function prepared(ends: Ends, from: Endpoint, to: Endpoint, ipAt: number, protocol: number): Direction {
  const headers = Buffer.alloc(ipAt + (ends.v6 ? 40 : 20));
  headers.set(to.mac, 0);
  headers.set(from.mac, 6);
  if (ipAt === 18) {
    headers.writeUInt16BE(0x8100, 12);
    headers.writeUInt16BE(ends.near.vlan ?? 0, 14);
  }
  headers.writeUInt16BE(ends.v6 ? 0x86dd : 0x0800, ipAt - 2);
  const ttl = ends.ttl ?? (from.vlan === undefined ? 54 : 64);
  if (ends.v6) {
    headers[ipAt] = 0x60;
    headers[ipAt + 6] = protocol;
    headers[ipAt + 7] = ttl;
    headers.set(from.v6, ipAt + 8);
    headers.set(to.v6, ipAt + 24);
    // RFC 8200 8.1: the pseudo header. ICMPv6 has one too (RFC 4443 2.3).
    return { headers, headerSum: 0, pseudoSum: wordSum(headers, ipAt + 8, 32) + protocol };
  }
  headers[ipAt] = 0x45;
  headers.writeUInt16BE(0x4000, ipAt + 6);
  headers[ipAt + 8] = ttl;
  headers[ipAt + 9] = protocol;
  headers.set(from.v4, ipAt + 12);
  headers.set(to.v4, ipAt + 16);
  const addresses = wordSum(headers, ipAt + 12, 8);
  return { headers, headerSum: wordSum(headers, ipAt, 20), pseudoSum: addresses + protocol };
}

function wordSum(octets: Buffer, at: number, length: number): number {
  let sum = 0;
  for (let i = at; i < at + length; i += 2) sum += octets.readUInt16BE(i);
  return sum;
}
