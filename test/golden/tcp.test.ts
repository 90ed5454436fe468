import { ethernet, ipv4, type TcpFields, tcp, tcpFlags } from '../captures/frames.ts';
import { at, type GoldenCase, goldenFamily, sequence } from './golden_case.ts';
import { filler } from './layers/network.ts';
import { a4, b4, flow4, portA, portB, request4, returning } from './samples.ts';

const { syn, ack, fin, rst, psh } = tcpFlags;
const conversation = { ...flow4, protocol: 6 };

/** Client and server; with n octets of data a segment is 40 + n octets of IP, the frame 54 + n, 60 at least. */
const client = (fields: Omit<TcpFields, 'sourcePort' | 'destinationPort'>) =>
  ethernet({
    payload: ipv4({ source: a4, destination: b4, payload: tcp({ sourcePort: portA, destinationPort: portB, ...fields }) }),
    padTo: 60,
  });
const server = (fields: Omit<TcpFields, 'sourcePort' | 'destinationPort'>) =>
  ethernet({
    ...returning,
    payload: ipv4({ source: b4, destination: a4, payload: tcp({ sourcePort: portB, destinationPort: portA, ...fields }) }),
    padTo: 60,
  });

/** The client starts at 1000, the server at 5000; the server is 20 ms away, the client 1 ms. */
const handshake = [
  at(0, client({ flags: syn, sequence: 1000 })),
  at(20, server({ flags: syn | ack, sequence: 5000, acknowledgement: 1001 })),
  at(21, client({ flags: ack, sequence: 1001, acknowledgement: 5001 })),
];
const data = (sequence_: number, octets: number, acknowledgement = 1001) =>
  server({ flags: ack, sequence: sequence_, acknowledgement, payload: filler(octets) });
const acknowledge = (acknowledgement: number) => client({ flags: ack, sequence: 1001, acknowledgement });

/** Records of the client's side after the handshake and n more acknowledgements without data. */
const clientSide = (acknowledgements: number) => ({
  packets: 2 + acknowledgements,
  ip: 40 * (2 + acknowledgements),
  frames: 60 * (2 + acknowledgements),
  bits: 'SA',
  sequence: 1000,
  rttUs: 20_000,
});
/** The server's: SYN, and `segments` with `octets` in all. */
const serverSide = (segments: number, octets: number) => ({
  packets: 1 + segments,
  ip: 40 * (1 + segments) + octets,
  frames: 60 + 54 * segments + octets,
  bits: 'SA',
  sequence: 5000,
  rttUs: 1_000,
});

