/** Addresses as octets and as people write them. IPv6 text follows RFC 5952. Pure. */

export function formatIpv4(octets: Uint8Array, offset = 0): string {
  return `${octets[offset]}.${octets[offset + 1]}.${octets[offset + 2]}.${octets[offset + 3]}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
export function formatIpv6(octets: Uint8Array, offset = 0): string {
  const groups = Array.from({ length: 8 }, (_, i) => (octets[offset + 2 * i]! << 8) | octets[offset + 2 * i + 1]!);
  // RFC 5952 section 5: IPv4-mapped addresses keep their dotted end.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${formatIpv4(octets, offset + 12)}`;
  const run = longestZeroRun(groups);
  const words = groups.map((group) => group.toString(16));
  if (run.length < 2) return words.join(':');
  return `${words.slice(0, run.start).join(':')}::${words.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}

/** `02:00:5e:10:00:01`, as IEEE 802 and RFC 7042 write it with colons. */
export function formatMac(octets: Uint8Array, offset = 0): string {
  return Array.from({ length: 6 }, (_, i) => octets[offset + i]!.toString(16).padStart(2, '0')).join(':');
}

/** Octets of an address in text, 4 or 16, or undefined when it is none. Zone identifiers are not accepted. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts.map(Number));
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : parseGroups(half)));
  if (groups.some((list) => list === undefined)) return undefined;
  const [head, tail] = groups as [number[], number[] | undefined];
  const known = head.length + (tail?.length ?? 0);
  if (tail === undefined ? known !== 8 : known > 7) return undefined;
  const all = tail === undefined ? head : [...head, ...Array.from({ length: 8 - known }, () => 0), ...tail];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function parseGroups(text: string): number[] | undefined {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

export interface AddressPrefix {
  readonly octets: Uint8Array;
  readonly bits: number;
}

/** `10.0.0.0/8` or `2001:db8::/32`; host bits beyond the length are cleared. */
export function parsePrefix(text: string): AddressPrefix | undefined {
  const [address, length, ...rest] = text.split('/');
  const octets = parseAddress(address ?? '');
  if (octets === undefined || rest.length > 0 || length === undefined || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = Number(length);
  if (bits > octets.length * 8) return undefined;
  return {
    octets: octets.map((octet, i) => octet & ((0xff << Math.max(0, 8 - Math.max(0, bits - i * 8))) & 0xff)),
    bits,
  };
}
