/**
 * A window that is still being counted: volumes by slot of the key tables, and `other` for what has no key of its own.
 * Also holds true while it is open: keys + other = all that was added, in every dimension, exactly.
 *
 * Memory: 41 octets a slot and dimension, 57 once sampled rows were counted, as wide as the tables are. Owned by one rollup; used again after `clear`.
 */
import { byVolume } from '../flow/history_merge.ts';
import {
  emptyVolume,
  type HistoryWindow,
  type KeyVolume,
  type Tier,
  type Volume,
  type WindowOfDimension,
} from '../flow/history_shapes.ts';
import { DistinctCount } from './distinct_count.ts';
import type { KeyTable } from './key_table.ts';
import { type KeyedDimension, type KeyNames, keyText, keyWords } from './row_keys.ts';

/** outOctets, inOctets, outPackets, inPackets, flows. */
export const figuresPerKey = 5;

export class Columns {
  /** `figuresPerKey` numbers a slot. */
  values = new Float64Array(0);
  present = new Uint8Array(0);
  readonly other = new Float64Array(figuresPerKey);
  /** Variances of octets and packets, two numbers a slot; taken with the first sampled row. */
  variances = new Float64Array(0);
  readonly otherVariance = new Float64Array(2);
  readonly distinct = new DistinctCount();
  /** Some keys were moved to `other`, so that the keys that are left do not tell how many there were. */
  evicted = false;

  /** Slot −1 adds to `other`. */
  add(table: KeyTable, slot: number, a: number, b: number, c: number, d: number, e: number): void {
    if (slot < 0) {
      addFive(this.other, 0, a, b, c, d, e);
      return;
    }
    if (slot >= this.present.length) this.#widen(table.slots);
    if (this.present[slot] === 0) {
      this.present[slot] = 1;
      this.distinct.add(table.hashes[slot]!);
    }
    addFive(this.values, slot * figuresPerKey, a, b, c, d, e);
  }

  /** What an estimate's octets and packets vary by. After `add` of the same slot. */
  addVariance(slot: number, octets: number, packets: number): void {
    if (slot < 0) {
      this.otherVariance[0]! += octets;
      this.otherVariance[1]! += packets;
      return;
    }
    if (this.variances.length < 2 * this.present.length) {
      const { variances } = this;
      this.variances = new Float64Array(2 * this.present.length);
      this.variances.set(variances);
    }
    this.variances[2 * slot]! += octets;
    this.variances[2 * slot + 1]! += packets;
  }

  /** Adds what a slot of another window varies by. */
  addVarianceOf(slot: number, from: Columns, fromSlot: number): void {
    const packets = from.variances[2 * fromSlot + 1] ?? 0;
    if (packets > 0) this.addVariance(slot, from.variances[2 * fromSlot]!, packets);
  }

  /** The slot's key gives its place up: what it had moves to `other`. */
  evict(slot: number): void {
    if (this.present[slot] !== 1) return;
    this.addVarianceOf(-1, this, slot);
    this.variances.fill(0, 2 * slot, 2 * slot + 2);
    const { other, values } = this;
    const at = slot * figuresPerKey;
    for (let i = 0; i < figuresPerKey; i++) {
      other[i]! += values[at + i]!;
      values[at + i] = 0;
    }
    this.present[slot] = 0;
    this.evicted = true;
  }

  clear(): void {
    this.values.fill(0);
    this.present.fill(0);
    this.other.fill(0);
    this.variances.fill(0);
    this.otherVariance.fill(0);
    this.distinct.clear();
    this.evicted = false;
  }

  #widen(slots: number): void {
    const { values, present } = this;
    this.values = new Float64Array(slots * figuresPerKey);
    this.values.set(values);
    this.present = new Uint8Array(slots);
    this.present.set(present);
  }
}

export class OpenWindow {
  /** Start divided by the tier's length. */
  ordinal = 0;
  partial = false;
  readonly total = new Float64Array(figuresPerKey);
  readonly totalVariance = new Float64Array(2);
  readonly dimensions: readonly KeyedDimension[];
  readonly columns: readonly Columns[];

  constructor(dimensions: readonly KeyedDimension[]) {
    this.dimensions = dimensions;
    this.columns = dimensions.map(() => new Columns());
  }

  clear(ordinal: number): this {
    this.ordinal = ordinal;
    this.partial = false;
    this.total.fill(0);
    this.totalVariance.fill(0);
    for (const columns of this.columns) columns.clear();
    return this;
  }

