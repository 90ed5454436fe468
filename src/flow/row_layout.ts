/**
 * The one form of a flow record: a row of fixed size in network byte order. This table is the only place where a field's
 * offset, width and presence are decided; `scripts/generate.ts` derives the C++ struct and the TypeScript cursor from it.
 *
 * Limits: a row is ROW_BYTES long whatever its family, so blocks mix families and a cursor moves by addition.
 * Times are nanoseconds of the row's clock (packet time offline; monotonic time of this boot live), not of the wall.
 */
import { elementNamed } from './elements.ts';

/** What kind of key a row has. `aggregate` rows stand for many flows with some key fields absent (RFC 7015). */
export const rowFamilies = ['ipv4', 'ipv6', 'ethernet', 'aggregate'] as const;
export type RowFamily = (typeof rowFamilies)[number];

/**
 * Presence bits: zero is not absence. A field is present when its group's bit is set in `presence`; `always` has no bit.
 * The order is the bit number and is part of the layout.
 */
export const presenceGroups = [
  'reverse',
  'mac',
  'vlan',
  'customerVlan',
  'addresses',
  'protocol',
  'ports',
  'icmp',
  'tcp',
  'ip',
  'rtt',
  'reverseRtt',
  'tunnelId',
  'outerAddresses',
  'mpls',
  'flowLabel',
  'sourceAs',
  'destinationAs',
  'sourceCountry',
  'destinationCountry',
  'classOfService',
  'tcpSequence',
  'sourcePort',
  'priority',
  'siteLabel',
  'tenantLabel',
  'serviceLabel',
  'costCentreLabel',
  'locality',
  'greKey',
  'flowDirection',
  'etherType',
] as const;
export type PresenceGroup = (typeof presenceGroups)[number] | 'always';

/**
 * Groups that were parts of others in older versions: what these wrote has them where it has the other. They came to be because a
 * row of several flows knows the rest of the group without them.
 */
export const formerGroups: Readonly<Partial<Record<(typeof presenceGroups)[number], (typeof presenceGroups)[number]>>> = {
  classOfService: 'ip',
  tcpSequence: 'tcp',
  sourcePort: 'ports',
  priority: 'vlan',
};

export type FieldKind = 'unsigned' | 'time' | 'address' | 'mac' | 'octets';

export interface RowField {
  /** Name in code. Equal to the element's where the field *is* one element. */
  readonly name: string;
  readonly octets: number;
  readonly kind: FieldKind;
  readonly presence: PresenceGroup;
  readonly offset: number;
  /** Names of the elements this field can be exported as (a time as several, an address slot by family). */
  readonly elements: readonly string[];
}

interface Entry {
  name: string;
  octets: number;
  presence: PresenceGroup;
  kind?: FieldKind;
  elements?: string[];
}

const u = (name: string, octets: number, presence: PresenceGroup = 'always', elements?: string[]): Entry => ({
  name,
  octets,
  presence,
  ...(elements ? { elements } : {}),
});
const internal = (name: string, octets: number, presence: PresenceGroup = 'always'): Entry => ({
  name,
  octets,
  presence,
  elements: [],
});
const time = (name: string, elements: string[], presence: PresenceGroup = 'always'): Entry => ({
  name,
  octets: 8,
  presence,
  kind: 'time',
  elements,
});
const startElements = ['flowStartMilliseconds', 'flowStartMicroseconds', 'flowStartNanoseconds', 'flowStartSeconds'];
const endElements = ['flowEndMilliseconds', 'flowEndMicroseconds', 'flowEndNanoseconds', 'flowEndSeconds'];
const reversed = (names: string[]) => names.map((name) => `reverse${name[0]!.toUpperCase()}${name.slice(1)}`);

