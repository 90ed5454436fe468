/**
 * Windows added up: what was counted under a key stays under it, what falls behind the top K joins `other`. Totals are
 * the sums of the parts, exactly. Pure; shared by the rollup, the store and whoever reads.
 */
import { DistinctCount, distinctError } from './distinct_count.ts';
import {
  addVolume,
  type Dimension,
  type DistinctKeys,
  dimensions,
  emptyVolume,
  type HistoryWindow,
  type KeyVolume,
  type Tier,
  type Volume,
  type WindowOfDimension,
} from './history_shapes.ts';
import { RateSum } from './rate_histogram.ts';

/** Keys held at once while windows are added: memory for about a hundred times as many windows as a top needs. */
const keysHeld = 20_000;

/**
 * Adds windows of one dimension, one after the other; `close` ranks the keys. Limits: of more than twice `keysHeld` keys
 * the smaller half goes to `other`, as in the rollup: totals stay exact, a key that comes back counts from there on.
 */
export class DimensionSum {
  readonly dimension: Dimension;
  readonly #keys = new Map<string, KeyVolume>();
  readonly #other = emptyVolume();
  readonly #total = emptyVolume();
  readonly #rates = new RateSum();
  #distinct = 0;
  readonly #sketch = new DistinctCount();
  /** Some part has keys that are in no sketch. */
  #isUntold = false;
  #isSketched = false;

  constructor(dimension: Dimension) {
    this.dimension = dimension;
  }

  add(part: WindowOfDimension): void {
    for (const row of part.top) {
      const known = this.#keys.get(row.key);
      if (known === undefined) this.#keys.set(row.key, { ...row });
      else addVolume(known, row);
      addVolume(this.#total, row);
    }
    addVolume(this.#other, part.other);
    addVolume(this.#total, part.other);
    if (part.rates !== undefined) this.#rates.add(part.rates);
    this.#distinct = Math.max(this.#distinct, part.distinctKeys);
    if (part.distinct !== undefined && this.#sketch.mergePacked(part.distinct)) this.#isSketched = true;
    else if (part.distinctKeys > 0) this.#isUntold = true;
    if (this.#keys.size > 2 * keysHeld) this.#prune();
  }

  /** Adds what a part without this dimension counted, as other. Nothing for hosts, whose volumes count twice. */
  addUncounted(volume: Volume): void {
    addVolume(this.#other, volume);
    addVolume(this.#total, volume);
    if (!isEmpty(volume)) this.#isUntold = true;
  }

  /** Exact where all keys are known by name: nothing is in `other`. */
  distinct(): DistinctKeys {
    const known = Math.max(this.#distinct, this.#keys.size);
    if (isEmpty(this.#other)) return { keys: this.#keys.size, standardError: 0, atLeast: false };
    const keys = this.#isSketched ? Math.max(known, this.#sketch.estimate()) : known;
    return { keys, standardError: this.#isSketched ? Math.round(keys * distinctError) : 0, atLeast: this.#isUntold };
  }

  #prune(): void {
    this.#distinct = Math.max(this.#distinct, this.#keys.size);
    const octets = (row: Volume): number => row.outOctets + row.inOctets;
    const least = Float64Array.from(this.#keys.values(), octets).sort()[this.#keys.size - keysHeld]!;
    for (const [key, row] of this.#keys) {
      if (octets(row) >= least) continue;
      addVolume(this.#other, row);
      this.#keys.delete(key);
    }
    // Of those that equal the least one, as many go as there are too many.
    for (const [key, row] of this.#keys) {
      if (this.#keys.size <= keysHeld) break;
      if (octets(row) !== least) continue;
      addVolume(this.#other, row);
      this.#keys.delete(key);
    }
  }

  /** Of everything added, keys and others. */
  total(): Volume {
    return { ...this.#total };
  }

  close(topK: number): WindowOfDimension {
    const top = largestOf(this.#keys.values(), topK);
    const other = { ...this.#other };
    const last = top.at(-1);
    for (const row of this.#keys.values())
      if (last === undefined || (row !== last && byVolume(row, last) > 0)) addVolume(other, row);
    const distinctKeys = this.distinct().keys;
    const sketch = this.#isSketched && !this.#isUntold ? { distinct: this.#sketch.pack() } : {};
    const rates = this.#rates.isEmpty ? {} : { rates: this.#rates.close() };
    return { dimension: this.dimension, top, other, distinctKeys, ...sketch, ...rates };
  }
}

const isEmpty = ({ outOctets, inOctets, outPackets, inPackets, flows }: Volume): boolean =>
  outOctets === 0 && inOctets === 0 && outPackets === 0 && inPackets === 0 && flows === 0;

/** In order; of tens of thousands of keys few are wanted, so only those are sorted. */
function largestOf(rows: Iterable<KeyVolume>, count: number): KeyVolume[] {
  const top: KeyVolume[] = [];
  if (count === 0) return top;
  for (const row of rows) {
    if (top.length >= count) {
      if (byVolume(row, top[count - 1]!) > 0) continue;
      top.pop();
    }
    let [low, high] = [0, top.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byVolume(row, top[middle]!) > 0) low = middle + 1;
      else high = middle;
    }
    top.splice(low, 0, row);
  }
  return top;
}

/** Largest first; keys decide between equals, so that the same data is always shown in the same order. */
export function byVolume(a: KeyVolume, b: KeyVolume): number {
  return b.outOctets + b.inOctets - (a.outOctets + a.inOctets) || (a.key < b.key ? -1 : 1);
}

/**
 * @param parts windows inside the wider one, none twice
 * @param complete false when some part of the time has no window: the result is marked partial
 */
export function mergeWindows(
  parts: readonly HistoryWindow[],
  tier: Tier,
  startMs: number,
  topK: number,
  complete: boolean,
): HistoryWindow {
  return {
    tier,
    startMs,
    dimensions: dimensions.flatMap((dimension) => mergeDimension(parts, dimension)?.close(topK) ?? []),
    partial: !complete || parts.some((window) => window.partial),
  };
}

/** Undefined where no part counts by that dimension; where some do not (older ones, other settings), they are other. */
function mergeDimension(parts: readonly HistoryWindow[], dimension: Dimension): DimensionSum | undefined {
  const sum = new DimensionSum(dimension);
  let counted = 0;
  for (const window of parts) {
    const part = window.dimensions.find((one) => one.dimension === dimension);
    if (part !== undefined) {
      sum.add(part);
      counted++;
    } else {
      const total = window.dimensions.find((one) => one.dimension === 'total')?.top[0];
      if (total !== undefined) sum.addUncounted(total);
    }
  }
  return counted === 0 ? undefined : sum;
}
