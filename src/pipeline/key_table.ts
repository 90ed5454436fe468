/**
 * Keys of fixed width to small numbers (slots), without an object per key: open addressing over typed arrays. Volumes are
 * kept elsewhere, by slot. Bounded: when it is full, the caller removes some of the keys that `lightest` divides off.
 *
 * Keys are read where they stand, in an array of many. All that belongs to a key lies together, since each look at a table of many keys
 * waits for memory. Memory: (words + marks + 7) × 4 octets a slot, taken as it grows, up to `slotsMax`.
 */
import type { Random } from '../core/random.ts';
import { distinctHash } from '../flow/distinct_count.ts';
import { kthLargest } from './kth_largest.ts';

const slotsAtFirst = 256;
/** A table that fills at once, as when a box meets its network, is copied a few times only; of a large one less lies idle. */
const growthOf = (slots: number): number => (slots < 4_096 ? 4 : 2);
/** So many keys tell well enough how heavy the lightest ones are. */
const sampleMax = 256;

/** What stands in a record, by words: the table's hash, the hash that all runs have in common, the owner's marks; then the key. */
const hashAt = 0;
export const distinctHashAt = 1;
export const marksAt = 2;

/** Multipliers, odd and unknown to who sends the traffic, so that keys cannot be chosen to collide. */
export function hashKey(words: number, random: Random): Int32Array {
  return Int32Array.from({ length: words + 1 }, () => random.uint32() | 1);
}

export function hashWords(key: Int32Array, multipliers: Int32Array, at = 0): number {
  const words = multipliers.length - 1;
  let hash = multipliers[words]!;
  for (let i = 0; i < words; i++) {
    hash = Math.imul(hash ^ key[at + i]!, multipliers[i]!);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 16);
}

export class KeyTable {
  readonly words: number;
  readonly slotsMax: number;
  /** Words of a record; a slot's begins at `slot × stride`. */
  readonly stride: number;
  /** Where in a record the key begins. */
  readonly keyAt: number;
  /** State of xorshift32, never 0. */
  #chance: number;
  /** Slots there is room for now; slots are below it. */
  slots = 0;
  /** No slot from here on has had a key. */
  slotsUsed = 0;
  size = 0;
  records: Int32Array;
  /** What was counted under the key since it came in: decides who goes when there is no room. Infinite for a slot without key. */
  weights: Float64Array;
  /**
   * Slot + 1 in the low bits, the hash's high bits above them: nearly always tells without a look elsewhere that an entry is
   * another key's. 0 is nobody's.
   */
  #index: Int32Array;
  #slotMask = 0;
  #free: Int32Array;

  /** @param marks words beside every key for the owner's use, zero for a key that comes in */
  constructor(words: number, marks: number, slotsMax: number, random: Random) {
    this.words = words;
    this.slotsMax = slotsMax;
    this.keyAt = marksAt + marks;
    this.stride = this.keyAt + words;
    // Seeded by chance, for the rest fast: what is taken needs to be spread, not secret.
    this.#chance = random.uint32() | 1;
    this.records = new Int32Array(0);
    this.weights = new Float64Array(0);
    this.#index = new Int32Array(0);
    this.#free = new Int32Array(0);
    this.#grow(Math.min(slotsAtFirst, slotsMax));
  }

  get full(): boolean {
    return this.size >= this.slotsMax;
  }

  isTaken(slot: number): boolean {
    return this.weights[slot] !== Number.POSITIVE_INFINITY;
  }

  hashOf(slot: number): number {
    return this.records[slot * this.stride + hashAt]!;
  }

