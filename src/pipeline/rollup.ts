/**
 * Rows into windows: 10 s windows take rows, minutes are made of closed 10 s windows, hours of closed minutes, so that every
 * tier adds up to the same. Pure: time comes in with the calls, closed windows go out through `emit`.
 *
 * In equals out: each row's packets and octets are in every dimension of exactly one chain of windows, whole numbers, late
 * or not. Limits: `keysMax` keys a dimension while windows are open (and as many again for the hour), windows of
 * `lateMs` and `windowsToSpare` more open at once. Sampled rows count by their estimates, whole numbers too, with their standard errors and with what
 * was counted beside them.
 */
import type { Random } from '../core/random.ts';
import type { HistoryWindow, Tier } from '../flow/history_shapes.ts';
import {
  type CountRows,
  figuresPerTotal,
  type KeyedDimension,
  outcomes,
  type RowCounts,
  type RowCountsPlan,
  rowsOutcome,
} from '../flow/row_counts.ts';
import type { Sampling } from '../flow/selectors.ts';
import { servicePorts } from '../flow/service_port.ts';
import { HourRollup } from './hour_rollup.ts';
import { hashKey } from './keyed_hash.ts';
import { OpenWindow } from './open_window.ts';
import { type KeyNames, keyWords } from './row_keys.ts';
import { closeDimension, closeTotal } from './window_close.ts';

export interface RollupOptions {
  readonly countRows: CountRows;
  /** In the order of `keyedDimensions`, the first six always: `dimensionsWith`. */
  readonly dimensions: readonly KeyedDimension[];
  /** What numbers in keys are called. */
  readonly names: KeyNames;
  readonly topK: number;
  readonly keysMax: number;
  /** A window closes this long after its end. */
  readonly lateMs: number;
  /** What a selectorId of rows stands for; undefined where nothing is sampled, or nobody knows. */
  readonly selectorOf?: (selectorId: number) => Sampling | undefined;
}

export interface RollupFigures {
  rows: number;
  /** Rows of which a part belonged to a window already closed: that part is in the oldest open one. */
  lateRows: number;
  /** Rows that claim to end in the future: that part is in the newest window. */
  earlyRows: number;
  /** Keys that gave their place up; their volume went to `other`. */
  evictedKeys: number;
  windowsClosed: number;
}

const windowMs = 10_000;
const windowsPerMinute = 6;
const minuteMs = 60_000;
/** A longer silence than this is a gap (the box slept), not a row of empty windows. */
const silenceMaxMs = 3_600_000;
/** Rows may come this much later than their windows should have closed before the first of those close without them. */
const windowsToSpare = 6;
/** Rarely more are open at once; then there is made room. */
const windowsAtFirst = 12;
/** The open minute stands beside its windows. */
const minutePlace = 0;

export class Rollup {
  readonly figures: RollupFigures = { rows: 0, lateRows: 0, earlyRows: 0, evictedKeys: 0, windowsClosed: 0 };
  readonly #options: RollupOptions;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #windowsMax: number;
  readonly #counts: RowCounts;
  readonly #totals: Float64Array;
  readonly #windowPlaces: Int32Array;
  readonly #outcome = new Int32Array(outcomes);
  readonly #minute: OpenWindow;
  readonly #hour: HourRollup;
  readonly #spare: OpenWindow[] = [];
  /** Places that windows were made for, the minute's among them; and those there is room for. */
  #placesUsed = 1;
  #places: number;
  /** Open 10 s windows without holes; the first one's ordinal is `#oldest`. */
  #windows: OpenWindow[] = [];
  #oldest = 0;
  #nowMs = 0;
  #unmeteredUntilMs = 0;

