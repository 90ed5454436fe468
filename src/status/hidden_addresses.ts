/**
 * What viewers see when addresses are hidden from them: IP addresses cut to their prefix and MAC addresses to their vendor,
 * wherever in an answer they stand. It works on whole answers, not field by field, so that a field that is added later is
 * covered too. Pure.
 */
import { formatIpv4, formatIpv6, parseAddress } from '../flow/addresses.ts';
import { addVolume, type KeyVolume, type TopAnswer } from '../flow/history_shapes.ts';
import { ApiError } from './answers.ts';

export interface PrefixLengths {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** Runs of what addresses are made of, with a prefix length behind; whether it is one, `parseAddress` says. */
const candidate =
  /((?<![\w.:])(?:[0-9a-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3})(?![\w])(?:\/(\d{1,3})(?!\w))?/gi;
const mac = /(?<![\w:-])([0-9a-f]{2})([:-])([0-9a-f]{2})\2([0-9a-f]{2})(?:\2[0-9a-f]{2}){3}(?![\w:-])/gi;

/** Text with every address in it cut: `10.20.1.14` → `10.20.1.0/24`. What is cut already stays. */
export function hideInText(text: string, lengths: PrefixLengths): string {
  return text
    .replaceAll(mac, '$1$2$3$2$4$2xx$2xx$2xx')
    .replaceAll(candidate, (found, address: string, length: string | undefined) => {
      const octets = parseAddress(address);
      if (octets === undefined) return found;
      const kept = octets.length === 4 ? lengths.ipv4 : lengths.ipv6;
      const bits = Math.min(kept, length === undefined ? kept : Number(length));
      const cut = octets.map((octet, at) => octet & (0xff << Math.max(0, 8 - Math.max(0, bits - at * 8))) & 0xff);
      return `${octets.length === 4 ? formatIpv4(cut) : formatIpv6(cut)}/${bits}`;
    });
}

/** A deep copy with every address in every string cut, keys of objects included. */
export function hideAddresses<T>(answer: T, lengths: PrefixLengths): T {
  const hide = (value: unknown): unknown => {
    if (typeof value === 'string') return hideInText(value, lengths);
    if (Array.isArray(value)) return value.map(hide);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [hideInText(key, lengths), hide(item)]));
  };
  return hide(answer) as T;
}

/** Rows whose keys have become the same are one row; the sums stay. */
export function mergeRows(answer: TopAnswer): TopAnswer {
  const merged = new Map<string, KeyVolume>();
  for (const row of answer.rows) {
    const before = merged.get(row.key);
    if (before === undefined) merged.set(row.key, { ...row });
    else addVolume(before, row);
  }
  const octets = ({ outOctets, inOctets }: KeyVolume): number => outOctets + inOctets;
  return { ...answer, rows: [...merged.values()].sort((a, b) => octets(b) - octets(a)) };
}

/** Whether the address of a request names an address more exactly than its asker may see one: answers would tell. */
export function asksForHidden(url: string, lengths: PrefixLengths): boolean {
  const text = decoded(url);
  if (text.search(mac) >= 0) return true;
  for (const [, address = '', length] of text.matchAll(candidate)) {
    const octets = parseAddress(address);
    if (octets === undefined) continue;
    const kept = octets.length === 4 ? lengths.ipv4 : lengths.ipv6;
    if (length === undefined || Number(length) > kept) return true;
  }
  return false;
}

/** @throws ApiError `badRequest` for escapes that are none: what they hide cannot be told */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    throw new ApiError('badRequest', 'The address of the request has an escape such as %20 that is none.');
  }
}
