/**
 * A set of row positions as disjoint half-open intervals in order. Sending in order keeps it at one or two intervals, so
 * everything here is a short scan. Pure; positions are whole numbers up to 2^53.
 */

export interface Interval {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export class IntervalSet {
  #intervals: Interval[];
  #count: number;

  constructor(intervals: readonly Interval[] = []) {
    this.#intervals = [];
    this.#count = 0;
    for (const { from, to } of intervals) this.add(from, to);
  }

  /** Positions in the set. */
  get count(): number {
    return this.#count;
  }
  get intervals(): readonly Interval[] {
    return this.#intervals;
  }
  /** The lowest position, or undefined for the empty set. */
  get first(): number | undefined {
    return this.#intervals[0]?.from;
  }

  /** Returns how many positions are new. */
  add(from: number, to: number): number {
    if (to <= from) return 0;
    const last = this.#intervals.at(-1);
    // The usual case: rows are appended at the end.
    if (last === undefined || from > last.to) {
      this.#intervals.push({ from, to });
      this.#count += to - from;
      return to - from;
    }
    const touching = this.#intervals.filter((one) => one.to >= from && one.from <= to);
    const rest = this.#intervals.filter((one) => one.to < from || one.from > to);
    const joined = {
      from: Math.min(from, ...touching.map((one) => one.from)),
      to: Math.max(to, ...touching.map((one) => one.to)),
    };
    this.#intervals = [...rest, joined].sort((a, b) => a.from - b.from);
    return this.#recount();
  }

  /** Returns how many positions were in the set and are not any more. */
  remove(from: number, to: number): number {
    if (to <= from || this.#intervals.length === 0) return 0;
    const before = this.#count;
    this.#intervals = this.#intervals.flatMap((one) => {
      if (one.to <= from || one.from >= to) return [one];
      return [
        { from: one.from, to: Math.min(one.to, from) },
        { from: Math.max(one.from, to), to: one.to },
      ].filter((piece) => piece.to > piece.from);
    });
    this.#recount();
    return before - this.#count;
  }

  /** What of the set lies in the interval. */
  within(from: number, to: number): Interval[] {
    return this.#intervals
      .filter((one) => one.to > from && one.from < to)
      .map((one) => ({ from: Math.max(one.from, from), to: Math.min(one.to, to) }));
  }

  touches(from: number, to: number): boolean {
    return this.#intervals.some((one) => one.to > from && one.from < to);
  }

  /** Moves every position up: the numbering has changed. */
  shift(by: number): void {
    this.#intervals = this.#intervals.map(({ from, to }) => ({ from: from + by, to: to + by }));
  }

  copy(): IntervalSet {
    return new IntervalSet(this.#intervals);
  }

  #recount(): number {
    const before = this.#count;
    this.#count = this.#intervals.reduce((sum, { from, to }) => sum + to - from, 0);
    return this.#count - before;
  }
}
