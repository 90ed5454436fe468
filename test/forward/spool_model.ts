/**
 * What the spool must do, said as simply as can be: of one destination, by the numbers of rows. Rows are owed until they are
 * acknowledged, left out or given up. What was given up is found out from the gaps alone: their counts must name exact
 * rows: the oldest pieces on disk, the oldest rows in memory that are not on their way.
 */
import { type DestinationAccount, type DropReason, dropReasons } from '../../src/flow/ledger.ts';
import type { Gap } from '../../src/forward/gaps.ts';
import { sumsOf } from './rows.ts';

export interface Sums {
  records: number;
  packets: number;
  octets: number;
}
type ByReason = Record<DropReason, Sums>;
interface Drop {
  readonly reason: DropReason;
  readonly ids: readonly number[];
  readonly atMs: number;
}
/** Rows of a piece that may have been given up together, and what they were then told to be. */
interface Choice {
  readonly ids: readonly number[];
  readonly sums: Sums;
}

/** Places that the search for the rows that were given up looks at: more than ever came about, and done in a second. */
const looksMax = 200_000;

export class LaneModel {
  readonly name: string;
  readonly owed = new Set<number>();
  /** Arrived, and may come once more. */
  readonly again = new Set<number>();
  margin: { readonly ids: readonly number[]; readonly octets: number }[] = [];
  /** When rows were done with, wall time: a kill may forget the newest of it. */
  doneMs = new Map<number, number>();
  drops: Drop[] = [];
  handedOver = 0;
  acknowledged = 0;
  notSelected = 0;
  unencodable = 0;
  /** Gaps of known size that this run found, and those that were heard upstream since. */
  #found = noSums();
  #told = noSums();
  /** Of these, gaps that come back when the session breaks: the octets that have arrived behind each. */
  #unproven: { readonly gap: Gap; readonly octets: number | undefined }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  handOver(ids: Iterable<number>): void {
    for (const id of ids) {
      this.owed.add(id);
      this.handedOver++;
    }
  }

  acknowledge(ids: readonly number[], octets: number, marginMax: number, nowMs: number): void {
    const held = ids.filter((id) => this.owed.has(id) || this.again.has(id));
    for (const id of held) {
      if (this.owed.delete(id)) {
        this.acknowledged++;
        this.doneMs.set(id, nowMs);
      }
      this.again.delete(id);
    }
    this.#pass(octets, marginMax);
    if (marginMax === 0) return;
    // Rows that were given up meanwhile do not come again, but the octets of their message count.
    this.margin.push({ ids: held.length === 0 ? [] : ids, octets });
    // As many whole messages as reach the margin.
    let sum = this.margin.reduce((all, one) => all + one.octets, 0);
    while (sum - this.margin[0]!.octets >= marginMax) sum -= this.margin.shift()!.octets;
  }

  rewind(): void {
    // A collector that fell may not have read them: they are there again, to be said once more.
    for (const reason of dropReasons) this.#told[reason] = subtract(this.#told[reason], this.#unprovenSums[reason]);
    this.#unproven = [];
    for (const { ids } of this.margin) for (const id of ids) this.again.add(id);
    this.margin = [];
  }
  releaseMargin(): void {
    this.again.clear();
    this.margin = [];
    this.#unproven = [];
  }
  /** Everything that may come although it has arrived. */
  get spare(): Set<number> {
    return new Set([...this.again, ...this.margin.flatMap(({ ids }) => ids)]);
  }

  leaveOut(ids: readonly number[], why: 'notSelected' | 'unencodable', nowMs: number): void {
    for (const id of ids) {
      this.again.delete(id);
      if (!this.owed.delete(id)) continue;
      this[why]++;
      this.doneMs.set(id, nowMs);
    }
    if (why === 'notSelected') this.#pass(0, 0); // they are acknowledged without a margin
  }

  told(gaps: readonly Gap[]): void {
    addGaps(this.#told, gaps);
    this.#unproven.push(...gaps.map((gap) => ({ gap, octets: undefined })));
  }
  /** Rows arrived. Those of the first message may lie before the gaps. */
  #pass(octets: number, marginMax: number): void {
    this.#unproven = this.#unproven
      .map(({ gap, octets: before }) => ({ gap, octets: before === undefined ? 0 : before + octets }))
      .filter((one) => one.octets < marginMax);
  }
  get #unprovenSums(): ByReason {
    return addGaps(
      noSums(),
      this.#unproven.map(({ gap }) => gap),
    );
  }

  /** Finds the rows that were given up since the last look; the account must then be the model's, number by number. */
  observe(
    account: DestinationAccount,
    gaps: readonly Gap[],
    pieces: readonly (readonly number[])[],
    damaged: readonly (readonly number[])[],
    flying: ReadonlySet<number>,
    nowMs: number,
  ): void {
    for (const reason of dropReasons) {
      if (reason === 'unencodable') continue;
      const before = this.drops.filter((drop) => drop.reason === reason).reduce((sum, { ids }) => sum + ids.length, 0);
      const records = (account.dropped[reason] ?? 0) - before;
      const now = addGaps(noSums(), gaps)[reason];
      const [found, told] = [this.#found[reason], this.#told[reason]];
      const sums = {
        records,
        packets: now.packets + told.packets - found.packets,
        octets: now.octets + told.octets - found.octets,
      };
      if (now.records + told.records - found.records !== records)
        throw new Error(
          `${this.name}: ${records} rows are given up as ${reason}, but gaps tell ${now.records + told.records - found.records}`,
        );
      if (records === 0) continue;
      this.#found[reason] = add(found, sums);
      const ids =
        reason === 'damaged'
          ? this.#damagedRows(records, damaged)
          : this.#givenUp(sums, pieces, reason === 'overBudget' ? flying : new Set());
      if (ids === undefined) throw new Error(`${this.name}: no rows are ${JSON.stringify(sums)}, given up as ${reason}`);
      this.#drop(reason, ids, nowMs);
    }
    const { handedOver, acknowledged, notSelected, unencodable } = this;
    const dropped: Record<string, number> = Object.fromEntries(dropReasons.map((reason) => [reason, 0]));
    for (const { reason, ids } of this.drops) dropped[reason] = dropped[reason]! + ids.length;
    dropped.unencodable = unencodable;
    const expected = { handedOver, acknowledged, pending: this.owed.size, thinned: 0, notSelected, notRepresentable: 0, dropped };
    const [told, wanted] = [account, expected].map((one) => JSON.stringify(one, Object.keys({ ...expected, ...dropped }).sort()));
    if (told !== wanted) throw new Error(`${this.name}: the account is ${told}, should be ${wanted}`);
  }

  /** What an earlier run left: rows it owed, gaps it did not tell. */
  takeUp(waiting: Iterable<number>, gaps: readonly Gap[]): void {
    this.handOver(waiting);
    addGaps(this.#found, gaps);
  }
  /** Rows of a reason in the gaps that the store must and may tell, when it knows of the drops that are `recorded`. */
  gapRecords(reason: DropReason, recorded: (drop: Drop) => boolean): { least: number; most: number; untold: number } {
    const young = this.drops.filter((drop) => drop.reason === reason && !recorded(drop));
    const most = this.#found[reason].records;
    const untold = most - this.#told[reason].records + this.#unprovenSums[reason].records;
    return { least: Math.max(0, untold - young.reduce((sum, { ids }) => sum + ids.length, 0)), most, untold };
  }

  #drop(reason: DropReason, ids: readonly number[], atMs: number): void {
    const gone = new Set(ids);
    for (const id of ids) {
      this.owed.delete(id);
      this.doneMs.set(id, atMs);
    }
    this.margin = this.margin.map((one) => (one.ids.some((id) => gone.has(id)) ? { ...one, ids: [] } : one));
    this.drops.push({ reason, ids, atMs });
  }

  /** The oldest pieces on disk, whole, and the oldest rows in memory; together they must be what was counted. */
  #givenUp(sums: Sums, pieces: readonly (readonly number[])[], flying: ReadonlySet<number>): readonly number[] | undefined {
    const kept = new Set(pieces.flat());
    // What is on its way may arrive although memory let it go.
    const inMemory = [...this.owed].filter((id) => !kept.has(id) && !flying.has(id)).sort((a, b) => a - b);
    const upTo = [noneOf];
    for (const id of inMemory) upTo.push(add(upTo.at(-1)!, countOf([id])));
    const onDisk = pieces.filter((ids) => ids.some((id) => this.owed.has(id))).sort((a, b) => a[0]! - b[0]!);
    const choices = onDisk.map((ids) => this.#choices(ids, flying));
    const inVain = new Set<string>();
    let looks = 0;
    const search = (at: number, left: Sums, skips: number): readonly number[] | undefined => {
      const oldest = upTo[left.records];
      if (oldest !== undefined && same(oldest, left)) return inMemory.slice(0, left.records);
      const place = `${at} ${left.records} ${left.packets} ${left.octets} ${skips}`;
      if (at === choices.length || inVain.has(place)) return undefined;
      if (++looks > looksMax) throw new Error(`${this.name}: too many rows may be ${JSON.stringify(sums)}, given up`);
      for (const { ids, sums: counted } of choices[at]!) {
        const more = counted.records > left.records ? undefined : search(at + 1, subtract(left, counted), skips);
        if (more !== undefined) return [...ids, ...more];
      }
      // One that was still in memory when it was given up may have been written none the less, behind others on disk.
      for (let next = at + 1; skips > 0 && next < choices.length; next++) {
        const more = search(next, left, skips - 1);
        if (more !== undefined) return more;
      }
      inVain.add(place);
      return undefined;
    };
    return search(0, sums, 1);
  }

  /**
   * A piece on disk is given up whole, with what is on its way. Memory lets go of what is not on its way only, while the
   * piece is being written it may be: then it is on disk, with the rows that may still arrive.
   */
  #choices(ids: readonly number[], flying: ReadonlySet<number>): readonly Choice[] {
    const waited = ids.filter((id) => this.owed.has(id));
    const unsent = waited.filter((id) => !flying.has(id));
    const all: Choice[] = [{ ids: waited, sums: countOf(waited) }];
    const shared = byShare(ids, waited.length);
    // Most often it is the same twice; looked at twice, n such pieces are 2^n ways.
    if (!same(shared, all[0]!.sums)) all.push({ ids: waited, sums: shared });
    if (unsent.length < waited.length) all.push({ ids: unsent, sums: countOf(unsent) });
    return all;
  }

  #damagedRows(records: number, damaged: readonly (readonly number[])[]): number[] | undefined {
    const pieces = damaged.map((ids) => ids.filter((id) => this.owed.has(id))).filter((ids) => ids.length > 0);
    const search = (at: number, left: number): number[] | undefined => {
      if (left === 0) return [];
      if (at === pieces.length || left < 0) return undefined;
      const more = search(at + 1, left - pieces[at]!.length);
      return more === undefined ? search(at + 1, left) : [...pieces[at]!, ...more];
    };
    return search(0, records);
  }
}

