/**
 * The addresses of a sealed segment by version: those of IPv4 first, a word each, then those of IPv6, four words each, then the one place of
 * rows without any. Memory: 4 or 16 octets an address. Pure.
 */
import { type AddressList, textOf, writeAddress } from './flow_addresses.ts';

export class PackedAddressList implements AddressList {
  readonly count: number;
  readonly #words: Uint32Array;
  readonly #ipv4: number;
  /** Where places without an address begin. */
  readonly #none: number;

  /** @param ipv4 places of that version; what is left of `words` are those of IPv6 */
  constructor(words: Uint32Array, ipv4: number, count: number) {
    this.#words = words;
    this.#ipv4 = ipv4;
    this.#none = ipv4 + (words.length - ipv4) / 4;
    this.count = count;
  }

  version(place: number): number {
    return place < this.#ipv4 ? 4 : place < this.#none ? 6 : 0;
  }

  word(place: number, index: number): number {
    const ipv4 = this.#ipv4;
    if (place < ipv4) return index === 0 ? this.#words[place]! : 0;
    return place < this.#none ? this.#words[ipv4 + 4 * (place - ipv4) + index]! : 0;
  }

  text(place: number): string {
    return textOf(this, place);
  }

  write(place: number, view: DataView, at: number): void {
    writeAddress(this, place, view, at);
  }
}
