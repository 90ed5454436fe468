/**
 * What tshark says about the packets of a family of cases: whether anything is wrong with them, and how many packets, IP
 * octets and frame octets each direction of each conversation has. Independent of the program: it shares no code with it.
 * One run for a family, since starting tshark takes longer than reading the packets.
 */
import { execFileSync } from 'node:child_process';

/** Which IP header counts where one packet has several: the first, or the last. */
export type Which = 'outer' | 'inner';

const fields = [
  'frame.len',
  'frame.protocols',
  'eth.src',
  'eth.dst',
  'eth.type',
  'vlan.etype',
  'ip.src',
  'ip.dst',
  'ip.len',
  'ip.proto',
  'ip.id',
  'ip.frag_offset',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.nxt',
  'ipv6.fraghdr.offset',
  'ipv6.fraghdr.nxt',
  'ipv6.fraghdr.ident',
  'udp.srcport',
  'udp.dstport',
  'tcp.srcport',
  'tcp.dstport',
  'sctp.srcport',
  'sctp.dstport',
  'ip.checksum.status',
  'tcp.checksum.status',
  'udp.checksum.status',
  'icmp.checksum.status',
  'icmpv6.checksum.status',
  'sctp.checksum.status',
  '_ws.malformed',
  '_ws.expert.message',
  '_ws.expert.severity',
] as const;
type Field = (typeof fields)[number];
export type DissectedPacket = Readonly<Record<Field, readonly string[]>>;

const preferences = [
  'ip.defragment:FALSE',
  'ipv6.defragment:FALSE',
  'ip.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'sctp.checksum:CRC32C',
];

export function dissect(path: string, extraPreferences: readonly string[] = []): DissectedPacket[] {
  const args = ['-r', path, '-n', '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=a', '-E', 'aggregator=;'];
  for (const preference of [...preferences, ...extraPreferences]) args.push('-o', preference);
  for (const field of fields) args.push('-e', field);
  const text = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const values = line.split('|').map((value) => (value === '' ? [] : value.split(';')));
      return Object.fromEntries(fields.map((field, i) => [field, values[i] ?? []])) as unknown as DissectedPacket;
    });
}

/** What is wrong with a packet in tshark's eyes: bad checksums, malformed headers, expert errors. */
export function faultsOf(packet: DissectedPacket): string[] {
  const bad = fields.filter((field) => field.endsWith('.checksum.status') && packet[field].includes('0'));
  const error = 8_388_608; // severity "Error"
  const errors = packet['_ws.expert.message'].filter((_, i) => Number(packet['_ws.expert.severity'][i]) === error);
  return [...bad, ...(packet['_ws.malformed'].length > 0 ? ['malformed'] : []), ...errors];
}

export type Sums = Record<string, { packets: number; ip: number; frames: number }>;

/** By `source>destination protocol`, each direction on its own; later fragments count for the ports of their first. */
export function sumsOf(packets: readonly DissectedPacket[], which: Which): Sums {
  const read = packets.map((packet) => readPacket(packet, which));
  const firstPorts = new Map(read.flatMap(({ datagram, later, ports }) => (datagram && !later ? [[datagram, ports]] : [])));
  const sums: Sums = {};
  for (const { source, destination, protocol, ports, later, datagram, ip, frames } of read) {
    const [from, to] = later ? (firstPorts.get(datagram) ?? withoutPorts(protocol)) : ports;
    addTo(sums, `${source}${from}>${destination}${to} ${protocol}`, { packets: 1, ip, frames });
  }
  return sums;
}

export function addTo(sums: Sums, key: string, more: Sums[string]): void {
  sums[key] ??= { packets: 0, ip: 0, frames: 0 };
  const sum = sums[key];
  sum.packets += more.packets;
  sum.ip += more.ip;
  sum.frames += more.frames;
}

