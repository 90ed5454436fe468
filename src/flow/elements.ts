/**
 * The element registry: the only place where an information element's name, id, enterprise, type and width are known.
 *
 * IANA's elements come from `elements_iana.ts` (generated from `config/ipfix-iana-elements.csv`, RFC 7012). What IANA has
 * no element for stands here, numbered inside the user's private enterprise number (PEN); without a PEN these are never
 * exported. Pure; no I/O.
 */
import { ianaElementLines } from './elements_iana.ts';

/** Abstract data types of RFC 7012 section 3.1, as far as the registry uses them. */
export type ElementType =
  | 'unsigned8'
  | 'unsigned16'
  | 'unsigned32'
  | 'unsigned64'
  | 'signed32'
  | 'float64'
  | 'boolean'
  | 'macAddress'
  | 'octetArray'
  | 'string'
  | 'dateTimeSeconds'
  | 'dateTimeMilliseconds'
  | 'dateTimeMicroseconds'
  | 'dateTimeNanoseconds'
  | 'ipv4Address'
  | 'ipv6Address'
  | 'basicList'
  | 'subTemplateList'
  | 'subTemplateMultiList';

/** Which enterprise's numbers an id belongs to: IANA's, RFC 5103's reverse copies of IANA's, or the user's own. */
export type Enterprise = 'iana' | 'reverse' | 'private';

/** RFC 5103 section 6.1: the PEN under which the reverse of every reversible IANA element is found. */
export const REVERSE_PEN = 29305;

/** Reverse copies of private elements are numbered this much higher (RFC 5103 section 6.2 leaves this to the enterprise). */
export const PRIVATE_REVERSE_OFFSET = 8192;

/** RFC 7011 section 7: the length that announces a variable-length field. */
export const VARIABLE_LENGTH = 65535;

export interface Element {
  /** The registry's spelling, or `reverse` + name for the reverse direction. */
  readonly name: string;
  readonly id: number;
  readonly enterprise: Enterprise;
  readonly type: ElementType;
  /** RFC 7012 section 3.2: `deltaCounter`, `totalCounter`, `identifier`, `flags`, `quantity`, `list` or `default`. */
  readonly semantics: string;
  /** Unit as the registry names it, or the empty string. */
  readonly units: string;
  /** Octets of the full-width encoding (RFC 7011 section 6.1), `VARIABLE_LENGTH` for strings, octet arrays and lists. */
  readonly octets: number;
}

const octetsByType: Readonly<Record<ElementType, number>> = {
  unsigned8: 1,
  unsigned16: 2,
  unsigned32: 4,
  unsigned64: 8,
  signed32: 4,
  float64: 8,
  boolean: 1,
  macAddress: 6,
  octetArray: VARIABLE_LENGTH,
  string: VARIABLE_LENGTH,
  dateTimeSeconds: 4,
  dateTimeMilliseconds: 8,
  dateTimeMicroseconds: 8,
  dateTimeNanoseconds: 8,
  ipv4Address: 4,
  ipv6Address: 16,
  basicList: VARIABLE_LENGTH,
  subTemplateList: VARIABLE_LENGTH,
  subTemplateMultiList: VARIABLE_LENGTH,
};

/**
 * Elements without an IANA number: id | name | type | semantics | units | description (exported by RFC 5610 options). 13 to 16 were
 * names, which no record ever had; a number is not given twice.
 */
