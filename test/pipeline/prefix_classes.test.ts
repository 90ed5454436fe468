import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { parseAddress, parsePrefix } from '../../src/flow/addresses.ts';
import { PrefixClasses } from '../../src/pipeline/prefix_classes.ts';

function setsOf(classes: PrefixClasses, address: string): readonly number[] {
  const octets = parseAddress(address)!;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  return classes.members[octets.length === 4 ? classes.ofV4(view.getUint32(0)) : classes.ofV6(view, 0)]!;
}

describe('prefix classes', () => {
  const classes = new PrefixClasses([
    ['10.0.0.0/8', '2001:db8::/32'],
    ['10.1.0.0/16'],
    ['10.1.2.0/24', '2001:db8:1::/48', '::/0'],
    [],
    ['255.255.255.255/32'],
    ['0.0.0.0/0'],
  ]);

  test.each<[string, number[]]>([
    ['9.255.255.255', [5]],
    ['10.0.0.0', [0, 5]],
    ['10.1.0.0', [0, 1, 5]],
    ['10.1.2.3', [0, 1, 2, 5]],
    ['10.1.3.0', [0, 1, 5]],
    ['10.255.255.255', [0, 5]],
    ['11.0.0.0', [5]],
    ['255.255.255.255', [4, 5]],
    ['2001:db7:ffff::1', [2]],
    ['2001:db8::', [0, 2]],
    ['2001:db8:1::9', [0, 2]],
    ['ffff::', [2]],
  ])('%s lies in %j', (address, expected) => {
    expect(setsOf(classes, address)).toEqual(expected);
  });

  test('without prefixes every address has class 0', () => {
    const none = new PrefixClasses([[], []]);
    expect([setsOf(none, '10.0.0.1'), setsOf(none, '::1'), none.members]).toEqual([[], [], [[]]]);
  });

  test('a prefix that a set names twice, or inside another of its own, is in it once', () => {
    const nested = new PrefixClasses([['10.0.0.0/8', '10.0.0.0/8', '10.1.0.0/16']]);
    expect([setsOf(nested, '10.1.2.3'), setsOf(nested, '10.2.0.0'), setsOf(nested, '11.0.0.0')]).toEqual([[0], [0], []]);
  });

  test('agrees with comparing bits, for random sets and addresses near their edges', () => {
    const random = new SeededRandom(7);
    const sets = Array.from({ length: 12 }, () =>
      Array.from({ length: 6 }, () => {
        const bits = random.below(33);
        return `${Array.from({ length: 4 }, () => random.below(256)).join('.')}/${bits}`;
      }),
    );
    const many = new PrefixClasses(sets);
    const parsed = sets.map((prefixes) => prefixes.map((text) => parsePrefix(text)!));
    const edges = parsed.flat().flatMap(({ octets, bits }) => {
      const first = new DataView(octets.buffer).getUint32(0);
      return [first - 1, first, first + 2 ** (32 - bits) - 1, first + 2 ** (32 - bits)];
    });
    for (const edge of edges) {
      const address = edge >>> 0;
      const expected = parsed.flatMap((prefixes, set) =>
        prefixes.some(({ octets, bits }) => {
          const first = new DataView(octets.buffer).getUint32(0);
          return address >= first && address < first + 2 ** (32 - bits);
        })
          ? [set]
          : [],
      );
      expect(many.members[many.ofV4(address)]).toEqual(expected);
    }
  });
});
