/** A hash of 32 bit words that nobody can aim at who does not know its key. `native/rollup/key_counts.cc` has the same. Pure. */
import type { Random } from '../core/random.ts';

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
