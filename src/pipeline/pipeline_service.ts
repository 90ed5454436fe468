/**
 * The one place that says in which order a block of rows is worked on: enrich, roll up, hand on. Runs on the event loop
 * that polls the meter; `process` is done with the block's memory when it returns.
 *
 * Also keeps the rollup's idea of wall time: it follows the row clock's offset, and closes the windows when that steps. As
 * long as the time is expected to be told, rows wait for it here, so that no window is labelled with 1970.
 */
import type { Clock, Timer } from '../core/clock.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { mergeWindows } from '../flow/history_merge.ts';
import type { HistoryWindow } from '../flow/history_shapes.ts';
import type { HostNameLookup } from '../flow/host_names.ts';
import { type LabelRule, labelKindsOf } from '../flow/labels.ts';
import type { PlaceLookup } from '../flow/places.ts';
import { type RowBlock, type RowClock, WALL_BOOT_ID } from '../flow/row_block.ts';
import type { CountRows } from '../flow/row_counts.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import type { MarkLocality, RowLocality } from '../flow/row_locality.ts';
import type { Sampling } from '../flow/selectors.ts';
import type { EnrichmentStatus } from '../flow/status_shapes.ts';
import { Completeness, completenessParts } from './completeness.ts';
import { enricherOf } from './enrich.ts';
import { HeldRows, type UnmeteredSpan } from './held_rows.ts';
import { LabelRules } from './label_rules.ts';
import type { NameBook } from './name_book.ts';
import { Places } from './places.ts';
import { Rollup, type RollupFigures } from './rollup.ts';
import { dimensionsWith } from './row_keys.ts';
import { SecondRates } from './second_rates.ts';

export interface PipelineOptions {
  readonly siteNetworks: readonly string[];
  readonly topK: number;
  readonly keysMax: number;
  readonly lateS: number;
}

export interface PipelineParts {
  readonly clock: RowClock;
  readonly markLocality: MarkLocality;
  readonly countRows: CountRows;
  /** What a selectorId of rows stands for. Without it rows count as they are. */
  readonly selectorOf?: (selectorId: number) => Sampling | undefined;
  /** Rules for labels, and who keeps their numbers: started before. */
  readonly labels?: { readonly rules: readonly LabelRule[]; readonly names: NameBook };
  /** What hosts are called; absent where no names are learned. */
  readonly hostNames?: () => HostNameLookup | undefined;
  /** Where addresses are, and what is told of that. */
  readonly places?: { readonly lookup: PlaceLookup; readonly told: readonly ('country' | 'as')[] };
  /** Takes every enriched block; copies what it keeps before it returns (the spool). */
  readonly keepRows: (block: RowBlock) => void;
  /** Takes every enriched block once its time is known; copies what it keeps. */
  readonly showRows?: (block: RowBlock, wallOffsetNs: bigint) => void;
  /**
   * What was kept of the hour that is open at start, by an earlier run; undefined for nothing, or when that hour is closed
   * already. Given: an open hour is left out at stop, because its minutes come back this way.
   */
  readonly hourSoFar?: (hourStartMs: number) => Promise<HistoryWindow | undefined>;
}

export type WindowListener = (window: HistoryWindow) => void;

const tickMs = 1_000;
/** Blocks may wait this long between meter and pipeline: time that the clock alone tells is taken for that much earlier. */
const handOverMs = 5_000;
/** A smaller change of the offset is the clock being steered, not set. */
const stepMs = 1_000;
const hourMs = 3_600_000;

export class PipelineService implements Service {
  readonly name = 'pipeline';
  readonly #options: PipelineOptions;
  readonly #parts: PipelineParts;
  readonly #world: World;
  readonly #rollup: Rollup;
  readonly #listeners = new Set<WindowListener>();
  readonly #rates: SecondRates;
  #enricher: RowLocality;
  #labels: LabelRules | undefined;
  readonly #places: Places | undefined;
  readonly #completeness: Completeness;
  #timer: Timer | undefined;
  #offsetNs = 0n;
  #newestMs = 0;
  #steps = 0;
  #tickedAtMs: number | undefined;
  #hourSoFar: HistoryWindow | undefined;
  /** Set while the time is not known and expected. */
  #held: HeldRows | undefined;

