/**
 * What a filter can ask of a flow record: the usual short names, and every element that rows carry by its registry name.
 * One table: parser, evaluation, completion on the page and the reference in `config/flow-filter.md` all read it. Pure.
 *
 * `columns` are fields of the row (`row_layout.ts`) or, for times, microseconds of wall time. A field with two columns has
 * a side: `src` takes the first, `dst` the second, neither word takes both, as `together` says.
 */
import { biflowDirections, flowEndReasons, tunnelTypes } from '../decode_annotations.ts';
import { findElement } from '../elements.ts';
import type { LabelDimension } from '../labels.ts';
import { protocolNumbers } from '../protocols.ts';
import { rowFamilies, type rowFieldOfElement, rowFields } from '../row_layout.ts';
import { labelEntries } from './label_fields.ts';
import { placeEntries } from './place_fields.ts';

export type FieldKind =
  | 'number'
  | 'octets'
  | 'duration'
  | 'time'
  | 'address'
  | 'mac'
  | 'flags'
  | 'choice'
  | 'country'
  | 'label'
  | 'hostName';

export interface FilterField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: FieldKind;
  /** What the record is asked for; two where a flow has the field at each end. */
  readonly columns: readonly string[];
  /** Two columns at once: one of them is enough, their sum counts, or their bits do. */
  readonly together: 'either' | 'sum' | 'bits';
  /** How the columns make one number; absent: each column is the number itself. */
  readonly derived?: 'duration' | 'bitRate' | 'packetRate' | 'octetsPerPacket' | 'highOctet' | 'lowOctet';
  /** The kind of label whose names are its values: `filter_names.ts` makes numbers of them. */
  readonly label?: LabelDimension;
  /** Names of values. */
  readonly choices?: Readonly<Record<string, number>>;
  readonly max: number;
  readonly what: string;
  readonly example: string;
}

/** What of a field is written down where it differs from the usual. */
export type FieldEntry = Partial<FilterField> & Pick<FilterField, 'name' | 'what' | 'example' | 'columns'>;

const pair = (element: string): string[] => [element, `reverse${element[0]!.toUpperCase()}${element.slice(1)}`];

const whole = 2 ** 53 - 1;

/** RFC 9293 3.1: the letters that every capture tool uses. */
export const tcpFlagLetters = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32, E: 64, C: 128 } as const;

