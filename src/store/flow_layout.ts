/**
 * How columns lie in a file of flow records: their names, the group each is in, and the bits of presence. A file says how its
 * own lie, so that a box reads what another version wrote, after an update and after going back from one. Pure.
 */

import { fieldNamed } from '../flow/filter/filter_fields.ts';
import type { Filter } from '../flow/filter/filter_syntax.ts';
import { addressColumns, numberColumn, numberColumns, presenceColumn } from '../flow/flow_columns.ts';
import type { FlowOrder } from '../flow/flow_search_shapes.ts';
import { presenceFrom, presenceGroups } from '../flow/row_layout.ts';
import { type PackedColumn, valueAt } from './flow_segment.ts';

/** `keys`: what filters and breakdowns ask for; `counts`: what is summed; `rest`: what only whole records need. */
export const blockGroups = ['keys', 'counts', 'rest'] as const;
export type BlockGroup = (typeof blockGroups)[number];
export const [keysGroup, countsGroup, restGroup] = [0, 1, 2] as const;
export const allGroups: readonly number[] = [keysGroup, countsGroup, restGroup];

export interface BlockLayout {
  readonly numbers: readonly { readonly name: string; readonly group: number }[];
  readonly addresses: { readonly names: readonly string[]; readonly group: number };
  /** The group of the sampling intervals. */
  readonly intervals: number;
  /** Presence groups in the order of their bits. */
  readonly presence: readonly string[];
}

const keys = new Set([
  ...['presence', 'flowStart', 'flowEnd', 'family', 'ipVersion', 'biflowDirection', 'flowEndReason', 'flowDirection'],
  ...['sourceTransportPort', 'destinationTransportPort', 'protocolIdentifier', 'icmpTypeCode', 'ethernetType'],
  ...['tcpControlBits', 'reverseTcpControlBits', 'ipClassOfService', 'reverseIpClassOfService', 'networkLocality'],
  ...['sourceMacAddress', 'destinationMacAddress', 'dot1qVlanId', 'dot1qCustomerVlanId', 'ingressInterface', 'selectorId'],
  ...['sourceCountryCode', 'destinationCountryCode', 'bgpSourceAsNumber', 'bgpDestinationAsNumber'],
  ...['siteLabelId', 'tenantLabelId', 'serviceLabelId', 'costCentreLabelId'],
]);
const counts = new Set([
  ...['packetDeltaCount', 'octetDeltaCount', 'layer2OctetDeltaCount', 'deltaFlowCount'],
  ...['reversePacketDeltaCount', 'reverseOctetDeltaCount', 'reverseLayer2OctetDeltaCount'],
]);

function groupOf(name: string): number {
  return keys.has(name) ? keysGroup : counts.has(name) ? countsGroup : restGroup;
}

export const ownLayout: BlockLayout = {
  // How a number is read belongs to its name: the same name read otherwise is another column.
  numbers: numberColumns.map(({ name, reading }) => ({ name: `${name}:${reading}`, group: groupOf(name) })),
  addresses: { names: addressColumns.map(({ name }) => name), group: keysGroup },
  intervals: countsGroup,
  presence: presenceGroups,
};

/** Groups that hold the columns a filter asks for, and time, which every question asks for. */
export function groupsOfFilter(filter: Filter): ReadonlySet<number> {
  const groups = new Set<number>([keysGroup]);
  const visit = (part: Filter): void => {
    if (part.kind === 'test') {
      const { kind, columns } = fieldNamed(part.field)!;
      for (const column of kind === 'address' ? [] : columns) groups.add(ownLayout.numbers[numberColumn(column)]!.group);
    } else if (part.kind === 'not') visit(part.part);
    else if (part.kind !== 'all') part.parts.forEach(visit);
  };
  visit(filter);
  return groups;
}

export function groupsOfOrder(order: FlowOrder): ReadonlySet<number> {
  const columns = order === 'arrival' ? [] : fieldNamed(order)!.columns;
  return new Set(columns.map((column) => ownLayout.numbers[numberColumn(column)]!.group));
}

export interface PlacedColumns {
  /** Of each column of ours its place there; −1 where the file has none. */
  readonly numbers: readonly number[];
  readonly addresses: readonly number[];
  /** Where presence lies with us, and what it is here; absent where it is the same. */
  readonly presence: { readonly place: number; readonly ours: (theirs: number) => number } | undefined;
}

const placed = new WeakMap<BlockLayout, PlacedColumns>();

export function placesIn(layout: BlockLayout): PlacedColumns {
  let places = placed.get(layout);
  if (places === undefined) {
    const names = layout.numbers.map(({ name }) => name);
    const isSame = layout.presence.join() === presenceGroups.join();
    places = {
      numbers: ownLayout.numbers.map(({ name }) => names.indexOf(name)),
      addresses: ownLayout.addresses.names.map((name) => layout.addresses.names.indexOf(name)),
      presence: isSame ? undefined : { place: presenceColumn, ours: presenceFrom(layout.presence) },
    };
    placed.set(layout, places);
  }
  return places;
}

/** Presence bits of another version, as ours. */
export function mapPresence(column: PackedColumn, ours: (theirs: number) => number): PackedColumn {
  if (column.codes === undefined) {
    const base = ours(column.base);
    return { ...column, base, low: base, high: base };
  }
  const values = Float64Array.from(column.codes, (_, row) => ours(valueAt(column, row)));
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  return { codes: values, base: 0, dictionary: undefined, low, high };
}
