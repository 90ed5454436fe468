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
import { biflowDirections, flowEndReasons } from '../flow/decode_annotations.ts';
import type { HistoryWindow, Tier } from '../flow/history_shapes.ts';
import { type CountRows, figuresPerKey, figuresPerSample, type RowCounts } from '../flow/row_counts.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import { rowVariance } from '../flow/row_estimates.ts';
import { presenceBit, rowField } from '../flow/row_layout.ts';
import type { Sampling } from '../flow/selectors.ts';
import { HourRollup } from './hour_rollup.ts';
import { hashKey } from './keyed_hash.ts';
import { OpenWindow } from './open_window.ts';
import { RowBatch } from './row_batch.ts';
import { type KeyedDimension, type KeyNames, keyWords, rowFlags } from './row_keys.ts';
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

const reverseBit = presenceBit('reverse');
const startOffset = rowField('flowStart').offset;
const endOffset = rowField('flowEnd').offset;

export class Rollup {
  readonly figures: RollupFigures = { rows: 0, lateRows: 0, earlyRows: 0, evictedKeys: 0, windowsClosed: 0 };
  readonly #options: RollupOptions;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #windowsMax: number;
  readonly #counts: RowCounts;
  readonly #batch: RowBatch;
  readonly #minute = new OpenWindow(minutePlace);
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
  #cursor = new RowCursor(new Uint8Array(0));