const privateElementLines = `
1|roundTripTimeMicroseconds|unsigned32|quantity|microseconds|Smallest time from a segment of this direction passing the observation point to its acknowledgement; 0: not measured
2|retransmittedPacketDeltaCount|unsigned32|deltaCounter|packets|TCP segments carrying only sequence numbers already seen
3|outOfOrderPacketDeltaCount|unsigned32|deltaCounter|packets|TCP segments that filled a gap behind the highest sequence number
4|zeroWindowPacketDeltaCount|unsigned16|deltaCounter|packets|TCP segments that advertised a window of zero
5|unseenAcknowledgedOctetDeltaCount|unsigned32|deltaCounter|octets|Octets of this direction that the peer acknowledged and the observation point never saw
6|diffServCodePointSet|unsigned64|flags||Bit n is set when code point n was seen
7|fragmentDeltaCount|unsigned32|deltaCounter|packets|IP fragments among the packets
8|icmpUnreachableDeltaCount|unsigned16|deltaCounter|packets|ICMP or ICMPv6 errors that quote a packet of this direction
9|outerSourceAddress|ipv6Address|default||Tunnel source; IPv4 as an IPv4-mapped address
10|outerDestinationAddress|ipv6Address|default||Tunnel destination; IPv4 as an IPv4-mapped address
11|tunnelType|unsigned8|identifier||Kind of encapsulation that was opened
12|decodeAnnotation|unsigned8|identifier||Why decoding stopped where it did
17|siteLabelId|unsigned32|identifier||Dictionary id of the site label
18|tenantLabelId|unsigned32|identifier||Dictionary id of the tenant label
19|serviceLabelId|unsigned32|identifier||Dictionary id of the service label
20|costCentreLabelId|unsigned32|identifier||Dictionary id of the cost centre label
21|sourceCountryCode|unsigned16|identifier||ISO 3166 alpha-2 code of the source as two ASCII octets
22|destinationCountryCode|unsigned16|identifier||ISO 3166 alpha-2 code of the destination as two ASCII octets
23|networkLocality|unsigned8|flags||Bit 0: source inside the site's networks; bit 1: destination inside
`;

// RFC 5103 section 6.1 names the elements that have no reverse: they describe the record or the process, not a direction.
const notReversible = new Set([
  'biflowDirection',
  'flowId',
  'templateId',
  'observationDomainId',
  'observationPointId',
  'meteringProcessId',
  'exportingProcessId',
  'lineCardId',
  'portId',
  'paddingOctets',
  'flowKeyIndicator',
  'commonPropertiesId',
  'messageMD5Checksum',
  'messageScope',
]);

function parse(lines: string, enterprise: Enterprise): Element[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const [id, name, type, semantics, units] = line.split('|') as [string, string, ElementType, string, string];
      return { id: Number(id), name, type, semantics, units, enterprise, octets: octetsByType[type] };
    });
}

function reverseOf(element: Element): Element {
  const name = `reverse${element.name[0]!.toUpperCase()}${element.name.slice(1)}`;
  return element.enterprise === 'private'
    ? { ...element, name, id: element.id + PRIVATE_REVERSE_OFFSET }
    : { ...element, name, enterprise: 'reverse' };
}

const forward = [...parse(ianaElementLines, 'iana'), ...parse(privateElementLines, 'private')];

/** Every known element, reverse copies included. */
export const elements: readonly Element[] = [
  ...forward,
  ...forward.filter((element) => !notReversible.has(element.name)).map(reverseOf),
];

const byName = new Map(elements.map((element) => [element.name, element]));
const byNumber = new Map(elements.map((element) => [`${element.enterprise}/${element.id}`, element]));

/** The element of that name; throws for a name that is not in the registry (a bug: user input goes through `findElement`). */
export function elementNamed(name: string): Element {
  const element = byName.get(name);
  if (element === undefined) throw new Error(`no information element is named ${name}`);
  return element;
}

export function findElement(name: string): Element | undefined {
  return byName.get(name);
}

/**
 * The element behind a number on the wire, or undefined.
 * @param pen 0 for IANA, 29305 for reverse, else the user's private enterprise number when it equals `privatePen`.
 */
export function elementNumbered(id: number, pen: number, privatePen = 0): Element | undefined {
  if (pen === 0) return byNumber.get(`iana/${id}`);
  if (pen === REVERSE_PEN) return byNumber.get(`reverse/${id}`);
  return pen === privatePen ? byNumber.get(`private/${id}`) : undefined;
}

/** The enterprise number to put on the wire, 0 for none; undefined when the element needs a PEN and there is none. */
export function penOf(element: Element, privatePen: number): number | undefined {
  if (element.enterprise === 'iana') return 0;
  if (element.enterprise === 'reverse') return REVERSE_PEN;
  return privatePen > 0 ? privatePen : undefined;
}

/** Description of a private element, for RFC 5610 options records. */
export function privateElementDescription(id: number): string | undefined {
  const line = privateElementLines
    .trim()
    .split('\n')
    .find((candidate) => candidate.startsWith(`${id}|`));
  return line?.split('|')[5];
}
