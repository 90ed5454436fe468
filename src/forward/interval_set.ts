/**
 * A set of row positions as disjoint half-open intervals in order, none touching another. Finding a place is a binary
 * search, so that many intervals (an outage in an outage, for days) cost little more than one. Pure; positions are whole
 * numbers up to 2^53.
 */

export interface Interval {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export class IntervalSet {
  #intervals: Interval[] = [];
  #count = 0;

  constructor(intervals: readonly Interval[] = []) {
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
    // Those that overlap or touch become one.
    const start = this.#firstEndingAtOrAfter(from);
    let end = start;
    let held = 0;
    let joined = { from, to };
    for (; end < this.#intervals.length && this.#intervals[end]!.from <= to; end++) {
      const one = this.#intervals[end]!;
      held += one.to - one.from;
      joined = { from: Math.min(joined.from, one.from), to: Math.max(joined.to, one.to) };
    }
    this.#intervals.splice(start, end - start, joined);
    const added = joined.to - joined.from - held;
    this.#count += added;
    return added;
  }

  /** Returns how many positions were in the set and are not any more. */
  remove(from: number, to: number): number {
    if (to <= from) return 0;
    const start = this.#firstEndingAtOrAfter(from + 1);
    let end = start;
    let removed = 0;
    const left: Interval[] = [];
    for (; end < this.#intervals.length && this.#intervals[end]!.from < to; end++) {
      const one = this.#intervals[end]!;
      removed += Math.min(one.to, to) - Math.max(one.from, from);
      if (one.from < from) left.push({ from: one.from, to: from });
      if (one.to > to) left.push({ from: to, to: one.to });
    }
    if (end > start) this.#intervals.splice(start, end - start, ...left);
    this.#count -= removed;
    return removed;
  }

  /** What of the set lies in the interval. */
  within(from: number, to: number): Interval[] {
    const found: Interval[] = [];
    for (let at = this.#firstEndingAtOrAfter(from + 1); at < this.#intervals.length; at++) {
      const one = this.#intervals[at]!;
      if (one.from >= to) break;
      found.push({ from: Math.max(one.from, from), to: Math.min(one.to, to) });
    }
    return found;
  }

  touches(from: number, to: number): boolean {
    const one = this.#intervals[this.#firstEndingAtOrAfter(from + 1)];
    return one !== undefined && one.from < to && from < to;
  }

  /** Moves every position up: the numbering has changed. */
  shift(by: number): void {
    this.#intervals = this.#intervals.map(({ from, to }) => ({ from: from + by, to: to + by }));
  }

  copy(): IntervalSet {
    const copy = new IntervalSet();
    copy.#intervals = [...this.#intervals];
    copy.#count = this.#count;
    return copy;
  }

  #firstEndingAtOrAfter(position: number): number {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#intervals[middle]!.to < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * At most `most` intervals that cover all of these: the narrowest holes are closed. What is owed is never left out; what
 * lies in a closed hole is covered although it is not owed.
 */
export function closeHoles(intervals: readonly Interval[], most: number): readonly Interval[] {
  if (intervals.length <= most) return intervals;
  const holes = intervals.slice(1).map((one, index) => ({ index, width: one.from - intervals[index]!.to }));
  const closed = new Set(
    holes
      .sort((a, b) => a.width - b.width || a.index - b.index)
      .slice(0, intervals.length - most)
      .map(({ index }) => index),
  );
  const kept: Interval[] = [];
  intervals.forEach((one, index) => {
    const before = kept.at(-1);
    if (before !== undefined && closed.has(index - 1)) kept[kept.length - 1] = { from: before.from, to: one.to };
    else kept.push(one);
  });
  return kept;
}
