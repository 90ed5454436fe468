import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { ethernet, ipv4, ipv6, type Layer, protocols, raw, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { type CapturedPacket, captureStartNs, linkTypes, pcapFile } from '../captures/pcap_writer.ts';
import { PcapngWriter } from '../captures/pcapng_writer.ts';
import { CaptureFolder, faultsOf, meterFile } from '../meter/metering.ts';
import { type GoldenFlow, tsharkFlows } from './tshark_flows.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

/** A row in the form of the independent program. */
function goldenOf(row: Uint8Array): GoldenFlow {
  const json = rowToJson(row, 0);
  const number = (name: string): number => Number(json[name] ?? 0);
  const family = json.sourceIPv4Address !== undefined ? 'ipv4' : json.sourceIPv6Address !== undefined ? 'ipv6' : 'ethernet';
  return {
    family,
    source: String(json.sourceIPv4Address ?? json.sourceIPv6Address ?? json.sourceMacAddress),
    destination: String(json.destinationIPv4Address ?? json.destinationIPv6Address ?? json.destinationMacAddress),
    protocol: family === 'ethernet' ? number('ethernetType') : number('protocolIdentifier'),
    sourcePort: number('sourceTransportPort'),
    destinationPort: number('destinationTransportPort'),
    vlan: json.dot1qVlanId === undefined ? -1 : Number(json.dot1qVlanId),
    packets: number('packetDeltaCount'),
    octets: number('octetDeltaCount'),
    frameOctets: number('layer2OctetDeltaCount'),
    reversePackets: number('reversePacketDeltaCount'),
    reverseOctets: number('reverseOctetDeltaCount'),
    reverseFrameOctets: number('reverseLayer2OctetDeltaCount'),
    startMs: number('flowStartMilliseconds'),
    endMs: number('flowEndMilliseconds'),
    tcpFlags: number('tcpControlBits'),
    reverseTcpFlags: number('reverseTcpControlBits'),
  };
}

const text = (flow: GoldenFlow): string => JSON.stringify(flow, Object.keys(flow).sort());

interface Case {
  readonly name: string;
  readonly packets: readonly CapturedPacket[];
}

/** Packets 1 ms apart. */
const capture = (...frames: Uint8Array[]): CapturedPacket[] =>
  frames.map((frame, index) => ({ ns: captureStartNs + BigInt(index) * 1_000_000n, frame }));

const a = '10.0.0.1';
const b = '192.0.2.80';
const a6 = '2001:db8::1';
const b6 = '2001:db8::80';
const four = (source: string, destination: string, payload: Layer) =>
  ethernet({ payload: ipv4({ source, destination, payload }), padTo: 60 });
const six = (source: string, destination: string, payload: Layer) =>
  ethernet({ payload: ipv6({ source, destination, payload }) });
const echo = (type: number, identifier: number) =>
  Uint8Array.of(type, 0, 0, 0, identifier >> 8, identifier & 0xff, 0, 1, 1, 2, 3, 4);

const cases: Case[] = [];

{
  const client = { sourcePort: 40_000, destinationPort: 443 };
  const server = { sourcePort: 443, destinationPort: 40_000 };
  cases.push({
    name: 'a TCP connection, padded frames, both directions',
    packets: capture(
      four(a, b, tcp({ ...client, flags: tcpFlags.syn, sequence: 1 })),
      four(b, a, tcp({ ...server, flags: tcpFlags.syn | tcpFlags.ack, sequence: 9, acknowledgement: 2 })),
      four(a, b, tcp({ ...client, flags: tcpFlags.ack, sequence: 2, acknowledgement: 10 })),
      four(
        a,
        b,
        tcp({ ...client, flags: tcpFlags.ack | tcpFlags.psh, sequence: 2, acknowledgement: 10, payload: new Uint8Array(300) }),
      ),
      four(b, a, tcp({ ...server, flags: tcpFlags.ack, sequence: 10, acknowledgement: 302, payload: new Uint8Array(1200) })),
      four(b, a, tcp({ ...server, flags: tcpFlags.ack | tcpFlags.fin, sequence: 1210, acknowledgement: 302 })),
      four(a, b, tcp({ ...client, flags: tcpFlags.ack | tcpFlags.fin, sequence: 302, acknowledgement: 1211 })),
      four(b, a, tcp({ ...server, flags: tcpFlags.ack, sequence: 1211, acknowledgement: 303 })),
    ),
  });
}

{
  const frame = (vlans: { id: number; tpid?: number }[]) =>
    ethernet({
      vlans,
      payload: ipv4({
        source: a,
        destination: b,
        payload: udp({ sourcePort: 5, destinationPort: 6, payload: new Uint8Array(30) }),
      }),
    });
  cases.push({
    name: 'the same addresses in three VLANs and untagged are four flows',
    packets: capture(frame([]), frame([{ id: 10 }]), frame([{ id: 20 }]), frame([{ id: 4094 }]), frame([{ id: 10 }])),
  });
}

{
  const unreachable = Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0, ...new Uint8Array(28));
  cases.push({
    name: 'ICMP and ICMPv6 echo pair by identifier; errors are one-way',
    packets: capture(
      four(a, b, raw(protocols.icmp, echo(8, 7))),
      four(b, a, raw(protocols.icmp, echo(0, 7))),
      four(a, b, raw(protocols.icmp, echo(8, 8))),
      four(b, a, raw(protocols.icmp, unreachable)),
      six(a6, b6, raw(protocols.icmpv6, echo(128, 7))),
      six(b6, a6, raw(protocols.icmpv6, echo(129, 7))),
    ),
  });
}

