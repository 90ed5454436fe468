import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { type KeyHash, KeySketch, keyHash, kindOf, octetsMax } from '../../src/store/key_sketch.ts';

const kind = kindOf('address');
const keysOf = (words: readonly number[]): KeyHash[] => words.map((word) => keyHash(kind, word));

test('a key that was put in is never denied', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 2 ** 32 - 1 }), { maxLength: 300 }), (words) => {
      const sketch = KeySketch.of(keysOf(words));
      const read = new KeySketch(Uint8Array.from(sketch.bits));
      for (const key of keysOf(words)) expect(read.mayHold(key)).toBe(true);
    }),
  );
});

test('others are taken for one of them once in about fifty times, more often once the sketch is as large as it may be', () => {
  const random = new SeededRandom(3);
  const wrong = (count: number): number => {
    const sketch = KeySketch.of(keysOf(Array.from({ length: count }, (_, i) => i)));
    expect(sketch.bits.length).toBe(Math.min(octetsMax, count));
    let taken = 0;
    for (let i = 0; i < 20_000; i++) if (sketch.mayHold(keyHash(kind, 2 ** 31 + random.below(2 ** 30)))) taken++;
    return taken / 20_000;
  };
  expect(wrong(3_000)).toBeLessThan(0.035);
  expect(wrong(octetsMax)).toBeLessThan(0.035);
  expect(wrong(3 * octetsMax)).toBeLessThan(0.6);
});

test('the same words of another kind are another key; nothing is in an empty sketch', () => {
  const sketch = KeySketch.of([keyHash(kindOf('dot1qVlanId'), 0, 20)]);
  expect(sketch.mayHold(keyHash(kindOf('protocolIdentifier'), 0, 20))).toBe(false);
  expect(KeySketch.of([]).mayHold(keyHash(kind, 1))).toBe(false);
});