// Widest first, so that every field is aligned to its own width; neighbours that are exported together stand together,
// because a template merges adjacent ranges into one copy. A field of the reverse direction belongs to the group of its
// forward twin, and is absent as well where that direction is.
const entries: Entry[] = [
  internal('presence', 8),
  // Of the whole biflow: the first and the last packet of either direction.
  time('flowStart', startElements),
  time('flowEnd', endElements),
  // Of one direction, for uniflow export: RFC 5103 section 2's two halves.
  time('forwardFlowStart', []),
  time('forwardFlowEnd', []),
  time('reverseFlowStart', reversed(startElements), 'reverse'),
  time('reverseFlowEnd', reversed(endElements), 'reverse'),
  u('octetDeltaCount', 8),
  u('packetDeltaCount', 8),
  u('layer2OctetDeltaCount', 8),
  u('reverseOctetDeltaCount', 8, 'reverse'),
  u('reversePacketDeltaCount', 8, 'reverse'),
  u('reverseLayer2OctetDeltaCount', 8, 'reverse'),
  u('flowId', 8),
  u('layer2SegmentId', 8, 'tunnelId'),
  u('diffServCodePointSet', 8, 'ip'),
  u('reverseDiffServCodePointSet', 8, 'ip'),
  {
    name: 'sourceAddress',
    octets: 16,
    kind: 'address',
    presence: 'addresses',
    elements: ['sourceIPv4Address', 'sourceIPv6Address'],
  },
  {
    name: 'destinationAddress',
    octets: 16,
    kind: 'address',
    presence: 'addresses',
    elements: ['destinationIPv4Address', 'destinationIPv6Address'],
  },
  { name: 'outerSourceAddress', octets: 16, kind: 'address', presence: 'outerAddresses' },
  { name: 'outerDestinationAddress', octets: 16, kind: 'address', presence: 'outerAddresses' },
  u('sourceTransportPort', 2, 'sourcePort'),
  u('destinationTransportPort', 2, 'ports'),
  u('tcpControlBits', 2, 'tcp'),
  u('reverseTcpControlBits', 2, 'tcp'),
  u('protocolIdentifier', 1, 'protocol'),
  u('ipClassOfService', 1, 'classOfService'),
  u('reverseIpClassOfService', 1, 'classOfService'),
  u('flowEndReason', 1),
  u('biflowDirection', 1),
  u('ipVersion', 1, 'ip'),
  u('icmpTypeCode', 2, 'icmp', ['icmpTypeCodeIPv4', 'icmpTypeCodeIPv6']),
  u('minimumTTL', 1, 'ip'),
  u('maximumTTL', 1, 'ip'),
  u('reverseMinimumTTL', 1, 'ip'),
  u('reverseMaximumTTL', 1, 'ip'),
  u('ethernetType', 2, 'etherType'),
  { name: 'sourceMacAddress', octets: 6, kind: 'mac', presence: 'mac' },
  { name: 'destinationMacAddress', octets: 6, kind: 'mac', presence: 'mac' },
  u('dot1qVlanId', 2, 'vlan', ['dot1qVlanId', 'vlanId']),
  u('dot1qCustomerVlanId', 2, 'customerVlan'),
  u('dot1qPriority', 1, 'priority'),
  u('dot1qCustomerPriority', 1, 'customerVlan'),
  internal('family', 1),
  u('flowDirection', 1, 'flowDirection'),
  u('networkLocality', 1, 'locality'),
  u('decodeAnnotation', 1),
  u('selectorId', 2),
  u('tunnelType', 1, 'tunnelId'),
  u('mplsLabelStackDepth', 1, 'mpls'),
  u('ingressInterface', 4),
  u('deltaFlowCount', 4),
  u('tcpSequenceNumber', 4, 'tcpSequence'),
  u('reverseTcpSequenceNumber', 4, 'tcpSequence'),
  u('minimumIpTotalLength', 4, 'ip'),
  u('maximumIpTotalLength', 4, 'ip'),
  u('reverseMinimumIpTotalLength', 4, 'ip'),
  u('reverseMaximumIpTotalLength', 4, 'ip'),
  u('roundTripTimeMicroseconds', 4, 'rtt'),
  u('reverseRoundTripTimeMicroseconds', 4, 'reverseRtt'),
  u('retransmittedPacketDeltaCount', 4, 'tcp'),
  u('reverseRetransmittedPacketDeltaCount', 4, 'tcp'),
  u('outOfOrderPacketDeltaCount', 4, 'tcp'),
  u('reverseOutOfOrderPacketDeltaCount', 4, 'tcp'),
  u('unseenAcknowledgedOctetDeltaCount', 4, 'tcp'),
  u('reverseUnseenAcknowledgedOctetDeltaCount', 4, 'tcp'),
  u('fragmentDeltaCount', 4, 'ip'),
  u('reverseFragmentDeltaCount', 4, 'ip'),
  u('zeroWindowPacketDeltaCount', 2, 'tcp'),
  u('reverseZeroWindowPacketDeltaCount', 2, 'tcp'),
  u('icmpUnreachableDeltaCount', 2),
  u('reverseIcmpUnreachableDeltaCount', 2, 'reverse'),
  u('flowLabelIPv6', 4, 'flowLabel'),
  u('greKey', 4, 'greKey'),
  u('sourceCountryCode', 2, 'sourceCountry'),
  u('destinationCountryCode', 2, 'destinationCountry'),
  u('bgpSourceAsNumber', 4, 'sourceAs'),
  u('bgpDestinationAsNumber', 4, 'destinationAs'),
  u('siteLabelId', 4, 'siteLabel'),
  u('tenantLabelId', 4, 'tenantLabel'),
  u('serviceLabelId', 4, 'serviceLabel'),
  u('costCentreLabelId', 4, 'costCentreLabel'),
  { name: 'mplsTopLabelStackSection', octets: 3, kind: 'octets', presence: 'mpls' },
];

