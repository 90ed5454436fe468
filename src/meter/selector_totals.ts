/**
 * What came to each selector and what it took since the program started (RFC 5477 elements 318 and 319). The meter counts
 * exactly, but forgets with each opening and knows 64 selectors at most: what it told before is kept here. Pure; as many
 * entries as numbers were in use in this run.
 */
import type { SelectorFact } from '../flow/selectors.ts';
import type { NativeSelector } from './addon.ts';
import type { SelectorRegister } from './selector_register.ts';

export interface SelectorTotal {
  readonly observedPackets: number;
  readonly selectedPackets: number;
  readonly inForce: boolean;
}

const nothing: SelectorTotal = { observedPackets: 0, selectedPackets: 0, inForce: false };

export class SelectorTotals {
  /** Counted by meters that were closed, or before the meter forgot. */
  readonly #before = new Map<number, SelectorTotal>();
  readonly #now = new Map<number, SelectorTotal>();

  /** Takes in what the meter tells. */
  see(selectors: readonly NativeSelector[]): void {
    const told = new Set(selectors.map(({ selectorId }) => selectorId));
    for (const [selectorId, last] of this.#now) {
      if (!told.has(selectorId)) this.#settle(selectorId, last);
    }
    for (const { selectorId, observedPackets, selectedPackets, inForce } of selectors) {
      const last = this.#now.get(selectorId);
      // Forgotten and begun again between two looks.
      if (last !== undefined && observedPackets < last.observedPackets) this.#settle(selectorId, last);
      this.#now.set(selectorId, { observedPackets, selectedPackets, inForce });
    }
  }

  /** The meter was opened anew and counts from nothing. */
  begin(): void {
    for (const [selectorId, last] of this.#now) this.#settle(selectorId, last);
  }

  of(selectorId: number): SelectorTotal | undefined {
    const before = this.#before.get(selectorId);
    const now = this.#now.get(selectorId);
    if (before === undefined) return now;
    return sum(before, now ?? nothing);
  }

  #settle(selectorId: number, last: SelectorTotal): void {
    this.#before.set(selectorId, sum(this.#before.get(selectorId) ?? nothing, { ...last, inForce: false }));
    this.#now.delete(selectorId);
  }
}

function sum(a: SelectorTotal, b: SelectorTotal): SelectorTotal {
  return {
    observedPackets: a.observedPackets + b.observedPackets,
    selectedPackets: a.selectedPackets + b.selectedPackets,
    inForce: b.inForce,
  };
}

/**
 * Every selector that rows may name, those in force last. Every packet is among them only where packets came to it.
 * @param planned count as in force also before the meter's threads have taken them up
 */
export function selectorFacts(
  register: SelectorRegister,
  totals: SelectorTotals,
  planned: ReadonlySet<number> = new Set(),
): SelectorFact[] {
  const facts: SelectorFact[] = [];
  for (const selectorId of [0, ...register.numbers]) {
    const { kind, interval, pool, kernelInterval } = register.of(selectorId)!;
    const total = totals.of(selectorId);
    const inForce = planned.has(selectorId) || total?.inForce === true;
    if (selectorId === 0 && total === undefined && !inForce) continue;
    facts.push({ selectorId, kind, interval, pool, kernelInterval, ...total, inForce });
  }
  return facts.sort((a, b) => Number(a.inForce) - Number(b.inForce));
}