const noneOf: Sums = { records: 0, packets: 0, octets: 0 };
function countOf(ids: readonly number[]): Sums {
  return ids.map((id) => ({ records: 1, ...sumsOf(id - 1, 1) })).reduce(add, noneOf);
}
/** A part of a piece whose rows are on disk only is counted by its share. */
function byShare(ids: readonly number[], records: number): Sums {
  const { packets, octets } = countOf(ids);
  const share = (sum: number): number => Math.round(sum * (records / ids.length));
  return { records, packets: share(packets), octets: share(octets) };
}
const same = (a: Sums, b: Sums): boolean => a.packets === b.packets && a.octets === b.octets;
const subtract = (a: Sums, b: Sums): Sums => ({
  records: a.records - b.records,
  packets: a.packets - b.packets,
  octets: a.octets - b.octets,
});
const add = (a: Sums, b: Sums): Sums => ({
  records: a.records + b.records,
  packets: a.packets + b.packets,
  octets: a.octets + b.octets,
});
const noSums = (): ByReason =>
  Object.fromEntries(dropReasons.map((reason) => [reason, { records: 0, packets: 0, octets: 0 }])) as ByReason;

/** Adds up what is known of gaps. */
function addGaps(sums: ByReason, gaps: readonly Gap[]): ByReason {
  for (const { reason, records, packets, octets } of gaps) {
    if (records === null || reason === 'thinned') continue;
    sums[reason] = add(sums[reason], { records, packets: packets ?? 0, octets: octets ?? 0 });
  }
  return sums;
}
