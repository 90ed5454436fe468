/**
 * Vendors of network cards by their MAC addresses, out of IEEE's registries (CSV): blocks of 24 bits (MA-L), 28 (MA-M) and 36 (MA-S),
 * the longest that fits. Sorted numbers and an index into the names, some 20 octets an entry beside the names. Pure.
 *
 * Limits: `entriesMax` of a registry, names cut to `nameLengthMax`; lines that are none are passed over.
 */

const entriesMax = 200_000;
const nameLengthMax = 60;
/** Hex digits of an assignment. */
const blockDigits = [9, 7, 6] as const;
const localBit = 0x02;

interface Block {
  readonly digits: number;
  /** Sorted. */
  readonly prefixes: Float64Array;
  /** Which name, of the prefix at the same place. */
  readonly names: Uint32Array;
}

export class MacVendors {
  readonly #blocks: readonly Block[];
  readonly #names: readonly string[];

  /** @param texts of registries; of two entries for a block the first one counts */
  constructor(texts: readonly string[]) {
    const numbers = new Map<string, number>();
    const found = new Map<number, Map<number, number>>(blockDigits.map((digits) => [digits, new Map()]));
    for (const text of texts) {
      for (const [, assignment = '', organisation = ''] of csvRecords(text)) {
        const name = organisation
          .replaceAll(/[\p{C}\s]+/gu, ' ')
          .trim()
          .slice(0, nameLengthMax);
        const block = found.get(assignment.length);
        if (block === undefined || name === '' || !/^[0-9A-F]+$/i.test(assignment) || block.size >= entriesMax) continue;
        const prefix = Number.parseInt(assignment, 16);
        if (block.has(prefix)) continue;
        // A copy: a part of the text would keep all of it.
        if (!numbers.has(name)) numbers.set(Buffer.from(name).toString(), numbers.size);
        block.set(prefix, numbers.get(name)!);
      }
    }
    this.#names = [...numbers.keys()];
    this.#blocks = blockDigits.map((digits) => {
      const entries = [...found.get(digits)!].sort(([a], [b]) => a - b);
      return {
        digits,
        prefixes: Float64Array.from(entries, ([prefix]) => prefix),
        names: Uint32Array.from(entries, ([, name]) => name),
      };
    });
  }

  /** Blocks that are known. */
  get size(): number {
    return this.#blocks.reduce((sum, { prefixes }) => sum + prefixes.length, 0);
  }

  /** Of `00:1b:21:…`. Addresses that somebody made up by themselves (IEEE 802c) have none. */
  of(mac: string): string | undefined {
    const digits = mac.replaceAll(':', '');
    if (digits.length !== 12 || (Number.parseInt(digits.slice(0, 2), 16) & localBit) !== 0) return undefined;
    for (const block of this.#blocks) {
      const at = placeOf(Number.parseInt(digits.slice(0, block.digits), 16), block.prefixes);
      if (at >= 0) return this.#names[block.names[at]!];
    }
    return undefined;
  }
}

/** −1 when it is not there. */
function placeOf(prefix: number, sorted: Float64Array): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = sorted[middle]!;
    if (found === prefix) return middle;
    if (found < prefix) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** RFC 4180: records of fields, quoted ones with commas, line ends and doubled quotes in them. */
export function* csvRecords(text: string): Generator<string[]> {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let record: string[] = [];
  while (field.lastIndex < text.length) {
    const start = field.lastIndex;
    const match = field.exec(text);
    if (match === null) {
      // Not CSV: on to the next line.
      const next = text.indexOf('\n', start);
      if (next < 0) return;
      field.lastIndex = next + 1;
      record = [];
      continue;
    }
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    yield record;
    record = [];
  }
}
