/**
 * Names of hosts in a filter as the addresses that bear them now: rows carry addresses alone. A name that no address bears is told, since an
 * empty answer would say that the host was quiet. Bounded: each test looks at every known name once, with `patternsMax` patterns at
 * most in a filter, and stands for `addressesMax` addresses at most. Pure.
 */
import { parseAddress } from '../addresses.ts';
import { grouped } from '../grouped.ts';
import type { HostNameList } from '../host_names.ts';
import { fieldNamed } from './filter_fields.ts';
import type { FilterTrouble, NamePlace } from './filter_parser.ts';
import type { AddressRange, Filter, FilterTest, NamedValue } from './filter_syntax.ts';

export const hostAddressesMax = 4_096;
const patternsMax = 20;

export type HostedFilter =
  | { readonly filter: Filter; readonly trouble?: undefined }
  | { readonly filter?: undefined; readonly trouble: FilterTrouble };

export function asksForHosts(filter: Filter): boolean {
  if (filter.kind === 'test') return fieldNamed(filter.field)!.kind === 'hostName';
  if (filter.kind === 'not') return asksForHosts(filter.part);
  return filter.kind !== 'all' && filter.parts.some(asksForHosts);
}

/**
 * @param places where names stand in the text, as the parser found them
 * @param names undefined where nobody learns any
 */
export function withHostAddresses(filter: Filter, places: readonly NamePlace[], names: HostNameList | undefined): HostedFilter {
  let trouble: FilterTrouble | undefined;
  let patternsLeft = patternsMax;
  const complain = (name: string | undefined, message: string, allowed: string): readonly AddressRange[] => {
    const place = places.find((one) => fieldNamed(one.field)?.kind === 'hostName' && (name === undefined || one.name === name));
    trouble ??= { at: place?.at ?? 0, length: place?.length ?? 1, message, allowed };
    return [];
  };

  const addressesOf = ({ operator, values }: FilterTest): readonly AddressRange[] => {
    const asked = operator === 'any' ? [{ name: '*' }] : (values as readonly NamedValue[]);
    const exact = new Map(asked.filter(({ name }) => !name.includes('*')).map(({ name }) => [name, false]));
    const patterns = asked
      .filter(({ name }) => name.includes('*'))
      .map((one) => ({ ...one, ...patternOf(one.name), found: false }));
    patternsLeft -= patterns.length;
    if (patternsLeft < 0) return complain(patterns.at(-1)!.name, 'too many patterns', `at most ${patternsMax} names with *`);
    const found: AddressRange[] = [];
    for (const [address, { name }] of names?.entries() ?? []) {
      const isExact = exact.has(name);
      if (isExact) exact.set(name, true);
      let isMeant = isExact;
      for (const pattern of patterns) {
        if (!pattern.isOf(name)) continue;
        pattern.found = true;
        isMeant = true;
      }
      if (!isMeant) continue;
      if (found.length === hostAddressesMax)
        return complain(
          asked[0]!.name,
          `more than ${grouped(hostAddressesMax)} addresses bear such a name`,
          'a name, or more of it',
        );
      const hex = hexOf(address);
      found.push({ first: hex, last: hex });
    }
    const missing = [...exact].find(([, isFound]) => !isFound)?.[0] ?? patterns.find(({ found }) => !found)?.name;
    if (missing !== undefined)
      return complain(
        missing,
        missing === '*' ? 'no name of a host is known now' : `no host that is known now is called '${missing}'`,
        'a name that the box has learned (flowspan names, /api/v1/names), with * before or behind a part of it',
      );
    return found;
  };

  const resolved = (part: Filter): Filter => {
    switch (part.kind) {
      case 'all':
        return part;
      case 'not':
        return { kind: 'not', part: resolved(part.part) };
      case 'test':
        if (fieldNamed(part.field)!.kind !== 'hostName') return part;
        return { kind: 'test', field: 'ip', side: part.side, operator: '=', values: addressesOf(part) };
      default:
        return { ...part, parts: part.parts.map(resolved) };
    }
  };
  const result = resolved(filter);
  return trouble === undefined ? { filter: result } : { trouble };
}

function patternOf(name: string): { isOf: (name: string) => boolean } {
  const part = name.replace(/^\*/, '').replace(/\*$/, '');
  if (!name.startsWith('*')) return { isOf: (other) => other.startsWith(part) };
  return name.endsWith('*') ? { isOf: (other) => other.includes(part) } : { isOf: (other) => other.endsWith(part) };
}

/** Names are learned for IP addresses alone (`isOneHost`), also where they are read from disk. */
const hexOf = (address: string): string =>
  [...parseAddress(address)!].map((octet) => octet.toString(16).padStart(2, '0')).join('');