  constructor(options: PipelineOptions, parts: PipelineParts, world: World) {
    this.#options = options;
    this.#parts = parts;
    this.#world = { ...world, log: world.log.child(this.name) };
    this.#enricher = enricherOf(options.siteNetworks, parts.markLocality);
    const { labels } = parts;
    this.#places = parts.places === undefined ? undefined : new Places(parts.places.lookup);
    this.#rates = new SecondRates(options.lateS);
    const places = (parts.places?.told.length ?? 0) > 0;
    this.#completeness = new Completeness(() => ({ labels: this.#labels !== undefined, places, names: parts.hostNames?.() }));
    this.#rollup = new Rollup(
      {
        dimensions: dimensionsWith(labelKindsOf(labels?.rules ?? []), parts.places?.told),
        names: {
          label: (number) => labels?.names.nameOf(number),
          as: (number) => this.#places?.asName(number) ?? `AS${number}`,
        },
        countRows: parts.countRows,
        topK: options.topK,
        keysMax: options.keysMax,
        lateMs: options.lateS * 1_000,
        ...(parts.selectorOf === undefined ? {} : { selectorOf: parts.selectorOf }),
      },
      world.random,
      (window) => this.#emit(window),
    );
  }

  /** Metering begins now: what the window that is open misses is marked. */
  async start(_signal: AbortSignal): Promise<void> {
    const { labels } = this.#parts;
    if (labels !== undefined && labels.rules.length > 0) {
      this.#labels = new LabelRules(labels.rules, (kind, label) => labels.names.numberOf(`${kind}Label`, label));
      // Before the first row bears a number, the disk knows what it stands for.
      await labels.names.save();
    }
    if (this.#parts.clock.awaited?.() === true) this.#held = new HeldRows(this.#world.clock.monotonicNs());
    else {
      this.#offsetNs = this.#currentOffsetNs();
      await this.#askForHour(this.#wallMs());
      this.#begin(this.#wallMs());
    }
    this.#registerMetrics();
    this.#timer = this.#world.clock.every(
      tickMs,
      () => this.#tick(),
      (error) => {
        throw error; // a rollup that fails is a bug
      },
    );
  }

  /** Closes the open windows, as partial where they are not over. The meter has been drained before. */
  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#tickedAtMs = undefined;
    if (this.#held !== undefined) this.#label(this.#held);
    this.#rollup.flush(Math.max(this.#newestMs, this.#wallMs()), undefined, this.#parts.hourSoFar === undefined);
  }

  /** Enriches the rows where they lie, counts them, and hands them on. */
  process(given: RowBlock): void {
    const block = { ...given, isSampled: this.#enricher.mark(given.bytes, given.firstRow, given.count) };
    const row = new RowCursor(block.bytes);
    if (this.#labels !== undefined || this.#places !== undefined) {
      for (let i = 0; i < block.count; i++) {
        row.at(i, block.firstRow);
        this.#labels?.apply(row);
        this.#places?.apply(row);
      }
    }
    this.#completeness.add(row, block.firstRow, block.count);
    if (this.#held !== undefined && !this.#held.hasRoomFor(block.count)) this.#label(this.#held);
    if (this.#held === undefined) this.#rollUp(block);
    else this.#held.add(block);
    this.#parts.keepRows(block);
  }

  /** Share of rows that know all that this box is set up to tell, %; null while there were none. */
  enrichment(): EnrichmentStatus {
    const nowMs = this.#world.clock.monotonicMs();
    return { completePercent: this.#completeness.percent(nowMs), lackingPercent: this.#completeness.lackingPercent(nowMs) };
  }

  #rollUp(block: RowBlock): void {
    const offsetNs = this.#offsetOf(block.bootId);
    if (block.bootId === this.#parts.clock.bootId) this.#follow(offsetNs);
    const offsetMs = Number(offsetNs / 1_000_000n);
    const closedMs = Number(block.closedAtNs / 1_000_000n) + offsetMs;
    this.#rollup.add(block.bytes, block.firstRow, block.count, offsetMs, closedMs);
    this.#newestMs = Math.max(this.#newestMs, closedMs);
    this.#rollup.advance(closedMs);
    this.#parts.showRows?.(block, offsetNs);
  }

  /** The meter's counters were read: of `elapsedMs` that end now these octets. Windows get their peaks from it. */
  second(endMs: number, elapsedMs: number, octets: number): void {
    this.#rates.add(endMs, elapsedMs, octets);
  }

  /** Calls the listener with every window that closes, in order of time. Returns how to end that. */
  onWindow(listener: WindowListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The meter stood still between these wall times (interface down, restart): their windows are marked as gaps. */
  markUnmetered(fromMs: number, toMs: number): void {
    if (this.#held === undefined) this.#rollup.markUnmetered(fromMs, toMs);
    else {
      const nowNs = this.#world.clock.monotonicNs();
      const agoNs = BigInt(Math.round(Math.max(0, toMs - fromMs))) * 1_000_000n;
      // Told as it ends; across a step of the clock only the end is known.
      this.#held.addUnmetered(agoNs > nowNs - this.#held.sinceNs ? this.#held.sinceNs : nowNs - agoNs, nowNs);
    }
  }

  /** Takes up settings that change while running. */
  configure(change: { siteNetworks: readonly string[] }): void {
    this.#enricher = enricherOf(change.siteNetworks, this.#parts.markLocality);
  }

  /** When its timer last ran, monotonic ms; undefined before the first time. */
  get tickedAtMs(): number | undefined {
    return this.#tickedAtMs;
  }

  figures(): Readonly<RollupFigures> & { readonly openWindows: number; readonly clockSteps: number } {
    return { ...this.#rollup.figures, openWindows: this.#rollup.openWindows, clockSteps: this.#steps };
  }

  async #tick(): Promise<void> {
    this.#tickedAtMs = this.#world.clock.monotonicMs();
    const held = this.#held;
    if (held !== undefined) {
      if (this.#parts.clock.awaited?.() === true) return;
      await this.#askForHour(Number((held.sinceNs + this.#currentOffsetNs()) / 1_000_000n));
      // Meanwhile the rows may have become too many to wait.
      if (this.#held === held) this.#label(held);
    }
    this.#follow(this.#currentOffsetNs());
    this.#rollup.advance(this.#wallMs() - handOverMs);
  }

  async #askForHour(atMs: number): Promise<void> {
    this.#hourSoFar = await this.#parts.hourSoFar?.(Math.floor(atMs / hourMs) * hourMs);
  }

  #begin(nowMs: number): void {
    this.#newestMs = nowMs;
    this.#rollup.begin(nowMs);
  }

  /** What waited gets the time as it is known now, from when metering began. */
  #label(held: HeldRows): void {
    this.#held = undefined;
    this.#offsetNs = this.#currentOffsetNs();
    const wallOf = (ns: bigint): number => Number((ns + this.#offsetNs) / 1_000_000n);
    this.#begin(wallOf(held.sinceNs));
    // Each before the rows that came after it: an unmetered span marks windows as they open.
    const spans = [...held.unmetered];
    for (const block of held.blocks) {
      while (spans[0] !== undefined && spans[0].toNs <= block.closedAtNs) this.#markSpan(spans.shift()!, wallOf);
      this.#rollUp(block);
    }
    for (const span of spans) this.#markSpan(span, wallOf);
    this.#rollup.advance(this.#wallMs() - handOverMs);
  }

  #markSpan({ fromNs, toNs }: UnmeteredSpan, wallOf: (ns: bigint) => number): void {
    this.#rollup.markUnmetered(wallOf(fromNs), wallOf(toNs));
  }

  #emit(closed: HistoryWindow): void {
    const window = this.#rates.with(closed);
    let whole = window;
    if (window.tier === '1h' && this.#hourSoFar !== undefined) {
      if (this.#hourSoFar.startMs === window.startMs) {
        whole = mergeWindows([this.#hourSoFar, window], '1h', window.startMs, this.#options.topK, false);
      }
      this.#hourSoFar = undefined;
    }
    for (const listener of this.#listeners) listener(whole);
  }

  /** Windows are labels of wall time: when that steps, those that are open end here and new ones begin there. */
  #follow(offsetNs: bigint): void {
    const changeMs = Number(offsetNs - this.#offsetNs) / 1e6;
    this.#offsetNs = offsetNs;
    if (Math.abs(changeMs) < stepMs) return;
    this.#steps++;
    const nowMs = this.#wallMs();
    this.#world.log.warn('clockStepped', { byMs: Math.round(changeMs), nowMs });
    this.#rollup.flush(Math.round(nowMs - changeMs), nowMs);
    this.#newestMs = nowMs;
  }

  #offsetOf(bootId: string): bigint {
    if (bootId === WALL_BOOT_ID) return 0n;
    return this.#parts.clock.wallOffsetNs(bootId) ?? this.#currentOffsetNs();
  }

  #currentOffsetNs(): bigint {
    return this.#parts.clock.wallOffsetNs(this.#parts.clock.bootId) ?? offsetOfClock(this.#world.clock);
  }

  /** Wall time now as the row clock has it, so that rows and ticks agree. */
  #wallMs(): number {
    return Number((this.#world.clock.monotonicNs() + this.#offsetNs) / 1_000_000n);
  }

  #registerMetrics(): void {
    const { metrics } = this.#world;
    const figure = (name: string, help: string, read: () => number): void => metrics.gauge(name, help, read);
    const { figures } = this.#rollup;
    figure('pipeline_rows', 'Rows enriched and counted', () => figures.rows);
    figure('pipeline_late_rows', 'Rows of which a part fell into a window already closed', () => figures.lateRows);
    figure('pipeline_early_rows', 'Rows that end later than their block', () => figures.earlyRows);
    figure('pipeline_evicted_keys', 'Keys whose volume went to other for lack of room', () => figures.evictedKeys);
    metrics.gauge(
      'pipeline_lacking_ratio',
      'Share of rows that lack something this box is set up to add, last 10 to 20 minutes',
      () => completenessParts.map((part) => ({ labels: { part }, value: this.#completeness.lacking(part) })),
      ['part'],
    );
    figure('pipeline_open_windows', 'Windows of 10 s that are open', () => this.#rollup.openWindows);
  }
}

/** Where nobody knows the row clock's offset: this machine's own idea of it. */
function offsetOfClock(clock: Clock): bigint {
  return BigInt(Math.round(clock.wallMs())) * 1_000_000n - clock.monotonicNs();
}
