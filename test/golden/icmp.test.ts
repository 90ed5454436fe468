import { ethernet, ipv4, ipv6 } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import { echo, filler, icmp, icmpv6 } from './layers/network.ts';
import { a4, a6, b4, b6, flow4, flow6, macA, macB, request4, request6, returning } from './samples.ts';

const from4 = (fields: Parameters<typeof icmp>[0], source: string = a4, destination: string = b4) =>
  ethernet({ ...(source === a4 ? {} : returning), payload: ipv4({ source, destination, payload: icmp(fields) }), padTo: 60 });
const from6 = (fields: Parameters<typeof icmpv6>[0], source: string = a6, destination: string = b6) =>
  ethernet({ ...(source === a6 ? {} : returning), payload: ipv6({ source, destination, payload: icmpv6(fields) }) });
/** 20 + 8 + 8 octets in a frame padded to 60; 40 + 8 + 8 in one of 70. */
const one4 = { packets: 1, ip: 36, frames: 60 };
const one6 = { packets: 1, ip: 56, frames: 70 };

goldenFamily('ICMP', [
  {
    name: 'pings pair with their answers by identifier, whatever their sequence numbers',
    packets: sequence(
      from4(echo(8, 7, 1)),
      from4(echo(8, 8, 1)),
      from4(echo(0, 8, 1), b4, a4),
      from4(echo(0, 7, 1), b4, a4),
      from4(echo(8, 7, 2)),
    ),
    flows: [
      { from: a4, to: b4, protocol: 1, icmp: '8/0', out: { packets: 2, ip: 72, frames: 120 }, back: one4, ms: [0, 4] },
      { from: a4, to: b4, protocol: 1, icmp: '8/0', out: one4, back: one4, ms: [1, 2] },
    ],
  },
  {
    name: 'an answer seen first is the one whose type the record shows',
    packets: sequence(from4(echo(0, 7), b4, a4), from4(echo(8, 7))),
    flows: [{ from: b4, to: a4, protocol: 1, icmp: '0/0', macs: [macB, macA], out: one4, back: one4, ms: [0, 1] }],
  },
  {
    name: 'all other ICMP is one-way: type and code are the key',
    packets: sequence(
      from4({ type: 13, rest: [0, 7, 0, 1], payload: filler(12) }),
      from4({ type: 14, rest: [0, 7, 0, 1], payload: filler(12) }, b4, a4),
      from4({ type: 10 }),
    ),
    flows: [
      { from: a4, to: b4, protocol: 1, icmp: '13/0', out: { packets: 1, ip: 40, frames: 60 }, ms: [0, 0] },
      { from: b4, to: a4, protocol: 1, icmp: '14/0', macs: [macB, macA], out: { packets: 1, ip: 40, frames: 60 }, ms: [1, 1] },
      { from: a4, to: b4, protocol: 1, icmp: '10/0', out: one4, ms: [2, 2] },
    ],
  },
  {
    name: 'unreachable is a flow of its own and counts for the direction it quotes; time exceeded does not',
    // 20 + 8 + 28 quoted octets.
    packets: sequence(
      ethernet({ payload: request4(100) }),
      from4({ type: 3, code: 3, payload: request4(100).octets.subarray(0, 28) }, b4, a4),
      from4({ type: 3, code: 3, payload: request4(100).octets.subarray(0, 28) }, b4, a4),
      from4({ type: 3, code: 1, payload: request4(100).octets.subarray(0, 28) }, '10.0.0.254', a4),
      from4({ type: 11, code: 0, payload: request4(100).octets.subarray(0, 28) }, '10.0.0.254', a4),
    ),
    // The same error twice within the window of duplicates: reported, not removed.
    flows: [
      { ...flow4, out: { packets: 1, ip: 128, frames: 142, unreachable: 3 }, ms: [0, 0] },
      { from: b4, to: a4, protocol: 1, icmp: '3/3', macs: [macB, macA], out: { packets: 2, ip: 112, frames: 140 }, ms: [1, 2] },
      {
        from: '10.0.0.254',
        to: a4,
        protocol: 1,
        icmp: '3/1',
        macs: [macB, macA],
        out: { packets: 1, ip: 56, frames: 70 },
        ms: [3, 3],
      },
      {
        from: '10.0.0.254',
        to: a4,
        protocol: 1,
        icmp: '11/0',
        macs: [macB, macA],
        out: { packets: 1, ip: 56, frames: 70 },
        ms: [4, 4],
      },
    ],
  },
  {
    name: 'ICMPv6: echo, a neighbour solicitation, and unreachable credited to what it quotes',
    packets: sequence(
      from6(echo(128, 1)),
      from6(echo(129, 1), b6, a6),
      from6({ type: 135, payload: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2) }),
      ethernet({ payload: request6(10) }),
      from6({ type: 1, code: 4, payload: request6(10).octets }, b6, a6),
    ),
    // 40 + 8 + 16; 40 + 8 + 58 quoted octets.
    flows: [
      { from: a6, to: b6, protocol: 58, icmp: '128/0', out: one6, back: one6, ms: [0, 1] },
      { from: a6, to: b6, protocol: 58, icmp: '135/0', out: { packets: 1, ip: 64, frames: 78 }, ms: [2, 2] },
      { ...flow6, out: { packets: 1, ip: 58, frames: 72, unreachable: 1 }, ms: [3, 3] },
      { from: b6, to: a6, protocol: 58, icmp: '1/4', macs: [macB, macA], out: { packets: 1, ip: 106, frames: 120 }, ms: [4, 4] },
    ],
  },
]);
