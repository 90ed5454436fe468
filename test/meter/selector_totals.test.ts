/** What selectors counted: nothing is lost or told twice when the meter is opened anew or forgets a selector. */
import { expect, test } from 'vitest';
import { everyPacket } from '../../src/flow/selectors.ts';
import type { NativeSelector } from '../../src/meter/addon.ts';
import { SelectorRegister } from '../../src/meter/selector_register.ts';
import { SelectorTotals, selectorFacts } from '../../src/meter/selector_totals.ts';

const told = (selectorId: number, observedPackets: number, selectedPackets: number, inForce = true): NativeSelector => ({
  ...{ selectorId, kind: 'random', interval: 4, pool: -1, kernelInterval: 1 },
  ...{ observedPackets, selectedPackets, inForce },
});

test('counts go on when the meter is opened anew, when it forgets a selector, and when that comes back', () => {
  const totals = new SelectorTotals();
  totals.see([told(1, 100, 25), told(2, 40, 10)]);
  totals.see([told(1, 100, 25), told(2, 40, 10)]);
  totals.see([told(1, 120, 30, false)]);
  expect(totals.of(2)).toEqual({ observedPackets: 40, selectedPackets: 10, inForce: false });
  totals.see([told(1, 120, 30, false), told(2, 60, 15)]);
  expect(totals.of(2)).toEqual({ observedPackets: 100, selectedPackets: 25, inForce: true });
  totals.begin();
  expect(totals.of(1)).toEqual({ observedPackets: 120, selectedPackets: 30, inForce: false });
  totals.see([told(1, 500, 125)]);
  expect(totals.of(1)).toEqual({ observedPackets: 620, selectedPackets: 155, inForce: true });
  // Forgotten and begun again between two looks.
  totals.see([told(1, 8, 2)]);
  expect(totals.of(1)).toEqual({ observedPackets: 628, selectedPackets: 157, inForce: true });
  expect(totals.of(3)).toBeUndefined();
});

test('facts name selectors of earlier runs without counts, those in force last, every packet only where some came to it', () => {
  const register = new SelectorRegister();
  const meaning = (interval: number) => ({ ...everyPacket, kind: 'random' as const, interval });
  for (const interval of [2, 4, 8]) register.numberOf(meaning(interval));
  const totals = new SelectorTotals();
  totals.see([told(1, 9, 4)]);
  const facts = selectorFacts(register, totals);
  expect(facts.map(({ selectorId, inForce }) => [selectorId, inForce])).toEqual([
    [2, false],
    [3, false],
    [1, true],
  ]);
  expect(facts[0]).not.toHaveProperty('observedPackets');
  expect(facts[2]).toMatchObject({ kind: 'random', interval: 2, pool: '', observedPackets: 9, selectedPackets: 4 });
  totals.see([told(0, 5, 5), told(1, 9, 4, false)]);
  expect(selectorFacts(register, totals).map(({ selectorId }) => selectorId)).toEqual([1, 2, 3, 0]);
  expect(selectorFacts(register, totals, new Set([2])).map(({ selectorId }) => selectorId)).toEqual([1, 3, 0, 2]);
});
