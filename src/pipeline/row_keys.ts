/**
 * The keys of a row in every dimension but the total, as words of 32 bits; and the same keys as people read them. A row's
 * keys go into scratch arrays that are used again for the next row. Pure.
 *
 * Host: kind, then four words: an address, or a MAC for rows without one, so that ARP and its like have ends too.
 */
import { formatIpv4, formatIpv6, formatMac } from '../flow/addresses.ts';
import type { Dimension } from '../flow/history_shapes.ts';
import { type LabelKind, labelDimensions, unlabelledKey } from '../flow/labels.ts';
import { nowhereKey } from '../flow/places.ts';
import { etherTypeName, protocolName } from '../flow/protocols.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { serverIsDestination, servicePort } from '../flow/service_port.ts';
import { applicationKey } from '../flow/services.ts';

import { countryName } from './places.ts';

const bits = {
  addresses: presenceBit('addresses'),
  mac: presenceBit('mac'),
  ports: presenceBit('ports'),
  protocol: presenceBit('protocol'),
  vlan: presenceBit('vlan'),
  etherType: presenceBit('etherType'),
  siteLabel: presenceBit('siteLabel'),
  tenantLabel: presenceBit('tenantLabel'),
  serviceLabel: presenceBit('serviceLabel'),
  costCentreLabel: presenceBit('costCentreLabel'),
  sourceCountry: presenceBit('sourceCountry'),
  destinationCountry: presenceBit('destinationCountry'),
  sourceAs: presenceBit('sourceAs'),
  destinationAs: presenceBit('destinationAs'),
} as const;

const hostKinds = { mac: 1, ipv4: 4, ipv6: 6 } as const;
/** Above every protocol with its port: 8 + 1 + 16 bits. */
const etherTypeFlag = 1 << 30;
const portFlag = 1 << 16;
export const unknownKey = 1 << 29;

export type KeyedDimension = Exclude<Dimension, 'total'>;

/** Every dimension that has keys, and the words of a key. The order is that of every array by dimension here. */
export const keyWords: Readonly<Record<KeyedDimension, number>> = {
  host: 5,
  conversation: 9,
  application: 1,
  protocol: 1,
  vlan: 1,
  service: 6,
  siteLabel: 1,
  tenantLabel: 1,
  serviceLabel: 1,
  costCentreLabel: 1,
  country: 1,
  as: 1,
};
export const keyedDimensions = Object.keys(keyWords) as KeyedDimension[];

const optional: ReadonlySet<KeyedDimension> = new Set([...Object.values(labelDimensions), 'country', 'as']);

/** Those that are counted: kinds of label that no rule gives, and places that no file tells, would only cost. */
export function dimensionsWith(kinds: readonly LabelKind[], places: readonly ('country' | 'as')[] = []): KeyedDimension[] {
  const given = new Set<KeyedDimension>([...kinds.map((kind) => labelDimensions[kind]), ...places]);
  return keyedDimensions.filter((dimension) => !optional.has(dimension) || given.has(dimension));
}

export class RowKeys {
  readonly source = new Int32Array(5);
  readonly destination = new Int32Array(5);
  readonly conversation = new Int32Array(9);
  readonly application = new Int32Array(1);
  readonly protocol = new Int32Array(1);
  readonly vlan = new Int32Array(1);
  readonly service = new Int32Array(6);
  readonly siteLabel = new Int32Array(1);
  readonly tenantLabel = new Int32Array(1);
  readonly serviceLabel = new Int32Array(1);
  readonly costCentreLabel = new Int32Array(1);
  readonly country = new Int32Array(1);
  readonly as = new Int32Array(1);
  /** False when the row has neither addresses nor MACs: its volume belongs to no host and no conversation. */
  hasEnds = false;
  /** False for rows without addresses or ports: nobody serves. */
  hasService = false;
  /** True when the row's source is the conversation's second end. */
  reversed = false;

  read(row: RowCursor): void {
    const present = row.view.getUint32(row.base + 4);
    this.#readEnds(row, present);
    const hasType = (present & bits.etherType) !== 0;
    const type = hasType ? etherTypeFlag | row.ethernetType : unknownKey;
    this.hasService = false;
    if ((present & bits.protocol) === 0) {
      this.protocol[0] = type;
      this.application[0] = type;
    } else {
      const protocol = row.protocolIdentifier;
      this.protocol[0] = protocol;
      this.application[0] =
        (protocol << 17) | ((present & bits.ports) === 0 ? 0 : portFlag | this.#readService(row, protocol, present));
    }
    this.vlan[0] = (present & bits.vlan) === 0 ? -1 : row.dot1qVlanId;
    this.siteLabel[0] = (present & bits.siteLabel) === 0 ? 0 : row.siteLabelId;
    this.tenantLabel[0] = (present & bits.tenantLabel) === 0 ? 0 : row.tenantLabelId;
    this.serviceLabel[0] = (present & bits.serviceLabel) === 0 ? 0 : row.serviceLabelId;
    this.costCentreLabel[0] = (present & bits.costCentreLabel) === 0 ? 0 : row.costCentreLabelId;
    this.#readPlaces(row, present);
  }

  /** Of the end outside the site; where both are, of the one that was addressed. */
  #readPlaces(row: RowCursor, present: number): void {
    const { country, as } = this;
    if ((present & bits.destinationCountry) !== 0) country[0] = row.destinationCountryCode;
    else country[0] = (present & bits.sourceCountry) === 0 ? 0 : row.sourceCountryCode;
    if ((present & bits.destinationAs) !== 0) as[0] = row.bgpDestinationAsNumber;
    else as[0] = (present & bits.sourceAs) === 0 ? 0 : row.bgpSourceAsNumber;
  }

