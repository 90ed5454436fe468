/**
 * Which of many sets of prefixes an address lies in, answered as one small number: addresses that lie in the same sets have
 * the same class, and class 0 lies in none. Sorted, disjoint ranges and a binary search: no allocation, a dozen
 * comparisons for thousands of prefixes. Pure and immutable.
 */
import { parsePrefix } from '../flow/addresses.ts';

/** Starts of ranges as words of 32 bits, one for IPv4 and four for IPv6, and the class that holds from each on. */
interface Ranges {
  readonly words: number;
  readonly starts: Uint32Array;
  readonly classes: Uint32Array;
}

interface Edge {
  readonly at: bigint;
  readonly set: number;
  readonly opens: boolean;
}

export class PrefixClasses {
  readonly #v4: Ranges;
  readonly #v6: Ranges;
  /** Members of each class: numbers of sets, ascending. */
  readonly members: readonly (readonly number[])[];

  /** @param sets prefixes as in the settings, already checked there; throws for anything else (a bug) */
  constructor(sets: readonly (readonly string[])[]) {
    const classes = new ClassBook();
    this.#v4 = compile(sets, 4, classes);
    this.#v6 = compile(sets, 16, classes);
    this.members = classes.members;
  }

  /** @param address the four octets as one unsigned number */
  ofV4(address: number): number {
    const { starts, classes } = this.#v4;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : classes[low - 1]!;
  }

  /** @param view memory that holds the 16 octets at `offset` */
  ofV6(view: DataView, offset: number): number {
    const { classes } = this.#v6;
    let low = 0;
    let high = classes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#startsAtOrBefore(4 * middle, view, offset)) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : classes[low - 1]!;
  }

  #startsAtOrBefore(at: number, view: DataView, offset: number): boolean {
    for (let word = 0; word < 4; word++) {
      const difference = this.#v6.starts[at + word]! - view.getUint32(offset + 4 * word);
      if (difference !== 0) return difference < 0;
    }
    return true;
  }
}

/** Numbers for sets of numbers, 0 for the empty one. */
export class ClassBook {
  readonly members: number[][] = [[]];
  readonly #known = new Map<string, number>([['', 0]]);

  of(members: Iterable<number>): number {
    const sorted = [...members].sort((a, b) => a - b);
    const key = sorted.join(' ');
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.members.push(sorted) - 1;
      this.#known.set(key, known);
    }
    return known;
  }
}

function compile(sets: readonly (readonly string[])[], octets: 4 | 16, book: ClassBook): Ranges {
  const edges = sets.flatMap((prefixes, set) => prefixes.flatMap((text) => edgesOf(text, set, octets)));
  edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const words = octets / 4;
  const starts: number[] = [];
  const classes: number[] = [];
  const open = new Map<number, number>();
  for (const [index, { at, set, opens }] of edges.entries()) {
    const depth = (open.get(set) ?? 0) + (opens ? 1 : -1);
    if (depth === 0) open.delete(set);
    else open.set(set, depth);
    if (edges[index + 1]?.at === at) continue;
    const found = book.of(open.keys());
    if (found === (classes.at(-1) ?? 0)) continue;
    // Past the last address there is nothing to begin.
    if (at >> BigInt(8 * octets) !== 0n) continue;
    for (let word = words - 1; word >= 0; word--) starts.push(Number((at >> BigInt(32 * word)) & 0xffff_ffffn));
    classes.push(found);
  }
  return { words, starts: Uint32Array.from(starts), classes: Uint32Array.from(classes) };
}

function edgesOf(text: string, set: number, octets: 4 | 16): Edge[] {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`not a prefix: ${text}`);
  if (prefix.octets.length !== octets) return [];
  const first = BigInt(`0x${Buffer.from(prefix.octets).toString('hex')}`);
  const size = 1n << BigInt(8 * octets - prefix.bits);
  return [
    { at: first, set, opens: true },
    { at: first + size, set, opens: false },
  ];
}
