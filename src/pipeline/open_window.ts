/**
 * A window that is still being counted: volumes by slot of the key tables, and `other` for what has no key of its own.
 * Also holds true while it is open: keys + other = all that was added, in every dimension, exactly.
 *
 * Memory: 41 octets a slot and dimension, 73 once sampled rows were counted, as wide as the tables are. Owned by one rollup; used again after `clear`.
 */
import { DistinctCount, distinctHash } from '../flow/distinct_count.ts';
import { byVolume } from '../flow/history_merge.ts';
import {
  emptyVolume,
  type HistoryWindow,
  type KeyVolume,
  type Tier,
  type Volume,
  type WindowOfDimension,
} from '../flow/history_shapes.ts';
import type { KeyTable } from './key_table.ts';
import { type KeyedDimension, type KeyNames, keyText, keyWords } from './row_keys.ts';

/** outOctets, inOctets, outPackets, inPackets, flows. */
export const figuresPerKey = 5;
/**
 * Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted.
 * Kept as the excess, so that rows of every packet need none of it.
 */
export const figuresPerSample = 4;

export class Columns {
  /** `figuresPerKey` numbers a slot. */
  values = new Float64Array(0);
  present = new Uint8Array(0);
  readonly other = new Float64Array(figuresPerKey);
  /** `figuresPerSample` numbers a slot; taken with the first sampled row. */
  sampled = new Float64Array(0);
  readonly otherSampled = new Float64Array(figuresPerSample);
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
      this.distinct.add(distinctHash(table.keys, slot * table.words, table.words));
    }
    addFive(this.values, slot * figuresPerKey, a, b, c, d, e);
  }

  /** What makes an estimate of a slot's figures. After `add` of the same slot. */
  addSampled(slot: number, a: number, b: number, c: number, d: number): void {
    if (slot < 0) {
      addFour(this.otherSampled, 0, a, b, c, d);
      return;
    }
    if (this.sampled.length < figuresPerSample * this.present.length) {
      const { sampled } = this;
      this.sampled = new Float64Array(figuresPerSample * this.present.length);
      this.sampled.set(sampled);
    }
    addFour(this.sampled, figuresPerSample * slot, a, b, c, d);
  }

  /** Adds what makes an estimate of a slot of another window. */
  addSampledOf(slot: number, from: Columns, fromSlot: number): void {
    const at = figuresPerSample * fromSlot;
    const { sampled } = from;
    if (isEstimate(sampled, at)) this.addSampled(slot, sampled[at]!, sampled[at + 1]!, sampled[at + 2]!, sampled[at + 3]!);
  }

  /** The slot's key gives its place up: what it had moves to `other`. */
  evict(slot: number): void {
    if (this.present[slot] !== 1) return;
    if (this.sampled.length > 0) {
      this.addSampledOf(-1, this, slot);
      this.sampled.fill(0, figuresPerSample * slot, figuresPerSample * (slot + 1));
    }
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
    this.sampled.fill(0);
    this.otherSampled.fill(0);
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
  readonly totalSampled = new Float64Array(figuresPerSample);
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
    this.totalSampled.fill(0);
    for (const columns of this.columns) columns.clear();
    return this;
  }

  /** Adds a window over the same tables. */
  addWindow(from: OpenWindow, tables: readonly KeyTable[]): void {
    this.partial ||= from.partial;
    addAll(this.total, from.total);
    addAll(this.totalSampled, from.totalSampled);
    from.columns.forEach((columns, dimension) => {
      const mine = this.columns[dimension]!;
      const { values, present } = columns;
      for (let slot = 0; slot < present.length; slot++) {
        if (present[slot] === 0) continue;
        const at = slot * figuresPerKey;
        mine.add(tables[dimension]!, slot, values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!, values[at + 4]!);
        mine.addSampledOf(slot, columns, slot);
      }
      this.addRest(dimension, columns);
    });
  }

  /** Adds what of `columns` is not in keys: `other` and the distinct count. */
  addRest(dimension: number, columns: Columns): void {
    const mine = this.columns[dimension]!;
    addAll(mine.other, columns.other);
    addAll(mine.otherSampled, columns.otherSampled);
    mine.distinct.merge(columns.distinct);
    mine.evicted ||= columns.evicted;
  }

  /** The window as it is kept and shown: top K by octets, the rest as `other`. */
  close(tier: Tier, startMs: number, tables: readonly KeyTable[], topK: number, names: KeyNames): HistoryWindow {
    const total: WindowOfDimension = {
      dimension: 'total',
      top: [{ key: '', ...volumeOf(this.total, 0, this.totalSampled, 0) }],
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
  const otherSampled = Float64Array.from(columns.otherSampled);
  for (const slot of slots) {
    const isTop = octets(slot) > least || (octets(slot) === least && room-- > 0);
    const at = slot * figuresPerKey;
    if (isTop) {
      const key = keyText(dimension, table.keys, slot * words, names);
      top.push({ key, ...volumeOf(values, at, columns.sampled, slot) });
    } else {
      for (let i = 0; i < figuresPerKey; i++) other[i]! += values[at + i]!;
      for (let i = 0; i < figuresPerSample; i++) otherSampled[i]! += columns.sampled[figuresPerSample * slot + i] ?? 0;
    }
  }
  top.sort(byVolume);
  const distinctKeys = columns.evicted ? Math.max(slots.length, columns.distinct.estimate()) : slots.length;
  return { dimension, top, other: volumeOf(other, 0, otherSampled, 0), distinctKeys, distinct: columns.distinct.pack() };
}

/** @param slot of `sampled`, which says nothing where no sampled row was counted */
function volumeOf(values: Float64Array, at: number, sampled: Float64Array, slot: number): Volume {
  const volume: Volume = {
    outOctets: values[at]!,
    inOctets: values[at + 1]!,
    outPackets: values[at + 2]!,
    inPackets: values[at + 3]!,
    flows: values[at + 4]!,
  };
  const from = figuresPerSample * slot;
  if (!isEstimate(sampled, from)) return volume;
  volume.estimated = true;
  volume.standardError = { octets: Math.sqrt(sampled[from]!), packets: Math.sqrt(sampled[from + 1]!) };
  volume.counted = {
    octets: volume.outOctets + volume.inOctets - sampled[from + 2]!,
    packets: volume.outPackets + volume.inPackets - sampled[from + 3]!,
  };
  return volume;
}

const isEstimate = (sampled: Float64Array, at: number): boolean =>
  at < sampled.length && (sampled[at + 1]! > 0 || sampled[at + 2]! > 0 || sampled[at + 3]! > 0);

function addFour(to: Float64Array, at: number, a: number, b: number, c: number, d: number): void {
  to[at]! += a;
  to[at + 1]! += b;
  to[at + 2]! += c;
  to[at + 3]! += d;
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