  /** The server's address, protocol and port; returns the port. After the ends. */
  #readService(row: RowCursor, protocol: number, present: number): number {
    const { sourceTransportPort: from, destinationTransportPort: to, biflowDirection } = row;
    const port = servicePort(protocol, from, to, biflowDirection);
    this.hasService = (present & bits.addresses) !== 0;
    const { service } = this;
    service.set(serverIsDestination(port, to, biflowDirection) ? this.destination : this.source);
    service[5] = (protocol << 16) | port;
    return port;
  }

  #readEnds(row: RowCursor, present: number): void {
    const { view } = row;
    const { source, destination } = this;
    this.hasEnds = true;
    if ((present & bits.addresses) !== 0) {
      const isV6 = row.ipVersion === 6;
      source[0] = destination[0] = isV6 ? hostKinds.ipv6 : hostKinds.ipv4;
      const from = row.sourceAddressOffset;
      const to = row.destinationAddressOffset;
      for (let word = 0; word < 4; word++) {
        source[word + 1] = isV6 || word === 0 ? view.getInt32(from + 4 * word) : 0;
        destination[word + 1] = isV6 || word === 0 ? view.getInt32(to + 4 * word) : 0;
      }
    } else if ((present & bits.mac) !== 0) {
      const from = row.sourceMacAddressOffset;
      const to = row.destinationMacAddressOffset;
      source.set([hostKinds.mac, view.getInt32(from), view.getUint16(from + 4) << 16, 0, 0]);
      destination.set([hostKinds.mac, view.getInt32(to), view.getUint16(to + 4) << 16, 0, 0]);
    } else {
      this.hasEnds = false;
      return;
    }
    this.reversed = isAfter(source, destination);
    const first = this.reversed ? destination : source;
    const second = this.reversed ? source : destination;
    this.conversation[0] = first[0]!;
    for (let word = 1; word < 5; word++) {
      this.conversation[word] = first[word]!;
      this.conversation[word + 4] = second[word]!;
    }
  }
}

function isAfter(a: Int32Array, b: Int32Array): boolean {
  for (let word = 1; word < 5; word++) {
    if (a[word] !== b[word]) return a[word]! >>> 0 > b[word]! >>> 0;
  }
  return false;
}

const scratch = new DataView(new ArrayBuffer(16));
const scratchBytes = new Uint8Array(scratch.buffer);

function hostText(kind: number, keys: Int32Array, at: number): string {
  for (let word = 0; word < 4; word++) scratch.setInt32(4 * word, keys[at + word]!);
  if (kind === hostKinds.ipv4) return formatIpv4(scratchBytes);
  return kind === hostKinds.ipv6 ? formatIpv6(scratchBytes) : formatMac(scratchBytes);
}

function typeText(word: number): string {
  return word === unknownKey ? 'unknown' : etherTypeName(word & 0xffff);
}

/** What numbers in keys are called. */
export interface KeyNames {
  /** A number of the dictionary. */
  label(number: number): string | undefined;
  as(number: number): string;
}

/** The key that stands at `at` in a table's words, as `KeyVolume.key` writes it. */
export function keyText(dimension: KeyedDimension, keys: Int32Array, at: number, names: KeyNames): string {
  const word = keys[at]!;
  switch (dimension) {
    case 'host':
      return hostText(word, keys, at + 1);
    case 'conversation':
      return `${hostText(word, keys, at + 1)} ${hostText(word, keys, at + 5)}`;
    case 'application':
      if (word >= unknownKey) return typeText(word);
      return applicationKey((word >> 17) & 0xff, (word & portFlag) === 0 ? undefined : word & 0xffff);
    case 'protocol':
      return word >= unknownKey ? typeText(word) : protocolName(word);
    case 'vlan':
      return word < 0 ? 'none' : String(word);
    case 'service':
      return `${hostText(word, keys, at + 1)} ${applicationKey((keys[at + 5]! >> 16) & 0xff, keys[at + 5]! & 0xffff)}`;
    case 'country':
      return countryName(word);
    case 'as':
      return word === 0 ? nowhereKey : names.as(word >>> 0);
    default:
      return word === 0 ? unlabelledKey : (names.label(word >>> 0) ?? `(${word >>> 0})`);
  }
}