  /** The slot of the key whose words stand at `at`, or −1. */
  find(from: Int32Array, at: number, hash: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const slotMask = this.#slotMask;
    const { words, records, stride, keyAt } = this;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const entry = index[i]!;
      if (entry === 0) return -1;
      if (((entry ^ hash) & ~slotMask) !== 0) continue;
      const slot = (entry & slotMask) - 1;
      const base = slot * stride + keyAt;
      let word = 0;
      while (word < words && records[base + word] === from[at + word]) word++;
      if (word === words) return slot;
    }
  }

  /**
   * Brings near what `find` will look at for these hashes. Returns a number without meaning, which must be kept, or nothing is read.
   * @param scratch as long as `hashes`
   */
  readAhead(hashes: Int32Array, scratch: Int32Array, count: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const slotMask = this.#slotMask;
    const { records, stride } = this;
    let read = 0;
    for (let i = 0; i < count; i++) scratch[i] = index[hashes[i]! & mask]!;
    for (let i = 0; i < count; i++) {
      const record = Math.max(0, (scratch[i]! & slotMask) - 1) * stride;
      read += records[record]! + records[record + stride - 1]!;
    }
    return read;
  }

  /** The same for `remove`, of one slot. */
  readAheadIndex(slot: number): number {
    return this.#index[this.records[slot * this.stride + hashAt]! & (this.#index.length - 1)]!;
  }

  /** Takes a slot for a key that is not there; the table must not be full. */
  insert(from: Int32Array, at: number, hash: number): number {
    if (this.size === this.slots) this.#grow(Math.min(this.slots * growthOf(this.slots), this.slotsMax));
    const slot = this.#free[this.slots - this.size - 1]!;
    this.size++;
    if (slot >= this.slotsUsed) this.slotsUsed = slot + 1;
    const { words, records, keyAt } = this;
    const base = slot * this.stride;
    records[base + hashAt] = hash;
    records[base + distinctHashAt] = distinctHash(from, at, words);
    for (let word = marksAt; word < keyAt; word++) records[base + word] = 0;
    for (let word = 0; word < words; word++) records[base + keyAt + word] = from[at + word]!;
    this.weights[slot] = 0;
    this.#link(slot, hash);
    return slot;
  }

  /** The slot that the n-th key from now will take, from 0; some other one where there is no room. */
  freeSlot(n: number): number {
    return this.#free[Math.max(0, this.slots - this.size - 1 - n)]!;
  }

  remove(slot: number): void {
    const index = this.#index;
    const { records, stride } = this;
    const mask = index.length - 1;
    const slotMask = this.#slotMask;
    let hole = records[slot * stride + hashAt]! & mask;
    while ((index[hole]! & slotMask) !== slot + 1) hole = (hole + 1) & mask;
    // Knuth 6.4 algorithm R: entries behind the hole move up unless that would put them before their home.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = records[((index[at]! & slotMask) - 1) * stride + hashAt]! & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        index[hole] = index[at]!;
        hole = at;
      }
    }
    index[hole] = 0;
    this.weights[slot] = Number.POSITIVE_INFINITY;
    this.#free[this.slots - this.size] = slot;
    this.size--;
  }

  /** A weight that about `count` keys do not exceed, by a sample where there are many. The table must hold that many. */
  lightest(count: number): number {
    const { weights, slotsUsed, size } = this;
    const sample = new Float64Array(Math.min(sampleMax, size));
    let taken = 0;
    if (size <= sampleMax) {
      for (let slot = 0; slot < slotsUsed; slot++) if (this.isTaken(slot)) sample[taken++] = weights[slot]!;
    } else {
      while (taken < sample.length) {
        const slot = this.anySlot();
        if (this.isTaken(slot)) sample[taken++] = weights[slot]!;
      }
    }
    return kthLargest(sample, taken, taken + 1 - Math.max(1, Math.round((taken * count) / size)));
  }

  /** A slot by chance, with a key or without. */
  anySlot(): number {
    let x = this.#chance;
    // Marsaglia, Xorshift RNGs (2003): period 2^32 − 1.
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#chance = x;
    return Math.floor((x >>> 0) * (this.slotsUsed / 2 ** 32));
  }

  #link(slot: number, hash: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let at = hash & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = (hash & ~this.#slotMask) | (slot + 1);
  }

  #grow(slots: number): void {
    const before = this.slots;
    const grown = <T extends Int32Array | Float64Array>(array: T, larger: T): T => {
      larger.set(array);
      return larger;
    };
    this.records = grown(this.records, new Int32Array(slots * this.stride));
    this.weights = grown(this.weights, new Float64Array(slots).fill(Number.POSITIVE_INFINITY));
    this.slots = slots;
    this.#slotMask = 2 ** (32 - Math.clz32(slots)) - 1;
    // Every slot is taken when the table grows, so what is free is what was added; the lowest goes first.
    this.#free = new Int32Array(slots);
    for (let i = 0; i < slots - before; i++) this.#free[i] = slots - 1 - i;
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(slots * 2)));
    for (let slot = 0; slot < before; slot++) this.#link(slot, this.hashOf(slot));
  }
}
