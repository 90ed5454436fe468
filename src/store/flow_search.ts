/**
 * Answers questions about recent flow records: scans the segments that the time touches, newest first, and lets others have
 * the event loop in between. Limits: 5,000 records an answer, `pauseRows` rows without a pause (some milliseconds).
 */
import type { Clock } from '../core/clock.ts';
import { fieldNamed } from '../flow/filter/filter_fields.ts';
import type {
  FlowCoverage,
  FlowGroupAnswer,
  FlowGroupQuestion,
  FlowListAnswer,
  FlowListQuestion,
  FlowOrder,
  FlowRange,
  FlowSearcher,
  FlowSums,
} from '../flow/flow_search_shapes.ts';
import { rowToJson } from '../flow/row_json.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { type Figures, figuresOf } from './flow_figures.ts';
import { FlowGroups } from './flow_groups.ts';
import { allRows, both, noRows } from './flow_kernels.ts';
import { columnSource, compileFilter, inTime } from './flow_matcher.ts';
import { type Segment, segmentRows, unpackRow, valueAt } from './flow_segment.ts';
import type { RecentFlows } from './recent_flows.ts';

export const flowsLimitMax = 5_000;
const pauseSegments = 32;

/** Rows of a segment that a search has found, in the order of the segment. */
interface FoundRows {
  readonly segment: Segment;
  readonly rows: Uint16Array;
}

export class FlowSearch implements FlowSearcher {
  readonly #flows: RecentFlows;
  readonly #clock: Clock;
  readonly #missedRows: () => number;

  constructor(flows: RecentFlows, clock: Clock, missedRows: () => number = () => 0) {
    this.#flows = flows;
    this.#clock = clock;
    this.#missedRows = missedRows;
  }

  async list(question: FlowListQuestion): Promise<FlowListAnswer> {
    const { fromMs, toMs, order, offset, before } = question;
    const limit = Math.min(flowsLimitMax, question.limit);
    const best = new BestRows(order, offset + limit);
    const matched = new Sums();
    const coverage = await this.#scan(
      question,
      (found) => {
        matched.add(found.rows, figuresOf(found.segment));
        best.add(found);
      },
      before,
    );
    const bytes = new Uint8Array(ROW_BYTES);
    const rows = best.rows().slice(offset);
    const flows = rows.map(({ segment, row }) => {
      unpackRow(segment, row, bytes);
      return rowToJson(bytes, 0);
    });
    const sums = matched.sums();
    const last = rows.at(-1);
    const isMore = order === 'arrival' && last !== undefined && sums.records > offset + rows.length;
    const next = isMore ? { nextBefore: last.segment.first + last.row } : {};
    return { fromMs, toMs, matched: sums, flows, ...next, coverage };
  }

  async group(question: FlowGroupQuestion): Promise<FlowGroupAnswer> {
    const { fromMs, toMs, by, order, limit } = question;
    const groups = new FlowGroups(by, order);
    const matched = new Sums();
    const coverage = await this.#scan(question, ({ segment, rows }) => {
      const figures = figuresOf(segment);
      matched.add(rows, figures);
      groups.add(segment, rows, figures);
    });
    return { fromMs, toMs, by, matched: matched.sums(), ...groups.close(Math.min(flowsLimitMax, limit)), coverage };
  }

  async #scan(
    { filter, fromMs, toMs }: FlowRange,
    take: (found: FoundRows) => void,
    before = Number.POSITIVE_INFINITY,
  ): Promise<FlowCoverage> {
    const startedMs = this.#clock.monotonicMs();
    const matches = compileFilter(filter);
    const isInTime = inTime(fromMs, toMs);
    const numbers = new Uint16Array(segmentRows);
    let recordsScanned = 0;
    const segments = this.#flows.newestFirst();
    for (const [i, segment] of segments.entries()) {
      if (i % pauseSegments === pauseSegments - 1) await this.#clock.sleep(0);
      if (segment.first >= before) continue;
      const mask = both(isInTime(segment), () => matches(segment));
      if (mask === noRows) continue;
      recordsScanned += segment.count;
      let count = 0;
      const end = Math.min(segment.count, before - segment.first);
      for (let row = 0; row < end; row++) if (mask === allRows || mask[row] === 1) numbers[count++] = row;
      if (count > 0) take({ segment, rows: numbers.slice(0, count) });
    }
    return {
      recordsKept: this.#flows.rows,
      keptFromMs: Math.floor(this.#flows.oldestMs ?? 0),
      recordsMissed: this.#missedRows(),
      recordsScanned,
      tookMs: Math.round((this.#clock.monotonicMs() - startedMs) * 10) / 10,
    };
  }
}

class Sums {
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

interface RankedRow {
  readonly segment: Segment;
  readonly row: number;
  readonly value: number;
}

/** The first `most` rows of an order, largest first; equals by arrival, newest first. */
class BestRows {
  readonly #most: number;
  readonly #source: ReturnType<typeof columnSource> | undefined;
  #ranked: RankedRow[] = [];
  #least = Number.NEGATIVE_INFINITY;

  constructor(order: FlowOrder, most: number) {
    this.#most = most;
    const field = order === 'arrival' ? undefined : fieldNamed(order)!;
    this.#source = field === undefined ? undefined : columnSource(field, field.columns);
  }

  add({ segment, rows }: FoundRows): void {
    if (this.#most === 0) return;
    const column = this.#source?.(segment);
    // From the newest on, so that of equals the newest stay.
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i]!;
      const value = column === undefined ? segment.first + row : valueAt(column, row);
      if (value <= this.#least) continue;
      this.#ranked.push({ segment, row, value });
      if (this.#ranked.length >= 2 * this.#most + 64) this.#prune();
    }
  }

  rows(): RankedRow[] {
    this.#prune();
    return this.#ranked;
  }

  #prune(): void {
    this.#ranked.sort((a, b) => b.value - a.value || b.segment.first + b.row - (a.segment.first + a.row));
    this.#ranked.length = Math.min(this.#ranked.length, this.#most);
    if (this.#most > 0 && this.#ranked.length === this.#most) this.#least = this.#ranked.at(-1)!.value;
  }
}
