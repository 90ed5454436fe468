/**
 * What looks like an encapsulation and is none, and encapsulations that look like something else: ports that clients happen to have,
 * MAC addresses with the octets of an EtherType or of an IP version, frames of other kinds in ERSPAN and GRE.
 */
import { ethernet, ipv4, joined, type Layer, raw, udp } from '../captures/frames.ts';
import { type GoldenCase, goldenFamily, sequence } from './golden_case.ts';
import type { GoldenFlow } from './golden_flow.ts';
import { mpls } from './layers/link.ts';
import { filler } from './layers/network.ts';
import * as tunnel from './layers/tunnel.ts';
import { flow4, macA, macB, request4 } from './samples.ts';

const [near, far] = ['192.0.2.1', '198.51.100.1'];
const out = (payload: Layer): Uint8Array => ethernet({ payload: ipv4({ source: near, destination: far, payload }) });
const counts = (ip: number, frames: number) => ({ packets: 1, ip, frames });
const request = request4(30);
const stations = { source: '02:00:00:00:0a:01', destination: '02:00:00:00:0a:02' };
const frameOf = (changes: object = {}): Uint8Array => ethernet({ ...stations, payload: request, ...changes });
const sent = (type: NonNullable<GoldenFlow['tunnel']>['type'], id: number) => ({ type, id, from: near, to: far });

/** The flag of VXLAN, GTP-U's message type and the version of IPv6 are where a DNS message has its identification and flags. */
const message = (answers: boolean, first: number) => joined(Uint8Array.of(first, 255, answers ? 0x81 : 1, 0), filler(60));
const named = (name: string, port: number, first = 0x38): GoldenCase => ({
  name: `${name}: a client's port of that number carries what it carries`,
  packets: sequence(
    out(udp({ sourcePort: port, destinationPort: 53, payload: message(false, first) })),
    ethernet({
      source: macB,
      destination: macA,
      payload: ipv4({
        source: far,
        destination: near,
        payload: udp({ sourcePort: 53, destinationPort: port, payload: message(true, first) }),
      }),
    }),
  ),
  settings: { tunnels: ['vxlan', 'geneve', 'gtpu', 'teredo'] },
  flows: [{ from: `${near}:${port}`, to: `${far}:53`, protocol: 17, out: counts(92, 106), back: counts(92, 106), ms: [0, 1] }],
  dissection: 'outer',
  faults: ['malformed', 'Malformed Packet (Exception occurred)'],
});

const behindCookie = (name: string, cookie: readonly number[], frame: Uint8Array): GoldenCase => ({
  name: `L2TPv3: ${name}`,
  packets: sequence(out(tunnel.l2tpv3(77, frame, cookie))),
  settings: { tunnels: ['l2tpv3'] },
  flows: [{ ...flow4, tunnel: sent('l2tpv3', 77), out: counts(58, 38 + cookie.length + frame.length), ms: [0, 0] }],
  dissection: 'none',
});

/** tshark takes it for IP, and finds fault with that. */
const pseudowire = (station: string, fault: string): GoldenCase => ({
  name: `MPLS: a pseudowire's frame to ${station} without control word is no IP of that version`,
  packets: sequence(ethernet({ payload: mpls([100], frameOf({ destination: station })) })),
  flows: [{ from: macA, to: macB, etherType: 0x8847, mpls: { depth: 1, top: '000641' }, out: counts(0, 90), ms: [0, 0] }],
  dissection: 'none',
  faults: [fault],
});

goldenFamily('Look-alikes', [
  named('VXLAN', 4_789),
  named('Geneve', 6_081),
  named('GTP-U', 2_152),
  named('Teredo', 3_544, 0x60),
  behindCookie(
    'a station whose address has an EtherType in the middle, behind a cookie',
    [1, 2, 3, 4],
    frameOf({ source: '02:00:08:00:0a:01' }),
  ),
  behindCookie('a cookie of eight octets and a sublayer of four', [1, 2, 3, 4, 5, 6, 7, 8, 0x40, 0, 0, 1], frameOf()),
  behindCookie('a service tag', [1, 2, 3, 4], frameOf({ vlans: [{ id: 4, tpid: 0x88a8 }] })),
  pseudowire('68:5b:35:91:c2:09', 'Bad checksum [should be 0xffc4]'),
  pseudowire('44:85:00:91:c2:09', 'Bogus IP header length (16, must be at least 20)'),
  {
    name: 'ERSPAN III of a routed port carries IP without Ethernet',
    packets: sequence(
      out(
        tunnel.gre(raw(0x22eb, joined(Uint8Array.of(0x20, 0, 0, 7, 0, 0, 0, 1, 0, 0, 2 << 2, 0), request.octets)), {
          sequence: 1,
        }),
      ),
    ),
    settings: { tunnels: ['erspan3'] },
    flows: [{ ...flow4, tunnel: sent('erspan3', 7), out: counts(58, 112), ms: [0, 0] }],
    dissection: 'none',
  },
  {
    name: 'GRE with routes of its own (RFC 1701) stays GRE, and says why',
    packets: sequence(out(raw(47, joined(Uint8Array.of(0x40, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0), request.octets)))),
    settings: { tunnels: ['gre'] },
    flows: [{ from: near, to: far, protocol: 47, annotation: 'unsupportedTunnelVersion', out: counts(90, 104), ms: [0, 0] }],
    dissection: 'outer',
  },
  {
    name: 'a security group tag of Cisco TrustSec hides nothing, nor does one behind a VLAN tag',
    packets: sequence(
      ...[[], [{ id: 7 }]].map((vlans) =>
        ethernet({ vlans, payload: raw(0x8909, joined(Uint8Array.of(1, 1, 0, 1, 0, 20, 8, 0), request.octets)) }),
      ),
    ),
    flows: [
      { ...flow4, out: counts(58, 80), ms: [0, 0] },
      { ...flow4, vlan: 7, out: counts(58, 84), ms: [1, 1] },
    ],
  },
]);
