/**
 * What rows are counted by but the total, and keys as people read them. `native/rollup/row_keys.cc` reads them from rows. Pure.
 *
 * Host: kind, then four words: an address, or a MAC for rows without one, so that ARP and its like have ends too.
 */
import { formatIpv4, formatIpv6, formatMac } from '../flow/addresses.ts';
import { type LabelKind, labelDimensions, unlabelledKey } from '../flow/labels.ts';
import { nowhereKey } from '../flow/places.ts';
import { etherTypeName, protocolName } from '../flow/protocols.ts';
import type { KeyedDimension } from '../flow/row_counts.ts';
import { applicationKey } from '../flow/services.ts';

import { countryName } from './places.ts';

const hostKinds = { mac: 1, ipv4: 4, ipv6: 6 } as const;
const portFlag = 1 << 16;
export const unknownKey = 1 << 29;

/** Every dimension that has keys, and the words of a key. The order is that of every array by dimension here. `key_kinds.h` of the addon has the same. */
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
