/**
 * The hour, made of closed minutes: keys are counted in tables of their own, because a minute's keys go when it closes.
 * Totals are the sums of the minutes', exactly. Limits: `keysMax` keys a dimension. Owned by the rollup.
 */
import type { HistoryWindow } from '../flow/history_shapes.ts';
import type { RowCounts } from '../flow/row_counts.ts';
import { OpenWindow } from './open_window.ts';
import type { RollupFigures, RollupOptions } from './rollup.ts';
import { closeDimension, closeTotal } from './window_close.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** It is alone in its tables. */
const place = 0;

export class HourRollup {
  readonly #options: RollupOptions;
  readonly #figures: RollupFigures;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #window = new OpenWindow(place);
  readonly #makeCounts: () => RowCounts;
  #counts: RowCounts | undefined;
  #open = false;

  /** @param makeCounts of the dimensions, one place, and no columns of rows; called once, when the first hour begins */
  constructor(
    options: RollupOptions,
    makeCounts: () => RowCounts,
    figures: RollupFigures,
    emit: (window: HistoryWindow) => void,
  ) {
    this.#options = options;
    this.#makeCounts = makeCounts;
    this.#figures = figures;
    this.#emit = emit;
  }

  /** Metering begins at this moment; an hour that is open already goes on. */
  begin(nowMs: number): void {
    const ordinal = Math.floor(nowMs / hourMs);
    if (this.#open && this.#window.ordinal === ordinal) this.#window.partial = true;
    else this.#start(ordinal, ordinal * hourMs < nowMs);
  }

  /** Takes one dimension of a minute that closes, which was taken from `minute` just now; before `add`. */
  addTaken(minute: RowCounts): void {
    this.#figures.evictedKeys += this.#counts!.addTaken(minute, place);
  }

  /** Takes the minute's totals; closes the hour behind its last minute. */
  add(minute: OpenWindow, minuteStartMs: number): void {
    this.#window.add(minute);
    if ((minuteStartMs + minuteMs) % hourMs !== 0) return;
    this.#close();
    this.#start(this.#window.ordinal + 1, false);
  }

  /** @param resumeMs where metering goes on: an hour that contains it stays open */
  flush(resumeMs: number | undefined, hours: boolean): void {
    if (!this.#open || (resumeMs !== undefined && Math.floor(resumeMs / hourMs) === this.#window.ordinal)) return;
    this.#window.partial = true;
    if (hours) this.#close();
    this.#open = false;
  }

  #start(ordinal: number, partial: boolean): void {
    if (this.#counts === undefined) this.#counts = this.#makeCounts();
    else this.#counts.clear();
    this.#window.clear(ordinal).partial = partial;
    this.#open = true;
  }

  #close(): void {
    const { dimensions, topK, names } = this.#options;
    const { partial, ordinal, total, totalSampled } = this.#window;
    const closed = dimensions.map((dimension, i) => closeDimension(dimension, this.#counts!.take(i, place, null, topK), names));
    this.#emit({ tier: '1h', startMs: ordinal * hourMs, dimensions: [closeTotal(total, totalSampled), ...closed], partial });
  }
}
