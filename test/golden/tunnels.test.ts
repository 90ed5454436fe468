import { ethernet, ipv4, ipv6, type Layer, raw, udp } from '../captures/frames.ts';
import { type GoldenCase, goldenFamily, sequence } from './golden_case.ts';
import type { GoldenFlow } from './golden_flow.ts';
import { filler, ipv4Fragments } from './layers/network.ts';
import * as tunnel from './layers/tunnel.ts';
import { a4, answer4, answer6, b4, flow4, flow6, macA, macB, portA, portB, request4, request6, returning } from './samples.ts';

const [near, far] = ['192.0.2.1', '198.51.100.1'];
const out = (payload: Layer): Uint8Array => ethernet({ payload: ipv4({ source: near, destination: far, payload }) });
const home = (payload: Layer): Uint8Array =>
  ethernet({ ...returning, payload: ipv4({ source: far, destination: near, payload }) });

/**
 * Inside: a request of 58 octets of IP and an answer of 38; over IPv6 78 and 58; as frames 72 and 52. Outside 14 + 20 octets
 * of Ethernet and IPv4 and what the encapsulation adds.
 */
const request = request4(30);
const answer = answer4(10);
const requestFrame = ethernet({ source: '02:00:00:00:0a:01', destination: '02:00:00:00:0a:02', payload: request });
const answerFrame = ethernet({ source: '02:00:00:00:0a:02', destination: '02:00:00:00:0a:01', payload: answer });

const counts = (ip: number, frames: number) => ({ packets: 1, ip, frames });
const sent = (type: Tunnel['type'], id = 0, encapsulation = 0): Tunnel => ({ type, id, encapsulation, from: near, to: far });
const returned = (type: Tunnel['type'], id: number): Tunnel => ({ type, id, from: far, to: near });
type Tunnel = NonNullable<GoldenFlow['tunnel']>;

interface Encapsulation {
  readonly packets: readonly Uint8Array[];
  readonly opens: readonly Tunnel['type'][];
  readonly opened: readonly GoldenFlow[];
  readonly closed: readonly GoldenFlow[];
}

/** Each tunnel twice: opened to the flow within, and left as the flow between its ends. */
function both(name: string, { packets, opens, opened, closed }: Encapsulation): GoldenCase[] {
  return [
    { name: `${name}, opened`, packets: sequence(...packets), settings: { tunnels: [...opens] }, flows: opened },
    { name: `${name}, not opened`, packets: sequence(...packets), flows: closed },
  ];
}

const onGre = { from: near, to: far, protocol: 47 };

goldenFamily('GRE', [
  ...both('GRE', {
    packets: [out(tunnel.gre(request)), home(tunnel.gre(answer))],
    opens: ['gre'],
    opened: [{ ...flow4, tunnel: sent('gre'), out: counts(58, 96), back: counts(38, 76), ms: [0, 1] }],
    closed: [{ ...onGre, out: counts(82, 96), back: counts(62, 76), ms: [0, 1] }],
  }),
  ...both('GRE with a key, IPv6 within', {
    packets: [out(tunnel.gre(request6(30), { key: 0xdead_beef })), home(tunnel.gre(answer6(10), { key: 0xdead_beef }))],
    opens: ['gre'],
    opened: [
      {
        ...flow6,
        greKey: 0xdead_beef,
        tunnel: sent('gre', 0xdead_beef),
        out: counts(78, 120),
        back: counts(58, 100),
        ms: [0, 1],
      },
    ],
    closed: [{ ...onGre, greKey: 0xdead_beef, out: counts(106, 120), back: counts(86, 100), ms: [0, 1] }],
  }),
  {
    name: 'the same addresses under two GRE keys are two flows once opened',
    packets: sequence(out(tunnel.gre(request, { key: 1 })), out(tunnel.gre(request, { key: 2 }))),
    settings: { tunnels: ['gre'] },
    flows: [1, 2].map((key) => ({
      ...flow4,
      greKey: key,
      tunnel: sent('gre', key),
      out: counts(58, 100),
      ms: [key - 1, key - 1] as const,
    })),
  },
  {
    name: 'GRE that carries neither IP nor Ethernet stays GRE',
    packets: sequence(out(tunnel.gre(raw(0x88b5, filler(20))))),
    settings: { tunnels: ['gre'] },
    flows: [{ ...onGre, out: counts(44, 58), ms: [0, 0] }],
  },
  ...both('NVGRE', {
    packets: [out(tunnel.nvgre(0x123456, 0xab, requestFrame)), home(tunnel.nvgre(0x123456, 0xab, answerFrame))],
    opens: ['nvgre'],
    opened: [
      {
        ...flow4,
        greKey: 0x123456ab,
        tunnel: sent('nvgre', 0x123456, 2),
        out: counts(58, 114),
        back: counts(38, 94),
        ms: [0, 1],
      },
    ],
    closed: [{ ...onGre, greKey: 0x123456ab, out: counts(100, 114), back: counts(80, 94), ms: [0, 1] }],
  }),
  ...both('ERSPAN II', {
    packets: [out(tunnel.erspan2(0x3ff, 1, requestFrame)), out(tunnel.erspan2(0x3ff, 2, answerFrame))],
    opens: ['erspan2'],
    opened: [{ ...flow4, tunnel: sent('erspan2', 0x3ff), out: counts(58, 122), back: counts(38, 102), ms: [0, 1] }],
    closed: [{ ...onGre, out: { packets: 2, ip: 196, frames: 224, length: [88, 108] }, ms: [0, 1] }],
  }),
  ...both('ERSPAN III', {
    packets: [out(tunnel.erspan3(7, 1, requestFrame)), out(tunnel.erspan3(7, 2, answerFrame, { platform: true }))],
    opens: ['erspan3'],
    opened: [{ ...flow4, tunnel: sent('erspan3', 7), out: counts(58, 126), back: counts(38, 114), ms: [0, 1] }],
    closed: [{ ...onGre, out: { packets: 2, ip: 212, frames: 240, length: [100, 112] }, ms: [0, 1] }],
  }),
]);