const measures: GoldenCase[] = [
  {
    name: 'the handshake tells the round trip to each side',
    packets: handshake,
    flows: [{ ...conversation, initiatorKnown: true, out: clientSide(0), back: serverSide(0, 0), ms: [0, 21] }],
  },
  {
    name: 'a faster acknowledgement later on lowers the round trip, a delayed one does not raise it',
    // The client acknowledges after 0.4 ms, then after 40 ms.
    packets: [
      ...handshake,
      at(50, data(5001, 100)),
      at(50.4, acknowledge(5101)),
      at(80, data(5101, 100)),
      at(120, acknowledge(5201)),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(2),
        back: { ...serverSide(2, 200), length: [40, 140], rttUs: 400 },
        ms: [0, 120],
      },
    ],
  },
  {
    name: 'a segment sent again after 200 ms is a retransmission; its acknowledgement measures nothing (Karn)',
    packets: [...handshake, at(50, data(5001, 1000)), at(250, data(5001, 1000)), at(250.1, acknowledge(6001))],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(1),
        back: { ...serverSide(2, 2000), length: [40, 1040], retransmitted: 1 },
        ms: [0, 250.1],
      },
    ],
  },
  {
    name: 'a segment overtaken by the next within 3 ms is out of order, not sent again and not missed',
    packets: [...handshake, at(50, data(6001, 1000)), at(51, data(5001, 1000)), at(52, acknowledge(7001))],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(1),
        back: { ...serverSide(2, 2000), length: [40, 1040], outOfOrder: 1 },
        ms: [0, 52],
      },
    ],
  },
  {
    name: 'a hole that is filled 100 ms later was sent again',
    packets: [...handshake, at(50, data(6001, 1000)), at(150, data(5001, 1000)), at(151, acknowledge(7001))],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(1),
        back: { ...serverSide(2, 2000), length: [40, 1040], retransmitted: 1 },
        ms: [0, 151],
      },
    ],
  },
  {
    name: 'octets acknowledged that the mirror never showed are unseen',
    packets: [...handshake, at(50, data(5001, 1000)), at(60, acknowledge(7501))],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(1),
        back: { ...serverSide(1, 1000), length: [40, 1040], unseen: 1500 },
        ms: [0, 60],
      },
    ],
  },
  {
    name: 'a hole that nothing fills is unseen too',
    packets: [...handshake, at(50, data(5001, 1000)), at(51, data(7001, 1000)), at(60, acknowledge(8001))],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: clientSide(1),
        back: { ...serverSide(2, 2000), length: [40, 1040], unseen: 1000 },
        ms: [0, 60],
      },
    ],
  },
  {
    name: 'zero windows are counted; those of a reset are none',
    packets: [
      ...handshake,
      at(50, client({ flags: ack, sequence: 1001, acknowledgement: 5001, window: 0 })),
      at(60, client({ flags: ack, sequence: 1001, acknowledgement: 5001, window: 0 })),
      at(70, server({ flags: rst, sequence: 5001, window: 0 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        end: 3,
        out: { ...clientSide(2), zeroWindows: 2 },
        back: { packets: 2, ip: 80, frames: 120, bits: 'SRA', sequence: 5000, rttUs: 1_000 },
        ms: [0, 70],
      },
    ],
  },
  {
    name: 'sequence numbers that wrap round measure as any others',
    packets: [
      at(0, client({ flags: syn, sequence: 0xffff_ffff })),
      at(20, server({ flags: syn | ack, sequence: 0xffff_fe00, acknowledgement: 0 })),
      at(21, client({ flags: ack, sequence: 0, acknowledgement: 0xffff_fe01 })),
      at(30, server({ flags: ack, sequence: 0xffff_fe01, acknowledgement: 0, payload: filler(1000) })),
      at(31, client({ flags: ack, sequence: 0, acknowledgement: 0x1e9 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: { ...clientSide(1), sequence: 0xffff_ffff },
        back: { ...serverSide(1, 1000), length: [40, 1040], sequence: 0xffff_fe00 },
        ms: [0, 31],
      },
    ],
  },
];

const last = { packets: 1, ip: 40, frames: 60 };
const ends: GoldenCase[] = [
  {
    name: 'closing at the same time ends the flow with the second FIN; what comes within a second still belongs to it',
    packets: [
      ...handshake,
      at(50, client({ flags: fin | ack, sequence: 1001, acknowledgement: 5001 })),
      at(50, server({ flags: fin | ack, sequence: 5001, acknowledgement: 1001 })),
      at(51, client({ flags: ack, sequence: 1002, acknowledgement: 5002 })),
      at(70, server({ flags: ack, sequence: 5002, acknowledgement: 1002 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        end: 3,
        out: { ...clientSide(2), bits: 'FSA' },
        back: { packets: 3, ip: 120, frames: 180, bits: 'FSA', sequence: 5000, rttUs: 1_000 },
        ms: [0, 70],
      },
    ],
  },
  {
    name: 'one FIN is half a close: the other side goes on sending, and the flow is open at the end of the file',
    packets: [
      ...handshake,
      at(50, client({ flags: fin | ack, sequence: 1001, acknowledgement: 5001 })),
      at(60, data(5001, 500, 1002)),
      at(61, client({ flags: ack, sequence: 1002, acknowledgement: 5501 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        // Its FIN is acknowledged after 10 ms, which is less than the handshake's 20.
        out: { ...clientSide(2), bits: 'FSA', rttUs: 10_000 },
        back: { ...serverSide(1, 500), length: [40, 540] },
        ms: [0, 61],
      },
    ],
  },
  {
    name: 'a refused connection: SYN and RST are a flow that has ended',
    packets: [
      at(0, client({ flags: syn, sequence: 1000 })),
      at(5, server({ flags: rst | ack, sequence: 0, acknowledgement: 1001, window: 0 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        end: 3,
        out: { ...last, bits: 'S', sequence: 1000 },
        back: { ...last, bits: 'RA' },
        ms: [0, 5],
      },
    ],
  },
  {
    name: 'the same ports again right after the end are a new flow',
    packets: [
      at(0, client({ flags: syn, sequence: 1000 })),
      at(5, server({ flags: rst | ack, sequence: 0, acknowledgement: 1001 })),
      at(100, client({ flags: syn, sequence: 9000 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        end: 3,
        out: { ...last, bits: 'S', sequence: 1000 },
        back: { ...last, bits: 'RA' },
        ms: [0, 5],
      },
      { ...conversation, initiatorKnown: true, out: { ...last, bits: 'S', sequence: 9000 }, ms: [100, 100] },
    ],
  },
  {
    name: 'the answer to a SYN is seen first: the initiator is still who sent the SYN',
    packets: [
      at(0, server({ flags: syn | ack, sequence: 5000, acknowledgement: 1001 })),
      at(0.2, client({ flags: syn, sequence: 1000 })),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        out: { ...last, bits: 'S', sequence: 1000 },
        back: { ...last, bits: 'SA', sequence: 5000 },
        ms: [0, 0.2],
      },
    ],
  },
  {
    name: '15 s without a packet end a flow by idle time-out, and the next packet is another',
    packets: [at(0, ethernet({ payload: request4(10), padTo: 60 })), at(15_001, ethernet({ payload: request4(20), padTo: 60 }))],
    flows: [
      { ...flow4, end: 1, out: { packets: 1, ip: 38, frames: 60 }, ms: [0, 0] },
      { ...flow4, out: { packets: 1, ip: 48, frames: 62 }, ms: [15_001, 15_001] },
    ],
  },
  {
    name: 'a long connection is cut at the minute, 40 s into the capture, and keeps its initiator',
    // Segments of the client at 10, 20, 30, 39.9 s, then at 40 s.
    packets: [
      ...handshake,
      ...[10_000, 20_000, 30_000, 39_900, 40_000].map((ms, i) =>
        at(ms, client({ flags: ack | psh, sequence: 1001 + 10 * i, acknowledgement: 5001, payload: filler(10) })),
      ),
    ],
    flows: [
      {
        ...conversation,
        initiatorKnown: true,
        end: 2,
        out: { packets: 6, ip: 280, frames: 376, length: [40, 50], bits: 'SPA', sequence: 1000, rttUs: 20_000 },
        back: serverSide(0, 0),
        ms: [0, 39_900],
      },
      {
        ...conversation,
        initiatorKnown: true,
        out: { packets: 1, ip: 50, frames: 64, bits: 'PA', sequence: 1041 },
        ms: [40_000, 40_000],
      },
    ],
  },
];

const superPacket = client({ flags: ack, sequence: 1001, acknowledgement: 5001, payload: filler(4_344) });
/** Segmentation offload leaves the length to the NIC: IP length 0, and no header checksum. */
const withoutLength = superPacket.slice();
withoutLength.set([0, 0], 16);

goldenFamily('TCP measures', measures);
goldenFamily('Ends of flows', ends);
goldenFamily('Segmentation offload', [
  {
    name: 'a super-packet without IP length counts by its frame, and says so',
    packets: sequence(withoutLength),
    flows: [
      {
        ...conversation,
        annotation: 'superPacket',
        out: { packets: 1, ip: 4_384, frames: 4_398, bits: 'A', sequence: 1001 },
        ms: [0, 0],
      },
    ],
    dissection: 'none',
    faults: ['ip.checksum.status', 'Bad checksum [should be 0x66f6]'],
  },
]);
