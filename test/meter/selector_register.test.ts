/** Numbers of selectors: that none ever means two things, whatever is restarted, lost or forgotten in between. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { everyPacket, type SelectorMeaning } from '../../src/flow/selectors.ts';
import { SelectorRegister, selectorsMax } from '../../src/meter/selector_register.ts';

const random = (interval: number, more: Partial<SelectorMeaning> = {}): SelectorMeaning => ({
  ...everyPacket,
  kind: 'random',
  interval,
  ...more,
});

describe('selector register', () => {
  it('gives each meaning one number and a meaning that comes back its former one, also after a restart', () => {
    const first = new SelectorRegister();
    const meanings = [
      random(4),
      random(8),
      { ...random(4), kind: 'flowHash' as const },
      random(4, { kernelInterval: 2 }),
      random(4, { partition: 'ab' }),
      random(4, { partition: 'ab', pool: 'calls' }),
      random(4, { partition: 'cd', pool: 'calls' }),
      random(4, { partition: 'cd', pool: 'guests' }),
    ];
    const numbers = meanings.map((one) => first.numberOf(one));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const second = SelectorRegister.parse(first.text())!;
    expect(meanings.toReversed().map((one) => second.numberOf(one))).toEqual(numbers.toReversed());
    expect(second.changes).toBe(0);
    expect(second.numberOf(random(16))).toBe(9);
    expect(second.changes).toBe(1);
    expect(second.of(6)).toEqual(meanings[5]);
    expect(second.of(99)).toBeUndefined();
  });

  it('keeps 0 for every packet, whatever pools there are beside', () => {
    const register = new SelectorRegister();
    expect(register.numberOf(everyPacket)).toBe(0);
    expect(register.numberOf({ ...everyPacket, partition: 'ab' })).toBe(0);
    expect(register.numberOf({ ...everyPacket, partition: 'ab', pool: 'calls' })).toBe(1);
    expect(register.numberOf({ ...everyPacket, kernelInterval: 2 })).toBe(2);
    expect(register.of(0)).toEqual(everyPacket);
  });

  it('takes only what it wrote itself', () => {
    const register = new SelectorRegister(7);
    register.numberOf(random(4));
    const text = register.text();
    expect(SelectorRegister.parse(text)?.text()).toBe(text);
    for (const damaged of [
      '',
      'null',
      text.slice(0, -4),
      text.replace('"version":1', '"version":2'),
      text.replace('"random"', '"some"'),
      text.replace('"interval":4', '"interval":0'),
      text.replace('"selectorId":7', '"selectorId":65536'),
      text.replace('"next":8', '"next":0'),
    ]) {
      expect(SelectorRegister.parse(damaged), damaged).toBeUndefined();
    }
  });

  it('forgets what is longest out of use, and gives its number away only after all others', () => {
    const register = new SelectorRegister(65_530);
    const kept = random(3, { pool: 'kept' });
    const number = register.numberOf(kept);
    const given = new Set<number>([number]);
    for (let i = 0; i < 60_000; i++) {
      if (i % 1_000 === 0) expect(register.numberOf(kept)).toBe(number);
      const next = register.numberOf(random(2, { partition: String(i) }));
      expect(given.has(next) || next === 0).toBe(false);
      given.add(next);
    }
    expect([...register.numbers]).toHaveLength(selectorsMax);
    expect(register.of(number)).toEqual(kept);
  });

  it('holds against random use with restarts in between: a number never means two things', () => {
    const chance = new SeededRandom(5);
    const meant = new Map<number, string>();
    let register = new SelectorRegister();
    for (let step = 0; step < 5_000; step++) {
      if (chance.below(20) === 0) register = SelectorRegister.parse(register.text())!;
      const meaning = random(1 + chance.below(20), {
        pool: ['', 'a', 'b'][chance.below(3)]!,
        partition: String(chance.below(3)),
      });
      const number = register.numberOf(meaning);
      const said = JSON.stringify(meaning);
      expect(meant.get(number) ?? said).toBe(said);
      meant.set(number, said);
    }
    expect(meant.size).toBeGreaterThan(100);
  });
});
