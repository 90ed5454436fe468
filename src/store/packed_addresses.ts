/**
 * The addresses of a sealed segment by version: those of IPv4 first, a word each, then those of IPv6, four words each, then the one place of
 * rows without any. Memory: 4 or 16 octets an address, instead of 20 and a slot while the segment is open. Pure.
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

export interface AddressOrder {
  /** By place in the list as it was: its place when the list is packed. */
  readonly moved: Uint16Array;
  readonly ipv4: number;
  /** That the packed list has. */
  readonly words: number;
}

/** IPv4, IPv6, none. */
const rankOf = (version: number): number => (version === 4 ? 0 : version === 6 ? 1 : 2);

export function packedOrder(list: AddressList): AddressOrder {
  const counts = [0, 0, 0];
  for (let place = 0; place < list.count; place++) counts[rankOf(list.version(place))]!++;
  const [ipv4, ipv6] = counts as [number, number, number];
  const next = [0, ipv4, ipv4 + ipv6];
  const moved = Uint16Array.from({ length: list.count }, (_, place) => next[rankOf(list.version(place))]!++);
  return { moved, ipv4, words: ipv4 + 4 * ipv6 };
}

export function packAddresses(list: AddressList, { moved, ipv4 }: AddressOrder, into: Uint32Array): void {
  for (let place = 0; place < list.count; place++) {
    const version = list.version(place);
    const to = moved[place]!;
    if (version === 4) into[to] = list.word(place, 0);
    else if (version === 6) for (let i = 0; i < 4; i++) into[ipv4 + 4 * (to - ipv4) + i] = list.word(place, i);
  }
}