  /** Adds a window over the same tables. */
  addWindow(from: OpenWindow, tables: readonly KeyTable[]): void {
    this.partial ||= from.partial;
    addAll(this.total, from.total);
    addAll(this.totalVariance, from.totalVariance);
    from.columns.forEach((columns, dimension) => {
      const mine = this.columns[dimension]!;
      const { values, present } = columns;
      for (let slot = 0; slot < present.length; slot++) {
        if (present[slot] === 0) continue;
        const at = slot * figuresPerKey;
        mine.add(tables[dimension]!, slot, values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!, values[at + 4]!);
        mine.addVarianceOf(slot, columns, slot);
      }
      this.addRest(dimension, columns);
    });
  }

  /** Adds what of `columns` is not in keys: `other` and the distinct count. */
  addRest(dimension: number, columns: Columns): void {
    const mine = this.columns[dimension]!;
    addAll(mine.other, columns.other);
    addAll(mine.otherVariance, columns.otherVariance);
    mine.distinct.merge(columns.distinct);
    mine.evicted ||= columns.evicted;
  }

  /** The window as it is kept and shown: top K by octets, the rest as `other`. */
  close(tier: Tier, startMs: number, tables: readonly KeyTable[], topK: number, names: KeyNames): HistoryWindow {
    const total: WindowOfDimension = {
      dimension: 'total',
      top: [{ key: '', ...volumeOf(this.total, 0), ...errorOf(this.totalVariance, 0) }],
      other: emptyVolume(),
      distinctKeys: 1,
    };
    const keyed = this.dimensions.map((dimension, i) => closeDimension(dimension, this.columns[i]!, tables[i]!, topK, names));
    return { tier, startMs, dimensions: [total, ...keyed], partial: this.partial };
  }
}

function closeDimension(
  dimension: KeyedDimension,
  columns: Columns,
  table: KeyTable,
  topK: number,
  names: KeyNames,
): WindowOfDimension {
  const { values, present } = columns;
  const words = keyWords[dimension];
  const slots: number[] = [];
  for (let slot = 0; slot < present.length; slot++) if (present[slot] === 1) slots.push(slot);
  const octets = (slot: number): number => values[slot * figuresPerKey]! + values[slot * figuresPerKey + 1]!;
  // The K-th largest divides top from other; keys that equal it fill what room is left.
  const sorted = Float64Array.from(slots, octets).sort();
  const least = slots.length <= topK ? -1 : sorted[sorted.length - topK]!;
  let room = topK - slots.reduce((count, slot) => count + (octets(slot) > least ? 1 : 0), 0);
  const top: KeyVolume[] = [];
  const other = Float64Array.from(columns.other);
  const otherVariance = Float64Array.from(columns.otherVariance);
  for (const slot of slots) {
    const isTop = octets(slot) > least || (octets(slot) === least && room-- > 0);
    const at = slot * figuresPerKey;
    if (isTop) {
      const key = keyText(dimension, table.keys, slot * words, names);
      top.push({ key, ...volumeOf(values, at), ...errorOf(columns.variances, slot) });
    } else {
      for (let i = 0; i < figuresPerKey; i++) other[i]! += values[at + i]!;
      for (let i = 0; i < 2; i++) otherVariance[i]! += columns.variances[2 * slot + i] ?? 0;
    }
  }
  top.sort(byVolume);
  const distinctKeys = columns.evicted ? Math.max(slots.length, columns.distinct.estimate()) : slots.length;
  return { dimension, top, other: { ...volumeOf(other, 0), ...errorOf(otherVariance, 0) }, distinctKeys };
}

function volumeOf(values: Float64Array, at: number): Volume {
  return {
    outOctets: values[at]!,
    inOctets: values[at + 1]!,
    outPackets: values[at + 2]!,
    inPackets: values[at + 3]!,
    flows: values[at + 4]!,
  };
}

/** Nothing where no sampled row was counted. */
function errorOf(variances: Float64Array, slot: number): Pick<Volume, 'estimated' | 'standardError'> {
  const packets = variances[2 * slot + 1] ?? 0;
  if (packets === 0) return {};
  return { estimated: true, standardError: { octets: Math.sqrt(variances[2 * slot]!), packets: Math.sqrt(packets) } };
}

function addFive(to: Float64Array, at: number, a: number, b: number, c: number, d: number, e: number): void {
  to[at]! += a;
  to[at + 1]! += b;
  to[at + 2]! += c;
  to[at + 3]! += d;
  to[at + 4]! += e;
}

function addAll(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
}
