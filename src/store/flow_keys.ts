/**
 * The keys that flow records can be summed by: of each record a number that tells keys of one question apart, and, for the
 * first record of each number, the key as the history writes it. Pure.
 */
import { flowEndReasons } from '../flow/decode_annotations.ts';
import { fieldNamed } from '../flow/filter/filter_fields.ts';
import { writeNumber } from '../flow/filter/filter_values.ts';
import { addressColumn, numberColumn, presenceColumn } from '../flow/flow_columns.ts';
import type { FlowKey } from '../flow/flow_search_shapes.ts';
import { countryLetters, nowhereKey } from '../flow/places.ts';
import { etherTypeName, protocolName } from '../flow/protocols.ts';
import { type PresenceGroup, presenceBit } from '../flow/row_layout.ts';
import { serverIsDestination, servicePort } from '../flow/service_port.ts';
import { applicationKey } from '../flow/services.ts';
import { AddressDictionary, type AddressList } from './flow_addresses.ts';
import { type Segment, valueAt } from './flow_segment.ts';

/** Which end of a record is looked at: 0 its source, 1 its destination. */
export type End = 0 | 1;

export interface KeyReader {
  /** Below 2^53. */
  code(row: number): number;
  text(row: number): string;
}

export type KeyMaker = (segment: Segment, end: End, ends: EndNumbers) => KeyReader;

/** Small numbers for addresses and MACs, the same throughout a question. */
export class EndNumbers {
  readonly #ipv4 = new Map<number, number>();
  readonly #ipv6 = new AddressDictionary();
  readonly #ofIpv6: number[] = [];
  readonly #macs = new Map<number, number>();
  #next = 0;

  ofAddress(list: AddressList, place: number): number {
    if (list.version(place) === 4) return this.#numberOf(this.#ipv4, list.word(place, 0));
    const ours = this.#ipv6.placeLike(list, place);
    if (ours === this.#ofIpv6.length) this.#ofIpv6.push(this.#next++);
    return this.#ofIpv6[ours]!;
  }

  ofMac(mac: number): number {
    return this.#numberOf(this.#macs, mac);
  }

  #numberOf(numbers: Map<number, number>, key: number): number {
    let number = numbers.get(key);
    if (number === undefined) {
      number = this.#next++;
      numbers.set(key, number);
    }
    return number;
  }
}

const absent = 'none';
const addressPlaces = ['sourceAddress', 'destinationAddress'].map(addressColumn) as [number, number];
const macPlaces = ['sourceMacAddress', 'destinationMacAddress'].map(numberColumn) as [number, number];
const portPlaces = ['sourceTransportPort', 'destinationTransportPort'].map(numberColumn) as [number, number];
const [protocolPlace, etherTypePlace, initiatorPlace] = ['protocolIdentifier', 'ethernetType', 'biflowDirection'].map(
  numberColumn,
) as [number, number, number];
const macField = fieldNamed('mac')!;
/** More ends than there are records that can be kept. */
const endsMax = 2 ** 26;
const etherTypeCodes = 2 ** 26;

const bitOf = (group: Exclude<PresenceGroup, 'always'>): number => presenceBit(group);

/** Reads a column; −1 where the record does not have it. */
function columnReader(segment: Segment, place: number, bit: number): (row: number) => number {
  const column = segment.numbers[place]!;
  if (bit === 0) return (row) => valueAt(column, row);
  const presence = segment.numbers[presenceColumn]!;
  return (row) => ((valueAt(presence, row) & bit) >>> 0 === 0 ? -1 : valueAt(column, row));
}

/** The address of an end, or its MAC where it has none, as the history does. */
const endKey: KeyMaker = (segment, end, ends) => {
  const { codes, list } = segment.addresses[addressPlaces[end]]!;
  const mac = columnReader(segment, macPlaces[end], bitOf('mac'));
  // Each address of the segment is looked up once.
  const numbers = Float64Array.from({ length: list.count }, (_, place) =>
    list.version(place) === 0 ? -1 : ends.ofAddress(list, place),
  );
  return {
    code: (row) => {
      const number = numbers[codes[row]!]!;
      return number < 0 ? ends.ofMac(mac(row)) : number;
    },
    text: (row) => {
      if (list.version(codes[row]!) !== 0) return list.text(codes[row]!);
      return mac(row) < 0 ? absent : writeNumber(macField, mac(row));
    },
  };
};