const entries: readonly FieldEntry[] = [
  {
    name: 'ip',
    aliases: ['host', 'net', 'addr', 'address'],
    kind: 'address',
    columns: ['sourceAddress', 'destinationAddress'],
    what: 'an address, a prefix, or a range of addresses',
    example: 'src ip 10.0.0.0/8',
  },
  {
    name: 'hostname',
    aliases: ['host-name', 'name'],
    kind: 'hostName',
    columns: ['sourceAddress', 'destinationAddress'],
    what: 'addresses that bear the name now; * before or behind a part of it stands for the rest',
    example: 'hostname [printer.lan, *.example.net, voip-*]',
  },
  {
    name: 'port',
    columns: ['sourceTransportPort', 'destinationTransportPort'],
    max: 65_535,
    what: 'a TCP, UDP, SCTP or DCCP port',
    example: 'dst port [80, 443, 8000..8100]',
  },
  {
    name: 'proto',
    aliases: ['protocol'],
    kind: 'choice',
    columns: ['protocolIdentifier'],
    choices: protocolNumbers,
    max: 255,
    what: 'the IP protocol by name or number',
    example: 'proto [tcp, udp]',
  },
  {
    name: 'flags',
    kind: 'flags',
    columns: pair('tcpControlBits'),
    together: 'bits',
    max: 65_535,
    what: 'TCP flags seen, at least these (with =, exactly these): F S R P A U E C, or 0',
    example: 'flags S and not flags A',
  },
  {
    name: 'bytes',
    aliases: ['octets'],
    kind: 'octets',
    columns: pair('layer2OctetDeltaCount'),
    together: 'sum',
    max: whole,
    what: 'octets of whole frames; src sent by the source, dst by the destination, without a word both together',
    example: 'bytes > 1M',
  },
  {
    name: 'packets',
    aliases: ['pkts'],
    columns: pair('packetDeltaCount'),
    together: 'sum',
    max: whole,
    what: 'packets, counted as bytes are',
    example: 'packets < 3',
  },
  {
    name: 'duration',
    kind: 'duration',
    columns: ['flowStart', 'flowEnd'],
    derived: 'duration',
    max: whole,
    what: 'from the first packet to the last; without a unit milliseconds',
    example: 'duration > 30s',
  },
  {
    name: 'bps',
    kind: 'octets',
    columns: ['flowStart', 'flowEnd', ...pair('layer2OctetDeltaCount')],
    derived: 'bitRate',
    max: whole,
    what: 'bit/s of both directions over the duration (of at least 1 ms)',
    example: 'bps > 10M',
  },
  {
    name: 'pps',
    columns: ['flowStart', 'flowEnd', ...pair('packetDeltaCount')],
    derived: 'packetRate',
    max: whole,
    what: 'packets/s of both directions over the duration (of at least 1 ms)',
    example: 'pps > 1k',
  },
  {
    name: 'bpp',
    kind: 'octets',
    columns: [...pair('layer2OctetDeltaCount'), ...pair('packetDeltaCount')],
    derived: 'octetsPerPacket',
    max: whole,
    what: 'octets a packet, both directions',
    example: 'bpp < 80',
  },
  {
    name: 'start',
    kind: 'time',
    columns: ['flowStart'],
    max: whole,
    what: 'when the first packet came',
    example: 'start >= 2026-11-29T10:00:00Z',
  },
  {
    name: 'end',
    kind: 'time',
    columns: ['flowEnd'],
    max: whole,
    what: 'when the last packet came',
    example: 'end < 1767264060000',
  },
  {
    name: 'vlan',
    columns: ['dot1qVlanId'],
    max: 4_095,
    what: 'the outer VLAN; none for untagged',
    example: 'vlan 20 or vlan none',
  },
  {
    name: 'customer-vlan',
    aliases: ['cvlan'],
    columns: ['dot1qCustomerVlanId'],
    max: 4_095,
    what: 'the inner VLAN of two',
    example: 'customer-vlan 100..199',
  },
  {
    name: 'mac',
    kind: 'mac',
    columns: ['sourceMacAddress', 'destinationMacAddress'],
    max: 2 ** 48 - 1,
    what: 'a MAC address, or its first octets',
    example: 'src mac 00:1b:44',
  },
  {
    name: 'ethertype',
    columns: ['ethernetType'],
    max: 65_535,
    what: 'the EtherType as a number',
    example: 'ethertype 0x0806',
  },
  {
    name: 'tos',
    columns: ['ipClassOfService', 'reverseIpClassOfService'],
    max: 255,
    what: 'the TOS or traffic class octet',
    example: 'tos 184',
  },
  {
    name: 'icmp-type',
    columns: ['icmpTypeCode'],
    derived: 'highOctet',
    max: 255,
    what: 'type of ICMP or ICMPv6',
    example: 'icmp-type 3',
  },
  {
    name: 'icmp-code',
    columns: ['icmpTypeCode'],
    derived: 'lowOctet',
    max: 255,
    what: 'code of ICMP or ICMPv6',
    example: 'icmp-type 3 and icmp-code 1',
  },
  {
    name: 'rtt',
    kind: 'duration',
    columns: pair('roundTripTimeMicroseconds'),
    max: 2 ** 32 - 1,
    what: 'least TCP round-trip time from the box to that side’s peer; without a unit milliseconds',
    example: 'rtt > 50ms',
  },
  {
    name: 'retransmitted',
    aliases: ['retransmissions'],
    columns: pair('retransmittedPacketDeltaCount'),
    together: 'sum',
    max: whole,
    what: 'TCP segments sent again',
    example: 'retransmitted > 10',
  },
  {
    name: 'unseen',
    kind: 'octets',
    columns: pair('unseenAcknowledgedOctetDeltaCount'),
    together: 'sum',
    max: whole,
    what: 'octets acknowledged but never seen: lost before the box',
    example: 'unseen > 0',
  },
  {
    name: 'ttl',
    columns: ['minimumTTL', 'reverseMinimumTTL'],
    max: 255,
    what: 'the lowest TTL or hop limit',
    example: 'ttl < 5',
  },
  {
    name: 'fragments',
    columns: pair('fragmentDeltaCount'),
    together: 'sum',
    max: whole,
    what: 'IP fragments',
    example: 'fragments > 0',
  },
  {
    name: 'family',
    kind: 'choice',
    columns: ['family'],
    choices: Object.fromEntries(rowFamilies.map((name, index) => [name, index])),
    max: 255,
    what: 'kind of record',
    example: 'family ipv6',
  },
  {
    name: 'reason',
    kind: 'choice',
    columns: ['flowEndReason'],
    choices: flowEndReasons,
    max: 255,
    what: 'why the record ended',
    example: 'reason endOfFlow',
  },
  {
    name: 'initiator',
    kind: 'choice',
    columns: ['biflowDirection'],
    choices: {
      unknown: biflowDirections.arbitrary,
      source: biflowDirections.initiator,
      destination: biflowDirections.reverseInitiator,
    },
    max: 255,
    what: 'which end began the flow',
    example: 'initiator source',
  },
  {
    name: 'direction',
    kind: 'choice',
    columns: ['flowDirection'],
    choices: { in: 0, out: 1 },
    max: 255,
    what: 'across the site’s boundary; none where that is not crossed',
    example: 'direction out',
  },
  {
    name: 'locality',
    kind: 'choice',
    columns: ['networkLocality'],
    choices: { outside: 0, sourceInside: 1, destinationInside: 2, inside: 3 },
    max: 255,
    what: 'which ends are inside the site’s networks',
    example: 'locality inside',
  },
  {
    name: 'tunnel',
    kind: 'choice',
    columns: ['tunnelType'],
    choices: Object.fromEntries(tunnelTypes.map((name, index) => [name === 'none' ? 'plain' : name, index])),
    max: 255,
    what: 'the tunnel that was opened',
    example: 'tunnel vxlan',
  },
  ...placeEntries,
  ...labelEntries,
  {
    name: 'interface',
    aliases: ['if'],
    columns: ['ingressInterface'],
    max: 2 ** 32 - 1,
    what: 'number of the mirror port',
    example: 'interface 2',
  },
  {
    name: 'flows',
    columns: ['deltaFlowCount'],
    max: 2 ** 32 - 1,
    what: 'flows that the record stands for',
    example: 'flows > 1',
  },
];

