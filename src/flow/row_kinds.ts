/**
 * What is known of a row's flows, as far as templates depend on it. Of one flow the family says it; a row of many flows (family
 * `aggregate`, RFC 7015) has a part of the key, and its presence bits say which. So a template has no element that its records
 * could only fill with zeros: a collector cannot tell an unknown value from 0. Pure.
 */
import { presenceBit, type RowFamily, rowFamilies } from './row_layout.ts';

/** The first are the families of one flow, in their order. The order is the addon's (`native/core/projection.cc`). */
export const rowKinds = [
  'ipv4',
  'ipv6',
  'ethernet',
  /** Nothing of the key but interface and selector, which is no more than where and how. */
  'aggregate',
  'aggregateOfEtherType',
  'aggregateOfProtocol',
  'aggregateOfService',
  'aggregateOfIpv4Pair',
  'aggregateOfIpv6Pair',
] as const;
export type RowKind = (typeof rowKinds)[number];

const aggregate = rowFamilies.indexOf('aggregate');
const addressesBit = presenceBit('addresses');
const portsBit = presenceBit('ports');
const protocolBit = presenceBit('protocol');
const etherTypeBit = presenceBit('etherType');

/**
 * Its place in `rowKinds`; of a family that we do not know a place beyond them.
 * @param present the low word of the row's presence
 */
export function rowKindPlace(family: number, present: number, ipVersion: number): number {
  if (family !== aggregate) return family < aggregate ? family : rowKinds.length;
  if ((present & addressesBit) !== 0) return ipVersion === 6 ? 8 : 7;
  if ((present & portsBit) !== 0) return 6;
  if ((present & protocolBit) !== 0) return 5;
  return (present & etherTypeBit) !== 0 ? 4 : 3;
}

export function familyOfKind(kind: RowKind): RowFamily {
  return rowFamilies[Math.min(rowKinds.indexOf(kind), aggregate)]!;
}