/** Whether a record's destination comes first in the order of the octets: a conversation has one order of its ends. */
export function reversedEnds(segment: Segment): (row: number) => boolean {
  const [from, to] = addressPlaces.map((place) => segment.addresses[place]!) as [
    Segment['addresses'][number],
    Segment['addresses'][number],
  ];
  const macs = macPlaces.map((place) => segment.numbers[place]!) as [Segment['numbers'][number], Segment['numbers'][number]];
  return (row) => {
    const [a, b] = [from.codes[row]!, to.codes[row]!];
    if (from.list.version(a) === 0) return valueAt(macs[0], row) > valueAt(macs[1], row);
    for (let i = 0; i < 4; i++) {
      const difference = from.list.word(a, i) - to.list.word(b, i);
      if (difference !== 0) return difference > 0;
    }
    return false;
  };
}

const conversation: KeyMaker = (segment, _end, ends) => {
  const [source, destination] = [endKey(segment, 0, ends), endKey(segment, 1, ends)];
  const isReversed = reversedEnds(segment);
  return {
    code: (row) => {
      const [a, b] = [source.code(row), destination.code(row)];
      return a < b ? a * endsMax + b : b * endsMax + a;
    },
    text: (row) => {
      const texts = [source.text(row), destination.text(row)];
      return (isReversed(row) ? texts.reverse() : texts).join(' ');
    },
  };
};

/** Protocol and service port, as `row_keys.ts` makes them; the EtherType of what has no protocol. */
function applicationReader(segment: Segment): KeyReader & { port(row: number): number } {
  const protocol = columnReader(segment, protocolPlace, bitOf('protocol'));
  const etherType = columnReader(segment, etherTypePlace, bitOf('etherType'));
  const source = columnReader(segment, portPlaces[0], bitOf('ports'));
  const destination = columnReader(segment, portPlaces[1], 0);
  const initiator = segment.numbers[initiatorPlace]!;
  const port = (row: number): number => {
    const from = source(row);
    return from < 0 || protocol(row) < 0 ? -1 : servicePort(protocol(row), from, destination(row), valueAt(initiator, row));
  };
  return {
    port,
    code: (row) => (protocol(row) < 0 ? etherTypeCodes + 1 + etherType(row) : (protocol(row) << 17) | (port(row) + 1)),
    text: (row) => {
      if (protocol(row) < 0) return etherType(row) < 0 ? 'unknown' : etherTypeName(etherType(row));
      return port(row) < 0 ? applicationKey(protocol(row)) : applicationKey(protocol(row), port(row));
    },
  };
}

/** Server and port, `192.0.2.1 tcp/443`: the end whose port names the application. */
const service: KeyMaker = (segment, _end, ends) => {
  const application = applicationReader(segment);
  const source = endKey(segment, 0, ends);
  const destination = endKey(segment, 1, ends);
  const destinationPort = segment.numbers[portPlaces[1]]!;
  const initiator = segment.numbers[initiatorPlace]!;
  const server = (row: number): KeyReader =>
    serverIsDestination(application.port(row), valueAt(destinationPort, row), valueAt(initiator, row)) ? destination : source;
  return {
    code: (row) => server(row).code(row) * 2 ** 27 + application.code(row),
    text: (row) => `${server(row).text(row)} ${application.text(row)}`,
  };
};

/** The end that asks: the other one than the service's. */
const client: KeyMaker = (segment, _end, ends) => {
  const application = applicationReader(segment);
  const source = endKey(segment, 0, ends);
  const destination = endKey(segment, 1, ends);
  const destinationPort = segment.numbers[portPlaces[1]]!;
  const initiator = segment.numbers[initiatorPlace]!;
  const asker = (row: number): KeyReader =>
    serverIsDestination(application.port(row), valueAt(destinationPort, row), valueAt(initiator, row)) ? source : destination;
  return { code: (row) => asker(row).code(row), text: (row) => asker(row).text(row) };
};

