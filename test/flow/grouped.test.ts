/** Numbers in groups of three: the same as the language tables of JavaScript write. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { grouped } from '../../src/flow/grouped.ts';

test('numbers are written as toLocaleString writes them in English', () => {
  const random = new SeededRandom(7);
  const some = [
    0,
    1,
    999,
    1_000,
    12_345,
    999_999,
    1_000_000,
    2 ** 53 - 1,
    0.5,
    0.25,
    1_234.567_8,
    999_999.999_6,
    -1,
    -999,
    -1_000,
    -1_234_567.5,
  ];
  const more = Array.from({ length: 2_000 }, () => {
    const value = 2 ** (random.float() * 52);
    return random.float() < 0.5 ? Math.floor(value) : Math.floor(random.float() * 1e12) / 1_000;
  });
  for (const value of [...some, ...more]) expect(grouped(value)).toBe(value.toLocaleString('en'));
});
