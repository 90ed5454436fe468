import { ethernet, ipv4, tcp, tcpFlags } from '../captures/frames.ts';
import { at, type GoldenCase, goldenFamily } from './golden_case.ts';
import { filler } from './layers/network.ts';
import { a4, answer6, b4, flow4, macA, macB, portA, portB, request4, request6, returning } from './samples.ts';

const segment = tcp({ sourcePort: portA, destinationPort: portB, flags: tcpFlags.syn, sequence: 7, payload: filler(1_400) });
const long = ethernet({ payload: ipv4({ source: a4, destination: b4, payload: segment }) });
/** 20 + 20 + 1400 octets of IP, whatever the capture shows of them. */
const counted = { packets: 1, ip: 1_440, frames: 1_454 };

/** The frame cut to `octets` by the snap length; its length on the wire stays. */
const cut = (octets: number, frame = long) => at(0, frame.subarray(0, octets), frame.length);
const one = (name: string, octets: number, rest: Pick<GoldenCase, 'flows'> & Partial<GoldenCase>): GoldenCase => ({
  name,
  packets: [cut(octets)],
  ...rest,
});

goldenFamily('Cut by the snap length', [
  one('64 octets show all headers: nothing is missing', 64, {
    flows: [{ ...flow4, protocol: 6, initiatorKnown: true, out: { ...counted, bits: 'S', sequence: 7 }, ms: [0, 0] }],
  }),
  one('40 octets show the ports but not the flags', 40, {
    flows: [{ ...flow4, protocol: 6, tcpHidden: true, annotation: 'truncatedTransportHeader', out: counted, ms: [0, 0] }],
    annotations: { truncatedTransportHeader: 1 },
    dissection: 'none',
  }),
  one('34 octets show addresses and protocol: port 0', 34, {
    flows: [
      {
        ...{ from: '10.0.0.1:0', to: '10.0.0.2:0', protocol: 6, tcpHidden: true },
        ...{ annotation: 'truncatedTransportHeader', out: counted, ms: [0, 0] },
      },
    ],
    annotations: { truncatedTransportHeader: 1 },
    dissection: 'none',
  }),
  one('30 octets end in the IP header: a frame of that EtherType', 30, {
    flows: [{ from: macA, to: macB, etherType: 0x0800, annotation: 'truncatedIpHeader', out: { ...counted, ip: 0 }, ms: [0, 0] }],
    annotations: { truncatedIpHeader: 1 },
    dissection: 'none',
  }),
  one('13 octets are less than a link header: counted as undecodable, no flow', 13, {
    flows: [],
    undecodable: 1,
    dissection: 'none',
  }),
  {
    name: 'UDP over IPv6, cut behind the ports, both ways in one flow',
    packets: [
      cut(62, ethernet({ payload: request6(900) })),
      { ...cut(62, ethernet({ ...returning, payload: answer6(1_000) })), ns: at(1, long).ns },
    ],
    flows: [
      {
        from: '[2001:db8::1]:40001',
        to: '[2001:db8::2]:20001',
        protocol: 17,
        out: { packets: 1, ip: 948, frames: 962 },
        back: { packets: 1, ip: 1_048, frames: 1_062 },
        ms: [0, 1],
      },
    ],
  },
]);

const short = ethernet({ payload: request4(100) });
const changed = (offset: number, value: number): Uint8Array => {
  const frame = short.slice();
  frame[offset] = value;
  return frame;
};

goldenFamily('Damaged on the wire', [
  {
    name: 'a frame shorter than its IP packet: octets are what the header claims, and it is marked',
    packets: [at(0, short.subarray(0, 100))],
    flows: [{ ...flow4, annotation: 'badIpTotalLength', out: { packets: 1, ip: 128, frames: 100 }, ms: [0, 0] }],
    annotations: { badIpTotalLength: 1 },
    dissection: 'none',
    faults: ['malformed', 'IPv4 total length exceeds packet length (86 bytes)', 'Bad length value 108 > IP payload length'],
  },
  {
    name: 'a header length below 20 and an unknown version are no IP',
    packets: [at(0, changed(14, 0x44)), at(1, changed(14, 0x75))],
    flows: [
      {
        from: macA,
        to: macB,
        etherType: 0x0800,
        annotation: 'badIpHeaderLength',
        out: { packets: 2, ip: 0, frames: 284 },
        ms: [0, 1],
      },
    ],
    annotations: { badIpHeaderLength: 1, badIpVersion: 1 },
    dissection: 'none',
    faults: ['Bogus IP header length (16, must be at least 20)', 'Bogus IPv4 version'],
  },
]);
