/**
 * Numbers selectors, once and for all: what means the same gets the same number, in every run, and a number never gets
 * another meaning while rows with it may lie in the spool or a collector may remember it. Kept as text by whoever owns it,
 * in step with the rows. Pure. Limit: `selectorsMax` meanings, the one longest out of use is forgotten first; its number
 * comes round again only after all others.
 */
import { everyPacket, type SamplingKind, type SelectorMeaning } from '../flow/selectors.ts';

/** Far more than there can be rates and pools in the spool at once; 64 are in force or cached at a time. */
export const selectorsMax = 1_024;
/** Rows hold 16 bits; 0 is every packet. */
const numberMax = 65_535;
const VERSION = 1;
const kinds: readonly SamplingKind[] = ['none', 'count', 'random', 'flowHash'];

interface Registered extends SelectorMeaning {
  readonly selectorId: number;
}

export class SelectorRegister {
  /** By number, the one in use last at the end. */
  readonly #known = new Map<number, SelectorMeaning>();
  readonly #numbers = new Map<string, number>();
  #next: number;
  #changes = 0;

  /** @param first where numbering begins when nothing is known of earlier runs */
  constructor(first = 1) {
    this.#next = first;
  }

  /** As `text` was written; undefined for anything else, as a damaged disk hands it back. */
  static parse(text: string): SelectorRegister | undefined {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch {
      // Not JSON: damaged.
      return undefined;
    }
    const { version, next, selectors } = (content ?? {}) as { version?: unknown; next?: unknown; selectors?: unknown };
    if (version !== VERSION || !isNumber(next) || !Array.isArray(selectors)) return undefined;
    const register = new SelectorRegister(next);
    for (const one of selectors as unknown[]) {
      if (!isRegistered(one)) return undefined;
      const { selectorId, kind, interval, pool, kernelInterval, partition } = one;
      register.#keep(selectorId, { kind, interval, pool, kernelInterval, partition });
    }
    return register;
  }

  text(): string {
    const selectors = [...this.#known].map(([selectorId, meaning]) => JSON.stringify({ selectorId, ...meaning }));
    return `{"version":${VERSION},"next":${this.#next},"selectors":[\n${selectors.join(',\n')}\n]}\n`;
  }

  /** Grows with every change that is to be kept. */
  get changes(): number {
    return this.#changes;
  }

  numberOf(meaning: SelectorMeaning): number {
    if (meaning.pool === '' && meaning.kind === 'none' && meaning.kernelInterval === 1) return 0;
    const known = this.#numbers.get(keyOf(meaning));
    if (known !== undefined) {
      // The newest stands last, so that what is in use is not forgotten.
      this.#known.delete(known);
      this.#known.set(known, meaning);
      return known;
    }
    while (this.#known.size >= selectorsMax) {
      const [oldest, forgotten] = this.#known.entries().next().value as [number, SelectorMeaning];
      this.#known.delete(oldest);
      this.#numbers.delete(keyOf(forgotten));
    }
    while (this.#known.has(this.#next)) this.#next = after(this.#next);
    const number = this.#next;
    this.#next = after(number);
    this.#keep(number, meaning);
    this.#changes++;
    return number;
  }

  /** What a number stands for; undefined for one that nobody knows. */
  of(selectorId: number): SelectorMeaning | undefined {
    return selectorId === 0 ? everyPacket : this.#known.get(selectorId);
  }

  /** Every number but 0, the one in use last at the end. */
  get numbers(): Iterable<number> {
    return this.#known.keys();
  }

  #keep(selectorId: number, meaning: SelectorMeaning): void {
    this.#known.set(selectorId, meaning);
    this.#numbers.set(keyOf(meaning), selectorId);
  }
}

const after = (number: number): number => (number % numberMax) + 1;

const keyOf = ({ kind, interval, pool, kernelInterval, partition }: SelectorMeaning): string =>
  `${kind}/${interval}/${kernelInterval}/${partition}/${pool}`;

const isNumber = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= numberMax;

function isRegistered(value: unknown): value is Registered {
  const { selectorId, kind, interval, pool, kernelInterval, partition } = (value ?? {}) as Partial<Registered>;
  const isCount = (count: unknown): boolean => Number.isInteger(count) && (count as number) >= 1;
  return (
    isNumber(selectorId) &&
    kinds.includes(kind as SamplingKind) &&
    isCount(interval) &&
    isCount(kernelInterval) &&
    typeof pool === 'string' &&
    typeof partition === 'string'
  );
}
