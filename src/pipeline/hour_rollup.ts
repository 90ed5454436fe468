/**
 * The hour, made of closed minutes: keys are counted in tables of their own, because a minute's keys go when it closes.
 * Totals are the sums of the minutes', exactly. Limits: `keysMax` keys a dimension. Owned by the rollup.
 */
import type { Random } from '../core/random.ts';
import type { HistoryWindow } from '../flow/history_shapes.ts';
import { CountedKeys, figuresPerKey, figuresPerSample } from './counted_keys.ts';
import { DimensionCounts } from './dimension_counts.ts';
import { OpenWindow } from './open_window.ts';
import type { RollupFigures, RollupOptions } from './rollup.ts';
import type { RowBatch } from './row_batch.ts';
import { rowFlags } from './row_keys.ts';
import { closeDimension, closeTotal } from './window_close.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** It is alone in its tables. */
const place = 0;

export class HourRollup {
  readonly #options: RollupOptions;
  readonly #random: Random;
  readonly #figures: RollupFigures;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #multipliers: readonly Int32Array[];
  readonly #window = new OpenWindow(place);
  readonly #keys = new CountedKeys();
  #counts: readonly DimensionCounts[] = [];
  #open = false;

  constructor(
    options: RollupOptions,
    multipliers: readonly Int32Array[],
    random: Random,
    figures: RollupFigures,
    emit: (window: HistoryWindow) => void,
  ) {
    this.#options = options;
    this.#multipliers = multipliers;
    this.#random = random;
    this.#figures = figures;
    this.#emit = emit;
  }

  /** Metering begins at this moment; an hour that is open already goes on. */
  begin(nowMs: number): void {
    const ordinal = Math.floor(nowMs / hourMs);
    if (this.#open && this.#window.ordinal === ordinal) this.#window.partial = true;
    else this.#start(ordinal, ordinal * hourMs < nowMs);
  }

  /**
   * Takes one dimension of a minute that closes, before `add`. What a key had in the minute counts like a row.
   * @param batch empty, and empty again afterwards
   */
  addDimension(dimension: number, from: DimensionCounts, keys: CountedKeys, minutePlace: number, batch: RowBatch): void {
    const mine = this.#counts[dimension]!;
    const evictedBefore = mine.evictedKeys;
    for (let key = 0; key < keys.count; ) {
      key = fillBatch(batch, from, keys, key);
      mine.addRows(batch, batch.keys.largest, rowFlags.any, 0);
      batch.clear();
    }
    mine.addRest(from, minutePlace, place);
    this.#figures.evictedKeys += mine.evictedKeys - evictedBefore;
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
    const { dimensions, keysMax } = this.#options;
    this.#counts = dimensions.map((name, i) => new DimensionCounts(name, this.#multipliers[i]!, keysMax, 1, 1, this.#random));
    this.#window.clear(ordinal).partial = partial;
    this.#open = true;
  }

  #close(): void {
    const { topK, names } = this.#options;
    const { partial, ordinal, total, totalSampled } = this.#window;
    const dimensions = this.#counts.map((counts) => {
      counts.take(place, -1, this.#keys);
      return closeDimension(counts, this.#keys, place, topK, names);
    });
    this.#emit({ tier: '1h', startMs: ordinal * hourMs, dimensions: [closeTotal(total, totalSampled), ...dimensions], partial });
  }
}

/** Keys from this one on into an empty batch, as many as it has room for. Returns the next key. */
function fillBatch(batch: RowBatch, { table }: DimensionCounts, keys: CountedKeys, first: number): number {
  const { records, words, stride, keyAt } = table;
  const { slots, figures, sampled, count } = keys;
  const column = batch.keys.largest;
  let key = first;
  for (; key < count && batch.hasRoomFor(1); key++) {
    const to = batch.count++;
    const from = slots[key]! * stride + keyAt;
    for (let word = 0; word < words; word++) column[to * words + word] = records[from + word]!;
    for (let i = 0; i < figuresPerKey; i++) batch.figures[to * figuresPerKey + i] = figures[key * figuresPerKey + i]!;
    for (let i = 0; i < figuresPerSample; i++) batch.sampled[to * figuresPerSample + i] = sampled[key * figuresPerSample + i]!;
    batch.weights[to] = keys.octetsOf(key);
    batch.flags[to] = keys.isEstimate(key) ? rowFlags.any | rowFlags.sampled : rowFlags.any;
    batch.places[to] = place;
    batch.firstShare[to + 1] = ++batch.shareCount;
  }
  return key;
}
