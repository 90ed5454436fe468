/** What a message teaches: which address has which name. Pure. */
import { formatIpv4, formatIpv6, parseAddress } from '../../flow/addresses.ts';
import type { NameSource } from '../../flow/host_names.ts';
import { type DnsMessage, type DnsRecord, recordTypes } from './dns_message.ts';
import { hostName } from './host_name.ts';

export interface Learned {
  readonly address: string;
  readonly name: string;
  readonly source: NameSource;
  /** How long it holds; 0: it does not hold any more. */
  readonly ttlS: number;
  readonly mac?: string;
}

/** An answer to a question: the addresses have the name that was asked for, whatever aliases lay between. */
export function learnedFromDns({ isAnswer, opcode, responseCode, questions, records }: DnsMessage): Learned[] {
  const [asked] = questions;
  if (!isAnswer || opcode !== 0 || responseCode !== 0 || questions.length !== 1 || asked === undefined) return [];
  if (asked.type === recordTypes.ptr) return reverseNames(records, asked.name, 'ptr');
  const name = hostName(asked.name);
  if (name === undefined || (asked.type !== recordTypes.a && asked.type !== recordTypes.aaaa)) return [];
  const ttlOf = aliasesOf(asked.name, records);
  const learned: Learned[] = [];
  for (const { name: owner, type, value, ttlS } of records) {
    const aliasTtlS = ttlOf.get(owner);
    if (type !== asked.type || aliasTtlS === undefined || !isOneHost(value)) continue;
    learned.push({ address: value, name, source: 'dns', ttlS: Math.max(1, Math.min(ttlS, aliasTtlS)) });
  }
  return learned;
}

/** What a host says about itself (RFC 6762): addresses of names under .local, and reverse names. */
export function learnedFromMdns({ isAnswer, opcode, responseCode, records }: DnsMessage): Learned[] {
  if (!isAnswer || opcode !== 0 || responseCode !== 0) return [];
  const learned: Learned[] = [];
  for (const { name: owner, type, value, ttlS } of records) {
    const name = hostName(owner);
    if (type !== recordTypes.a && type !== recordTypes.aaaa) continue;
    if (name?.endsWith('.local') && isOneHost(value)) learned.push({ address: value, name, source: 'mdns', ttlS });
  }
  return [...learned, ...reverseNames(records, undefined, 'mdns').filter(({ name }) => name.endsWith('.local'))];
}

/** The names that stand for the one asked for, with the least time to live on the way. Aliases may come in any order. */
function aliasesOf(asked: string, records: readonly DnsRecord[]): ReadonlyMap<string, number> {
  const found = new Map([[asked, Number.POSITIVE_INFINITY]]);
  const aliases = Map.groupBy(
    records.filter(({ type }) => type === recordTypes.cname),
    ({ name }) => name,
  );
  // What is added while going through is gone through too.
  for (const [name, ttl] of found) {
    for (const { value, ttlS } of aliases.get(name) ?? []) if (!found.has(value)) found.set(value, Math.min(ttl, ttlS));
  }
  return found;
}

function reverseNames(records: readonly DnsRecord[], asked: string | undefined, source: NameSource): Learned[] {
  const learned: Learned[] = [];
  for (const { name: owner, type, value, ttlS } of records) {
    if (type !== recordTypes.ptr || (asked !== undefined && owner !== asked)) continue;
    const address = reverseAddress(owner);
    const name = hostName(value);
    if (address === undefined || name === undefined || !isOneHost(address)) continue;
    learned.push({ address, name, source, ttlS: source === 'mdns' ? ttlS : Math.max(1, ttlS) });
  }
  return learned;
}

/** RFC 1035 3.5 and RFC 3596 2.5: the address that a name under in-addr.arpa or ip6.arpa stands for. */
export function reverseAddress(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four !== null) return canonical(`${four[4]}.${four[3]}.${four[2]}.${four[1]}`);
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  if (six === undefined) return undefined;
  const digits = six.replaceAll('.', '').split('').reverse().join('');
  return canonical(digits.match(/.{4}/g)!.join(':'));
}

/** The text that rows have of this address. */
function canonical(text: string): string | undefined {
  const octets = parseAddress(text);
  if (octets === undefined) return undefined;
  return octets.length === 4 ? formatIpv4(octets) : formatIpv6(octets);
}

/**
 * Not nobody's (blockers answer with 0.0.0.0), not the asker's own loopback, not many hosts'.
 */
export function isOneHost(address: string): boolean {
  const octets = parseAddress(address);
  if (octets === undefined) return false;
  if (octets.length === 4) return octets[0] !== 0 && octets[0] !== 127 && octets[0]! < 224;
  const zeros = octets.subarray(0, 15).every((octet) => octet === 0);
  return octets[0] !== 0xff && !(zeros && octets[15]! <= 1);
}
