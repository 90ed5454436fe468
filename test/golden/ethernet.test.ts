import { ethernet, ipv4, ipv6, raw, tcp, tcpFlags } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import { llc, snap } from './layers/link.ts';
import { filler } from './layers/network.ts';
import { macA as a, answer4, macB as b, request4, request6, returning } from './samples.ts';

const { syn, ack, fin, psh } = tcpFlags;
/** IEEE 802.1D section 9.3.1: a configuration message of a root bridge. */
const bridge = [0x80, 0, 2, 0, 0, 0, 0, 1];
const bpdu = Uint8Array.from([0, 0, 0, 0, 0, ...bridge, 0, 0, 0, 0, ...bridge, 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0]);
/** Version 2, hold time, checksum, and a device's name. */
const cdp = Uint8Array.of(2, 180, 0x9b, 0xe2, 0, 1, 0, 6, 0x61, 0x62);

goldenFamily('Ethernet', [
  {
    name: 'UDP over IPv4: padding of short frames is not counted as IP',
    // 20 + 8 + 1 = 29 octets in a frame of 60; 20 + 8 + 100 = 128 in one of 142.
    packets: sequence(
      ethernet({ payload: request4(1), padTo: 60 }),
      ethernet({ ...returning, payload: answer4(100, { ttl: 63 }), padTo: 60 }),
    ),
    flows: [
      {
        from: '10.0.0.1:40001',
        to: '10.0.0.2:20001',
        protocol: 17,
        out: { packets: 1, ip: 29, frames: 60 },
        back: { packets: 1, ip: 128, frames: 142, ttl: [63, 63] },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'UDP over IPv6: flow label, hop limits and traffic classes of both packets',
    // 40 + 8 + 0 = 48 octets, the frame 62 without padding; the second 40 + 8 + 9 = 57.
    packets: sequence(
      ethernet({ payload: request6(0, { flowLabel: 0xabcde, trafficClass: 0xb8, hopLimit: 3 }), padTo: 60 }),
      ethernet({ payload: request6(9, { flowLabel: 0xabcde, trafficClass: 0x02, hopLimit: 255 }) }),
    ),
    format: 'pcapng',
    flows: [
      {
        from: '[2001:db8::1]:40001',
        to: '[2001:db8::2]:20001',
        protocol: 17,
        flowLabel: 0xabcde,
        out: { packets: 2, ip: 105, frames: 133, length: [48, 57], ttl: [3, 255], classOfService: 0xb8, dscp: [0, 46] },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'TCP over IPv4: every control bit of both directions, the initial sequence numbers, padded acknowledgements',
    packets: sequence(
      ...[
        { flags: syn | tcpFlags.ece | tcpFlags.cwr | tcpFlags.ae, sequence: 1000, from: true },
        { flags: syn | ack | tcpFlags.ece, sequence: 5000, acknowledgement: 1001, from: false },
        { flags: ack, sequence: 1001, acknowledgement: 5001, from: true },
        { flags: ack | psh | tcpFlags.urg, sequence: 1001, acknowledgement: 5001, payload: filler(100), from: true },
        { flags: fin | ack, sequence: 5001, acknowledgement: 1101, from: false },
        { flags: fin | ack, sequence: 1101, acknowledgement: 5002, from: true },
        { flags: ack, sequence: 5002, acknowledgement: 1102, from: false },
      ].map(({ from, ...fields }) =>
        from
          ? ethernet({
              payload: ipv4({
                source: '10.0.0.1',
                destination: '10.0.0.2',
                payload: tcp({ sourcePort: 40_000, destinationPort: 20_000, ...fields }),
              }),
              padTo: 60,
            })
          : ethernet({
              ...returning,
              payload: ipv4({
                source: '10.0.0.2',
                destination: '10.0.0.1',
                payload: tcp({ sourcePort: 20_000, destinationPort: 40_000, ...fields }),
              }),
              padTo: 60,
            }),
      ),
    ),
    flows: [
      {
        from: '10.0.0.1:40000',
        to: '10.0.0.2:20000',
        protocol: 6,
        initiatorKnown: true,
        // 3 × 40 + 140; 3 × 60 + 154. The server's SYN is acknowledged after 1 ms, so is the client's.
        out: { packets: 4, ip: 260, frames: 334, length: [40, 140], bits: 'FSPAUECN', sequence: 1000, rttUs: 1000 },
        back: { packets: 3, ip: 120, frames: 180, bits: 'FSAE', sequence: 5000, rttUs: 1000 },
        ms: [0, 6],
        end: 3,
      },
    ],
  },
  {
    name: 'TCP over IPv6 without handshake: nobody is known to have opened it',
    packets: sequence(
      ethernet({
        payload: ipv6({
          source: '2001:db8::1',
          destination: '2001:db8::2',
          payload: tcp({ sourcePort: 40_000, destinationPort: 20_000, sequence: 7, acknowledgement: 1, payload: filler(1) }),
        }),
      }),
    ),
    flows: [
      {
        from: '[2001:db8::1]:40000',
        to: '[2001:db8::2]:20000',
        protocol: 6,
        out: { packets: 1, ip: 61, frames: 75, bits: 'A', sequence: 7 },
        ms: [0, 0],
      },
    ],
  },
  {
    name: 'a jumbo frame',
    packets: sequence(ethernet({ payload: request4(8_972) })),
    flows: [
      { from: '10.0.0.1:40001', to: '10.0.0.2:20001', protocol: 17, out: { packets: 1, ip: 9_000, frames: 9_014 }, ms: [0, 0] },
    ],
  },
  {
    name: 'ARP request and reply are one flow between two stations, LLDP and an unknown EtherType others',
    packets: sequence(
      ethernet({
        payload: raw(0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2)),
        padTo: 60,
      }),
      ethernet({
        ...returning,
        payload: raw(0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1)),
        padTo: 60,
      }),
      ethernet({
        destination: '01:80:c2:00:00:0e',
        payload: raw(0x88cc, Uint8Array.of(2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 2, 5, 49, 6, 2, 0, 120, 0, 0)),
        padTo: 60,
      }),
      ethernet({ payload: raw(0x88b5, filler(50)) }),
    ),
    format: 'gz',
    flows: [
      {
        from: a,
        to: b,
        etherType: 0x0806,
        out: { packets: 1, ip: 0, frames: 60 },
        back: { packets: 1, ip: 0, frames: 60 },
        ms: [0, 1],
      },
      {
        from: a,
        to: '01:80:c2:00:00:0e',
        macs: [a, '01:80:c2:00:00:0e'],
        etherType: 0x88cc,
        out: { packets: 1, ip: 0, frames: 60 },
        ms: [2, 2],
      },
      { from: a, to: b, etherType: 0x88b5, out: { packets: 1, ip: 0, frames: 64 }, ms: [3, 3] },
    ],
  },
  {
    name: '802.2 without SNAP has no EtherType: spanning tree and a link test between the same stations stay apart',
    packets: sequence(
      ethernet({ payload: llc({ dsap: 0x42, ssap: 0x42, payload: bpdu }), padTo: 60 }),
      ethernet({ payload: llc({ dsap: 0, ssap: 0, control: 0xe3, payload: filler(4) }), padTo: 60 }),
      ethernet({ payload: llc({ dsap: 0x42, ssap: 0x42, payload: bpdu }), padTo: 60 }),
    ),
    flows: [
      { from: a, to: b, etherType: null, out: { packets: 2, ip: 0, frames: 120 }, ms: [0, 2] },
      { from: a, to: b, etherType: null, out: { packets: 1, ip: 0, frames: 60 }, ms: [1, 1] },
    ],
    dissection: 'none',
  },
  {
    name: 'SNAP with OUI 0 carries IP like Ethernet II does, padding behind it is not IP',
    packets: sequence(ethernet({ payload: snap(request4(1)), padTo: 60 })),
    flows: [{ from: '10.0.0.1:40001', to: '10.0.0.2:20001', protocol: 17, out: { packets: 1, ip: 29, frames: 60 }, ms: [0, 0] }],
  },
  {
    name: "SNAP of a vendor's own (CDP) is no EtherType",
    packets: sequence(
      ethernet({
        destination: '01:00:0c:cc:cc:cc',
        payload: snap(raw(0x2000, cdp), 0x00000c),
        padTo: 60,
      }),
    ),
    flows: [
      {
        from: a,
        to: '01:00:0c:cc:cc:cc',
        macs: [a, '01:00:0c:cc:cc:cc'],
        etherType: null,
        out: { packets: 1, ip: 0, frames: 60 },
        ms: [0, 0],
      },
    ],
    dissection: 'none',
  },
]);
