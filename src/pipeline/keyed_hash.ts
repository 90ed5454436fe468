/** Secrets for keyed hashes of words of 32 bits: `native/rollup/key_counts.cc` hashes by them. Pure. */
import type { Random } from '../core/random.ts';

/** Multipliers, odd and unknown to who sends the traffic, so that keys cannot be chosen to collide. */
export function hashKey(words: number, random: Random): Int32Array {
  return Int32Array.from({ length: words + 1 }, () => random.uint32() | 1);
}
