/**
 * The keys of rows in every dimension but the total, as words of 32 bits in columns; and the same keys as people read them. Pure.
 *
 * Host: kind, then four words: an address, or a MAC for rows without one, so that ARP and its like have ends too.
 */
import { formatIpv4, formatIpv6, formatMac } from '../flow/addresses.ts';
import type { Dimension } from '../flow/history_shapes.ts';
import { type LabelKind, labelDimensions, unlabelledKey } from '../flow/labels.ts';
import { nowhereKey } from '../flow/places.ts';
import { etherTypeName, protocolName } from '../flow/protocols.ts';
import { type KeyColumn, sampledFlag } from '../flow/row_counts.ts';
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

/** What is true of a row, as bits. */
export const rowFlags = {
  /** It has addresses or MACs: else its volume belongs to no host and no conversation. */
  ends: 1,
  /** It has addresses and ports: else nobody serves. */
  service: 2,
  /** Its source is the conversation's second end. */
  reversed: 4,
  /** Its destination began the flow. */
  backwards: 8,
  /** What it counts are estimates. */
  sampled: sampledFlag,
  /** Every row. */
  any: 32,
} as const;

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
const { host: hostWords, conversation: conversationWords, service: serviceWords } = keyWords;
export const keyedDimensions = Object.keys(keyWords) as KeyedDimension[];

const optional: ReadonlySet<KeyedDimension> = new Set([...Object.values(labelDimensions), 'country', 'as']);

/** Those that are counted: kinds of label that no rule gives, and places that no file tells, would only cost. */
export function dimensionsWith(kinds: readonly LabelKind[], places: readonly ('country' | 'as')[] = []): KeyedDimension[] {
  const given = new Set<KeyedDimension>([...kinds.map((kind) => labelDimensions[kind]), ...places]);
  return keyedDimensions.filter((dimension) => !optional.has(dimension) || given.has(dimension));
}

export class RowKeys {
  readonly source: Int32Array;
  readonly destination: Int32Array;
  readonly conversation: Int32Array;
  readonly application: Int32Array;
  readonly protocol: Int32Array;
  readonly vlan: Int32Array;
  readonly service: Int32Array;
  readonly siteLabel: Int32Array;
  readonly tenantLabel: Int32Array;
  readonly serviceLabel: Int32Array;
  readonly costCentreLabel: Int32Array;
  readonly country: Int32Array;
  readonly as: Int32Array;

  /** @param rows there is room for */
  constructor(rows: number) {
    const column = (dimension: KeyedDimension): Int32Array => new Int32Array(rows * keyWords[dimension]);
    this.source = column('host');
    this.destination = column('host');
    this.conversation = column('conversation');
    this.application = column('application');
    this.protocol = column('protocol');
    this.vlan = column('vlan');
    this.service = column('service');
    this.siteLabel = column('siteLabel');
    this.tenantLabel = column('tenantLabel');
    this.serviceLabel = column('serviceLabel');
    this.costCentreLabel = column('costCentreLabel');
    this.country = column('country');
    this.as = column('as');
  }

  /** What rows add to a dimension. */
  columnsOf(dimension: KeyedDimension): KeyColumn[] {
    const { any, ends, service, reversed, backwards } = rowFlags;
    switch (dimension) {
      case 'host':
        // Forward is from the row's source, reverse from its destination.
        return [
          { keys: this.source, needs: ends, swaps: 0 },
          { keys: this.destination, needs: ends, swaps: any },
        ];
      case 'conversation':
        // Without ends there is no order of ends either: the row's own direction stands.
        return [{ keys: this.conversation, needs: ends, swaps: reversed }];
      case 'service':
        return [{ keys: this.service, needs: service, swaps: backwards }];
      default:
        return [{ keys: this[dimension], needs: any, swaps: backwards }];
    }
  }

