import { ethernet, type Ipv4Fields, ipv4, type Layer, raw, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { at, goldenFamily, sequence } from './golden_case.ts';
import { authenticated, echo, esp, filler, icmp, ipv4Fragments } from './layers/network.ts';
import { a4, answer4, b4, flow4, macA, macB, portA, portB, request4, returning } from './samples.ts';

const ports = { sourcePort: portA, destinationPort: portB };
const frames = (layers: readonly Layer[]) => layers.map((payload) => ethernet({ payload, padTo: 60 }));

/** A UDP datagram of 3,008 octets after the IP header: cut at 1480 and 2960 it is 1500 + 1500 + 68 octets of IP. */
const datagram: Ipv4Fields = {
  source: a4,
  destination: b4,
  identification: 77,
  payload: udp({ ...ports, payload: filler(3_000) }),
};
const cuts = [0, 1480, 2960];
/** 1514 + 1514 + 82 octets of frames. */
const whole = { packets: 3, ip: 3_068, frames: 3_110, length: [68, 1_500], fragments: 3 } as const;

/** RFC 3828, all of it covered by the checksum; RFC 4340 section 5.1 and 5.2, a request with the long sequence number. */
const udpLite: Layer = {
  octets: Uint8Array.of(0x9c, 0x41, 0x4e, 0x21, 0, 0, 0, 0, 1, 2),
  kind: 136,
  checksum: { protocol: 136, from: 0, at: 6 },
};
const dccpRequest: Layer = {
  octets: Uint8Array.of(0x9c, 0x41, 0x4e, 0x21, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1),
  kind: 33,
  checksum: { protocol: 33, from: 0, at: 6 },
};

goldenFamily('IPv4', [
  {
    name: 'options belong to the header: router alert and a full header of 60 octets',
    // 24 + 8 + 10 and 60 + 8 + 10.
    packets: sequence(
      ...frames([
        request4(10, { options: Uint8Array.of(0x94, 4, 0, 0) }),
        request4(10, { options: Uint8Array.from([...new Uint8Array(39).fill(1), 0]) }),
      ]),
    ),
    flows: [{ ...flow4, out: { packets: 2, ip: 120, frames: 152, length: [42, 78] }, ms: [0, 1] }],
  },
  {
    name: 'TTL and code points vary within a flow; ECN is no code point',
    packets: sequence(
      ...frames([
        request4(10, { ttl: 64, tos: 0x28 }),
        request4(10, { ttl: 1, tos: 0x2b }),
        request4(10, { ttl: 255, tos: 0xb8 }),
        request4(10, { ttl: 30, tos: 0x03 }),
      ]),
    ),
    flows: [
      {
        ...flow4,
        out: { packets: 4, ip: 152, frames: 240, ttl: [1, 255], classOfService: 0x28, dscp: [0, 10, 46] },
        ms: [0, 3],
      },
    ],
  },
  {
    name: 'fragments in order belong to the flow of the first',
    packets: sequence(...frames(ipv4Fragments(datagram, cuts))),
    flows: [{ ...flow4, out: whole, ms: [0, 2] }],
  },
  {
    name: 'fragments in reverse order wait for the first; the flow begins with the packet that came first',
    packets: sequence(...frames(ipv4Fragments(datagram, cuts)).reverse()),
    flows: [{ ...flow4, out: whole, ms: [0, 2] }],
  },
  {
    name: 'fragments without their first go to port 0',
    packets: sequence(...frames(ipv4Fragments(datagram, cuts)).slice(1)),
    flows: [
      {
        from: '10.0.0.1:0',
        to: '10.0.0.2:0',
        protocol: 17,
        annotation: 'laterFragmentWithoutFirst',
        out: { packets: 2, ip: 1_568, frames: 1_596, length: [68, 1_500], fragments: 2 },
        ms: [0, 1],
      },
    ],
    annotations: { laterFragmentWithoutFirst: 2 },
  },
  {
    name: 'a first that comes more than a second late does not get the others back',
    packets: [
      at(0, frames(ipv4Fragments(datagram, cuts))[1]!),
      at(1_001, frames(ipv4Fragments({ ...datagram, identification: 78 }, cuts))[0]!),
      at(1_002, frames(ipv4Fragments(datagram, cuts))[0]!),
    ],
    flows: [
      {
        from: '10.0.0.1:0',
        to: '10.0.0.2:0',
        protocol: 17,
        annotation: 'laterFragmentWithoutFirst',
        out: { packets: 1, ip: 1_500, frames: 1_514, fragments: 1 },
        ms: [0, 0],
      },
      { ...flow4, out: { packets: 2, ip: 3_000, frames: 3_028, fragments: 2 }, ms: [1_001, 1_002] },
    ],
    dissection: 'none', // tshark knows no time-out here
  },
  {
    name: 'overlapping fragments count as often as they are sent',
    packets: sequence(...frames([ipv4Fragments(datagram, [0, 1480])[0]!, ipv4Fragments(datagram, [1000])[0]!])),
    // 1500, and 20 + 3008 − 1000.
    flows: [{ ...flow4, out: { packets: 2, ip: 3_528, frames: 3_556, length: [1_500, 2_028], fragments: 2 }, ms: [0, 1] }],
  },
  {
    name: 'datagrams of two flows, interleaved, are told apart by identification, and by protocol under the same one',
    packets: sequence(
      ...frames([
        ipv4Fragments(datagram, cuts)[0]!,
        ipv4Fragments(
          {
            ...datagram,
            identification: 78,
            payload: udp({ sourcePort: 40_002, destinationPort: 20_002, payload: filler(2_000) }),
          },
          [0, 1480],
        )[0]!,
        ipv4Fragments({ ...datagram, payload: tcp({ ...ports, payload: filler(2_000), flags: tcpFlags.ack }) }, [0, 1480])[0]!,
        ipv4Fragments({ ...datagram, payload: tcp({ ...ports, payload: filler(2_000), flags: tcpFlags.ack }) }, [0, 1480])[1]!,
        ipv4Fragments(
          {
            ...datagram,
            identification: 78,
            payload: udp({ sourcePort: 40_002, destinationPort: 20_002, payload: filler(2_000) }),
          },
          [0, 1480],
        )[1]!,
        ipv4Fragments(datagram, cuts)[1]!,
        ipv4Fragments(datagram, cuts)[2]!,
      ]),
    ),
    flows: [
      { ...flow4, out: whole, ms: [0, 6] },
      // 1500, and 20 + 2008 − 1480.
      {
        from: '10.0.0.1:40002',
        to: '10.0.0.2:20002',
        protocol: 17,
        out: { packets: 2, ip: 2_048, frames: 2_076, length: [548, 1_500], fragments: 2 },
        ms: [1, 4],
      },
      // 1500, and 20 + 2020 − 1480.
      {
        ...flow4,
        protocol: 6,
        out: { packets: 2, ip: 2_060, frames: 2_088, length: [560, 1_500], fragments: 2, bits: 'A' },
        ms: [2, 3],
      },
    ],
  },
  {
    name: 'fragments of a ping and of its answer are one flow',
    packets: sequence(
      ...ipv4Fragments({ ...datagram, payload: icmp({ ...echo(8, 7), payload: filler(2_000) }) }, [0, 1480]).map((payload) =>
        ethernet({ payload }),
      ),
      ...ipv4Fragments(
        { ...datagram, source: b4, destination: a4, payload: icmp({ ...echo(0, 7), payload: filler(2_000) }) },
        [0, 1480],
      ).map((payload) => ethernet({ ...returning, payload })),
    ),
    flows: [
      {
        from: a4,
        to: b4,
        protocol: 1,
        icmp: '8/0',
        out: { packets: 2, ip: 2_048, frames: 2_076, length: [548, 1_500], fragments: 2 },
        back: { packets: 2, ip: 2_048, frames: 2_076, length: [548, 1_500], fragments: 2 },
        ms: [0, 3],
      },
    ],
  },
  {
    name: 'a first fragment of 8 octets shows the ports but no TCP flags (RFC 1858)',
    packets: sequence(
      ...frames(ipv4Fragments({ ...datagram, payload: tcp({ ...ports, flags: tcpFlags.syn, sequence: 5 }) }, [0, 8])),
    ),
    flows: [
      {
        ...flow4,
        protocol: 6,
        tcpHidden: true,
        annotation: 'truncatedTransportHeader',
        out: { packets: 2, ip: 60, frames: 120, length: [28, 32], fragments: 2 },
        ms: [0, 1],
      },
    ],
    annotations: { truncatedTransportHeader: 1 },
  },
  {
    name: 'ESP hides the ports, and says so; both directions are one flow',
    packets: sequence(
      ethernet({ payload: ipv4({ source: a4, destination: b4, payload: esp(100) }) }),
      ethernet({ ...returning, payload: ipv4({ source: b4, destination: a4, payload: esp(60, { spi: 0x200 }) }) }),
    ),
    flows: [
      {
        from: a4,
        to: b4,
        protocol: 50,
        annotation: 'encrypted',
        out: { packets: 1, ip: 120, frames: 134 },
        back: { packets: 1, ip: 80, frames: 94 },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'AH hides nothing: the flow is that of the datagram behind it',
    // 20 + 24 + 8 + 10.
    packets: sequence(
      ethernet({
        payload: ipv4({ source: a4, destination: b4, payload: authenticated(udp({ ...ports, payload: filler(10) })) }),
      }),
    ),
    flows: [{ ...flow4, out: { packets: 1, ip: 62, frames: 76 }, ms: [0, 0] }],
  },
  {
    name: 'fragments behind AH are those of the datagram behind it, in order and in reverse order',
    // AH of 24 octets and UDP of 8 + 100, cut at 64: 20 + 64 and 20 + 68.
    packets: sequence(
      ...[77, 78].flatMap((identification) => {
        const payload = authenticated(udp({ ...ports, payload: filler(100) }));
        const parts = frames(ipv4Fragments({ ...datagram, identification, payload }, [0, 64]));
        return identification === 77 ? parts : parts.reverse();
      }),
    ),
    flows: [{ ...flow4, out: { packets: 4, ip: 344, frames: 400, length: [84, 88], fragments: 4 }, ms: [0, 3] }],
    // Told by the header that each fragment names, which is AH.
    dissection: 'none',
  },
  {
    name: 'UDP-Lite and DCCP have ports, IGMP and unknown protocols have none',
    packets: sequence(
      ...frames([
        ipv4({ source: a4, destination: b4, payload: udpLite }),
        ipv4({ source: a4, destination: b4, payload: dccpRequest }),
        ipv4({ source: a4, destination: '224.0.0.22', ttl: 1, payload: raw(2, Uint8Array.of(0x11, 0, 0xee, 0xff, 0, 0, 0, 0)) }),
        ipv4({ source: a4, destination: b4, payload: raw(253, filler(40)) }),
      ]),
    ),
    flows: [
      { ...flow4, protocol: 136, out: { packets: 1, ip: 30, frames: 60 }, ms: [0, 0] },
      { ...flow4, protocol: 33, out: { packets: 1, ip: 40, frames: 60 }, ms: [1, 1] },
      { from: a4, to: '224.0.0.22', protocol: 2, out: { packets: 1, ip: 28, frames: 60, ttl: [1, 1] }, ms: [2, 2] },
      { from: a4, to: b4, protocol: 253, out: { packets: 1, ip: 60, frames: 74 }, ms: [3, 3] },
    ],
    dissection: 'none', // tshark gives their ports other names
  },
  {
    name: 'a host that talks to itself, and both ends on one port: directions are still told apart',
    packets: sequence(
      ethernet({ payload: answer4(10, { source: a4 }), padTo: 60 }),
      ethernet({ payload: request4(20, { destination: a4 }), padTo: 62 }),
    ),
    flows: [
      {
        from: '10.0.0.1:20001',
        to: '10.0.0.1:40001',
        protocol: 17,
        macs: [macA, macB],
        out: { packets: 1, ip: 38, frames: 60 },
        back: { packets: 1, ip: 48, frames: 62 },
        ms: [0, 1],
      },
    ],
  },
]);
