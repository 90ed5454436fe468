/**
 * Keeps closed windows: minutes and hours in a store of their own, written once a minute as one batch; days are made of the hours
 * once they are over. Those of 10 s are kept by whoever is asked about them (`recent_windows.ts`).
 *
 * A disk that fails stops the history alone: windows wait, at most `waitingMax`, the oldest is dropped and counted, and
 * what waits is written once the disk is back. Owned by the event loop of the pipeline.
 */
import { plausibleFromMs, type Timer } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { Kv, KvPut } from '../core/kv.ts';
import type { Service } from '../core/lifecycle.ts';
import { BoundedQueue, type QueueFigures } from '../core/queue.ts';
import type { World } from '../core/world.ts';
import { DimensionSum } from '../flow/history_merge.ts';
import { dimensions, type HistoryWindow } from '../flow/history_shapes.ts';
import { decodeWindow, encodeWindow, type StoredWindow } from './history_codec.ts';
import { historyKey, type StoredTier } from './history_keys.ts';
import { applyRetention, type RetentionOptions } from './history_retention.ts';
import { completeWindows, mergedWindow, startOf } from './history_wider.ts';

export interface HistoryOptions extends RetentionOptions {
  readonly topK: number;
}

export interface HistoryParts {
  /** Takes the minutes and hours; usually a `GuardedKv`. */
  readonly kv: Kv;
  /** Whether the box knows the time: windows are not dropped by age while it does not. */
  readonly clockTrusted?: () => boolean;
}

export interface HistoryFigures {
  windowsWritten: number;
  /** Windows that could not be kept: the store stood still for longer than they could wait. */
  windowsDropped: number;
  /** Records that were met and could not be read. */
  recordsUnreadable: number;
  recordsExpired: number;
}

/** Two hours of minutes and two hours. */
const waitingMax = 122;
const retentionPeriodMs = 600_000;
/** An hour may be written so long after its end: its day waits for it. */
const dayAfterMs = 3_600_000;
/** A box that was updated has a year of hours without days: a few in each period. */
const daysPerRun = 8;

export class History implements Service {
  readonly name = 'history';
  readonly figures: HistoryFigures = { windowsWritten: 0, windowsDropped: 0, recordsUnreadable: 0, recordsExpired: 0 };
  readonly #options: HistoryOptions;
  readonly #parts: HistoryParts;
  readonly #world: World;
  readonly #waiting: BoundedQueue<HistoryWindow>;
  #writing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #upkeep: Promise<void> = Promise.resolve();
  #startedMs = 0;
  #hoursCompleted = false;
  /** Days before this one are as they should be. */
  #daysFromMs = 0;

  constructor(options: HistoryOptions, parts: HistoryParts, world: World) {
    this.#options = options;
    this.#parts = parts;
    this.#world = { ...world, log: world.log.child(this.name) };
    this.#waiting = new BoundedQueue('historyWindows', waitingMax, 'drop-oldest', undefined, () => this.figures.windowsDropped++);
  }