interface Read {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly ports: readonly [string, string];
  readonly later: boolean;
  readonly datagram: string;
  readonly ip: number;
  readonly frames: number;
}

const transports: Record<string, number> = { icmp: 1, tcp: 6, udp: 17, gre: 47, esp: 50, icmpv6: 58, l2tp: 115, sctp: 132 };
const withPorts = new Set([6, 17, 132]);
const withoutPorts = (protocol: string): readonly [string, string] => (withPorts.has(Number(protocol)) ? ['/0', '/0'] : ['', '']);

const versions = ['ip', 'ipv6'] as const;
/** Headers by name, from outside to inside. Newer versions of tshark (4.4) do not name the IP header behind a label stack, whose fields they print. */
function namesOf(packet: DissectedPacket): string[] {
  const names = packet['frame.protocols'][0]!.split(':');
  const missing = versions.flatMap((version) => {
    const named = names.filter((name) => name === version).length;
    return Array.from({ length: packet[`${version}.src`].length - named }, () => version);
  });
  return names.flatMap((name, i) => (name === 'mpls' && names[i + 1] !== 'mpls' ? [name, ...missing.splice(0, 1)] : [name]));
}

function readPacket(packet: DissectedPacket, which: Which): Read {
  const frames = Number(packet['frame.len'][0]);
  const names = namesOf(packet);
  // What an ICMP error quotes is no packet of its own.
  const quoting = names.findIndex((name) => name === 'icmp' || name === 'icmpv6');
  const layers = names.flatMap((name, i) => ((name === 'ip' || name === 'ipv6') && (quoting < 0 || i < quoting) ? [i] : []));
  const at = which === 'outer' ? layers[0] : layers.at(-1);
  if (at === undefined) {
    const etherType = packet['vlan.etype'].at(-1) ?? packet['eth.type'][0];
    const protocol = etherType === undefined ? 'without EtherType' : `EtherType ${Number(etherType)}`;
    const [source = '', destination = ''] = [packet['eth.src'][0], packet['eth.dst'][0]];
    return { source, destination, protocol, ports: ['', ''], later: false, datagram: '', ip: 0, frames };
  }
  const version = names[at]!;
  // The how manieth header of its version it is.
  const nth = names.slice(0, at).filter((name) => name === version).length;
  const next = names.slice(at + 1).find((name) => !name.startsWith('ipv6.') && name !== 'ah');
  const isV6 = version === 'ipv6';
  const declared = isV6 ? (packet['ipv6.fraghdr.nxt'].at(-1) ?? packet['ipv6.nxt'][nth]) : packet['ip.proto'][nth];
  const protocol = transports[next ?? ''] ?? Number(declared);
  const offset = Number((isV6 ? packet['ipv6.fraghdr.offset'][0] : packet['ip.frag_offset'][nth]) ?? 0);
  const source = packet[isV6 ? 'ipv6.src' : 'ip.src'][nth]!;
  const destination = packet[isV6 ? 'ipv6.dst' : 'ip.dst'][nth]!;
  const identification = isV6 ? packet['ipv6.fraghdr.ident'][0] : packet['ip.id'][nth];
  return {
    source,
    destination,
    protocol: String(protocol),
    ports: portsOf(packet, protocol, which),
    later: offset > 0,
    datagram: identification === undefined ? '' : `${source} ${destination} ${protocol} ${identification}`,
    ip: isV6 ? Number(packet['ipv6.plen'][nth]) + 40 : Number(packet['ip.len'][nth]),
    frames,
  };
}

function portsOf(packet: DissectedPacket, protocol: number, which: Which): readonly [string, string] {
  if (!withPorts.has(protocol)) return ['', ''];
  const name = protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : 'sctp';
  const pick = (field: Field): string => (which === 'outer' ? packet[field][0] : packet[field].at(-1)) ?? '0';
  return [`/${pick(`${name}.srcport`)}`, `/${pick(`${name}.dstport`)}`];
}
