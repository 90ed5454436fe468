import { ethernet, ipv4, tcp, tcpFlags } from '../captures/frames.ts';
import { at, goldenFamily } from './golden_case.ts';
import { a4, answer4, b4, flow4, flow6, request4, request6, returning } from './samples.ts';

const remove = { settings: { duplicates: 'remove' }, dissection: 'none' } as const;
/** By its identification a copy is known for 50 ms, without one for 1 ms. */
const identified = (octets: number, identification = 7, ttl = 64) => request4(octets, { identification, ttl });
const inVlan = (id: number) => ({ vlans: [{ id }] });
/** What a router makes of it: a TTL one lower, other MACs. */
const routed = { source: '02:00:00:00:00:0a', destination: '02:00:00:00:00:0b' } as const;

const segment = (identification: number) =>
  ethernet({
    payload: ipv4({
      source: a4,
      destination: b4,
      identification,
      payload: tcp({
        sourcePort: 40_001,
        destinationPort: 20_001,
        flags: tcpFlags.ack,
        sequence: 1_000,
        acknowledgement: 5,
        payload: new Uint8Array(100),
      }),
    }),
  });

goldenFamily('packets that the mirror shows twice', [
  {
    name: 'copies are only counted unless they are to be removed',
    packets: [at(0, ethernet({ payload: identified(30) })), at(0.02, ethernet({ payload: identified(30) }))],
    flows: [{ ...flow4, out: { packets: 2, ip: 116, frames: 144 }, ms: [0, 0.02] }],
    copies: 1,
  },
  {
    name: 'removed, a third copy too, and the answer stays',
    packets: [
      at(0, ethernet({ payload: identified(30) })),
      at(0.02, ethernet({ payload: identified(30) })),
      at(0.04, ethernet({ payload: identified(30) })),
      at(1, ethernet({ ...returning, payload: answer4(10, { identification: 7 }), padTo: 60 })),
    ],
    flows: [{ ...flow4, out: { packets: 1, ip: 58, frames: 72 }, back: { packets: 1, ip: 38, frames: 60 }, ms: [0, 1] }],
    copies: 2,
    ...remove,
  },
  {
    name: 'mirrored before and behind a trunk: the copy has another tag, and the flow is that of the first',
    packets: [
      at(0, ethernet({ ...inVlan(20), payload: identified(30) })),
      at(0.01, ethernet({ payload: identified(30) })),
      at(0.02, ethernet({ ...inVlan(30), payload: identified(30) })),
    ],
    flows: [{ ...flow4, vlan: 20, out: { packets: 1, ip: 58, frames: 76 }, ms: [0, 0] }],
    copies: 2,
    ...remove,
  },
  {
    name: 'mirrored before and behind a router: the copy has a lower TTL and other MACs',
    packets: [at(0, ethernet({ payload: identified(30) })), at(0.3, ethernet({ ...routed, payload: identified(30, 7, 63) }))],
    flows: [{ ...flow4, out: { packets: 1, ip: 58, frames: 72 }, ms: [0, 0] }],
    copies: 1,
    ...remove,
  },
  {
    name: 'IPv6, also with another tag and a lower hop limit',
    packets: [
      at(0, ethernet({ payload: request6(30) })),
      at(0.01, ethernet({ ...inVlan(5), payload: request6(30) })),
      at(0.02, ethernet({ ...routed, payload: request6(30, { hopLimit: 63 }) })),
    ],
    flows: [{ ...flow6, out: { packets: 1, ip: 78, frames: 92 }, ms: [0, 0] }],
    copies: 2,
    ...remove,
  },
  {
    name: 'a segment sent again is none: it has another identification',
    packets: [at(0, segment(7)), at(0.5, segment(8))],
    flows: [
      {
        ...flow4,
        protocol: 6,
        out: { packets: 2, ip: 280, frames: 308, bits: 'A', sequence: 1_000, retransmitted: 1 },
        ms: [0, 0.5],
      },
    ],
    copies: 0,
    ...remove,
  },
  {
    name: 'the same octets without identification are a packet of their own after a millisecond',
    packets: [at(0, ethernet({ payload: request6(30) })), at(2, ethernet({ payload: request6(30) }))],
    flows: [{ ...flow6, out: { packets: 2, ip: 156, frames: 184 }, ms: [0, 2] }],
    copies: 0,
    ...remove,
  },
  {
    name: 'beyond the window the same identification is another packet',
    packets: [at(0, ethernet({ payload: identified(30) })), at(51, ethernet({ payload: identified(30) }))],
    flows: [{ ...flow4, out: { packets: 2, ip: 116, frames: 144 }, ms: [0, 51] }],
    copies: 0,
    ...remove,
  },
]);
