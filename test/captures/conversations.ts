/**
 * A site's TCP conversations as packets with their facts, for tests that spoil a mirror on purpose: what the switch would
 * show, one packet at a time, before a test drops, copies or retags it. Sound: sequence numbers, acknowledgements, times. Pure.
 */
import { ethernet, ipv4, tcp, tcpFlags, type VlanTag } from './frames.ts';
import { type CapturedPacket, captureStartNs } from './pcap_writer.ts';

export interface SitePacket {
  readonly ns: bigint;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly vlans: readonly VlanTag[];
  readonly ttl: number;
  readonly identification: number;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly payloadOctets: number;
  /** From the station that opened the connection. */
  readonly fromClient: boolean;
}

export interface SiteOptions {
  readonly conversations?: number;
  readonly segments?: number;
  readonly segmentOctets?: number;
  readonly vlan?: number;
  /** From the beginning of one conversation to that of the next. */
  readonly everyNs?: bigint;
}

export const macs = { gateway: '02:00:00:00:00:fe', uplink: '02:00:00:00:00:ff' } as const;
const { syn, ack, fin, psh } = tcpFlags;

/** Every station downloads from outside: request, `segments` of an answer, each second one acknowledged, orderly end. */
export function siteConversations(options: SiteOptions = {}): SitePacket[] {
  const { conversations = 40, segments = 20, segmentOctets = 1_448, vlan, everyNs = 700_000_000n } = options;
  const packets: SitePacket[] = [];
  let identification = 0;
  for (let n = 0; n < conversations; n++) {
    const host = 10 + (n % 100);
    const client = { address: `10.0.0.${host}`, port: 40_000 + n, mac: `02:00:00:00:01:${host.toString(16).padStart(2, '0')}` };
    const server = { address: `192.0.2.${1 + (n % 20)}`, port: 443, mac: macs.gateway };
    let atNs = captureStartNs + BigInt(n) * everyNs;
    let clientNext = 1_000;
    let serverNext = 5_000;
    const send = (fromClient: boolean, flags: number, payloadOctets: number, waitNs: bigint): void => {
      atNs += waitNs;
      identification = (identification % 65_000) + 1;
      const [from, to] = fromClient ? [client, server] : [server, client];
      packets.push({
        ns: atNs,
        source: from.address,
        destination: to.address,
        sourcePort: from.port,
        destinationPort: to.port,
        sourceMac: from.mac,
        destinationMac: to.mac,
        vlans: vlan === undefined ? [] : [{ id: vlan }],
        ttl: fromClient ? 64 : 55,
        identification,
        flags,
        sequence: fromClient ? clientNext : serverNext,
        acknowledgement: (flags & ack) === 0 ? 0 : fromClient ? serverNext : clientNext,
        payloadOctets,
        fromClient,
      });
      const length = payloadOctets + ((flags & (syn | fin)) === 0 ? 0 : 1);
      if (fromClient) clientNext += length;
      else serverNext += length;
    };
    const tripNs = 10_000_000n;
    send(true, syn, 0, 0n);
    send(false, syn | ack, 0, tripNs);
    send(true, ack, 0, 200_000n);
    send(true, ack | psh, 300, 100_000n);
    for (let segment = 0; segment < segments; segment++) {
      send(false, ack, segmentOctets, segment === 0 ? tripNs : 400_000n);
      if (segment % 2 === 1) send(true, ack, 0, 5_000_000n);
    }
    send(false, fin | ack, 0, 400_000n);
    send(true, fin | ack, 0, 300_000n);
    send(false, ack, 0, tripNs);
  }
  return packets.sort((a, b) => (a.ns < b.ns ? -1 : 1));
}

export function captured(packet: SitePacket): CapturedPacket {
  const { source, destination, sourcePort, destinationPort, flags, sequence, acknowledgement, ttl, identification } = packet;
  const segment = tcp({
    sourcePort,
    destinationPort,
    flags,
    sequence,
    acknowledgement,
    payload: new Uint8Array(packet.payloadOctets),
  });
  const payload = ipv4({ source, destination, ttl, identification, payload: segment });
  const frame = ethernet({
    source: packet.sourceMac,
    destination: packet.destinationMac,
    vlans: packet.vlans,
    payload,
    padTo: 60,
  });
  return { ns: packet.ns, frame };
}

/** What a mirror makes of each packet: nothing, one, or several. */
export function mirrored(
  packets: readonly SitePacket[],
  show: (packet: SitePacket, index: number) => readonly SitePacket[],
): CapturedPacket[] {
  return packets
    .flatMap(show)
    .map(captured)
    .sort((a, b) => (a.ns < b.ns ? -1 : 1));
}

/** A while later: the second copy of a packet, changed. */
export function later(packet: SitePacket, changes: Partial<SitePacket> = {}, byNs = 20_000n): SitePacket {
  return { ...packet, ns: packet.ns + byNs, ...changes };
}