cases.push({
  name: 'IPv4 options, SCTP, unknown protocols, ARP, LLDP and STP',
  packets: capture(
    ethernet({
      payload: ipv4({
        source: a,
        destination: b,
        options: Uint8Array.of(0x94, 4, 0, 0),
        payload: udp({ sourcePort: 1, destinationPort: 2 }),
      }),
      padTo: 60,
    }),
    four(
      a,
      b,
      raw(
        protocols.sctp,
        Uint8Array.of(0x0b, 0x59, 0x0b, 0x5a, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      ),
    ),
    four(a, b, raw(253, new Uint8Array(40))),
    ethernet({
      payload: raw(0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2)),
      padTo: 60,
    }),
    ethernet({
      destination: '01:80:c2:00:00:0e',
      payload: raw(0x88cc, Uint8Array.of(2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 2, 5, 49, 6, 2, 0, 120, 0, 0)),
      padTo: 60,
    }),
    ethernet({ payload: raw(0x88b5, new Uint8Array(50)) }),
  ),
});

{
  const inner = udp({ sourcePort: 7, destinationPort: 9, payload: new Uint8Array(20) });
  const hopByHop = raw(0, Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0, ...inner.octets));
  cases.push({
    name: 'IPv6 extension headers do not hide the transport',
    packets: capture(six(a6, b6, hopByHop), six(a6, b6, inner)),
  });
}

for (const seed of [1, 2, 3, 4, 5]) {
  const random = new SeededRandom(seed);
  const hosts4 = Array.from({ length: 6 }, (_, i) => `10.0.${i}.1`);
  const hosts6 = Array.from({ length: 4 }, (_, i) => `2001:db8:${i + 1}::1`);
  const ports = [53, 80, 443, 5060, 40_000, 40_001];
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
  const packets: CapturedPacket[] = [];
  let ns = captureStartNs;
  for (let i = 0; i < 3_000; i++) {
    ns += BigInt(random.below(2_000_000));
    const isV6 = random.below(4) === 0;
    const hosts = isV6 ? hosts6 : hosts4;
    const source = pick(hosts);
    const destination = pick(hosts.filter((host) => host !== source));
    const payload = new Uint8Array(random.below(400));
    const [sourcePort, destinationPort] = [pick(ports), pick(ports.slice(0, 4))];
    // No SYN, FIN or RST: ends and initiators by TCP are the other tests' matter.
    const transport =
      random.below(2) === 0
        ? udp({ sourcePort, destinationPort, payload })
        : tcp({
            sourcePort,
            destinationPort,
            payload,
            flags: tcpFlags.ack | (random.below(2) * tcpFlags.psh),
            sequence: random.uint32(),
          });
    const network = isV6
      ? ipv6({ source, destination, payload: transport })
      : ipv4({ source, destination, payload: transport, identification: i });
    packets.push({ ns, frame: ethernet({ payload: network, vlans: random.below(3) === 0 ? [{ id: 10 }] : [], padTo: 60 }) });
  }
  cases.push({ name: `random traffic from seed ${seed}`, packets });
}

describe('the meter and tshark see the same flows', () => {
  const theirs: GoldenFlow[][] = [];
  // Starting tshark takes longer than reading the packets: all cases are one file, by which each keeps its own.
  beforeAll(() => {
    const writer = new PcapngWriter();
    cases.forEach(({ packets }, i) => {
      writer.interface({ linkType: linkTypes.ethernet, resolution: 9 });
      for (const packet of packets) writer.packet(packet, i, packet.ns);
    });
    theirs.push(
      ...tsharkFlows(
        folder.write('all.pcapng', writer.octets()),
        cases.map(({ packets }) => packets.length),
      ),
    );
  });

  test.each(cases.map(({ name, packets }, i) => [name, packets, i] as const))('%s', (_, packets, i) => {
    const { rows, stats } = meterFile(folder.write(`case-${i}.pcap`, pcapFile(packets, { nanoseconds: true })));
    expect(faultsOf(stats)).toEqual([]);
    expect(rows.map(goldenOf).map(text).sort()).toEqual(theirs[i]!.map(text).sort());
  });
});
