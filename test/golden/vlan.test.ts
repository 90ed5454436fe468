import { ethernet, raw, udp, type VlanTag } from '../captures/frames.ts';
import { goldenFamily, sequence } from './golden_case.ts';
import { llc, snap } from './layers/link.ts';
import { filler, ipv4Fragments } from './layers/network.ts';
import { a4, answer4, b4, flow4, flow6, macA, macB, request4, request6, returning } from './samples.ts';

const tagged = (...vlans: VlanTag[]) => ethernet({ vlans, payload: request4(10), padTo: 60 });
const service = 0x88a8;

/** UDP of 8 + 2,000 octets, cut at 1,480, of two customers that chose the same identification. */
function fragment(customer: number, part: number): Uint8Array {
  const payload = udp({ sourcePort: 40_000 + customer, destinationPort: 20_001, payload: filler(2_000) });
  const parts = ipv4Fragments({ source: a4, destination: b4, identification: 77, payload }, [0, 1_480]);
  return ethernet({ vlans: [{ id: 200, tpid: service }, { id: customer }], payload: parts[part]! });
}

goldenFamily('VLAN tags', [
  {
    name: '802.1Q: id and priority; the tag is frame, not IP',
    packets: sequence(
      ethernet({ vlans: [{ id: 100, priority: 5 }], payload: request4(10), padTo: 60 }),
      ethernet({ ...returning, vlans: [{ id: 100 }], payload: answer4(100) }),
    ),
    flows: [
      {
        ...flow4,
        vlan: 100,
        priority: 5,
        out: { packets: 1, ip: 38, frames: 60 },
        back: { packets: 1, ip: 128, frames: 146 },
        ms: [0, 1],
      },
    ],
  },
  {
    name: '802.1ad: both tags are kept (243 the service, 245 the customer), each with its priority',
    packets: sequence(tagged({ id: 200, priority: 3, tpid: service }, { id: 7, priority: 1 })),
    flows: [
      {
        ...flow4,
        vlan: 200,
        priority: 3,
        customerVlan: 7,
        customerPriority: 1,
        out: { packets: 1, ip: 38, frames: 60 },
        ms: [0, 0],
      },
    ],
  },
  {
    name: 'customers of one service VLAN with the same addresses are different flows',
    packets: sequence(
      tagged({ id: 200, tpid: service }, { id: 7 }),
      tagged({ id: 200, tpid: service }, { id: 8 }),
      tagged({ id: 201, tpid: service }, { id: 7 }),
      tagged({ id: 7 }),
      tagged({ id: 200, tpid: service }, { id: 7 }),
    ),
    flows: [
      { ...flow4, vlan: 200, customerVlan: 7, out: { packets: 2, ip: 76, frames: 120 }, ms: [0, 4] },
      { ...flow4, vlan: 200, customerVlan: 8, out: { packets: 1, ip: 38, frames: 60 }, ms: [1, 1] },
      { ...flow4, vlan: 201, customerVlan: 7, out: { packets: 1, ip: 38, frames: 60 }, ms: [2, 2] },
      { ...flow4, vlan: 7, out: { packets: 1, ip: 38, frames: 60 }, ms: [3, 3] },
    ],
  },
  {
    name: 'fragments of customers with the same addresses and identification stay apart, whichever comes first',
    packets: sequence(fragment(7, 1), fragment(8, 0), fragment(8, 1), fragment(7, 0)),
    flows: [7, 8].map((customerVlan) => ({
      ...{ from: `10.0.0.1:${40_000 + customerVlan}`, to: '10.0.0.2:20001', protocol: 17, vlan: 200, customerVlan },
      out: { packets: 2, ip: 2_048, frames: 2_092, length: [548, 1_500], fragments: 2 },
      ms: customerVlan === 7 ? ([0, 3] as const) : ([1, 2] as const),
    })),
    // tshark puts fragments together across VLANs.
    dissection: 'none',
  },
  {
    name: '802.1Q twice, as older switches stack tags, and the old service TPID 0x9100',
    packets: sequence(tagged({ id: 20 }, { id: 21 }), tagged({ id: 30, tpid: 0x9100 }, { id: 31 })),
    flows: [
      { ...flow4, vlan: 20, customerVlan: 21, out: { packets: 1, ip: 38, frames: 60 }, ms: [0, 0] },
      { ...flow4, vlan: 30, customerVlan: 31, out: { packets: 1, ip: 38, frames: 60 }, ms: [1, 1] },
    ],
  },
  {
    name: 'a third tag is read over: the two outer ones are the flow',
    packets: sequence(tagged({ id: 1, tpid: service }, { id: 2 }, { id: 3 })),
    flows: [{ ...flow4, vlan: 1, customerVlan: 2, out: { packets: 1, ip: 38, frames: 64 }, ms: [0, 0] }],
  },
  {
    name: 'a priority tag has VLAN 0: a tag nevertheless, and not an untagged frame',
    packets: sequence(tagged({ id: 0, priority: 6 }), tagged()),
    flows: [
      { ...flow4, vlan: 0, priority: 6, out: { packets: 1, ip: 38, frames: 60 }, ms: [0, 0] },
      { ...flow4, out: { packets: 1, ip: 38, frames: 60 }, ms: [1, 1] },
    ],
  },
  {
    name: 'a tag stripped one way makes two flows of a conversation',
    packets: sequence(tagged({ id: 5 }), ethernet({ ...returning, payload: answer4(10), padTo: 60 })),
    flows: [
      { ...flow4, vlan: 5, out: { packets: 1, ip: 38, frames: 60 }, ms: [0, 0] },
      {
        from: flow4.to,
        to: flow4.from,
        protocol: 17,
        macs: [macB, macA],
        out: { packets: 1, ip: 38, frames: 60 },
        ms: [1, 1],
      },
    ],
  },
  {
    name: '… and one flow when VLANs are not in the key, with those of its first packet',
    packets: sequence(tagged({ id: 5, priority: 2 }), ethernet({ ...returning, payload: answer4(10), padTo: 60 })),
    settings: { vlanInKey: false },
    flows: [
      {
        ...flow4,
        vlan: 5,
        priority: 2,
        out: { packets: 1, ip: 38, frames: 60 },
        back: { packets: 1, ip: 38, frames: 60 },
        ms: [0, 1],
      },
    ],
  },
  {
    name: 'IPv6, ARP, SNAP and spanning tree behind a tag',
    packets: sequence(
      ethernet({ vlans: [{ id: 9 }], payload: request6(0) }),
      ethernet({
        vlans: [{ id: 9 }],
        payload: raw(0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2)),
        padTo: 60,
      }),
      ethernet({ vlans: [{ id: 9 }], payload: snap(request4(10)), padTo: 60 }),
      ethernet({
        vlans: [{ id: 9 }],
        payload: llc({ dsap: 0x42, ssap: 0x42, payload: Uint8Array.of(0, 0, 0, 0x80) }),
        padTo: 60,
      }),
    ),
    flows: [
      { ...flow6, vlan: 9, out: { packets: 1, ip: 48, frames: 66 }, ms: [0, 0] },
      { from: macA, to: macB, etherType: 0x0806, vlan: 9, out: { packets: 1, ip: 0, frames: 60 }, ms: [1, 1] },
      { ...flow4, vlan: 9, out: { packets: 1, ip: 38, frames: 64 }, ms: [2, 2] },
      { from: macA, to: macB, etherType: null, vlan: 9, out: { packets: 1, ip: 0, frames: 60 }, ms: [3, 3] },
    ],
    dissection: 'none',
  },
]);
