/**
 * Keys of fixed width to small numbers (slots), without an object per key: open addressing over typed arrays. Volumes are
 * kept elsewhere, by slot. Bounded: when it is full, the caller evicts a slot that `victim` names and removes it.
 *
 * Memory: (words + 6) × 4 octets a slot, taken as it grows, doubling up to `slotsMax`.
 */
import type { Random } from '../core/random.ts';

const slotsAtFirst = 1_024;
/** Slots looked at for the least one: with 8 the one that goes is almost surely in the lower third. */
const sampleSize = 8;

/** Multipliers, odd and unknown to who sends the traffic, so that keys cannot be chosen to collide. */
export function hashKey(words: number, random: Random): Int32Array {
  return Int32Array.from({ length: words + 1 }, () => random.uint32() | 1);
}

export function hashWords(key: Int32Array, multipliers: Int32Array): number {
  let hash = multipliers[key.length]!;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key[i]!, multipliers[i]!);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 16);
}

export class KeyTable {
  readonly words: number;
  readonly slotsMax: number;
  /** State of xorshift32, never 0. */
  #chance: number;
  /** Slots there is room for now; slots are below it. */
  slots = 0;
  size = 0;
  keys: Int32Array;
  hashes: Int32Array;
  /** What was counted under the key since it came in: decides who goes when there is no room. */
  weights: Float64Array;
  /** Ordinals of the first and last window that counts for the slot. */
  firstWindow: Int32Array;
  lastWindow: Int32Array;
  #taken: Uint8Array;
  #index: Int32Array;
  #free: Int32Array;

  constructor(words: number, slotsMax: number, random: Random) {
    this.words = words;
    this.slotsMax = slotsMax;
    // Seeded by chance, for the rest fast: a key without room takes eight numbers, which need to be spread, not secret.
    this.#chance = random.uint32() | 1;
    this.keys = new Int32Array(0);
    this.hashes = new Int32Array(0);
    this.weights = new Float64Array(0);
    this.firstWindow = new Int32Array(0);
    this.lastWindow = new Int32Array(0);
    this.#taken = new Uint8Array(0);
    this.#index = new Int32Array(0);
    this.#free = new Int32Array(0);
    this.#grow(Math.min(slotsAtFirst, slotsMax));
  }

  get full(): boolean {
    return this.size >= this.slotsMax;
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === 1;
  }

  /** The key's slot, or −1. */
  find(key: Int32Array, hash: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const { words, keys, hashes } = this;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = index[at]! - 1;
      if (slot < 0) return -1;
      if (hashes[slot] !== hash) continue;
      const base = slot * words;
      let word = 0;
      while (word < words && keys[base + word] === key[word]) word++;
      if (word === words) return slot;
    }
  }

  /** Takes a slot for a key that is not there; the table must not be full. */
  insert(key: Int32Array, hash: number): number {
    if (this.size === this.slots) this.#grow(Math.min(this.slots * 2, this.slotsMax));
    const slot = this.#free[this.slots - this.size - 1]!;
    this.size++;
    this.#taken[slot] = 1;
    const base = slot * this.words;
    for (let word = 0; word < this.words; word++) this.keys[base + word] = key[word]!;
    this.hashes[slot] = hash;
    this.weights[slot] = 0;
    this.firstWindow[slot] = 0x7fffffff;
    this.lastWindow[slot] = -1;
    this.#link(slot);
    return slot;
  }

  remove(slot: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let hole = this.hashes[slot]! & mask;
    while (index[hole] !== slot + 1) hole = (hole + 1) & mask;
    // Knuth 6.4 algorithm R: entries behind the hole move up unless that would put them before their home.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = this.hashes[index[at]! - 1]! & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        index[hole] = index[at]!;
        hole = at;
      }
    }
    index[hole] = 0;
    this.#taken[slot] = 0;
    this.#free[this.slots - this.size] = slot;
    this.size--;
  }

  /** A slot with little weight, never `except`. The table must hold two keys at least. */
  victim(except: number): number {
    const { weights, slots } = this;
    let x = this.#chance;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < sampleSize || best < 0; tries++) {
      // Marsaglia, Xorshift RNGs (2003): period 2^32 − 1.
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      const slot = Math.floor((x >>> 0) * (slots / 2 ** 32));
      if (weights[slot]! >= least || slot === except || this.#taken[slot] === 0) continue;
      best = slot;
      least = weights[slot]!;
    }
    this.#chance = x;
    return best;
  }

  #link(slot: number): void {
    const mask = this.#index.length - 1;
    let at = this.hashes[slot]! & mask;
    while (this.#index[at] !== 0) at = (at + 1) & mask;
    this.#index[at] = slot + 1;
  }

  #grow(slots: number): void {
    const before = this.slots;
    const grown = <T extends Int32Array | Float64Array | Uint8Array>(array: T, larger: T): T => {
      larger.set(array);
      return larger;
    };
    this.keys = grown(this.keys, new Int32Array(slots * this.words));
    this.hashes = grown(this.hashes, new Int32Array(slots));
    this.weights = grown(this.weights, new Float64Array(slots));
    this.firstWindow = grown(this.firstWindow, new Int32Array(slots));
    this.lastWindow = grown(this.lastWindow, new Int32Array(slots));
    this.#taken = grown(this.#taken, new Uint8Array(slots));
    this.slots = slots;
    // Every slot is taken when the table grows, so what is free is what was added; the lowest goes first.
    this.#free = Int32Array.from({ length: slots }, (_, i) => (i < slots - before ? slots - 1 - i : 0));
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(slots * 2)));
    for (let slot = 0; slot < before; slot++) this.#link(slot);
  }
}
