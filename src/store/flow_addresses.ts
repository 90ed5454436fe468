/**
 * The addresses of a segment, each once: rows name them by their place. A prefix is therefore compared once an address and
 * not once a row. Limit: one place a row. Pure.
 */
import { formatIpv4, formatIpv6 } from '../flow/addresses.ts';

export interface AddressList {
  readonly count: number;
  /** 4 or 6; 0 for a row without one. */
  version(place: number): number;
  /** Its words of 32 bits; IPv4 has one. */
  word(place: number, index: number): number;
  text(place: number): string;
  write(place: number, view: DataView, at: number): void;
}

/** Words a place: version and four of address. */
const stride = 5;
const slotsMin = 64;
/** Of lists that are only read. */
const noSlots = new Int32Array(0);

export class AddressDictionary implements AddressList {
  count = 0;
  #words: Uint32Array;
  /** Open addressing: place + 1, or 0 for free. */
  #slots: Int32Array;

  constructor(words = new Uint32Array(slotsMin * stride), slots = new Int32Array(2 * slotsMin)) {
    this.#words = words;
    this.#slots = slots;
  }

  /** To read from: five words a place, version and address. */
  static of(words: Uint32Array<ArrayBuffer>): AddressDictionary {
    const list = new AddressDictionary(words, noSlots);
    list.count = words.length / stride;
    return list;
  }

  /** Place of an address of another list, as a new one where it was not seen before. */
  placeLike(list: AddressList, place: number): number {
    const word = (index: number): number => list.word(place, index);
    return this.#placeOf(list.version(place), word(0), word(1), word(2), word(3));
  }

  #placeOf(version: number, a: number, b: number, c: number, d: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(version, a, b, c, d) & mask;
    for (;;) {
      const place = this.#slots[slot]! - 1;
      if (place < 0) break;
      const w = place * stride;
      const words = this.#words;
      if (words[w + 1] === a && words[w + 2] === b && words[w + 3] === c && words[w + 4] === d && words[w] === version)
        return place;
      slot = (slot + 1) & mask;
    }
    const place = this.count++;
    if (place * stride === this.#words.length) this.#grow();
    const words = this.#words;
    const w = place * stride;
    words[w] = version;
    words[w + 1] = a;
    words[w + 2] = b;
    words[w + 3] = c;
    words[w + 4] = d;
    if (2 * this.count > this.#slots.length) this.#spread();
    else this.#slots[slot] = place + 1;
    return place;
  }

  version(place: number): number {
    return this.#words[place * stride]!;
  }

  word(place: number, index: number): number {
    return this.#words[place * stride + 1 + index]!;
  }

  text(place: number): string {
    return textOf(this, place);
  }

  write(place: number, view: DataView, at: number): void {
    writeAddress(this, place, view, at);
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
  }

  #spread(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    const words = this.#words;
    for (let place = 0; place < this.count; place++) {
      const w = place * stride;
      let slot = hashOf(words[w]!, words[w + 1]!, words[w + 2]!, words[w + 3]!, words[w + 4]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = place + 1;
    }
    this.#slots = slots;
  }
}

/** Made anew each time: kept, the texts that a question asks for would take as much memory as the records. */
export function textOf(list: AddressList, place: number): string {
  const octets = new Uint8Array(16);
  writeAddress(list, place, new DataView(octets.buffer), 0);
  const version = list.version(place);
  return version === 6 ? formatIpv6(octets) : version === 4 ? formatIpv4(octets) : '';
}

export function writeAddress(list: AddressList, place: number, view: DataView, at: number): void {
  const words = list.version(place) === 6 ? 4 : list.version(place) === 4 ? 1 : 0;
  for (let i = 0; i < words; i++) view.setUint32(at + 4 * i, list.word(place, i));
}

function hashOf(version: number, a: number, b: number, c: number, d: number): number {
  return Math.imul(a ^ Math.imul(b, 31) ^ Math.imul(c, 131) ^ Math.imul(d, 1_031) ^ version, 0x9e37_79b1) >>> 7;
}
