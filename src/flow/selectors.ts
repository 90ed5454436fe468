/**
 * What a row's selectorId stands for: which sampling its packets were selected by (RFC 5475, RFC 5477). Shared by the meter
 * (numbers them), the rollup (estimates by them) and the exporters (tell them). Pure; bounded by `selectorsMax`, the oldest
 * are forgotten first.
 */

export type SamplingKind = 'none' | 'count' | 'random' | 'flowHash';

export interface Sampling {
  readonly kind: SamplingKind;
  /** One packet of this many is selected; one flow with flowHash. */
  readonly interval: number;
}

export interface SelectorFact extends Sampling {
  readonly selectorId: number;
  /**
   * Packets it was shown and packets it took, since it came into force. Their sums over all selectors are exact; where one
   * follows another, packets of that moment's batch may count for either.
   */
  readonly observedPackets?: number;
  readonly selectedPackets?: number;
}

interface SelectorCounts {
  readonly sampledOutPackets: number;
  readonly meteredPackets: number;
}

/** Rows leave the meter within minutes; the spool may hold older ones for days. */
const selectorsMax = 256;

/** Selectors of one run of the meter: each number means one thing from the first row to the last. */
export class SelectorLog {
  readonly #known = new Map<number, SelectorFact>();
  readonly #takenOver = new Map<number, { observed: number; selected: number }>();
  #current = 0;
  #before: SelectorCounts = { sampledOutPackets: 0, meteredPackets: 0 };

  /** From now on rows may name this one. `counts` are the meter's, at this moment. */
  enter(selectorId: number, { kind, interval }: Sampling, counts: SelectorCounts): void {
    this.#settle(counts);
    this.#known.delete(selectorId); // the newest stands last
    this.#known.set(selectorId, { selectorId, kind, interval: kind === 'none' ? 1 : interval });
    this.#current = selectorId;
    while (this.#known.size > selectorsMax) {
      const oldest = this.#known.keys().next().value as number;
      this.#known.delete(oldest);
      this.#takenOver.delete(oldest);
    }
  }

  /** How many packets each packet of such a row stands for; undefined for a number that nobody knows. */
  of(selectorId: number): Sampling | undefined {
    return this.#known.get(selectorId);
  }

  /** The newest last. */
  facts(counts: SelectorCounts): SelectorFact[] {
    this.#settle(counts);
    return [...this.#known.values()].map((fact) => {
      const { observed, selected } = this.#takenOver.get(fact.selectorId) ?? { observed: 0, selected: 0 };
      return { ...fact, observedPackets: observed, selectedPackets: selected };
    });
  }

  #settle(counts: SelectorCounts): void {
    const so = this.#takenOver.get(this.#current) ?? { observed: 0, selected: 0 };
    const selected = counts.meteredPackets - this.#before.meteredPackets;
    const passed = counts.sampledOutPackets - this.#before.sampledOutPackets;
    this.#takenOver.set(this.#current, { observed: so.observed + selected + passed, selected: so.selected + selected });
    this.#before = { sampledOutPackets: counts.sampledOutPackets, meteredPackets: counts.meteredPackets };
  }
}
