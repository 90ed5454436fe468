import { raw } from '../captures/frames.ts';
import { type GoldenCase, goldenFamily, sequence } from './golden_case.ts';
import { bsdLoopback, linuxSll, linuxSll2, ppp, pppoe } from './layers/link.ts';
import { answer4, flow4, flow6, request4, request6 } from './samples.ts';

const types = { null: 0, ppp: 9, pppHdlc: 50, pppoe: 51, raw: 101, loop: 108, sll: 113, ipv4: 228, ipv6: 229, sll2: 276 };
const arp = raw(0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2));

/** A request of 38 octets and an answer of 58 behind a link header of `header` octets; no MACs. */
const both = (name: string, linkType: number, header: number, frames: Uint8Array[]): GoldenCase => ({
  name,
  linkType,
  packets: sequence(...frames),
  flows: [
    {
      ...flow4,
      macs: null,
      out: { packets: 1, ip: 38, frames: 38 + header },
      back: { packets: 1, ip: 58, frames: 58 + header },
      ms: [0, 1],
    },
  ],
});

goldenFamily('Link types', [
  both('Linux cooked: 16 octets', types.sll, 16, [linuxSll(request4(10)), linuxSll(answer4(30), { packetType: 4 })]),
  both('Linux cooked 2: 20 octets', types.sll2, 20, [linuxSll2(request4(10)), linuxSll2(answer4(30), { packetType: 4 })]),
  {
    name: 'Linux cooked: what is not IP is a flow without MACs, by EtherType',
    linkType: types.sll,
    packets: sequence(linuxSll(arp), linuxSll(arp, { address: '02:00:00:00:00:09' })),
    flows: [{ from: '', to: '', macs: null, etherType: 0x0806, out: { packets: 2, ip: 0, frames: 88 }, ms: [0, 1] }],
    dissection: 'none',
  },
  {
    name: 'raw IP: the version tells the protocol, packet by packet',
    linkType: types.raw,
    packets: sequence(request4(10).octets, request6(10).octets),
    flows: [
      { ...flow4, macs: null, out: { packets: 1, ip: 38, frames: 38 }, ms: [0, 0] },
      { ...flow6, macs: null, out: { packets: 1, ip: 58, frames: 58 }, ms: [1, 1] },
    ],
  },
  both('raw IPv4', types.ipv4, 0, [request4(10).octets, answer4(30).octets]),
  {
    name: 'raw IPv6',
    linkType: types.ipv6,
    packets: sequence(request6(10).octets),
    flows: [{ ...flow6, macs: null, out: { packets: 1, ip: 58, frames: 58 }, ms: [0, 0] }],
  },
  both('BSD loopback of hosts of either byte order', types.null, 4, [
    bsdLoopback(request4(10), { family: 2 }),
    bsdLoopback(answer4(30), { family: 2, bigEndian: true }),
  ]),
  {
    name: 'BSD loopback: IPv6 has another number on each system',
    linkType: types.null,
    packets: sequence(...[24, 28, 30].map((family) => bsdLoopback(request6(10), { family }))),
    flows: [{ ...flow6, macs: null, out: { packets: 3, ip: 174, frames: 186 }, ms: [0, 2] }],
  },
  both('OpenBSD loopback: network byte order', types.loop, 4, [
    bsdLoopback(request4(10), { family: 2, bigEndian: true }),
    bsdLoopback(answer4(30), { family: 2, bigEndian: true }),
  ]),
  both('PPP without address and control', types.ppp, 2, [ppp(request4(10)), ppp(answer4(30))]),
  both('PPP with address and control', types.ppp, 4, [
    ppp(request4(10), { addressAndControl: true }),
    ppp(answer4(30), { addressAndControl: true }),
  ]),
  both('PPP with a compressed protocol number', types.ppp, 1, [
    ppp(request4(10), { compressed: true }),
    ppp(answer4(30), { compressed: true }),
  ]),
  both('PPP in HDLC framing, and Cisco HDLC under the same number', types.pppHdlc, 4, [
    ppp(request4(10), { addressAndControl: true }),
    Uint8Array.from([0x0f, 0, 0x08, 0, ...answer4(30).octets]),
  ]),
  both('PPPoE without Ethernet', types.pppoe, 8, [pppoe(ppp(request4(10))).octets, pppoe(ppp(answer4(30))).octets]),
]);