const complete = (entry: FieldEntry): FilterField => ({ aliases: [], kind: 'number', together: 'either', max: whole, ...entry });

/** The short names, in the order of the reference. */
export const shortFields: readonly FilterField[] = entries.map(complete);

/** Fields whose 64 bits are no count: they do not fit a number and are shown, not filtered. */
const opaque = new Set(['flowId', 'layer2SegmentId', 'diffServCodePointSet', 'reverseDiffServCodePointSet', 'presence']);

/** Every element of a row under its registry name. */
export const elementFields: readonly FilterField[] = rowFields.flatMap((field) =>
  field.elements
    .filter(
      (name) => !opaque.has(field.name) && !/(Seconds|Microseconds|Nanoseconds)$/.test(name.replace('TimeMicroseconds', '')),
    )
    .filter(() => field.kind !== 'octets')
    .map((name) => {
      const element = findElement(name)!;
      const kind: FieldKind =
        field.kind === 'unsigned' ? (element.name.toLowerCase().includes('tcpcontrolbits') ? 'flags' : 'number') : field.kind;
      const max = field.octets >= 8 ? whole : 2 ** (8 * field.octets) - 1;
      return complete({ name, kind, columns: [field.name], max, what: element.units, example: '' });
    }),
);

/** Words that stand for a whole test. */
export const filterWords: Readonly<Record<string, { readonly means: string; readonly what: string }>> = {
  ipv4: { means: 'family ipv4', what: 'IPv4' },
  ipv6: { means: 'family ipv6', what: 'IPv6' },
  tcp: { means: 'proto tcp', what: 'TCP' },
  udp: { means: 'proto udp', what: 'UDP' },
  icmp: { means: 'proto icmp', what: 'ICMP' },
  icmpv6: { means: 'proto icmpv6', what: 'ICMPv6' },
  sctp: { means: 'proto sctp', what: 'SCTP' },
  gre: { means: 'proto gre', what: 'GRE' },
  esp: { means: 'proto esp', what: 'IPsec ESP' },
  arp: { means: 'ethertype 2054', what: 'ARP' },
  biflow: { means: 'reversePacketDeltaCount any', what: 'both directions were seen' },
  upload: { means: 'direction out', what: 'leaves the site' },
  download: { means: 'direction in', what: 'enters the site' },
};

const byName = new Map<string, FilterField>();
for (const field of [...elementFields, ...shortFields])
  for (const name of [field.name, ...field.aliases]) byName.set(name.toLowerCase(), field);

/** By short name, alias or element name, in any case. */
export function fieldNamed(name: string): FilterField | undefined {
  return byName.get(name.toLowerCase());
}

/** Whether the field has a source's and a destination's side. */
export function hasSides(field: FilterField): boolean {
  return field.derived === undefined && field.columns.length === 2;
}

/** The element field behind a column, for its presence; columns made while packing have none of their own. */
export function rowFieldOfColumn(column: string): ReturnType<typeof rowFieldOfElement> {
  return rowFields.find(({ name }) => name === column);
}
