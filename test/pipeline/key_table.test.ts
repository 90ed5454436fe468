import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { hashKey, hashWords, KeyTable, marksAt } from '../../src/pipeline/key_table.ts';

describe('key table', () => {
  test('random inserts and removals find what a map finds, with every hash colliding or none', () => {
    const action = fc.record({ key: fc.integer({ min: 0, max: 40 }), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), fc.constantFrom(0, 3, 0xffffffff), (actions, mask) => {
        const table = new KeyTable(2, 1, 32, new SeededRandom(1));
        const model = new Map<number, number>();
        const hashOf = (key: number): number => (Math.imul(key, 0x9e3779b1) & mask) | 0;
        for (const { key, remove } of actions) {
          const words = Int32Array.of(key, -key);
          const slot = table.find(words, 0, hashOf(key));
          expect(slot).toBe(model.get(key) ?? -1);
          if (slot >= 0 && remove) {
            table.remove(slot);
            model.delete(key);
          } else if (slot < 0 && !table.full) model.set(key, table.insert(words, 0, hashOf(key)));
          expect(table.size).toBe(model.size);
          expect(table.readAhead(Int32Array.of(hashOf(key)), new Int32Array(1), 1)).not.toBeNaN();
        }
        for (const [key, slot] of model) {
          expect(table.find(Int32Array.of(key, -key), 0, hashOf(key))).toBe(slot);
          expect(table.isTaken(slot)).toBe(true);
        }
        expect(new Set(model.values()).size).toBe(model.size);
      }),
      { numRuns: 300 },
    );
  });

  test('grows to its bound and keeps what it holds', () => {
    const random = new SeededRandom(2);
    const multipliers = hashKey(1, random);
    const table = new KeyTable(1, 0, 5_000, random);
    const slots = Array.from({ length: 5_000 }, (_, i) => {
      const key = Int32Array.of(i);
      return table.insert(key, 0, hashWords(key, multipliers));
    });
    expect(table.full).toBe(true);
    slots.forEach((slot, i) => {
      expect(table.find(Int32Array.of(i), 0, hashWords(Int32Array.of(i), multipliers))).toBe(slot);
    });
  });

  test('about so many keys as asked for do not exceed the lightest weight, of few keys exactly', () => {
    for (const [keys, wanted] of [
      [100, 7],
      [2, 1],
      [20_000, 1_250],
    ] as const) {
      const table = new KeyTable(1, 0, keys, new SeededRandom(3));
      for (let i = 0; i < keys; i++) table.weights[table.insert(Int32Array.of(i), 0, Math.imul(i, 0x9e3779b1))] = i;
      const light = table.lightest(wanted) + 1;
      if (keys <= 256) expect(light).toBe(wanted);
      // A sample of 256: 16 of them, give or take four standard errors of 4.
      else expect(Math.abs(light - wanted)).toBeLessThan(wanted);
    }
  });

  test('what the owner keeps beside a key is zero again for the next key there', () => {
    const table = new KeyTable(1, 1, 1, new SeededRandom(4));
    const slot = table.insert(Int32Array.of(7), 0, 7);
    table.records[slot * table.stride + marksAt] = -1;
    table.remove(slot);
    expect(table.insert(Int32Array.of(8), 0, 8)).toBe(slot);
    expect(table.records[slot * table.stride + marksAt]).toBe(0);
  });
});