function place(): RowField[] {
  let offset = 0;
  return entries.map((entry) => {
    const alignment = entry.kind === 'address' ? 8 : entry.kind === 'mac' ? 2 : entry.kind === 'octets' ? 1 : entry.octets;
    if (offset % alignment !== 0) throw new Error(`row field ${entry.name} would be misaligned at ${offset}`);
    const names = entry.elements ?? [entry.name];
    for (const name of names) elementNamed(name);
    const field = {
      name: entry.name,
      octets: entry.octets,
      kind: entry.kind ?? 'unsigned',
      presence: entry.presence,
      offset,
      elements: names,
    };
    offset += entry.octets;
    return field;
  });
}

/** Every field in the order of the row. */
export const rowFields: readonly RowField[] = place();

/** A row's size, a whole number of cache lines so that rows of a block never share one. */
export const ROW_BYTES = Math.ceil((rowFields.at(-1)!.offset + rowFields.at(-1)!.octets) / 64) * 64;

const fieldByName = new Map(rowFields.map((field) => [field.name, field]));
const fieldByElement = new Map(rowFields.flatMap((field) => field.elements.map((name) => [name, field] as const)));

/** The field of that name; throws for an unknown one (a bug). */
export function rowField(name: string): RowField {
  const field = fieldByName.get(name);
  if (field === undefined) throw new Error(`a row has no field ${name}`);
  return field;
}

/** The field an element is read from, or undefined when rows do not carry it. */
export function rowFieldOfElement(name: string): RowField | undefined {
  return fieldByElement.get(name);
}

/**
 * Presence of rows that another version wrote, in our bits. Groups that we do not know are left out; one that came to be out of
 * another (`formerGroups`) and that they do not know is there with that.
 * @param groups theirs, in the order of their bits
 */
export function presenceFrom(groups: readonly string[]): (theirs: number) => number {
  const ours: readonly string[] = presenceGroups;
  const bits = groups.map((name) => {
    const split = presenceGroups.filter((group) => formerGroups[group] === name && !groups.includes(group));
    return [name, ...split].reduce((sum, group) => (ours.includes(group) ? sum | (1 << ours.indexOf(group)) : sum), 0);
  });
  return (theirs) => bits.reduce((sum, bit, index) => (((theirs >>> index) & 1) === 1 ? sum | bit : sum), 0) >>> 0;
}

/** Bit of a presence group as a power of two; groups stay below 32, so the low word holds them all. */
export function presenceBit(group: (typeof presenceGroups)[number]): number {
  return 2 ** presenceGroups.indexOf(group);
}

/**
 * The layout in words, stored with rows on disk: `name:offset:octets:kind:presence` for each field. Rows written by
 * another version are read by name through it.
 */
export function describeLayout(): string {
  const fields = rowFields.map((f) => `${f.name}:${f.offset}:${f.octets}:${f.kind}:${f.presence}`);
  return [`row:${ROW_BYTES}`, `presence:${presenceGroups.join(',')}`, ...fields].join('\n');
}

/** FNV-1a of the description, 32 bits: the addon and TypeScript must agree on it. */
export function layoutHash(): number {
  let hash = 0x811c9dc5;
  for (const character of describeLayout()) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  return hash;
}
