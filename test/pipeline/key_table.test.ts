import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { hashKey, hashWords, KeyTable } from '../../src/pipeline/key_table.ts';

describe('key table', () => {
  test('random inserts and removals find what a map finds, with every hash colliding or none', () => {
    const action = fc.record({ key: fc.integer({ min: 0, max: 40 }), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), fc.constantFrom(0, 3, 0xffffffff), (actions, mask) => {
        const table = new KeyTable(2, 32, new SeededRandom(1));
        const model = new Map<number, number>();
        const hashOf = (key: number): number => (Math.imul(key, 0x9e3779b1) & mask) | 0;
        for (const { key, remove } of actions) {
          const words = Int32Array.of(key, -key);
          const slot = table.find(words, hashOf(key));
          expect(slot).toBe(model.get(key) ?? -1);
          if (slot >= 0 && remove) {
            table.remove(slot);
            model.delete(key);
          } else if (slot < 0 && !table.full) model.set(key, table.insert(words, hashOf(key)));
          expect(table.size).toBe(model.size);
        }
        for (const [key, slot] of model) {
          expect(table.find(Int32Array.of(key, -key), hashOf(key))).toBe(slot);
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
    const table = new KeyTable(1, 5_000, random);
    const slots = Array.from({ length: 5_000 }, (_, i) => {
      const key = Int32Array.of(i);
      return table.insert(key, hashWords(key, multipliers));
    });
    expect(table.full).toBe(true);
    slots.forEach((slot, i) => {
      expect(table.find(Int32Array.of(i), hashWords(Int32Array.of(i), multipliers))).toBe(slot);
    });
  });

  test('the victim is light, and never the one that is protected', () => {
    const random = new SeededRandom(3);
    const table = new KeyTable(1, 100, random);
    for (let i = 0; i < 100; i++) table.weights[table.insert(Int32Array.of(i), i)] = i;
    const victims = Array.from({ length: 500 }, () => table.victim(0));
    expect(victims).not.toContain(0);
    const mean = victims.reduce((sum, slot) => sum + table.weights[slot]!, 0) / victims.length;
    expect(mean).toBeLessThan(20);
  });
});
