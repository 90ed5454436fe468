/** Chance as an argument: seeded for tests and the simulation, from the system otherwise. The only use of entropy here. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [0, 2^32). */
  uint32(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  bytes(count: number): Uint8Array;
}

abstract class RandomBase implements Random {
  abstract uint32(): number;

  float(): number {
    return (this.uint32() * 2 ** 21 + (this.uint32() >>> 11)) / 2 ** 53;
  }
  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.uint32() & 0xff);
  }
}

/** Entropy is drawn ahead: a call of the system for every number costs more than what the number is for. */
const drawnAheadOctets = 4_096;

export class SystemRandom extends RandomBase {
  #ahead = new Uint8Array(0);
  #at = 0;

  override uint32(): number {
    if (this.#at + 4 > this.#ahead.length) {
      this.#ahead = new Uint8Array(randomBytes(drawnAheadOctets));
      this.#at = 0;
    }
    const number = new DataView(this.#ahead.buffer).getUint32(this.#at);
    this.#at += 4;
    return number;
  }
  override bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count));
  }
}

/** xoshiro128** (Blackman and Vigna): the same seed gives the same numbers for ever. Not for secrets. */
export class SeededRandom extends RandomBase {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    super();
    // splitmix32 spreads a small seed over the whole state, which must not be all zero.
    let x = seed >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      x = (x + 0x9e3779b9) >>> 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) >>> 0;
    });
  }

  override uint32(): number {
    const s = this.#state as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
    const scrambled = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return scrambled;
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
