/**
 * Answers questions about flow records: scans the segments in memory that the time touches, newest first, then the blocks on
 * disk that are older, and lets others have the event loop in between. Limits: 5,000 records an answer, `pauseSegments`
 * without a pause (some milliseconds), on disk `withinMs` and one question at a time.
 */
import type { Clock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { NameDictionary } from '../flow/dictionary.ts';
import { asksForLabels, unknownLabelText, withLabelNumbers } from '../flow/filter/filter_names.ts';
import type {
  ArchiveCoverage,
  FlowCoverage,
  FlowGroup,
  FlowGroupAnswer,
  FlowGroupQuestion,
  FlowKey,
  FlowListAnswer,
  FlowListQuestion,
  FlowRange,
  FlowSearcher,
} from '../flow/flow_search_shapes.ts';
import { labelDimensions, unlabelledKey } from '../flow/labels.ts';
import { type RowJson, rowToJson } from '../flow/row_json.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { ArchivedFiles, FoundBlock } from './archived_files.ts';
import { figuresOf } from './flow_figures.ts';
import { BestRows, type FoundRows, type RankedRow, type SegmentSource, Sums } from './flow_found.ts';
import { FlowGroups } from './flow_groups.ts';
import { allRows, both, type Mask, noRows } from './flow_kernels.ts';
import { allGroups, countsGroup, groupsOfFilter, groupsOfOrder, keysGroup } from './flow_layout.ts';
import { compileFilter, inTime, type Matcher } from './flow_matcher.ts';
import { type Segment, segmentRows, unpackRow } from './flow_segment.ts';
import { canBeInTime, canMatch } from './flow_skip.ts';
import type { SearchedFlows } from './recent_flows.ts';

export const flowsLimitMax = 5_000;
export const withinMsDefault = 5_000;
const pauseSegments = 32;

/** What is kept on disk, and what it says of itself. */
export interface SearchedArchive {
  readonly files: ArchivedFiles;
  readonly coverage: () => Pick<ArchiveCoverage, 'recordsSkipped' | 'trouble'>;
}

export interface FlowSearchParts {
  readonly flows: SearchedFlows;
  readonly clock: Clock;
  /** Records that came faster than they could be taken in. */
  readonly missedRows?: () => number;
  readonly archive?: SearchedArchive;
  /** The names of labels, as they are now; without it there are none. */
  readonly names?: () => Promise<NameDictionary>;
}

export class FlowSearch implements FlowSearcher {
  readonly #flows: SearchedFlows;
  readonly #clock: Clock;
  readonly #missedRows: () => number;
  readonly #archive: SearchedArchive | undefined;
  readonly #names: () => Promise<NameDictionary>;
  /** Questions to the disk, one after the other: more at once would only make it seek. */
  #turn: Promise<void> = Promise.resolve();

  constructor({ flows, clock, missedRows = () => 0, archive, names = async () => new NameDictionary() }: FlowSearchParts) {
    this.#flows = flows;
    this.#clock = clock;
    this.#missedRows = missedRows;
    this.#archive = archive;
    this.#names = names;
  }

  list(question: FlowListQuestion): Promise<FlowListAnswer> {
    return this.#flows.whileRead(() => this.#list(question));
  }

  group(question: FlowGroupQuestion): Promise<FlowGroupAnswer> {
    return this.#flows.whileRead(() => this.#group(question));
  }

  async #list(question: FlowListQuestion): Promise<FlowListAnswer> {
    const { fromMs, toMs, order, offset, before } = question;
    const limit = Math.min(flowsLimitMax, question.limit);
    const best = new BestRows(order, offset + limit);
    const matched = new Sums();
    // The first page tells the sums of all; later ones only go on.
    const isLater = order === 'arrival' && before !== undefined && before !== Number.MAX_SAFE_INTEGER;
    const numbered = await this.#numbered(question);
    const scan = new Scan(numbered, new Set([countsGroup, ...groupsOfOrder(order)]), (found) => {
      matched.add(found.rows, figuresOf(found.segment));
      best.add(found);
      return !isLater || best.found < offset + limit;
    });
    const coverageOf = await this.#run(scan, before);
    const rows = best.rows().slice(offset);
    const { flows, listed } = await this.#unpacked(rows);
    const sums = matched.sums();
    const next = order === 'arrival' ? nextPage(rows, limit, sums.records > offset + rows.length, scan.reachedRow) : {};
    return { fromMs, toMs, matched: sums, listed, flows, ...next, coverage: coverageOf() };
  }

  async #group(question: FlowGroupQuestion): Promise<FlowGroupAnswer> {
    const { fromMs, toMs, by, order, limit } = question;
    const groups = new FlowGroups(by, order);
    const matched = new Sums();
    const scan = new Scan(await this.#numbered(question), new Set([keysGroup, countsGroup]), ({ segment, rows }) => {
      const figures = figuresOf(segment);
      matched.add(rows, figures);
      groups.add(segment, rows, figures);
      return true;
    });
    const coverageOf = await this.#run(scan);
    const closed = groups.close(Math.min(flowsLimitMax, limit));
    const named = await this.#named(by, closed.groups);
    return { fromMs, toMs, by, matched: matched.sums(), ...closed, groups: named, coverage: coverageOf() };
  }

  /** @throws ApplianceError `usage` for a label that nobody gave */
  async #numbered(question: FlowRange): Promise<FlowRange> {
    if (!asksForLabels(question.filter)) return question;
    const { filter, unknown } = { unknown: undefined, ...withLabelNumbers(question.filter, await this.#names()) };
    if (unknown === undefined) return { ...question, filter: filter! };
    const { message, allowed } = unknownLabelText(unknown);
    throw new ApplianceError('usage', `filter: ${message}; allowed: ${allowed}`, {
      fields: { field: unknown.field, name: unknown.name, message, allowed },
    });
  }

  /** Keys of labels by their names, as the history has them. */
  async #named(by: readonly FlowKey[], groups: readonly FlowGroup[]): Promise<readonly FlowGroup[]> {
    const isLabel = by.map((key) => (Object.values(labelDimensions) as string[]).includes(key));
    if (!isLabel.includes(true)) return groups;
    const names = await this.#names();
    const nameOf = (key: string): string => (key === 'none' ? unlabelledKey : (names.entryOf(Number(key))?.name ?? key));
    return groups.map((group) => ({ ...group, keys: group.keys.map((key, i) => (isLabel[i] ? nameOf(key) : key)) }));
  }

  /** @returns what tells how far it came; to be asked once records have been unpacked, which the disk may refuse as well */
  async #run(scan: Scan, before = Number.POSITIVE_INFINITY): Promise<() => FlowCoverage> {
    const startedMs = this.#clock.monotonicMs();
    const segments = this.#flows.newestFirst();
    const firstInMemory = this.#flows.firstRow;
    for (const [i, segment] of segments.entries()) {
      if (i % pauseSegments === pauseSegments - 1) await this.#clock.sleep(0);
      if (scan.isOver) break;
      if (segment.first < before) scan.look(segment, scan.maskOf(segment), before, { load: async () => segment });
    }
    if (this.#archive !== undefined && !scan.isOver)
      await this.#inTurn(() => this.#onDisk(scan, Math.min(before, firstInMemory), startedMs));
    return () => this.#coverage(scan, firstInMemory, startedMs);
  }

  async #onDisk(scan: Scan, before: number, startedMs: number): Promise<void> {
    const { files } = this.#archive!;
    const { fromMs, toMs, withinMs = withinMsDefault, signal } = scan.question;
    const endMs = startedMs + withinMs;
    const possible = canMatch(scan.question.filter);
    const inRange = canBeInTime(fromMs, toMs);
    // Something is looked at in any case, so that whoever asks again and again comes to an end.
    let looked = 0;
    const goesOn = (row: number, rowMs: number): boolean => {
      signal?.throwIfAborted();
      if (!scan.isOver && (looked === 0 || this.#clock.monotonicMs() <= endMs)) return true;
      scan.stopAt(row, rowMs);
      return false;
    };
    const range = { before, fromMs, toMs };
    for await (const found of files.blocks(range, (summary) => inRange(summary) && possible(summary), goesOn)) {
      const { first, count } = found.entry.summary;
      if (!goesOn(Math.min(before, first + count), found.endMs)) return;
      looked++;
      const keys = await files.read(found, scan.filterGroups);
      if (keys === undefined) continue;
      const mask = scan.maskOf(keys);
      const segment = mask === noRows ? keys : await files.read(found, scan.takenGroups);
      if (segment !== undefined) scan.look(segment, mask, before, sourceOf(files, found));
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const done = Promise.withResolvers<void>();
    this.#turn = done.promise;
    try {
      await before;
      await work();
    } finally {
      done.resolve();
    }
  }

  /** Each segment is loaded once, however its rows are spread over the order. */
  async #unpacked(rows: readonly RankedRow[]): Promise<{ flows: RowJson[]; listed: ReturnType<Sums['sums']> }> {
    const bytes = new Uint8Array(ROW_BYTES);
    const flows: (RowJson | undefined)[] = [];
    const listed = new Sums();
    const bySource = Map.groupBy(rows.entries(), ([, { source }]) => source);
    for (const [source, places] of bySource) {
      const segment = await source.load();
      if (segment === undefined) continue; // it made room for newer ones meanwhile
      for (const [place, { row }] of places) {
        unpackRow(segment, row, bytes);
        flows[place] = rowToJson(bytes, 0);
      }
      listed.add(
        Uint16Array.from(places, ([, { row }]) => row),
        figuresOf(segment),
      );
    }
    return { flows: flows.filter((flow) => flow !== undefined), listed: listed.sums() };
  }

  #coverage(scan: Scan, firstInMemory: number, startedMs: number): FlowCoverage {
    const { files, coverage } = this.#archive ?? {};
    const records = files?.rowsBefore(firstInMemory) ?? 0;
    const oldest = [this.#flows.oldestMs, files?.oldestMs].filter((ms) => ms !== undefined);
    return {
      recordsKept: this.#flows.rows + records,
      keptFromMs: oldest.length === 0 ? 0 : Math.floor(Math.min(...oldest)),
      recordsMissed: this.#missedRows(),
      recordsScanned: scan.recordsScanned,
      tookMs: Math.round((this.#clock.monotonicMs() - startedMs) * 10) / 10,
      complete: scan.reachedRow === undefined,
      ...(scan.reachedMs === undefined ? {} : { searchedFromMs: scan.reachedMs }),
      ...(files === undefined
        ? {}
        : {
            archive: {
              records: files.rowsBefore(Number.POSITIVE_INFINITY),
              octets: files.octets,
              blocksUnreadable: files.blocksUnreadable,
              ...coverage!(),
            },
          }),
    };
  }
}

/** One question on its way through the segments. */
class Scan {
  readonly question: FlowRange;
  readonly filterGroups: ReadonlySet<number>;
  readonly takenGroups: ReadonlySet<number>;
  recordsScanned = 0;
  /** True once the taker wants no more. */
  isOver = false;
  /** Records below this number have not been looked at; undefined when all have. */
  reachedRow: number | undefined;
  reachedMs: number | undefined;
  readonly #take: (found: FoundRows) => boolean;
  readonly #matches: Matcher;
  readonly #isInTime: Matcher;
  readonly #numbers = new Uint16Array(segmentRows);

  /** @param take returns whether it wants more */
  constructor(question: FlowRange, takenGroups: ReadonlySet<number>, take: (found: FoundRows) => boolean) {
    this.question = question;
    this.filterGroups = groupsOfFilter(question.filter);
    this.takenGroups = new Set([...this.filterGroups, ...takenGroups]);
    this.#take = take;
    this.#matches = compileFilter(question.filter);
    this.#isInTime = inTime(question.fromMs, question.toMs);
  }

  maskOf(segment: Segment): Mask {
    return both(this.#isInTime(segment), () => this.#matches(segment));
  }

  look(segment: Segment, mask: Mask, before: number, source: SegmentSource): void {
    if (mask === noRows) return;
    this.recordsScanned += segment.count;
    let count = 0;
    const end = Math.min(segment.count, before - segment.first);
    for (let row = 0; row < end; row++) if (mask === allRows || mask[row] === 1) this.#numbers[count++] = row;
    if (count > 0 && !this.#take({ segment, rows: this.#numbers.slice(0, count), source })) {
      this.isOver = true;
      this.stopAt(segment.first, undefined);
    }
  }

  stopAt(row: number, reachedMs: number | undefined): void {
    this.reachedRow = row;
    this.reachedMs = reachedMs ?? this.reachedMs;
  }
}

/** Where a block is found again; without what was read of it, which would stay as long as any of its rows is wanted. */
function sourceOf(files: ArchivedFiles, { path, header, entry, endMs }: FoundBlock): SegmentSource {
  return { load: () => files.load({ path, header, entry, endMs }, allGroups) };
}

/** Behind the last record of a full page, else where the search had to stop. */
function nextPage(
  rows: readonly RankedRow[],
  limit: number,
  isMore: boolean,
  reachedRow: number | undefined,
): { nextBefore?: number } {
  const last = rows.at(-1);
  if (last !== undefined && rows.length === limit && (isMore || reachedRow !== undefined)) return { nextBefore: last.number };
  return reachedRow === undefined ? {} : { nextBefore: reachedRow };
}