  /** Puts together the hours that an earlier run left in minutes. A store that does not work now is no reason to fail. */
  async start(_signal: AbortSignal): Promise<void> {
    this.#registerMetrics();
    this.#startedMs = this.#world.clock.monotonicMs();
    await this.#maintain(() => this.#completeHours());
    await this.#maintain(() => this.#completeDays());
    this.#timer = this.#world.clock.every(
      retentionPeriodMs,
      () => {
        this.#upkeep = this.#maintain(async () => {
          await this.#completeHours();
          await this.#completeDays();
          await this.#expire();
        });
        return this.#upkeep;
      },
      (error) => {
        throw error; // operating errors end in #maintain: this is a bug
      },
    );
  }

  /** Writes what waits, once. */
  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    await this.#upkeep;
    await this.#writing;
    await this.#write();
    this.figures.windowsDropped += this.#waiting.length;
  }

  /** Takes a closed window; returns at once. Minutes trigger the write, so that an hour goes out with its last minute. */
  add(window: HistoryWindow): void {
    if (window.tier === '10s') return;
    this.#waiting.push(window);
    this.#writing ??= Promise.resolve()
      .then(() => this.#write())
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Resolves when what was added so far has been tried. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** The open hour as far as an earlier run kept it; undefined for nothing, or when its window is written already. */
  async hourSoFar(hourStartMs: number): Promise<HistoryWindow | undefined> {
    try {
      const { kv } = this.#parts;
      if ((await kv.get(historyKey('1h', 'total', hourStartMs))) !== undefined) return undefined;
      return await mergedWindow(kv, '1h', hourStartMs, this.#options.topK, this.figures);
    } catch (error) {
      this.#note('historyUnreadable', error);
      return undefined;
    }
  }

  waiting(): QueueFigures {
    return this.#waiting.figures();
  }

  /** Writes until nothing waits, what comes in meanwhile too; after a failure not before the next window comes. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const windows: HistoryWindow[] = [];
      for (let window = this.#waiting.shift(); window !== undefined; window = this.#waiting.shift()) windows.push(window);
      try {
        await this.#parts.kv.batch(await this.#putsOf(windows), this.#daysOf(windows), { sync: true });
        this.figures.windowsWritten += windows.length;
      } catch (error) {
        this.#note('historyNotWritten', error);
        for (const window of windows) this.#waiting.push(window);
        return;
      }
    }
  }

  /** A window whose time was counted before (the clock was set back, a restart within the minute) is added to that. */
  async #putsOf(windows: readonly HistoryWindow[]): Promise<KvPut[]> {
    const records = new Map<string, { key: Uint8Array; stored: StoredWindow }>();
    for (const { tier, startMs, dimensions, partial } of windows) {
      for (const window of dimensions) {
        const key = historyKey(tier as StoredTier, window.dimension, startMs);
        const name = Buffer.from(key).toString('hex');
        const before = records.get(name)?.stored ?? (await this.#read(key, window.dimension));
        const stored = before === undefined ? { window, partial } : this.#sum(before, { window, partial });
        records.set(name, { key, stored });
      }
    }
    return [...records.values()].map(({ key, stored }) => ({ key, value: encodeWindow(stored) }));
  }

  /** Keys of the days that hours are written into: they are made again, with those hours. */
  #daysOf(windows: readonly HistoryWindow[]): Uint8Array[] {
    const days = new Set(windows.filter(({ tier }) => tier === '1h').map(({ startMs }) => startOf('1d', startMs)));
    this.#daysFromMs = Math.min(this.#daysFromMs, ...days);
    return [...days].flatMap((startMs) => dimensions.map((dimension) => historyKey('1d', dimension, startMs)));
  }

  #sum(a: StoredWindow, b: StoredWindow): StoredWindow {
    const sum = new DimensionSum(a.window.dimension);
    sum.add(a.window);
    sum.add(b.window);
    return { window: sum.close(this.#options.topK), partial: true };
  }

  async #read(key: Uint8Array, dimension: StoredWindow['window']['dimension']): Promise<StoredWindow | undefined> {
    const value = await this.#parts.kv.get(key);
    if (value === undefined) return undefined;
    const stored = decodeWindow(dimension, value);
    if (stored === undefined) this.figures.recordsUnreadable++;
    return stored;
  }

  /** Only hours before the start: those after it come from the rollup, perhaps late. Done once. */
  async #completeHours(): Promise<void> {
    if (this.#hoursCompleted) return;
    const { clock } = this.#world;
    const startedMs = clock.wallMs() - (clock.monotonicMs() - this.#startedMs);
    const { minutesForS, topK } = this.#options;
    const span = { fromMs: startedMs - minutesForS * 1_000, toMs: startedMs, most: Number.POSITIVE_INFINITY };
    await completeWindows(this.#parts.kv, '1h', span, topK, this.figures);
    // A box that does not know what day it is cannot tell which hours are over.
    this.#hoursCompleted = startedMs >= plausibleFromMs;
  }

  /** Days that are over, from whatever hours there are. */
  async #completeDays(): Promise<void> {
    const nowMs = this.#world.clock.wallMs();
    // A clock that is ahead closes days that are not over: their hours open them again.
    if (nowMs < plausibleFromMs) return;
    const span = { fromMs: this.#daysFromMs, toMs: nowMs - dayAfterMs, most: daysPerRun };
    // Hours that are written meanwhile lower it again.
    this.#daysFromMs = Number.POSITIVE_INFINITY;
    let doneMs = span.fromMs;
    try {
      doneMs = await completeWindows(this.#parts.kv, '1d', span, this.#options.topK, this.figures);
    } finally {
      this.#daysFromMs = Math.min(this.#daysFromMs, doneMs);
    }
  }

  async #expire(): Promise<void> {
    const trusted = this.#parts.clockTrusted?.() ?? true;
    const expired = await applyRetention(this.#parts.kv, trusted ? this.#world.clock.wallMs() : undefined, this.#options);
    this.figures.recordsExpired += expired;
  }

  async #maintain(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#note('historyUpkeepFailed', error); // tried again with the next period
    }
  }

  #note(event: string, error: unknown): void {
    if (!(error instanceof ApplianceError)) throw error;
    this.#world.log.warn(event, { code: error.code, reason: messageOf(error) });
  }

  #registerMetrics(): void {
    const { metrics } = this.#world;
    metrics.gauge('history_windows_written', 'Windows written to the history', () => this.figures.windowsWritten);
    metrics.gauge('history_windows_dropped', 'Windows the history could not keep', () => this.figures.windowsDropped);
    metrics.gauge('history_windows_waiting', 'Windows that wait for the disk', () => this.#waiting.length);
    metrics.gauge('history_records_unreadable', 'Records that could not be read', () => this.figures.recordsUnreadable);
    metrics.gauge('history_records_expired', 'Records dropped by age or budget', () => this.figures.recordsExpired);
  }
}