const vxlan = (payload: Uint8Array, sourcePort = 50_000) => tunnel.toPort(4_789, payload, { sourcePort });
const between = (sourcePort: number, destinationPort: number) => ({
  from: `${near}:${sourcePort}`,
  to: `${far}:${destinationPort}`,
  protocol: 17,
});
const backBetween = (sourcePort: number, destinationPort: number) => ({
  from: `${far}:${sourcePort}`,
  to: `${near}:${destinationPort}`,
  protocol: 17,
  macs: [macB, macA] as const,
});

goldenFamily('Tunnels on UDP', [
  ...both('VXLAN: each end sends to the same port from one of its own', {
    packets: [out(vxlan(tunnel.vxlan(0xabcdef, requestFrame))), home(vxlan(tunnel.vxlan(0xabcdef, answerFrame), 50_001))],
    opens: ['vxlan'],
    opened: [{ ...flow4, tunnel: sent('vxlan', 0xabcdef, 1), out: counts(58, 122), back: counts(38, 102), ms: [0, 1] }],
    closed: [
      { ...between(50_000, 4_789), out: counts(108, 122), ms: [0, 0] },
      { ...backBetween(50_001, 4_789), out: counts(88, 102), ms: [1, 1] },
    ],
  }),
  {
    name: 'VXLAN: the same addresses in two segments are two flows; a tag inside is not the VLAN of the frame',
    packets: sequence(
      out(vxlan(tunnel.vxlan(1, ethernet({ vlans: [{ id: 5 }], payload: request })))),
      out(vxlan(tunnel.vxlan(2, requestFrame))),
    ),
    settings: { tunnels: ['vxlan'] },
    flows: [
      { ...flow4, tunnel: sent('vxlan', 1, 1), out: counts(58, 126), ms: [0, 0] },
      { ...flow4, tunnel: sent('vxlan', 2, 1), out: counts(58, 122), ms: [1, 1] },
    ],
  },
  {
    name: 'VXLAN: a frame that is not IP is a flow between the stations within',
    packets: sequence(
      out(
        vxlan(
          tunnel.vxlan(
            9,
            ethernet({ source: '02:00:00:00:0a:01', destination: '02:00:00:00:0a:02', payload: raw(0x88b5, filler(46)) }),
          ),
        ),
      ),
    ),
    settings: { tunnels: ['vxlan'] },
    flows: [
      {
        from: '02:00:00:00:0a:01',
        to: '02:00:00:00:0a:02',
        macs: ['02:00:00:00:0a:01', '02:00:00:00:0a:02'],
        etherType: 0x88b5,
        tunnel: sent('vxlan', 9, 1),
        out: counts(0, 110),
        ms: [0, 0],
      },
    ],
    dissection: 'none',
  },
  ...both('Geneve: IP without Ethernet, behind options', {
    packets: [
      out(tunnel.toPort(6_081, tunnel.geneve(77, request, Uint8Array.of(0, 1, 0x80, 1, 1, 2, 3, 4)))),
      home(tunnel.toPort(6_081, tunnel.geneve(77, answer))),
    ],
    opens: ['geneve'],
    opened: [{ ...flow4, tunnel: sent('geneve', 77), out: counts(58, 116), back: counts(38, 88), ms: [0, 1] }],
    closed: [
      { ...between(50_000, 6_081), out: counts(102, 116), ms: [0, 0] },
      { ...backBetween(50_000, 6_081), out: counts(74, 88), ms: [1, 1] },
    ],
  }),
  ...both('Geneve: Ethernet', {
    packets: [out(tunnel.toPort(6_081, tunnel.geneve(0xfffffe, raw(0x6558, requestFrame))))],
    opens: ['geneve'],
    opened: [{ ...flow4, tunnel: sent('geneve', 0xfffffe), out: counts(58, 122), ms: [0, 0] }],
    closed: [{ ...between(50_000, 6_081), out: counts(108, 122), ms: [0, 0] }],
  }),
  ...both('GTP-U: another endpoint id each way, so each direction is a flow of its own', {
    packets: [
      out(tunnel.toPort(2_152, tunnel.gtpu(0x8000_0001, request), { sourcePort: 2_152 })),
      home(tunnel.toPort(2_152, tunnel.gtpu(0x2, answer, 5), { sourcePort: 2_152 })),
    ],
    opens: ['gtpu'],
    opened: [
      { ...flow4, tunnel: sent('gtpu', 0x8000_0001), out: counts(58, 108), ms: [0, 0] },
      {
        from: flow4.to,
        to: flow4.from,
        protocol: 17,
        macs: [macB, macA],
        tunnel: returned('gtpu', 2),
        out: counts(38, 92),
        ms: [1, 1],
      },
    ],
    closed: [{ ...between(2_152, 2_152), out: counts(94, 108), back: counts(78, 92), ms: [0, 1] }],
  }),
  ...both('Teredo, with an origin indication', {
    packets: [
      out(tunnel.toPort(3_544, tunnel.teredo(request6(30)))),
      home(udp({ sourcePort: 3_544, destinationPort: 50_000, payload: tunnel.teredo(answer6(10), { origin: true }) })),
    ],
    opens: ['teredo'],
    opened: [{ ...flow6, tunnel: sent('teredo'), out: counts(78, 120), back: counts(58, 108), ms: [0, 1] }],
    closed: [{ ...between(50_000, 3_544), out: counts(106, 120), back: counts(94, 108), ms: [0, 1] }],
  }),
  ...both('L2TPv3 on UDP', {
    packets: [out(tunnel.toPort(1_701, tunnel.l2tpv3OverUdp(0x1234, requestFrame), { sourcePort: 1_701 }))],
    opens: ['l2tpv3'],
    opened: [{ ...flow4, tunnel: sent('l2tpv3', 0x1234), out: counts(58, 122), ms: [0, 0] }],
    closed: [{ ...between(1_701, 1_701), out: counts(108, 122), ms: [0, 0] }],
  }).map((golden) => ({ ...golden, dissection: golden.settings ? ('none' as const) : ('outer' as const) })),
  {
    name: 'a tunnel that is not among those opened stays closed, whatever else is opened',
    packets: sequence(out(vxlan(tunnel.vxlan(1, requestFrame)))),
    settings: { tunnels: ['gre', 'geneve', 'gtpu', 'teredo', 'ipInIp', 'sixInFour'] },
    flows: [{ ...between(50_000, 4_789), out: counts(108, 122), ms: [0, 0] }],
    dissection: 'outer',
  },
]);