const protocol: KeyMaker = (segment) => {
  const number = columnReader(segment, protocolPlace, bitOf('protocol'));
  const etherType = columnReader(segment, etherTypePlace, bitOf('etherType'));
  return {
    code: (row) => (number(row) < 0 ? 256 + 1 + etherType(row) : number(row)),
    text: (row) => {
      if (number(row) >= 0) return protocolName(number(row));
      return etherType(row) < 0 ? 'unknown' : etherTypeName(etherType(row));
    },
  };
};

const numberKey = (column: string, bit: number, write: (value: number) => string = String): KeyMaker => {
  const place = numberColumn(column);
  return (segment) => {
    const read = columnReader(segment, place, bit);
    return { code: (row) => read(row) + 1, text: (row) => (read(row) < 0 ? absent : write(read(row))) };
  };
};

const flags: KeyMaker = (segment) => {
  const forward = columnReader(segment, numberColumn('tcpControlBits'), bitOf('tcp'));
  const back = columnReader(segment, numberColumn('reverseTcpControlBits'), 0);
  const read = (row: number): number => (forward(row) < 0 ? -1 : forward(row) | back(row));
  return { code: (row) => read(row) + 1, text: (row) => (read(row) < 0 ? absent : writeNumber(fieldNamed('flags')!, read(row))) };
};

const mac: KeyMaker = (segment, end, ends) =>
  numberKey(macField.columns[end]!, bitOf('mac'), (value) => writeNumber(macField, value))(segment, end, ends);
const reasons = new Map(Object.entries(flowEndReasons).map(([name, value]) => [value as number, name]));

/** Of the end outside the site; where both are, of the one that was addressed: as the history counts (`row_keys.ts`). */
const placeKey = (
  columns: readonly [string, string],
  groups: readonly [PresenceGroup, PresenceGroup],
  write: (value: number) => string,
): KeyMaker => {
  const places = columns.map(numberColumn) as [number, number];
  const bits = groups.map((group) => presenceBit(group as 'sourceAs')) as [number, number];
  return (segment) => {
    const source = columnReader(segment, places[0], bits[0]);
    const destination = columnReader(segment, places[1], bits[1]);
    const read = (row: number): number => (destination(row) < 0 ? source(row) : destination(row));
    return { code: (row) => read(row) + 1, text: (row) => (read(row) < 0 ? nowhereKey : write(read(row))) };
  };
};

export const keyMakers: Readonly<Record<FlowKey, KeyMaker>> = {
  host: endKey,
  conversation,
  application: applicationReader,
  protocol,
  vlan: numberKey('dot1qVlanId', bitOf('vlan')),
  source: (segment, _end, ends) => endKey(segment, 0, ends),
  destination: (segment, _end, ends) => endKey(segment, 1, ends),
  service,
  client,
  sourcePort: numberKey('sourceTransportPort', bitOf('sourcePort')),
  destinationPort: numberKey('destinationTransportPort', bitOf('ports')),
  flags,
  tos: numberKey('ipClassOfService', bitOf('classOfService')),
  reason: numberKey('flowEndReason', 0, (value) => reasons.get(value) ?? String(value)),
  direction: numberKey('flowDirection', bitOf('flowDirection'), (value) => writeNumber(fieldNamed('direction')!, value)),
  mac,
  interface: numberKey('ingressInterface', 0),
  country: placeKey(
    ['sourceCountryCode', 'destinationCountryCode'],
    ['sourceCountry', 'destinationCountry'],
    (code) => countryLetters(code) ?? String(code),
  ),
  // By its number alone: what it is called the history knows.
  as: placeKey(['bgpSourceAsNumber', 'bgpDestinationAsNumber'], ['sourceAs', 'destinationAs'], (number) => `AS${number}`),
  // The number stands for the label until the answer is complete: `flow_search.ts` has the dictionary.
  siteLabel: numberKey('siteLabelId', bitOf('siteLabel')),
  tenantLabel: numberKey('tenantLabelId', bitOf('tenantLabel')),
  serviceLabel: numberKey('serviceLabelId', bitOf('serviceLabel')),
  costCentreLabel: numberKey('costCentreLabelId', bitOf('costCentreLabel')),
};