  constructor(options: RollupOptions, random: Random, emit: (window: HistoryWindow) => void) {
    this.#options = options;
    this.#emit = (window) => {
      this.figures.windowsClosed++;
      emit(window);
    };
    const { dimensions, keysMax, lateMs } = options;
    const windowsDue = Math.ceil(lateMs / windowMs) + 1;
    this.#windowsMax = windowsDue + windowsToSpare;
    this.#batch = new RowBatch(this.#windowsMax);
    const keyed = dimensions.map((dimension) => ({
      words: keyWords[dimension],
      multipliers: hashKey(keyWords[dimension], random),
    }));
    // Room for the minute, and for those that are open while nothing is late.
    this.#places = 1 + Math.min(windowsDue, windowsAtFirst);
    this.#counts = options.countRows({
      keysMax,
      places: this.#places,
      placesMax: 1 + this.#windowsMax,
      dimensions: dimensions.map((dimension, i) => ({
        ...keyed[i]!,
        seed: random.uint32(),
        columns: this.#batch.keys.columnsOf(dimension),
      })),
      rows: this.#batch,
    });
    this.#hour = new HourRollup(
      options,
      () =>
        options.countRows({
          keysMax,
          places: 1,
          placesMax: 1,
          dimensions: keyed.map((one) => ({ ...one, seed: random.uint32(), columns: [] })),
        }),
      this.figures,
      this.#emit,
    );
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
    if (this.#cursor.bytes !== bytes) this.#cursor = new RowCursor(bytes);
    const newest = Math.max(this.#oldest, Math.floor(this.#nowMs / windowMs));
    this.#makeRoom(newest);
    for (let i = 0; i < count; i++) {
      if (!this.#batch.hasRoomFor(this.#windowsMax)) this.#count();
      this.#take(this.#cursor.at(i, firstRow), offsetMs, newest);
    }
    this.#count();
    this.figures.rows += count;
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

  /** Into the batch: the row's keys, and what each window gets of it. */
  #take(row: RowCursor, offsetMs: number, newest: number): void {
    const startMs = rowTimeMs(row.view, row.base + startOffset) + offsetMs;
    const endMs = Math.max(startMs, rowTimeMs(row.view, row.base + endOffset) + offsetMs);
    let first = Math.floor(startMs / windowMs);
    let last = Math.floor(endMs / windowMs);
    if (first < this.#oldest) this.figures.lateRows++;
    if (last > newest) this.figures.earlyRows++;
    first = Math.min(newest, Math.max(this.#oldest, first));
    last = Math.min(newest, Math.max(this.#oldest, last));
    this.#window(last);

    const batch = this.#batch;
    const at = batch.count++;
    let flags = batch.keys.read(row, at) | rowFlags.any;
    const backwards = row.biflowDirection === biflowDirections.reverseInitiator;
    if (backwards) flags |= rowFlags.backwards;
    const isTwoWay = row.has(reverseBit);
    const sampling = row.selectorId === 0 ? undefined : this.#options.selectorOf?.(row.selectorId);
    const interval = sampling?.interval ?? 1;
    const octets = interval * row.layer2OctetDeltaCount;
    const packets = interval * row.packetDeltaCount;
    const reverseOctets = isTwoWay ? interval * row.reverseLayer2OctetDeltaCount : 0;
    const reversePackets = isTwoWay ? interval * row.reversePacketDeltaCount : 0;
    // A record cut by the active time-out is not the end of its flow: counted when that comes.
    const flows = row.flowEndReason === flowEndReasons.activeTimeout ? 0 : row.deltaFlowCount;
    batch.weights[at] = octets + reverseOctets;

    const { figures } = batch;
    const firstShare = batch.shareCount;
    let octetsDone = 0;
    let packetsDone = 0;
    let reverseOctetsDone = 0;
    let reversePacketsDone = 0;
    for (let ordinal = first; ordinal < last; ordinal++) {
      // Cumulative shares, rounded down: each is at least the one before, and the last window takes what is left.
      const elapsed = (ordinal + 1) * windowMs - startMs;
      const duration = endMs - startMs;
      const octetsUpTo = Math.floor((octets * elapsed) / duration);
      const packetsUpTo = Math.floor((packets * elapsed) / duration);
      const reverseOctetsUpTo = Math.floor((reverseOctets * elapsed) / duration);
      const reversePacketsUpTo = Math.floor((reversePackets * elapsed) / duration);
      const to = this.#share(ordinal);
      figures[to] = octetsUpTo - octetsDone;
      figures[to + 1] = reverseOctetsUpTo - reverseOctetsDone;
      figures[to + 2] = packetsUpTo - packetsDone;
      figures[to + 3] = reversePacketsUpTo - reversePacketsDone;
      figures[to + 4] = 0;
      octetsDone = octetsUpTo;
      packetsDone = packetsUpTo;
      reverseOctetsDone = reverseOctetsUpTo;
      reversePacketsDone = reversePacketsUpTo;
    }
    const to = this.#share(last);
    figures[to] = octets - octetsDone;
    figures[to + 1] = reverseOctets - reverseOctetsDone;
    figures[to + 2] = packets - packetsDone;
    figures[to + 3] = reversePackets - reversePacketsDone;
    figures[to + 4] = flows;
    batch.firstShare[at + 1] = batch.shareCount;
    for (let share = firstShare; share < batch.shareCount; share++) {
      addTotal(this.#windows[first + share - firstShare - this.#oldest]!.total, figures, share * figuresPerKey, backwards);
    }
    if (sampling !== undefined && interval > 1) {
      flags |= rowFlags.sampled;
      this.#sampledShares(row, isTwoWay, sampling, first, firstShare);
    }
    batch.flags[at] = flags;
  }

  /** The next share of the row that is being taken, of that window: where its figures go. */
  #share(ordinal: number): number {
    const batch = this.#batch;
    batch.places[batch.shareCount] = this.#windows[ordinal - this.#oldest]!.place;
    return batch.shareCount++ * figuresPerKey;
  }

  /** What makes estimates of the shares of a row: of its packets the windows get their shares, so also of what they vary by. */
  #sampledShares(row: RowCursor, isTwoWay: boolean, sampling: Sampling, first: number, firstShare: number): void {
    const { figures, sampled, shareCount } = this.#batch;
    const variance = rowVariance(row, isTwoWay, sampling);
    let packets = 0;
    for (let share = firstShare; share < shareCount; share++) packets += packetsOf(figures, share);
    // What was counted is rounded down by direction, cumulatively, as the estimates are.
    const upTo = new Float64Array(4);
    const countedBefore = new Float64Array(4);
    for (let share = firstShare; share < shareCount; share++) {
      const part = shareCount - firstShare === 1 || packets === 0 ? 1 : packetsOf(figures, share) / packets;
      let octetsBeyond = 0;
      let packetsBeyond = 0;
      for (let i = 0; i < 4; i++) {
        const figure = figures[share * figuresPerKey + i]!;
        upTo[i]! += figure;
        const counted = Math.floor(upTo[i]! / sampling.interval);
        const beyond = figure - (counted - countedBefore[i]!);
        countedBefore[i] = counted;
        if (i < 2) octetsBeyond += beyond;
        else packetsBeyond += beyond;
      }
      const at = share * figuresPerSample;
      sampled[at] = variance.octets * part;
      sampled[at + 1] = variance.packets * part;
      sampled[at + 2] = octetsBeyond;
      sampled[at + 3] = packetsBeyond;
      const { totalSampled } = this.#windows[first + share - firstShare - this.#oldest]!;
      for (let i = 0; i < figuresPerSample; i++) totalSampled[i]! += sampled[at + i]!;
    }
  }

  /** Adds the batch to its windows. */
  #count(): void {
    this.figures.evictedKeys += this.#counts.addRows(this.#batch.count);
    this.#batch.clear();
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
      this.#windows.push(window);
    }
  }

  #newPlace(): OpenWindow {
    const window = new OpenWindow(this.#placesUsed++);
    if (window.place === this.#places) {
      this.#places = Math.min(1 + this.#windowsMax, 2 * this.#places);
      this.#counts.widen(this.#places);
    }
    return window;
  }

  #closeOldest(): void {
    this.#window(this.#oldest);
    const window = this.#windows.shift() as OpenWindow;
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

/** Whole milliseconds of a row's time, exactly: 2^32 ns are 4 294 ms and 967 296 ns. */
function rowTimeMs(view: DataView, at: number): number {
  const high = view.getUint32(at);
  return high * 4_294 + Math.floor((high * 967_296 + view.getUint32(at + 4)) / 1e6);
}

/** @param backwards the destination began the flow */
function addTotal(total: Float64Array, figures: Float64Array, at: number, backwards: boolean): void {
  const out = backwards ? 1 : 0;
  const back = 1 - out;
  total[0]! += figures[at + out]!;
  total[1]! += figures[at + back]!;
  total[2]! += figures[at + 2 + out]!;
  total[3]! += figures[at + 2 + back]!;
  total[4]! += figures[at + 4]!;
}

const packetsOf = (figures: Float64Array, share: number): number =>
  figures[share * figuresPerKey + 2]! + figures[share * figuresPerKey + 3]!;
