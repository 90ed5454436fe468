import { ethernet, ipv4, ipv6 } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import { filler, sctp } from './layers/network.ts';
import { a4, a6, b4, b6, flow4, flow6, returning } from './samples.ts';

const association = { sourcePort: 40_001, destinationPort: 20_001 };
const init = Uint8Array.from([0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5]);
const segment = (count: number) => Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, ...filler(count)]);

goldenFamily('SCTP', [
  {
    name: 'ports of both directions; data of odd length is padded inside IP',
    // 20 + 12 + chunk: 20; 16 + 3 + 1 of padding; over IPv6 40 + 12 + 20.
    packets: sequence(
      ethernet({
        payload: ipv4({ source: a4, destination: b4, payload: sctp({ ...association, tag: 0, type: 1, value: init }) }),
        padTo: 60,
      }),
      ethernet({
        ...returning,
        payload: ipv4({
          source: b4,
          destination: a4,
          payload: sctp({ sourcePort: 20_001, destinationPort: 40_001, type: 0, value: segment(3) }),
        }),
        padTo: 60,
      }),
      ethernet({ payload: ipv6({ source: a6, destination: b6, payload: sctp({ ...association, type: 0, value: segment(4) }) }) }),
    ),
    flows: [
      { ...flow4, protocol: 132, out: { packets: 1, ip: 52, frames: 66 }, back: { packets: 1, ip: 52, frames: 66 }, ms: [0, 1] },
      { ...flow6, protocol: 132, out: { packets: 1, ip: 72, frames: 86 }, ms: [2, 2] },
    ],
  },
]);
