/**
 * Which keys a block of flow records holds, as a Bloom filter: "no" is certain, "yes" is wrong once in about fifty times.
 * A search for one address passes most blocks by after looking at some kilobytes. Limits: 8 bits a key, `octetsMax` at most;
 * beyond that "yes" is said more often. Pure.
 */

const bitsPerKey = 8;
const probes = 5;
/** With fewer bits the probes of a single key would fill it. */
const octetsMin = 32;
export const octetsMax = 8_192;

export interface KeyHash {
  readonly first: number;
  readonly second: number;
}

/** @param kind what sort of key it is: the same words of another kind are another key */
export function keyHash(kind: number, ...words: readonly number[]): KeyHash {
  return { first: mixed(kind, words), second: mixed(~kind, words) | 1 };
}

/** A number for the name of a kind, the same in every version: FNV-1a. */
export function kindOf(name: string): number {
  let hash = 0x811c_9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x0100_0193);
  return hash | 0;
}

/** The finaliser of MurmurHash3, over one word after the other. */
function mixed(seed: number, words: readonly number[]): number {
  let hash = seed;
  for (const word of words) {
    hash ^= word;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

export class KeySketch {
  readonly bits: Uint8Array;

  /** @param bits as they were kept; none for no key at all */
  constructor(bits: Uint8Array) {
    this.bits = bits;
  }

  static of(keys: Iterable<KeyHash>): KeySketch {
    // Keys that come twice count once: most of a block's do.
    const different = new Map<number, KeyHash>();
    for (const key of keys) different.set(key.first * 2 ** 20 + (key.second >>> 12), key);
    if (different.size === 0) return new KeySketch(new Uint8Array(0));
    const octets = Math.max(octetsMin, Math.min(octetsMax, Math.ceil((different.size * bitsPerKey) / 8)));
    const sketch = new KeySketch(new Uint8Array(octets));
    for (const key of different.values()) for (let i = 0; i < probes; i++) sketch.#set(sketch.#place(key, i));
    return sketch;
  }

  mayHold(key: KeyHash): boolean {
    if (this.bits.length === 0) return false;
    for (let i = 0; i < probes; i++) {
      const place = this.#place(key, i);
      if ((this.bits[place >>> 3]! & (1 << (place & 7))) === 0) return false;
    }
    return true;
  }

  /** Double hashing (Kirsch and Mitzenmacher): two hashes make as many as are wanted. */
  #place({ first, second }: KeyHash, probe: number): number {
    const hash = (first + Math.imul(probe, second)) >>> 0;
    return Math.floor((hash / 2 ** 32) * this.bits.length * 8);
  }

  #set(place: number): void {
    this.bits[place >>> 3]! |= 1 << (place & 7);
  }
}
