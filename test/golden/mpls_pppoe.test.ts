import { ethernet, raw } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import { mpls, ppp, pppoe } from './layers/link.ts';
import { answer4, flow4, flow6, macA, macB, request4, request6, returning } from './samples.ts';

goldenFamily('MPLS and PPPoE', [
  {
    name: 'MPLS: one label; its 24 bits hold label, traffic class and bottom of stack',
    // Label 100, class 5: 100 << 4 | 5 << 1 | 1 = 0x00064b.
    packets: sequence(
      ethernet({ payload: mpls([100], request4(30).octets, { trafficClass: 5 }) }),
      ethernet({ ...returning, payload: mpls([200], answer4(30).octets) }),
    ),
    flows: [
      {
        ...flow4,
        mpls: { depth: 1, top: '00064b' },
        out: { packets: 1, ip: 58, frames: 76 },
        back: { packets: 1, ip: 58, frames: 76 },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'MPLS: the top of three labels, over IPv6, behind a VLAN tag',
    packets: sequence(ethernet({ vlans: [{ id: 3 }], payload: mpls([1_048_575, 17, 16], request6(30).octets) })),
    flows: [{ ...flow6, vlan: 3, mpls: { depth: 3, top: 'fffff0' }, out: { packets: 1, ip: 78, frames: 108 }, ms: [0, 0] }],
  },
  {
    name: 'MPLS: padding behind a short IP packet is not IP',
    packets: sequence(ethernet({ payload: mpls([16, 17], request4(1).octets), padTo: 60 })),
    flows: [{ ...flow4, mpls: { depth: 2, top: '000100' }, out: { packets: 1, ip: 29, frames: 60 }, ms: [0, 0] }],
  },
  {
    name: 'MPLS: a pseudowire with control word stays a frame',
    packets: sequence(ethernet({ payload: mpls([300], Uint8Array.from([0, 0, 0, 1, ...new Uint8Array(46)])) })),
    flows: [
      {
        from: macA,
        to: macB,
        etherType: 0x8847,
        mpls: { depth: 1, top: '0012c1' },
        out: { packets: 1, ip: 0, frames: 68 },
        ms: [0, 0],
      },
    ],
    dissection: 'none',
  },
  {
    name: 'PPPoE session: IPv4 and IPv6 inside, padding not counted',
    // 14 + 6 + 2 + IP octets.
    packets: sequence(
      ethernet({ payload: pppoe(ppp(request4(1))), padTo: 60 }),
      ethernet({ ...returning, payload: pppoe(ppp(answer4(100))) }),
      ethernet({ payload: pppoe(ppp(request6(10))) }),
    ),
    flows: [
      { ...flow4, out: { packets: 1, ip: 29, frames: 60 }, back: { packets: 1, ip: 128, frames: 150 }, ms: [0, 1] },
      { ...flow6, out: { packets: 1, ip: 58, frames: 80 }, ms: [2, 2] },
    ],
  },
  {
    name: 'PPPoE session: link control is no IP, discovery has an EtherType of its own',
    packets: sequence(
      ethernet({ payload: pppoe(ppp(raw(0xc021, Uint8Array.of(9, 1, 0, 8, 1, 2, 3, 4)))), padTo: 60 }),
      ethernet({
        destination: 'ff:ff:ff:ff:ff:ff',
        payload: pppoe(Uint8Array.of(1, 1, 0, 0), { code: 9, session: 0 }),
        padTo: 60,
      }),
    ),
    flows: [
      { from: macA, to: macB, etherType: 0x8864, out: { packets: 1, ip: 0, frames: 60 }, ms: [0, 0] },
      {
        from: macA,
        to: 'ff:ff:ff:ff:ff:ff',
        macs: [macA, 'ff:ff:ff:ff:ff:ff'],
        etherType: 0x8863,
        out: { packets: 1, ip: 0, frames: 60 },
        ms: [1, 1],
      },
    ],
  },
  {
    name: 'MPLS inside PPPoE (RFC 3032 section 4.3)',
    packets: sequence(ethernet({ payload: pppoe(ppp(mpls([18], request4(20).octets))) })),
    flows: [{ ...flow4, mpls: { depth: 1, top: '000121' }, out: { packets: 1, ip: 48, frames: 74 }, ms: [0, 0] }],
  },
]);
