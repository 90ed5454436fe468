/**
 * Prefix-preserving pseudonyms of addresses: two addresses that share their first n bits have pseudonyms that share exactly
 * their first n bits, and nobody without the key can go back. The scheme is Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-
 * Preserving IP Address Anonymization, 2002), so that whoever holds the key can compare with other tools' output: AES-128
 * over each prefix, filled up with a secret pad, gives the bit that is added to the next one.
 *
 * Holds the pseudonyms of the addresses last seen, bounded. One per destination; owned by its exporter.
 */
import { createCipheriv } from 'node:crypto';

/** The cipher's key, then the octets that the pad is made of. */
export const PSEUDONYM_KEY_OCTETS = 32;

const BLOCK_OCTETS = 16;
/** About 10 MB at most, with IPv6 alone. */
const rememberedMax = 65_536;

export class Pseudonyms {
  readonly #encrypt: (blocks: Uint8Array) => Uint8Array;
  readonly #pad: Uint8Array;
  readonly #rememberedMax: number;
  /** By address, the one used last at the end. */
  readonly #remembered = new Map<string, Uint8Array>();

  /** @param key PSEUDONYM_KEY_OCTETS octets */
  constructor(key: Uint8Array, most = rememberedMax) {
    if (key.length !== PSEUDONYM_KEY_OCTETS) throw new Error(`a key of ${key.length} octets`);
    // One block at a time by its own key, so ECB is the bare permutation here, not a mode.
    const cipher = createCipheriv('aes-128-ecb', key.subarray(0, BLOCK_OCTETS), null).setAutoPadding(false);
    this.#encrypt = (blocks) => cipher.update(blocks);
    this.#pad = Uint8Array.from(this.#encrypt(key.subarray(BLOCK_OCTETS)));
    this.#rememberedMax = most;
  }

  /** @param address 4 or 16 octets. The answer is not to be written to. */
  of(address: Uint8Array): Uint8Array {
    const key = Buffer.from(address.buffer, address.byteOffset, address.length).toString('latin1');
    const known = this.#remembered.get(key);
    if (known !== undefined) {
      // The Map's order is that of use: what was not seen for longest goes first.
      this.#remembered.delete(key);
      this.#remembered.set(key, known);
      return known;
    }
    const pseudonym = this.#compute(address);
    if (this.#remembered.size >= this.#rememberedMax) this.#remembered.delete(this.#remembered.keys().next().value as string);
    this.#remembered.set(key, pseudonym);
    return pseudonym;
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  #compute(address: Uint8Array): Uint8Array {
    const bits = address.length * 8;
    // Block n: the first n bits of the address, the rest of the pad.
    const blocks = new Uint8Array(bits * BLOCK_OCTETS);
    for (let length = 0; length < bits; length++) {
      const block = blocks.subarray(length * BLOCK_OCTETS, (length + 1) * BLOCK_OCTETS);
      block.set(this.#pad);
      const whole = length >> 3;
      block.set(address.subarray(0, whole));
      const mask = (0xff00 >> (length & 7)) & 0xff;
      block[whole] = (address[whole]! & mask) | (this.#pad[whole]! & ~mask);
    }
    const encrypted = this.#encrypt(blocks);
    const pseudonym = Uint8Array.from(address);
    for (let bit = 0; bit < bits; bit++) pseudonym[bit >> 3]! ^= (encrypted[bit * BLOCK_OCTETS]! >> 7) << (7 - (bit & 7));
    return pseudonym;
  }
}
