/** What a search has found: rows of segments, their sums, and the first of them in an order. Pure. */
import { fieldNamed } from '../flow/filter/filter_fields.ts';
import type { FlowOrder, FlowSums } from '../flow/flow_search_shapes.ts';
import type { Figures } from './flow_figures.ts';
import { columnSource } from './flow_matcher.ts';
import { type Segment, valueAt } from './flow_segment.ts';

/** Where a segment can be had once more, whole; undefined when it has gone. */
export interface SegmentSource {
  load(): Promise<Segment | undefined>;
}

/** Rows of a segment that a search has found, in the order of the segment. */
export interface FoundRows {
  readonly segment: Segment;
  readonly rows: Uint16Array;
  readonly source: SegmentSource;
}

export class Sums {
  #records = 0;
  #flows = 0;
  #packets = 0;
  #octets = 0;
  #estimated = false;

  add(rows: Uint16Array, { octets, octetsBack, packets, flows, intervals }: Figures): void {
    this.#records += rows.length;
    for (const row of rows) {
      this.#flows += flows[row]!;
      this.#packets += packets[row]!;
      this.#octets += octets[row]! + octetsBack[row]!;
      if (intervals[row]! > 1) this.#estimated = true;
    }
  }

  sums(): FlowSums {
    return {
      records: this.#records,
      flows: this.#flows,
      packets: this.#packets,
      octets: this.#octets,
      estimated: this.#estimated,
    };
  }
}

export interface RankedRow {
  readonly source: SegmentSource;
  readonly row: number;
  /** By arrival. */
  readonly number: number;
  readonly value: number;
}

/** The first `most` rows of an order, largest first; equals by arrival, newest first. */
export class BestRows {
  readonly #most: number;
  readonly #source: ReturnType<typeof columnSource> | undefined;
  #ranked: RankedRow[] = [];
  #least = Number.NEGATIVE_INFINITY;
  /** Rows that were offered. */
  found = 0;

  constructor(order: FlowOrder, most: number) {
    this.#most = most;
    const field = order === 'arrival' ? undefined : fieldNamed(order)!;
    this.#source = field === undefined ? undefined : columnSource(field, field.columns);
  }

  add({ segment, rows, source }: FoundRows): void {
    this.found += rows.length;
    if (this.#most === 0) return;
    const column = this.#source?.(segment);
    // From the newest on, so that of equals the newest stay.
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i]!;
      const number = segment.first + row;
      const value = column === undefined ? number : valueAt(column, row);
      if (value <= this.#least) continue;
      this.#ranked.push({ source, row, number, value });
      if (this.#ranked.length >= 2 * this.#most + 64) this.#prune();
    }
  }

  rows(): RankedRow[] {
    this.#prune();
    return this.#ranked;
  }

  #prune(): void {
    this.#ranked.sort((a, b) => b.value - a.value || b.number - a.number);
    this.#ranked.length = Math.min(this.#ranked.length, this.#most);
    if (this.#most > 0 && this.#ranked.length === this.#most) this.#least = this.#ranked.at(-1)!.value;
  }
}