  /** Reads a row's keys into the columns, at `to`. Returns what of `rowFlags` is so: ends, service, reversed. */
  read(row: RowCursor, to: number): number {
    const present = row.view.getUint32(row.base + 4);
    let flags = this.#readEnds(row, present, to);
    const hasType = (present & bits.etherType) !== 0;
    const type = hasType ? etherTypeFlag | row.ethernetType : unknownKey;
    if ((present & bits.protocol) === 0) {
      this.protocol[to] = type;
      this.application[to] = type;
    } else {
      const protocol = row.protocolIdentifier;
      this.protocol[to] = protocol;
      let port = 0;
      if ((present & bits.ports) !== 0) {
        port = portFlag | this.#readService(row, protocol, to);
        if ((present & bits.addresses) !== 0) flags |= rowFlags.service;
      }
      this.application[to] = (protocol << 17) | port;
    }
    this.vlan[to] = (present & bits.vlan) === 0 ? -1 : row.dot1qVlanId;
    this.siteLabel[to] = (present & bits.siteLabel) === 0 ? 0 : row.siteLabelId;
    this.tenantLabel[to] = (present & bits.tenantLabel) === 0 ? 0 : row.tenantLabelId;
    this.serviceLabel[to] = (present & bits.serviceLabel) === 0 ? 0 : row.serviceLabelId;
    this.costCentreLabel[to] = (present & bits.costCentreLabel) === 0 ? 0 : row.costCentreLabelId;
    this.#readPlaces(row, present, to);
    return flags;
  }

  /** Of the end outside the site; where both are, of the one that was addressed. */
  #readPlaces(row: RowCursor, present: number, to: number): void {
    const { country, as } = this;
    if ((present & bits.destinationCountry) !== 0) country[to] = row.destinationCountryCode;
    else country[to] = (present & bits.sourceCountry) === 0 ? 0 : row.sourceCountryCode;
    if ((present & bits.destinationAs) !== 0) as[to] = row.bgpDestinationAsNumber;
    else as[to] = (present & bits.sourceAs) === 0 ? 0 : row.bgpSourceAsNumber;
  }

  /** The server's address, protocol and port; returns the port. After the ends. */
  #readService(row: RowCursor, protocol: number, to: number): number {
    const { sourceTransportPort: from, destinationTransportPort, biflowDirection } = row;
    const port = servicePort(protocol, from, destinationTransportPort, biflowDirection);
    const { service } = this;
    const server = serverIsDestination(port, destinationTransportPort, biflowDirection) ? this.destination : this.source;
    for (let word = 0; word < hostWords; word++) service[serviceWords * to + word] = server[hostWords * to + word]!;
    service[serviceWords * to + hostWords] = (protocol << 16) | port;
    return port;
  }

  #readEnds(row: RowCursor, present: number, to: number): number {
    const { view } = row;
    const { source, destination, conversation } = this;
    const at = hostWords * to;
    if ((present & bits.addresses) !== 0) {
      const isV6 = row.ipVersion === 6;
      source[at] = destination[at] = isV6 ? hostKinds.ipv6 : hostKinds.ipv4;
      const from = row.sourceAddressOffset;
      const other = row.destinationAddressOffset;
      for (let word = 0; word < 4; word++) {
        source[at + 1 + word] = isV6 || word === 0 ? view.getInt32(from + 4 * word) : 0;
        destination[at + 1 + word] = isV6 || word === 0 ? view.getInt32(other + 4 * word) : 0;
      }
    } else if ((present & bits.mac) !== 0) {
      writeMac(view, row.sourceMacAddressOffset, source, at);
      writeMac(view, row.destinationMacAddressOffset, destination, at);
    } else return 0;
    const reversed = isAfter(source, destination, at);
    const first = reversed ? destination : source;
    const second = reversed ? source : destination;
    const pair = conversationWords * to;
    conversation[pair] = first[at]!;
    for (let word = 1; word < 5; word++) {
      conversation[pair + word] = first[at + word]!;
      conversation[pair + word + 4] = second[at + word]!;
    }
    return reversed ? rowFlags.ends | rowFlags.reversed : rowFlags.ends;
  }
}

function writeMac(view: DataView, from: number, to: Int32Array, at: number): void {
  to[at] = hostKinds.mac;
  to[at + 1] = view.getInt32(from);
  to[at + 2] = view.getUint16(from + 4) << 16;
  to[at + 3] = 0;
  to[at + 4] = 0;
}

function isAfter(a: Int32Array, b: Int32Array, at: number): boolean {
  for (let word = at + 1; word < at + 5; word++) {
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