  constructor(options: RollupOptions, random: Random, emit: (window: HistoryWindow) => void) {
    this.#options = options;
    this.#emit = (window) => {
      this.figures.windowsClosed++;
      emit(window);
    };
    const { dimensions, keysMax, lateMs } = options;
    const windowsDue = Math.ceil(lateMs / windowMs) + 1;
    this.#windowsMax = windowsDue + windowsToSpare;
    const placesMax = 1 + this.#windowsMax;
    // Room for the minute, and for those that are open while nothing is late.
    this.#places = 1 + Math.min(windowsDue, windowsAtFirst);
    this.#totals = new Float64Array(placesMax * figuresPerTotal);
    this.#windowPlaces = new Int32Array(placesMax);
    this.#minute = new OpenWindow(minutePlace, this.#totals);
    const keyed = dimensions.map((name) => ({ name, multipliers: hashKey(keyWords[name], random) }));
    const planFor = (places: number, most: number, totals: Float64Array): RowCountsPlan => ({
      ...{ keysMax, places, placesMax: most, windowMs, totals, servicePorts },
      dimensions: keyed.map((one) => ({ ...one, seed: random.uint32() })),
      hasSelectors: options.selectorOf !== undefined,
      windowPlaces: this.#windowPlaces,
      outcome: this.#outcome,
    });
    this.#counts = options.countRows(planFor(this.#places, placesMax, this.#totals));
    const makeHour = (): RowCounts => options.countRows(planFor(1, 1, new Float64Array(figuresPerTotal)));
    this.#hour = new HourRollup(options, makeHour, this.figures, this.#emit);
  }

  get openWindows(): number {
    return this.#windows.length;
  }

  /** Metering begins (again): nothing before this moment was seen. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#oldest = Math.floor(nowMs / windowMs);
    this.#unmeteredUntilMs = nowMs;
    this.#openMinute();
    this.#minute.partial = this.#minute.ordinal * minuteMs < nowMs;
    this.#hour.begin(nowMs);
  }

  /** Between these moments the meter stood still: the windows are marked, their traffic is not known. */
  markUnmetered(fromMs: number, toMs: number): void {
    // Windows before the gap are not concerned: they must be open before the mark applies to those that follow.
    this.#reach(Math.floor((Math.min(fromMs, this.#nowMs) - 1) / windowMs));
    this.#unmeteredUntilMs = Math.max(this.#unmeteredUntilMs, toMs);
    for (const window of this.#windows) {
      const startMs = window.ordinal * windowMs;
      if (startMs < toMs && startMs + windowMs > fromMs) window.partial = true;
    }
  }

  /**
   * Counts the rows of a block.
   * @param offsetMs added to the rows' clock to get wall time
   * @param nowMs wall time at which the block was closed: no row ends later
   */
  add(bytes: Uint8Array, firstRow: number, count: number, offsetMs: number, nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const newest = Math.max(this.#oldest, Math.floor(this.#nowMs / windowMs));
    this.#makeRoom(newest);
    const outcome = this.#outcome;
    while (!this.#counts.add(bytes, firstRow, count, offsetMs, this.#oldest, newest, this.#windows.length)) {
      const selectorId = outcome[rowsOutcome.selectorId]!;
      if (selectorId !== 0) this.#tellSelector(selectorId);
      this.#window(this.#oldest + outcome[rowsOutcome.windowsNeeded]! - 1);
    }
    this.figures.rows += count;
    this.figures.lateRows += outcome[rowsOutcome.lateRows]!;
    this.figures.earlyRows += outcome[rowsOutcome.earlyRows]!;
    this.figures.evictedKeys += outcome[rowsOutcome.evictedKeys]!;
  }

  #tellSelector(selectorId: number): void {
    const sampling = this.#options.selectorOf?.(selectorId);
    this.#counts.tellSelector(selectorId, sampling?.interval ?? 1, sampling?.kind === 'flowHash', sampling !== undefined);
  }

  /** Time has passed: closes what is due. */
  advance(nowMs: number): void {
    if (nowMs - this.#nowMs > silenceMaxMs) {
      this.flush(this.#nowMs, nowMs);
      return;
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    while ((this.#oldest + 1) * windowMs + this.#options.lateMs <= this.#nowMs) this.#closeOldest();
  }

  /**
   * Closes every open window, those that end later than `nowMs` as partial.
   * @param resumeMs where metering goes on, after a step of the clock: the hour goes on too when it is the same one
   * @param hours false leaves the open hour out: its minutes are kept elsewhere and will be put together there
   */
  flush(nowMs: number, resumeMs?: number, hours = true): void {
    this.#reach(Math.floor((nowMs - 1) / windowMs));
    for (const window of this.#windows) if ((window.ordinal + 1) * windowMs > nowMs) window.partial = true;
    while (this.#windows.length > 0) this.#closeOldest();
    if (this.#oldest % windowsPerMinute !== 0) this.#closeMinute(true);
    this.#hour.flush(resumeMs, hours);
    if (resumeMs !== undefined) this.begin(resumeMs);
  }

  /** Opens every window up to this one; closes the oldest where they would be too many. */
  #reach(ordinal: number): void {
    this.#makeRoom(ordinal);
    this.#window(ordinal);
  }

  #makeRoom(ordinal: number): void {
    while (ordinal - this.#oldest >= this.#windowsMax) this.#closeOldest();
  }

  #window(ordinal: number): void {
    while (this.#oldest + this.#windows.length <= ordinal) {
      const next = this.#oldest + this.#windows.length;
      const window = (this.#spare.pop() ?? this.#newPlace()).clear(next);
      window.partial = next * windowMs < this.#unmeteredUntilMs;
      this.#windowPlaces[this.#windows.length] = window.place;
      this.#windows.push(window);
    }
  }

  #newPlace(): OpenWindow {
    const window = new OpenWindow(this.#placesUsed++, this.#totals);
    if (window.place === this.#places) {
      this.#places = Math.min(1 + this.#windowsMax, 2 * this.#places);
      this.#counts.widen(this.#places);
    }
    return window;
  }

  #closeOldest(): void {
    this.#window(this.#oldest);
    const window = this.#windows.shift() as OpenWindow;
    this.#windowPlaces.copyWithin(0, 1);
    this.#oldest++;
    this.#emit(this.#close('10s', window, window.ordinal * windowMs, minutePlace));
    this.#minute.add(window);
    this.#spare.push(window);
    if (this.#oldest % windowsPerMinute === 0) this.#closeMinute(false);
  }

  #closeMinute(cutShort: boolean): void {
    this.#minute.partial ||= cutShort;
    const startMs = this.#minute.ordinal * minuteMs;
    this.#emit(this.#close('1m', this.#minute, startMs, null));
    this.#hour.add(this.#minute, startMs);
    this.#openMinute();
    this.#counts.forgetAbsent();
  }

  #openMinute(): void {
    this.#minute.clear(Math.floor(this.#oldest / windowsPerMinute));
  }

  /** @param to the place of the minute that it belongs to; null for the minute itself, which belongs to the hour */
  #close(tier: Tier, { place, total, totalSampled, partial }: OpenWindow, startMs: number, to: number | null): HistoryWindow {
    const { dimensions, topK, names } = this.#options;
    const closed = dimensions.map((dimension, i) => {
      const taken = this.#counts.take(i, place, to, topK);
      if (to === null) this.#hour.addTaken(this.#counts);
      return closeDimension(dimension, taken, names);
    });
    return { tier, startMs, dimensions: [closeTotal(total, totalSampled), ...closed], partial };
  }
}
