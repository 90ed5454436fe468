/**
 * Flow records summed by keys. Texts are made once a key, not once a record. Limit: `groupsMax` groups; with more
 * than twice as many the smallest go into one, `(other)`, so that sums stay whole. Pure.
 */
import { biflowDirections } from '../flow/decode_annotations.ts';
import { numberColumn } from '../flow/flow_columns.ts';
import type { FlowGroup, FlowKey, GroupOrder } from '../flow/flow_search_shapes.ts';
import type { Figures } from './flow_figures.ts';
import { type End, EndNumbers, type KeyMaker, type KeyReader, keyMakers, reversedEnds } from './flow_keys.ts';
import { type Segment, valueAt } from './flow_segment.ts';

export const otherKey = '(other)';
const groupsMax = 50_000;
/** More different keys than there are records that can be kept. */
const numbersMax = 2 ** 26;

interface OpenGroup {
  readonly keys: readonly string[];
  records: number;
  flows: number;
  packets: number;
  outOctets: number;
  inOctets: number;
  firstUs: number;
  lastUs: number;
  estimated: boolean;
}

const initiatorColumn = numberColumn('biflowDirection');

export class FlowGroups {
  readonly #makers: readonly KeyMaker[];
  readonly #ends: readonly End[];
  readonly #isConversation: boolean;
  readonly #order: GroupOrder;
  readonly #endNumbers = new EndNumbers();
  readonly #numbers: readonly SmallNumbers[];
  readonly #byCode = new Map<number, OpenGroup>();
  #groups = new Map<string, OpenGroup>();
  #other: OpenGroup | undefined;

  constructor(by: readonly FlowKey[], order: GroupOrder) {
    this.#makers = by.map((key) => keyMakers[key]);
    this.#numbers = Array.from({ length: 2 * by.length - 2 }, () => new SmallNumbers());
    this.#ends = by.includes('host') || by.includes('mac') ? [0, 1] : [0];
    this.#isConversation = by.includes('conversation');
    this.#order = order;
  }

  add(segment: Segment, rows: Uint16Array, figures: Figures): void {
    for (const end of this.#ends) this.#addEnd(segment, rows, figures, end);
    if (this.#groups.size > 2 * groupsMax) this.#prune();
  }

  #addEnd(segment: Segment, rows: Uint16Array, figures: Figures, end: End): void {
    const { octets, octetsBack, packets, flows, startUs, lastingUs, intervals } = figures;
    const readers = this.#makers.map((make) => make(segment, end, this.#endNumbers));
    const first = readers[0]!;
    const isSwapped = this.#swapped(segment, end);
    for (const row of rows) {
      const code = readers.length === 1 ? first.code(row) : this.#codeOf(readers, row);
      let group = this.#byCode.get(code);
      if (group === undefined) {
        group = this.#groupOf(readers.map((reader) => reader.text(row)));
        this.#byCode.set(code, group);
      }
      const swap = isSwapped(row);
      group.records++;
      group.flows += flows[row]!;
      group.packets += packets[row]!;
      group.outOctets += swap ? octetsBack[row]! : octets[row]!;
      group.inOctets += swap ? octets[row]! : octetsBack[row]!;
      if (startUs[row]! < group.firstUs) group.firstUs = startUs[row]!;
      const lastUs = startUs[row]! + lastingUs[row]!;
      if (lastUs > group.lastUs) group.lastUs = lastUs;
      if (intervals[row]! > 1) group.estimated = true;
    }
  }

  close(limit: number): { groups: FlowGroup[]; groupsFound: number; crowded: boolean } {
    const ranked = [...this.#groups.values()].sort(
      (a, b) => this.#weight(b) - this.#weight(a) || (a.keys.join() < b.keys.join() ? -1 : 1),
    );
    const groups = ranked.slice(0, limit);
    if (this.#other !== undefined) groups.push(this.#other);
    return { groups: groups.map(closed), groupsFound: ranked.length, crowded: this.#other !== undefined };
  }

  /** Several keys as one number: what is there so far becomes small before the next is put beside it. */
  #codeOf(readers: readonly KeyReader[], row: number): number {
    let code = readers[0]!.code(row);
    for (let i = 1; i < readers.length; i++)
      code = this.#numbers[2 * i - 2]!.of(code) * numbersMax + this.#numbers[2 * i - 1]!.of(readers[i]!.code(row));
    return code;
  }

  #groupOf(keys: readonly string[]): OpenGroup {
    const name = keys.join('\0');
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = empty(keys);
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Out is from the key: a host's second end, a conversation's other order, or from who began the flow. */
  #swapped(segment: Segment, end: End): (row: number) => boolean {
    if (this.#ends.length === 2) return () => end === 1;
    if (this.#isConversation) return reversedEnds(segment);
    const initiator = segment.numbers[initiatorColumn]!;
    return (row) => valueAt(initiator, row) === biflowDirections.reverseInitiator;
  }

  #weight(group: OpenGroup): number {
    return this.#order === 'bytes' ? group.outOctets + group.inOctets : group[this.#order];
  }

  #prune(): void {
    const ranked = [...this.#groups.entries()].sort(([, a], [, b]) => this.#weight(b) - this.#weight(a));
    this.#groups = new Map(ranked.slice(0, groupsMax));
    this.#byCode.clear();
    this.#other ??= empty(this.#makers.map(() => otherKey));
    const other = this.#other;
    for (const [, group] of ranked.slice(groupsMax)) {
      for (const sum of ['records', 'flows', 'packets', 'outOctets', 'inOctets'] as const) other[sum] += group[sum];
      other.firstUs = Math.min(other.firstUs, group.firstUs);
      other.lastUs = Math.max(other.lastUs, group.lastUs);
      other.estimated ||= group.estimated;
    }
  }
}

/** Small numbers for the codes of one key, so that several fit into one. */
class SmallNumbers {
  readonly #numbers = new Map<number, number>();

  of(code: number): number {
    let number = this.#numbers.get(code);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(code, number);
    }
    return number;
  }
}

const empty = (keys: readonly string[]): OpenGroup => ({
  keys,
  records: 0,
  flows: 0,
  packets: 0,
  outOctets: 0,
  inOctets: 0,
  firstUs: Number.POSITIVE_INFINITY,
  lastUs: 0,
  estimated: false,
});

function closed({ firstUs, lastUs, ...group }: OpenGroup): FlowGroup {
  return {
    ...group,
    octets: group.outOctets + group.inOctets,
    firstMs: Math.floor(firstUs / 1_000),
    lastMs: Math.ceil(lastUs / 1_000),
  };
}
