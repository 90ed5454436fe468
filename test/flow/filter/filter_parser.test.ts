import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementFields, fieldNamed, filterWords, shortFields } from '../../../src/flow/filter/filter_fields.ts';
import { filterLengthMax, parseFilter, troubleText } from '../../../src/flow/filter/filter_parser.ts';
import { type Filter, writeFilter } from '../../../src/flow/filter/filter_syntax.ts';
import { arbitraryFilter, hostNameTest } from './arbitrary_filter.ts';

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (result.trouble !== undefined) throw new Error(troubleText(text, result.trouble));
  return result.filter;
}
const canonical = (text: string): string => writeFilter(parsed(text));

describe('what is written reads back', () => {
  test('every tree, as the same tree', () => {
    fc.assert(
      fc.property(arbitraryFilter(hostNameTest), (filter) => {
        const text = writeFilter(filter);
        fc.pre(text.length <= filterLengthMax);
        expect(parsed(text)).toEqual(filter);
      }),
      { numRuns: 2_000 },
    );
  });

  test('any text is a filter or a trouble inside the text, never an exception', () => {
    const words = fc.constantFrom(
      'src',
      'dst',
      'port',
      'ip',
      'not',
      '(',
      ')',
      '[',
      ']',
      ',',
      '>',
      '=',
      'and',
      'or',
      'any',
      'none',
      '10.0.0.0/8',
      '80-90',
      'x',
      '!',
      '&&',
      'flags',
      'S',
    );
    const texts = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(words, { maxLength: 14 }).map((list) => list.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const { trouble } = parseFilter(text);
        if (trouble === undefined) return;
        expect(trouble.at).toBeGreaterThanOrEqual(0);
        expect(trouble.at).toBeLessThanOrEqual(text.length);
        expect(trouble.length).toBeGreaterThan(0);
        expect(trouble.allowed).not.toBe('');
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('what people write', () => {
  test.each([
    ['', 'any'],
    ['any', 'any'],
    ['TCP and DST PORT 443', 'proto tcp and dst port 443'],
    ['src net 10.1.2.3/8', 'src ip 10.0.0.0/8'],
    ['10.0.0.1', 'ip 10.0.0.1'],
    ['src 2001:db8::/32', 'src ip 2001:db8::/32'],
    ['src and dst net 10.0.0.0/8', 'src and dst ip 10.0.0.0/8'],
    ['src or dst port 53', 'port 53'],
    ['port in [80, 443,8000-8100]', 'port [80, 443, 8000..8100]'],
    ['port [80 443]', 'port [80, 443]'],
    ['bytes > 1.5M', 'bytes > 1500000'],
    ['bytes >= 1Ki', 'bytes >= 1024'],
    ['duration > 2m', 'duration > 120000000us'],
    ['duration 1500', 'duration 1500000us'],
    ['rtt none', 'not rtt any'],
    ['vlan != 20', 'not vlan 20'],
    ['vlan != none', 'vlan any'],
    ['flags SA', 'flags SA'],
    ['flags = S', 'flags = S'],
    ['not tcp and udp', 'not proto tcp and proto udp'],
    ['tcp or udp and port 53', 'proto tcp or proto udp and port 53'],
    ['(tcp || udp) && ! port 53', '(proto tcp or proto udp) and not port 53'],
    ['octetDeltaCount > 1k', 'octetDeltaCount > 1000'],
    ['SOURCETRANSPORTPORT 80', 'sourceTransportPort 80'],
    ['mac 00:1B:44', 'mac 00:1b:44:00:00:00..00:1b:44:ff:ff:ff'],
    ['start >= 2026-01-01T10:41:00Z', 'start >= 2026-01-01T10:41:00.000Z'],
    ['ip 10.0.0.1-10.0.0.9', 'ip 10.0.0.1..10.0.0.9'],
    ['proto 6', 'proto tcp'],
    ['proto 200', 'proto 200'],
    ['ethertype 0x0806', 'ethertype 2054'],
    ['reason activeTimeout', 'reason activeTimeout'],
    ['direction in', 'direction in'],
    ['src country de', 'src country DE'],
    ['country [in, NO]', 'country [IN, NO]'],
    ['end < 2026-01-01T11:41:00+01:00', 'end < 2026-01-01T10:41:00.000Z'],
    ['site "the ""old"" house"', 'site "the ""old"" house"'],
  ])('%s', (text, written) => {
    expect(canonical(text)).toBe(written);
    expect(canonical(written)).toBe(written);
  });

  test('every word means a filter, every example of the reference reads', () => {
    for (const [word, { means }] of Object.entries(filterWords)) expect(parsed(word)).toEqual(parsed(means));
    for (const { example, name } of shortFields) expect(parseFilter(example).trouble, `${name}: ${example}`).toBeUndefined();
  });

  test('a name leads to one field', () => {
    const names = shortFields.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const field of elementFields) expect(fieldNamed(field.name), field.name).toBe(field);
    expect(names.filter((name) => name in filterWords)).toEqual([]);
  });
});

describe('trouble says where, what, and what is allowed', () => {
  test.each([
    ['src prot 80', 4, 4, /'prot' is no field; did you mean (port|proto)\?/, /port/],
    ['tcp and', 7, 1, /missing at the end/, /port/],
    ['port 70000', 5, 5, /'70000' is no value of port/, /up to 65535/],
    ['ip 10.0.0.300', 3, 10, /no value of ip/, /prefix/],
    ['ip 10.0.0.9..10.0.0.1', 3, 18, /no value of ip/, /range/],
    ['(tcp or udp', 11, 1, /bracket is not closed/, /\)/],
    ['tcp )', 4, 1, /was not opened/, /and, or/],
    ['tcp udp', 4, 3, /cannot follow/, /and, or/],
    ['port [80, 443', 13, 1, /not closed/, /]/],
    ['port > [80]', 7, 1, /list cannot be compared/, /one number/],
    ['port > 80-90', 7, 5, /range cannot be compared/, /one number/],
    ['country deu', 8, 3, /no value of country/, /two letters/],
    ['country > DE', 8, 1, /not ordered/, /= or !=/],
    ['proto > tcp', 6, 1, /not ordered/, /= or !=/],
    ['src vlan 20', 0, 3, /no source and destination/, /vlan/],
    ['flags XZ', 6, 2, /no value of flags/, /FSRPAUEC/],
    ['vlan', 4, 1, /needs a value/, /4095/],
    ['start > tomorrow', 8, 8, /no value of start/, /ISO 8601/],
    ['start > 2026-02-30T00:00:00Z', 8, 20, /no value of start/, /ISO 8601/],
    ['start > 2026-03-01T00:00:00', 8, 19, /no value of start/, /with its zone/],
  ])('%s', (text, at, length, message, allowed) => {
    const { trouble } = parseFilter(text);
    expect(trouble).toMatchObject({ at, length });
    expect(trouble!.message).toMatch(message);
    expect(trouble!.allowed).toMatch(allowed);
  });

  test('limits', () => {
    expect(parseFilter(`${'('.repeat(60)}tcp${')'.repeat(60)}`).trouble?.message).toMatch(/too many brackets/);
    expect(parseFilter(Array.from({ length: 201 }, () => 'tcp').join(' or ')).trouble?.message).toMatch(/too many tests/);
    expect(parseFilter('x'.repeat(3_000)).trouble?.message).toMatch(/too long/);
    expect(parseFilter(`port [${Array.from({ length: 501 }, () => '1').join(' ')}]`).trouble?.message).toMatch(
      /list is too long/,
    );
  });

  test('a mark under the place', () => {
    const { trouble } = parseFilter('tcp and prot 80');
    expect(troubleText('tcp and prot 80', trouble!).split('\n').slice(1)).toEqual(['  tcp and prot 80', '          ^^^^']);
  });
});
