/**
 * Which collector of a balance group a flow belongs to: by rendezvous hashing over what both directions of a flow have in
 * common (addresses, protocol, ports; MACs and EtherType where there is no IP), so a flow stays at one collector, and a
 * collector more or less moves no more flows than it must. The hash is this file's own and must never change: rows that wait
 * on disk were shared by it. Pure.
 */
import { ROW_BYTES, rowField } from '../flow/row_layout.ts';

const at = {
  source: rowField('sourceAddress').offset,
  destination: rowField('destinationAddress').offset,
  sourceMac: rowField('sourceMacAddress').offset,
  destinationMac: rowField('destinationMacAddress').offset,
  sourcePort: rowField('sourceTransportPort').offset,
  destinationPort: rowField('destinationTransportPort').offset,
  protocol: rowField('protocolIdentifier').offset,
  family: rowField('family').offset,
  etherType: rowField('ethernetType').offset,
} as const;
const etherFamily = 2;

/** Murmur3's finalizer: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The same for both directions: sum and difference of the two ends do not know which is which. */
function pair(hash: number, a: number, b: number): number {
  return mix(Math.imul(hash, 31) + (a ^ b) + Math.imul(a + b, 0x9e3779b1));
}

export function flowHash(view: DataView, row: number): number {
  const family = view.getUint8(row + at.family);
  if (family === etherFamily) {
    const ends = pair(0, view.getUint32(row + at.sourceMac), view.getUint32(row + at.destinationMac));
    const rest = pair(ends, view.getUint16(row + at.sourceMac + 4), view.getUint16(row + at.destinationMac + 4));
    return mix(rest + view.getUint16(row + at.etherType));
  }
  let hash = view.getUint8(row + at.protocol);
  for (let word = 0; word < 16; word += 4)
    hash = pair(hash, view.getUint32(row + at.source + word), view.getUint32(row + at.destination + word));
  return pair(hash, view.getUint16(row + at.sourcePort), view.getUint16(row + at.destinationPort));
}

/** FNV-1a: a seed for each name. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const octet of Buffer.from(name, 'utf8')) hash = Math.imul(hash ^ octet, 0x01000193);
  return mix(hash);
}

/** Rows of a piece that belong to one member, close together, and where each was. */
export interface OwnRows {
  readonly bytes: Uint8Array;
  /** Ascending. */
  readonly places: readonly number[];
}

export class FlowShare {
  readonly #own: number;
  readonly #names: readonly string[];
  readonly #seeds: readonly number[];

  /** @param members of the group, this one among them; their order does not matter */
  constructor(own: string, members: readonly string[]) {
    // In one order everywhere, so that equal weights, one in four thousand million, fall the same way.
    this.#names = [...members].sort();
    this.#own = this.#names.indexOf(own);
    this.#seeds = this.#names.map(seedOf);
  }

  owns(view: DataView, row: number): boolean {
    return this.#heaviest(view, row) === this.#own;
  }

  /** The member that a row belongs to. */
  ownerOf(view: DataView, row: number): string {
    return this.#names[this.#heaviest(view, row)]!;
  }

  #heaviest(view: DataView, row: number): number {
    const hash = flowHash(view, row);
    let [best, heaviest] = [0, -1];
    for (let member = 0; member < this.#seeds.length; member++) {
      const weight = mix(hash ^ this.#seeds[member]!);
      if (weight > heaviest) [best, heaviest] = [member, weight];
    }
    return best;
  }

  select(bytes: Uint8Array, firstRow: number, count: number): OwnRows {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const places: number[] = [];
    for (let i = 0; i < count; i++) if (this.owns(view, firstRow + i * ROW_BYTES)) places.push(i);
    const own = new Uint8Array(places.length * ROW_BYTES);
    places.forEach((place, index) => {
      const from = firstRow + place * ROW_BYTES;
      own.set(bytes.subarray(from, from + ROW_BYTES), index * ROW_BYTES);
    });
    return { bytes: own, places };
  }
}
