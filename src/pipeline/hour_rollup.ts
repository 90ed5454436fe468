/**
 * The hour, made of closed minutes: keys are counted in tables of their own, because a minute's keys go when it closes.
 * Totals are the sums of the minutes', exactly. Limits: `keysMax` keys a dimension. Owned by the rollup.
 */
import type { Random } from '../core/random.ts';
import type { HistoryWindow } from '../flow/history_shapes.ts';
import { KeyTable } from './key_table.ts';
import { figuresPerKey, figuresPerSample, OpenWindow } from './open_window.ts';
import type { RollupFigures, RollupOptions } from './rollup.ts';
import { keyWords } from './row_keys.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;

export class HourRollup {
  readonly #options: RollupOptions;
  readonly #random: Random;
  readonly #figures: RollupFigures;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #window: OpenWindow;
  #tables: KeyTable[] = [];
  #open = false;

  constructor(options: RollupOptions, random: Random, figures: RollupFigures, emit: (window: HistoryWindow) => void) {
    this.#options = options;
    this.#window = new OpenWindow(options.dimensions);
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

  /** Takes a closed minute of the open hour; closes the hour behind its last minute. */
  add(minute: OpenWindow, tables: readonly KeyTable[], minuteStartMs: number): void {
    const window = this.#window;
    window.partial ||= minute.partial;
    for (let i = 0; i < figuresPerKey; i++) window.total[i]! += minute.total[i]!;
    for (let i = 0; i < figuresPerSample; i++) window.totalSampled[i]! += minute.totalSampled[i]!;
    minute.columns.forEach((columns, dimension) => {
      const from = tables[dimension]!;
      const mine = window.columns[dimension]!;
      const key = new Int32Array(from.words);
      for (let slot = 0; slot < columns.present.length; slot++) {
        if (columns.present[slot] === 0) continue;
        key.set(from.keys.subarray(slot * from.words, (slot + 1) * from.words));
        const v = columns.values;
        const at = slot * figuresPerKey;
        const target = this.#slot(dimension, key, from.hashes[slot]!, v[at]! + v[at + 1]!);
        mine.add(this.#tables[dimension]!, target, v[at]!, v[at + 1]!, v[at + 2]!, v[at + 3]!, v[at + 4]!);
        mine.addSampledOf(target, columns, slot);
      }
      window.addRest(dimension, columns);
    });
    if ((minuteStartMs + minuteMs) % hourMs === 0) {
      this.#close();
      this.#start(window.ordinal + 1, false);
    }
  }

  /** @param resumeMs where metering goes on: an hour that contains it stays open */
  flush(resumeMs: number | undefined, hours: boolean): void {
    if (!this.#open || (resumeMs !== undefined && Math.floor(resumeMs / hourMs) === this.#window.ordinal)) return;
    this.#window.partial = true;
    if (hours) this.#close();
    this.#open = false;
  }

  #slot(dimension: number, key: Int32Array, hash: number, octets: number): number {
    const table = this.#tables[dimension]!;
    let slot = table.find(key, hash);
    if (slot < 0) {
      if (table.full) {
        const victim = table.victim(-1);
        this.#window.columns[dimension]!.evict(victim);
        table.remove(victim);
        this.#figures.evictedKeys++;
      }
      slot = table.insert(key, hash);
    }
    table.weights[slot]! += octets;
    return slot;
  }

  #start(ordinal: number, partial: boolean): void {
    this.#tables = this.#window.dimensions.map((name) => new KeyTable(keyWords[name], this.#options.keysMax, this.#random));
    this.#window.clear(ordinal).partial = partial;
    this.#open = true;
  }

  #close(): void {
    const { topK, names } = this.#options;
    this.#emit(this.#window.close('1h', this.#window.ordinal * hourMs, this.#tables, topK, names));
  }
}
