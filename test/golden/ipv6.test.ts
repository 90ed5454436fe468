import { ethernet, type Ipv6Fields, ipv6, type Layer, raw, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import {
  authenticated,
  destinationOptions,
  echo,
  esp,
  filler,
  fragmentHeader,
  hopByHop,
  icmpv6,
  ipv6Fragments,
  routed,
} from './layers/network.ts';
import { a6, b6, flow6, portA, portB, request6, returning } from './samples.ts';

const ports = { sourcePort: portA, destinationPort: portB };
const inner = udp({ ...ports, payload: filler(10) });
const packet = (payload: Layer, fields: Partial<Ipv6Fields> = {}): Uint8Array =>
  ethernet({ payload: ipv6({ source: a6, destination: b6, payload, ...fields }) });
const frames = (layers: readonly Layer[]) => layers.map((payload) => ethernet({ payload }));
const segment = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/** 2,008 octets of UDP; cut at 1232 the packets are 40 + 8 + 1232 = 1280 and 40 + 8 + 776 = 824 octets. */
const datagram = { source: a6, destination: b6, payload: udp({ ...ports, payload: filler(2_000) }), identification: 9 };
const whole = { packets: 2, ip: 2_104, frames: 2_132, length: [824, 1_280], fragments: 2 } as const;

goldenFamily('IPv6', [
  {
    name: 'hop-by-hop, routing and destination options, AH, and all of them in a row, do not hide the transport',
    // 40 + 18 and the headers: 8, 24, 8, 24, 64.
    packets: sequence(
      packet(hopByHop(inner)),
      packet(routed(inner, segment)),
      packet(destinationOptions(inner)),
      packet(authenticated(inner)),
      packet(hopByHop(destinationOptions(routed(authenticated(inner), segment)))),
      packet(inner),
    ),
    flows: [{ ...flow6, out: { packets: 6, ip: 476, frames: 560, length: [58, 122] }, ms: [0, 5] }],
  },
  {
    name: 'ESP, and no next header at all',
    packets: sequence(packet(esp(60)), packet(raw(59, new Uint8Array(0)))),
    flows: [
      { from: a6, to: b6, protocol: 50, annotation: 'encrypted', out: { packets: 1, ip: 100, frames: 114 }, ms: [0, 0] },
      { from: a6, to: b6, protocol: 59, out: { packets: 1, ip: 40, frames: 54 }, ms: [1, 1] },
    ],
  },
  {
    name: 'fragments in order belong to the flow of the first',
    packets: sequence(...frames(ipv6Fragments(datagram, [0, 1232]))),
    flows: [{ ...flow6, out: whole, ms: [0, 1] }],
  },
  {
    name: 'fragments in reverse order wait for the first',
    packets: sequence(...frames(ipv6Fragments(datagram, [0, 1232])).reverse()),
    flows: [{ ...flow6, out: whole, ms: [0, 1] }],
  },
  {
    name: 'fragments without their first go to port 0',
    packets: sequence(...frames(ipv6Fragments(datagram, [0, 1232])).slice(1)),
    flows: [
      {
        from: '[2001:db8::1]:0',
        to: '[2001:db8::2]:0',
        protocol: 17,
        annotation: 'laterFragmentWithoutFirst',
        out: { packets: 1, ip: 824, frames: 838, fragments: 1 },
        ms: [0, 0],
      },
    ],
  },
  {
    name: 'an atomic fragment is a whole datagram, and none of the fragments',
    packets: sequence(packet(fragmentHeader(inner)), packet(inner)),
    flows: [{ ...flow6, out: { packets: 2, ip: 124, frames: 152, length: [58, 66] }, ms: [0, 1] }],
  },
  {
    name: 'fragments of TCP behind hop-by-hop options',
    // TCP of 20 + 100 octets, cut at 64: 40 + 8 + 8 + 64 and 40 + 8 + 8 + 56.
    packets: sequence(
      ...[0, 1].map((i) => {
        const parts = ipv6Fragments(
          { ...datagram, payload: tcp({ ...ports, flags: tcpFlags.syn, sequence: 3, payload: filler(100) }) },
          [0, 64],
        );
        return packet(hopByHop(raw(44, parts[i]!.octets.subarray(40))));
      }),
    ),
    flows: [
      {
        ...flow6,
        protocol: 6,
        initiatorKnown: true,
        out: { packets: 2, ip: 232, frames: 260, length: [112, 120], fragments: 2, bits: 'S', sequence: 3 },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'fragments whose first header is an extension belong to the flow behind it, in order and in reverse order',
    // Options of 8 octets and UDP of 8 + 100, cut at 64: 40 + 8 + 64 and 40 + 8 + 52.
    packets: sequence(
      ...[1, 2].flatMap((identification) => {
        const payload = destinationOptions(udp({ ...ports, payload: filler(100) }));
        const parts = frames(ipv6Fragments({ ...datagram, identification, payload }, [0, 64]));
        return identification === 1 ? parts : parts.reverse();
      }),
    ),
    flows: [{ ...flow6, out: { packets: 4, ip: 424, frames: 480, length: [100, 112], fragments: 4 }, ms: [0, 3] }],
    // Told by the header that each fragment names, which is that of the options.
    dissection: 'none',
  },
  {
    name: 'fragments of a ping and of its answer are one flow',
    packets: sequence(
      ...frames(ipv6Fragments({ ...datagram, payload: icmpv6({ ...echo(128, 7), payload: filler(2_000) }) }, [0, 1232])),
      ...ipv6Fragments(
        { ...datagram, source: b6, destination: a6, payload: icmpv6({ ...echo(129, 7), payload: filler(2_000) }) },
        [0, 1232],
      ).map((payload) => ethernet({ ...returning, payload })),
    ),
    flows: [{ from: a6, to: b6, protocol: 58, icmp: '128/0', out: whole, back: whole, ms: [0, 3] }],
  },
  {
    name: 'the flow label is that of the first packet, and not part of the key',
    packets: sequence(
      ethernet({ payload: request6(10, { flowLabel: 0x12345 }) }),
      ethernet({ payload: request6(10, { flowLabel: 0x54321 }) }),
    ),
    flows: [{ ...flow6, flowLabel: 0x12345, out: { packets: 2, ip: 116, frames: 144 }, ms: [0, 1] }],
  },
]);
