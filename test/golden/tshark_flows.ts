/**
 * Flows as an independent program sees them: tshark decodes every packet, and a plain map adds them up by the flow rules of
 * the design (key, direction, VLANs of the first packet). No time-outs: captures for it are shorter than the idle time-out.
 */
import { execFileSync } from 'node:child_process';
import type { rowFamilies } from '../../src/flow/row_layout.ts';

/** One direction-independent flow: what both programs must agree on. */
export interface GoldenFlow {
  readonly family: (typeof rowFamilies)[number];
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly vlan: number;
  packets: number;
  octets: number;
  frameOctets: number;
  reversePackets: number;
  reverseOctets: number;
  reverseFrameOctets: number;
  startMs: number;
  endMs: number;
  tcpFlags: number;
  reverseTcpFlags: number;
}

const fields = [
  'frame.time_epoch',
  'frame.len',
  'eth.src',
  'eth.dst',
  'eth.type',
  'vlan.id',
  'vlan.etype',
  'ip.src',
  'ip.dst',
  'ip.len',
  'ip.proto',
  'ip.frag_offset',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.nxt',
  'udp.srcport',
  'udp.dstport',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.flags',
  'icmp.type',
  'icmp.code',
  'icmp.ident',
  'icmpv6.type',
  'icmpv6.code',
  'icmpv6.echo.identifier',
  'sctp.srcport',
  'sctp.dstport',
  'ipv6.fraghdr.offset',
  'ipv6.hopopts.nxt',
  'ipv6.routing.nxt',
  'ipv6.dstopts.nxt',
  'ipv6.fraghdr.nxt',
] as const;
type Field = (typeof fields)[number];
type Packet = Record<Field, string>;

function decode(path: string): Packet[] {
  const wanted = fields.flatMap((field) => ['-e', field]);
  const text = execFileSync(
    'tshark',
    [
      '-r',
      path,
      '-n',
      '-T',
      'fields',
      '-E',
      'separator=|',
      '-E',
      'occurrence=f',
      '-o',
      'ip.defragment:FALSE',
      '-o',
      'ipv6.defragment:FALSE',
      ...wanted,
    ],
    {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const values = line.split('|');
      return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? ''])) as Packet;
    });
}

interface Side {
  readonly key: string;
  readonly flow: Pick<GoldenFlow, 'family' | 'source' | 'destination' | 'protocol' | 'sourcePort' | 'destinationPort' | 'vlan'>;
}

/** ICMP echo requests and replies are one flow; the type and code of the request are its ports' stand-in. */
function sideOf(p: Packet): Side {
  const vlan = p['vlan.id'] === '' ? -1 : Number(p['vlan.id']);
  const isV6 = p['ipv6.src'] !== '' && p['ip.src'] === '';
  if (p['ip.src'] === '' && !isV6) {
    const type = Number(p['vlan.etype'] || p['eth.type'] || 0);
    const flow = {
      family: 'ethernet',
      source: p['eth.src'],
      destination: p['eth.dst'],
      protocol: type,
      sourcePort: 0,
      destinationPort: 0,
      vlan,
    } as const;
    return { key: JSON.stringify(flow), flow };
  }
  const protocol = isV6
    ? Number(p['ipv6.fraghdr.nxt'] || p['ipv6.dstopts.nxt'] || p['ipv6.routing.nxt'] || p['ipv6.hopopts.nxt'] || p['ipv6.nxt'])
    : Number(p['ip.proto']);
  const later = Number(p['ip.frag_offset'] || p['ipv6.fraghdr.offset'] || 0) > 0;
  const port = (a: Field, b: Field, c: Field): number => (later ? 0 : Number(p[a] || p[b] || p[c] || 0));
  const flow = {
    family: isV6 ? 'ipv6' : 'ipv4',
    source: p[isV6 ? 'ipv6.src' : 'ip.src'],
    destination: p[isV6 ? 'ipv6.dst' : 'ip.dst'],
    protocol,
    sourcePort: port('udp.srcport', 'tcp.srcport', 'sctp.srcport'),
    destinationPort: port('udp.dstport', 'tcp.dstport', 'sctp.dstport'),
    vlan,
  } as const;
  const icmp = `${p['icmp.type']}${p['icmpv6.type']}/${p['icmp.code']}${p['icmpv6.code']}`;
  const echo: Record<string, string> = { '8/0': 'echo', '0/0': 'echo', '128/0': 'echo', '129/0': 'echo' };
  const identifier = p['icmp.ident'] || p['icmpv6.echo.identifier'];
  const kind = icmp === '/' ? '' : echo[icmp] === undefined ? `one-way ${icmp} ${flow.source}` : `echo ${identifier}`;
  const ends = [`${flow.source} ${flow.sourcePort}`, `${flow.destination} ${flow.destinationPort}`].sort();
  return { key: JSON.stringify([protocol, vlan, kind, ...ends]), flow };
}

/** Flows of captures that follow one another in a file, with so many packets each; in order of their first packet. */
export function tsharkFlows(path: string, packetsOf: readonly number[]): GoldenFlow[][] {
  const packets = decode(path);
  const all = packetsOf.map((count) => flowsOf(packets.splice(0, count)));
  if (packets.length > 0) throw new Error(`${path}: ${packets.length} packets too many`);
  return all;
}

function flowsOf(packets: readonly Packet[]): GoldenFlow[] {
  const flows = new Map<string, GoldenFlow>();
  for (const p of packets) {
    const side = sideOf(p);
    // Digits, not arithmetic: a double cannot hold nanoseconds since 1970.
    const timeMs = Number(p['frame.time_epoch'].replace(/^(\d+)\.(\d{3}).*$/, '$1$2'));
    let flow = flows.get(side.key);
    if (flow === undefined) {
      flow = {
        ...side.flow,
        ...{ packets: 0, octets: 0, frameOctets: 0, reversePackets: 0, reverseOctets: 0, reverseFrameOctets: 0 },
        ...{ startMs: timeMs, endMs: timeMs, tcpFlags: 0, reverseTcpFlags: 0 },
      };
      flows.set(side.key, flow);
    }
    const forward = flow.source === side.flow.source && flow.sourcePort === side.flow.sourcePort;
    const ipOctets = p['ip.len'] !== '' ? Number(p['ip.len']) : p['ipv6.plen'] !== '' ? Number(p['ipv6.plen']) + 40 : 0;
    const tcpFlags = p['tcp.flags'] === '' ? 0 : Number(p['tcp.flags']);
    flow.endMs = Math.max(flow.endMs, timeMs);
    if (forward) {
      flow.packets++;
      flow.octets += ipOctets;
      flow.frameOctets += Number(p['frame.len']);
      flow.tcpFlags |= tcpFlags;
    } else {
      flow.reversePackets++;
      flow.reverseOctets += ipOctets;
      flow.reverseFrameOctets += Number(p['frame.len']);
      flow.reverseTcpFlags |= tcpFlags;
    }
  }
  return [...flows.values()];
}