const sameTunnel = { source: near, destination: far };
const inTunnel = { ...flow4, tunnel: sent('ipInIp') };
const parts = ipv4Fragments(
  {
    source: a4,
    destination: b4,
    identification: 5,
    payload: udp({ sourcePort: portA, destinationPort: portB, payload: filler(2_000) }),
  },
  [0, 1_360],
);

goldenFamily('Tunnels on IP', [
  ...both('IP in IP: TTL and code point are those within', {
    packets: [out(raw(4, request4(30, { ttl: 9, tos: 0xb8 }).octets)), home(raw(4, answer.octets))],
    opens: ['ipInIp'],
    opened: [
      {
        ...inTunnel,
        out: { ...counts(58, 92), ttl: [9, 9], classOfService: 0xb8 },
        back: counts(38, 72),
        ms: [0, 1],
      },
    ],
    closed: [{ from: near, to: far, protocol: 4, out: counts(78, 92), back: counts(58, 72), ms: [0, 1] }],
  }),
  ...both('6in4', {
    packets: [out(raw(41, request6(30).octets)), home(raw(41, answer6(10).octets))],
    opens: ['sixInFour'],
    opened: [{ ...flow6, tunnel: sent('sixInFour'), out: counts(78, 112), back: counts(58, 92), ms: [0, 1] }],
    closed: [{ from: near, to: far, protocol: 41, out: counts(98, 112), back: counts(78, 92), ms: [0, 1] }],
  }),
  ...both('IPv4 in IPv6', {
    packets: [
      ethernet({ payload: ipv6({ source: '2001:db8:a::1', destination: '2001:db8:b::1', payload: raw(4, request.octets) }) }),
    ],
    opens: ['ipInIp'],
    opened: [
      {
        ...flow4,
        tunnel: { type: 'ipInIp', id: 0, from: '2001:db8:a::1', to: '2001:db8:b::1' },
        out: counts(58, 112),
        ms: [0, 0],
      },
    ],
    closed: [{ from: '2001:db8:a::1', to: '2001:db8:b::1', protocol: 4, out: counts(98, 112), ms: [0, 0] }],
  }),
  ...both('L2TPv3 with a cookie of 4 octets', {
    packets: [out(tunnel.l2tpv3(0x1234_5678, requestFrame, [9, 9, 9, 9]))],
    opens: ['l2tpv3'],
    opened: [{ ...flow4, tunnel: sent('l2tpv3', 0x1234_5678), out: counts(58, 114), ms: [0, 0] }],
    closed: [{ from: near, to: far, protocol: 115, out: counts(100, 114), ms: [0, 0] }],
  }).map((golden) => ({ ...golden, dissection: golden.settings ? ('none' as const) : ('outer' as const) })),
  {
    name: 'a tunnel in a tunnel: the id of the innermost, the addresses of the outermost',
    // 14 + 20 + GRE 4 + (20 + UDP 8 + VXLAN 8 + 72).
    packets: sequence(
      out(tunnel.gre(ipv4({ source: '10.9.0.1', destination: '10.9.0.2', payload: vxlan(tunnel.vxlan(6, requestFrame)) }))),
    ),
    settings: { tunnels: ['gre', 'vxlan'] },
    flows: [{ ...flow4, tunnel: sent('vxlan', 6, 1), out: counts(58, 146), ms: [0, 0] }],
  },
  {
    name: 'fragments within an opened tunnel belong to the flow of their first, in whatever order',
    // 20 + 1360 and 20 + 648, and 34 octets around each.
    packets: sequence(...[parts[0]!, parts[1]!].map((part) => out(raw(4, part.octets)))),
    settings: { tunnels: ['ipInIp'] },
    flows: [{ ...inTunnel, out: { packets: 2, ip: 2_048, frames: 2_116, length: [668, 1_380], fragments: 2 }, ms: [0, 1] }],
  },
  {
    name: '… also when the first comes last',
    packets: sequence(...[parts[1]!, parts[0]!].map((part) => out(raw(4, part.octets)))),
    settings: { tunnels: ['ipInIp'] },
    flows: [{ ...inTunnel, out: { packets: 2, ip: 2_048, frames: 2_116, length: [668, 1_380], fragments: 2 }, ms: [0, 1] }],
  },
  {
    name: 'a tunnel whose outer packets are fragments: only the first shows what is within, the rest is the outer flow',
    // 8 + 8 + 1014 octets behind the outer header, cut at 800.
    packets: sequence(
      ...ipv4Fragments(
        { ...sameTunnel, identification: 3, payload: vxlan(tunnel.vxlan(4, ethernet({ payload: request4(972) }))) },
        [0, 800],
      ).map((payload) => ethernet({ payload })),
    ),
    settings: { tunnels: ['vxlan'] },
    flows: [
      { ...flow4, tunnel: sent('vxlan', 4, 1), annotation: 'badIpTotalLength', out: counts(1_000, 834), ms: [0, 0] },
      { ...between(50_000, 4_789), out: { ...counts(250, 264), fragments: 1 }, ms: [1, 1] },
    ],
    dissection: 'none',
    faults: ['malformed', 'IPv4 total length exceeds packet length (770 bytes)', 'Bad length value 980 > IP payload length'],
  },
]);
