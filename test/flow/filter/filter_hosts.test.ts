/** Names of hosts in filters: what they stand for now, what is no name, and that no text makes it work for long. */
import { describe, expect, test } from 'vitest';
import { hostAddressesMax, withHostAddresses } from '../../../src/flow/filter/filter_hosts.ts';
import { parseFilter } from '../../../src/flow/filter/filter_parser.ts';
import { everyFlow, writeFilter } from '../../../src/flow/filter/filter_syntax.ts';
import type { HostNameList } from '../../../src/flow/host_names.ts';

const listOf = (names: readonly (readonly [string, string])[]): HostNameList => {
  const known = new Map(
    names.map(([address, name]) => [address, { name, source: 'dns', learnedMs: 0, holdsUntilMs: 0 } as const]),
  );
  return { of: (address) => known.get(address), entries: () => known.entries() };
};
const office = listOf([
  ['10.0.0.9', 'printer.lan'],
  ['2001:db8::9', 'printer.lan'],
  ['10.0.0.40', 'laptop-9'],
  ['198.51.100.7', 'www.example.com'],
  ['198.51.100.8', 'cdn.example.com'],
  ['10.0.0.53', 'example.com.lan'],
]);

function found(text: string, names: HostNameList | undefined = office) {
  const parsed = parseFilter(text);
  if (parsed.trouble !== undefined) throw new Error(parsed.trouble.message);
  return withHostAddresses(parsed.filter, parsed.names, names);
}
const meant = (text: string): string => {
  const { filter, trouble } = { filter: undefined, ...found(text) };
  if (filter === undefined) throw new Error(trouble!.message);
  return writeFilter(filter);
};

describe('a name stands for the addresses that bear it', () => {
  test.each([
    ['hostname laptop-9', 'ip 10.0.0.40'],
    ['hostname printer.lan', 'ip [10.0.0.9, 2001:db8::9]'],
    ['hostname "Printer.LAN."', 'ip [10.0.0.9, 2001:db8::9]'],
    ['hostname *.example.com', 'ip [198.51.100.7, 198.51.100.8]'],
    ['hostname "*.example.com."', 'ip [198.51.100.7, 198.51.100.8]'],
    ['hostname laptop*', 'ip 10.0.0.40'],
    ['hostname *example*', 'ip [198.51.100.7, 198.51.100.8, 10.0.0.53]'],
    ['src hostname [laptop-9, *.com]', 'src ip [10.0.0.40, 198.51.100.7, 198.51.100.8]'],
    ['src and dst host-name *.lan', 'src and dst ip [10.0.0.9, 2001:db8::9, 10.0.0.53]'],
    ['tcp and not (name laptop-9 or port 53)', 'proto tcp and not (ip 10.0.0.40 or port 53)'],
    ['hostname != laptop-9', 'not ip 10.0.0.40'],
    [
      'dst hostname any and tcp',
      'dst ip [10.0.0.9, 2001:db8::9, 10.0.0.40, 198.51.100.7, 198.51.100.8, 10.0.0.53] and proto tcp',
    ],
    ['hostname none', 'not ip [10.0.0.9, 2001:db8::9, 10.0.0.40, 198.51.100.7, 198.51.100.8, 10.0.0.53]'],
    ['port 443', 'port 443'],
  ])('%s', (text, filter) => expect(meant(text)).toBe(filter));

  test('written, it reads back as the same', () => {
    for (const text of ['hostname "*.example.com"', 'src hostname ["a", "b*"]', 'hostname any', 'not hostname "*"'])
      expect(writeFilter({ filter: everyFlow, ...parseFilter(text) }.filter)).toBe(text);
  });
});

describe('trouble says where', () => {
  test.each([
    ['tcp and hostname printr', 17, 6, /no host that is known now is called 'printr'/],
    ['hostname [laptop-9, "nobody.lan", x*]', 21, 10, /called 'nobody\.lan'/],
    ['hostname *.org', 9, 5, /called '\*\.org'/],
    ['site "x" or hostname x', 21, 1, /called 'x'/],
  ])('%s', (text, at, length, message) => {
    expect(found(text).trouble).toMatchObject({ at, length, message: expect.stringMatching(message) });
    expect(found(text).trouble!.allowed).toContain('flowspan names');
  });

  test('of a box that has learned no name', () => {
    for (const text of ['hostname laptop-9', 'hostname any', 'hostname none'])
      expect([text, found(text, listOf([])).trouble?.message]).toEqual([text, expect.stringMatching(/no (host|name)/)]);
  });

  test.each([
    ['hostname a*b', 9, /'a\*b' is no value/],
    ['hostname **', 9, /'\*\*' is no value/],
    ['hostname bücher.example', 9, /is no value/],
    ['hostname > a', 9, /not ordered/],
    ['hostname', 8, /needs a value/],
    ['hostname a..b/c', 9, /is no value/],
  ])('%s', (text, at, message) => {
    expect(parseFilter(text).trouble).toMatchObject({ at, message: expect.stringMatching(message) });
  });
});

describe('work is bounded', () => {
  const address = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  const many = (count: number): HostNameList => listOf(Array.from({ length: count }, (_, n) => [address(n), `host-${n}.lan`]));

  test('by addresses of a test, and by patterns of a filter', () => {
    expect(found('hostname *.lan', many(hostAddressesMax)).filter).toMatchObject({ values: { length: hostAddressesMax } });
    const trouble = { at: 9, length: 5, message: expect.stringMatching(/more than 4,096 addresses/) };
    expect(found('hostname *.lan', many(hostAddressesMax + 1)).trouble).toMatchObject(trouble);
    const patterns = Array.from({ length: 21 }, (_, n) => `*host-${n}.lan`).join(', ');
    expect(found(`hostname [${patterns}]`, many(100)).trouble?.message).toBe('too many patterns');
    expect(
      found(`not hostname *.lan or (${Array.from({ length: 20 }, (_, n) => `hostname *-${n}.lan`).join(' or ')})`, many(100))
        .trouble,
    ).toMatchObject({ message: 'too many patterns' });
  });

  test('the longest filter over as many names as may be learned takes no second', () => {
    const names = Array.from({ length: 140 }, (_, n) => `host-${n * 3}.lan`).join(' ');
    const patterns = Array.from({ length: 19 }, (_, n) => `*-9${n}.lan`).join(' ');
    const known = many(100_000);
    const before = process.cpuUsage();
    expect(found(`hostname [${names} ${patterns}]`, known).filter).toBeDefined();
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_000_000);
  });
});
