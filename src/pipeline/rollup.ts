/**
 * Rows into windows: 10 s windows take rows, minutes are made of closed 10 s windows, hours of closed minutes, so that every
 * tier adds up to the same. Pure: time comes in with the calls, closed windows go out through `emit`.
 *
 * In equals out: each row's packets and octets are in every dimension of exactly one chain of windows, whole numbers, late
 * or not. Limits: `keysMax` keys a dimension while windows are open (and as many again for the hour), windows of
 * `lateMs` and one more open at once. Sampled rows count by their estimates, whole numbers too, with their standard errors and with what
 * was counted beside them.
 */
import type { Random } from '../core/random.ts';
import { biflowDirections, flowEndReasons } from '../flow/decode_annotations.ts';
import type { HistoryWindow, Tier } from '../flow/history_shapes.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import { rowVariance } from '../flow/row_estimates.ts';
import { presenceBit, rowField } from '../flow/row_layout.ts';
import type { Sampling } from '../flow/selectors.ts';
import { HourRollup } from './hour_rollup.ts';
import { hashKey, hashWords, KeyTable } from './key_table.ts';
import { OpenWindow } from './open_window.ts';
import { type KeyedDimension, type KeyNames, keyWords, RowKeys } from './row_keys.ts';

export interface RollupOptions {
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

const reverseBit = presenceBit('reverse');
const startOffset = rowField('flowStart').offset;
const endOffset = rowField('flowEnd').offset;
// Dimensions that count differently from the rest, by their places. A dimension's slot stands one further on, since host has two.
const host = 0;
const conversation = 1;
const service = 5;

export class Rollup {
  readonly figures: RollupFigures = { rows: 0, lateRows: 0, earlyRows: 0, evictedKeys: 0, windowsClosed: 0 };
  readonly #options: RollupOptions;
  readonly #emit: (window: HistoryWindow) => void;
  readonly #multipliers: readonly Int32Array[];
  readonly #tables: readonly KeyTable[];
  readonly #keys = new RowKeys();
  /** The scratch key of each dimension. */
  readonly #keyOf: readonly Int32Array[];
  readonly #slots: Int32Array;
  readonly #minute: OpenWindow;
  readonly #hour: HourRollup;
  readonly #spare: OpenWindow[] = [];
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
    const words = options.dimensions.map((dimension) => keyWords[dimension]);
    this.#multipliers = words.map((count) => hashKey(count, random));
    this.#tables = words.map((count) => new KeyTable(count, options.keysMax, random));
    this.#keyOf = options.dimensions.map((dimension) => (dimension === 'host' ? this.#keys.source : this.#keys[dimension]));
    this.#slots = new Int32Array(words.length + 1);
    this.#minute = new OpenWindow(options.dimensions);
    this.#hour = new HourRollup(options, random, this.figures, this.#emit);
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
    this.#window(Math.floor((Math.min(fromMs, this.#nowMs) - 1) / windowMs));
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
    for (let i = 0; i < count; i++) this.#addRow(this.#cursor.at(i, firstRow), offsetMs);
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
    this.#window(Math.floor((nowMs - 1) / windowMs));
    for (const window of this.#windows) if ((window.ordinal + 1) * windowMs > nowMs) window.partial = true;
    while (this.#windows.length > 0) this.#closeOldest();
    if (this.#oldest % windowsPerMinute !== 0) this.#closeMinute(true);
    this.#hour.flush(resumeMs, hours);
    if (resumeMs !== undefined) this.begin(resumeMs);
  }

  #addRow(row: RowCursor, offsetMs: number): void {
    const startMs = rowTimeMs(row.view, row.base + startOffset) + offsetMs;
    const endMs = Math.max(startMs, rowTimeMs(row.view, row.base + endOffset) + offsetMs);
    const newest = Math.max(this.#oldest, Math.floor(this.#nowMs / windowMs));
    let first = Math.floor(startMs / windowMs);
    let last = Math.floor(endMs / windowMs);
    if (first < this.#oldest) this.figures.lateRows++;
    if (last > newest) this.figures.earlyRows++;
    first = Math.min(newest, Math.max(this.#oldest, first));
    last = Math.min(newest, Math.max(this.#oldest, last));
    this.#window(last);

    const backwards = row.biflowDirection === biflowDirections.reverseInitiator;
    const isTwoWay = row.has(reverseBit);
    const sampling = row.selectorId === 0 ? undefined : this.#options.selectorOf?.(row.selectorId);
    const interval = sampling?.interval ?? 1;
    const octets = interval * row.layer2OctetDeltaCount;
    const packets = interval * row.packetDeltaCount;
    const reverseOctets = isTwoWay ? interval * row.reverseLayer2OctetDeltaCount : 0;
    const reversePackets = isTwoWay ? interval * row.reversePacketDeltaCount : 0;
    // A record cut by the active time-out is not the end of its flow: counted when that comes.
    const flows = row.flowEndReason === flowEndReasons.activeTimeout ? 0 : row.deltaFlowCount;
    const slots = this.#slotsOf(row, octets + reverseOctets, first, last);

    let octetsVary = 0;
    let packetsVary = 0;
    if (sampling !== undefined && interval > 1) {
      const variance = rowVariance(row, isTwoWay, sampling);
      octetsVary = variance.octets;
      packetsVary = variance.packets;
    }

    let octetsDone = 0;
    let packetsDone = 0;
    let reverseOctetsDone = 0;
    let reversePacketsDone = 0;
    let octetsBeyondDone = 0;
    let packetsBeyondDone = 0;
    for (let ordinal = first; ordinal <= last; ordinal++) {
      // Cumulative shares, rounded down: each is at least the one before, and the last window takes what is left.
      const elapsed = ordinal === last ? 1 : (ordinal + 1) * windowMs - startMs;
      const duration = ordinal === last ? 1 : endMs - startMs;
      const octetsUpTo = Math.floor((octets * elapsed) / duration);
      const packetsUpTo = Math.floor((packets * elapsed) / duration);
      const reverseOctetsUpTo = Math.floor((reverseOctets * elapsed) / duration);
      const reversePacketsUpTo = Math.floor((reversePackets * elapsed) / duration);
      addTo(
        this.#windows[ordinal - this.#oldest]!,
        this.#tables,
        slots,
        this.#keys.reversed,
        backwards,
        octetsUpTo - octetsDone,
        reverseOctetsUpTo - reverseOctetsDone,
        packetsUpTo - packetsDone,
        reversePacketsUpTo - reversePacketsDone,
        ordinal === last ? flows : 0,
      );
      if (interval > 1) {
        // Of a row's packets the windows get their shares, so also of what they vary by; of what was counted by direction, as above.
        const share =
          first === last ? 1 : (packetsUpTo - packetsDone + reversePacketsUpTo - reversePacketsDone) / (packets + reversePackets);
        const counted = (estimate: number): number => Math.floor(((estimate / interval) * elapsed) / duration);
        const octetsBeyond = octetsUpTo + reverseOctetsUpTo - counted(octets) - counted(reverseOctets);
        const packetsBeyond = packetsUpTo + reversePacketsUpTo - counted(packets) - counted(reversePackets);
        addSampled(
          this.#windows[ordinal - this.#oldest]!,
          slots,
          octetsVary * share,
          packetsVary * share,
          octetsBeyond - octetsBeyondDone,
          packetsBeyond - packetsBeyondDone,
        );
        octetsBeyondDone = octetsBeyond;
        packetsBeyondDone = packetsBeyond;
      }
      octetsDone = octetsUpTo;
      packetsDone = packetsUpTo;
      reverseOctetsDone = reverseOctetsUpTo;
      reversePacketsDone = reversePacketsUpTo;
    }
  }

  /** Slots of source and destination, then of every other dimension; −1 where the row has no such key. */
  #slotsOf(row: RowCursor, octets: number, first: number, last: number): Int32Array {
    const keys = this.#keys;
    const slots = this.#slots;
    keys.read(row);
    if (keys.hasEnds) {
      slots[0] = this.#slot(host, keys.source, octets, first, last, -1);
      slots[1] = this.#slot(host, keys.destination, octets, first, last, slots[0]!);
      slots[2] = this.#slot(conversation, keys.conversation, octets, first, last, -1);
    } else slots.fill(-1, 0, 3);
    for (let dimension = conversation + 1; dimension < this.#keyOf.length; dimension++) {
      const isAbsent = dimension === service && !keys.hasService;
      slots[dimension + 1] = isAbsent ? -1 : this.#slot(dimension, this.#keyOf[dimension]!, octets, first, last, -1);
    }
    return slots;
  }

  #slot(dimension: number, key: Int32Array, octets: number, first: number, last: number, except: number): number {
    const table = this.#tables[dimension]!;
    const hash = hashWords(key, this.#multipliers[dimension]!);
    let slot = table.find(key, hash);
    if (slot < 0) {
      if (table.full) this.#evict(dimension, table.victim(except));
      slot = table.insert(key, hash);
    }
    table.weights[slot]! += octets;
    if (first < table.firstWindow[slot]!) table.firstWindow[slot] = first;
    if (last > table.lastWindow[slot]!) table.lastWindow[slot] = last;
    return slot;
  }

  #evict(dimension: number, slot: number): void {
    const table = this.#tables[dimension]!;
    const from = Math.max(0, table.firstWindow[slot]! - this.#oldest);
    const to = Math.min(this.#windows.length - 1, table.lastWindow[slot]! - this.#oldest);
    for (let i = from; i <= to; i++) this.#windows[i]!.columns[dimension]!.evict(slot);
    this.#minute.columns[dimension]!.evict(slot);
    table.remove(slot);
    this.figures.evictedKeys++;
  }

  /** Opens every window up to this one. */
  #window(ordinal: number): void {
    while (this.#oldest + this.#windows.length <= ordinal) {
      const next = this.#oldest + this.#windows.length;
      const window = (this.#spare.pop() ?? new OpenWindow(this.#options.dimensions)).clear(next);
      window.partial = next * windowMs < this.#unmeteredUntilMs;
      this.#windows.push(window);
    }
  }

  #closeOldest(): void {
    this.#window(this.#oldest);
    const window = this.#windows.shift() as OpenWindow;
    this.#oldest++;
    this.#emit(this.#close('10s', window, window.ordinal * windowMs));
    this.#minute.addWindow(window, this.#tables);
    this.#spare.push(window);
    if (this.#oldest % windowsPerMinute === 0) this.#closeMinute(false);
  }

  #closeMinute(cutShort: boolean): void {
    this.#minute.partial ||= cutShort;
    const startMs = this.#minute.ordinal * minuteMs;
    this.#emit(this.#close('1m', this.#minute, startMs));
    this.#hour.add(this.#minute, this.#tables, startMs);
    this.#openMinute();
    // Keys that no open window counts for make room.
    for (const table of this.#tables) {
      for (let slot = 0; slot < table.slots; slot++) {
        if (table.isTaken(slot) && table.lastWindow[slot]! < this.#oldest) table.remove(slot);
      }
    }
  }

  #openMinute(): void {
    this.#minute.clear(Math.floor(this.#oldest / windowsPerMinute));
  }

  #close(tier: Tier, window: OpenWindow, startMs: number): HistoryWindow {
    return window.close(tier, startMs, this.#tables, this.#options.topK, this.#options.names);
  }
}

/** Whole milliseconds of a row's time, exactly: 2^32 ns are 4 294 ms and 967 296 ns. */
function rowTimeMs(view: DataView, at: number): number {
  const high = view.getUint32(at);
  return high * 4_294 + Math.floor((high * 967_296 + view.getUint32(at + 4)) / 1e6);
}

/**
 * One window's share of a row in every dimension. Forward is from the row's source, reverse from its destination.
 * @param reversed the source is the conversation's second end
 * @param backwards the destination began the flow
 */
function addTo(
  window: OpenWindow,
  tables: readonly KeyTable[],
  slots: Int32Array,
  reversed: boolean,
  backwards: boolean,
  octets: number,
  reverseOctets: number,
  packets: number,
  reversePackets: number,
  flows: number,
): void {
  const { total, columns } = window;
  const hosts = columns[host]!;
  hosts.add(tables[host]!, slots[0]!, octets, reverseOctets, packets, reversePackets, flows);
  hosts.add(tables[host]!, slots[1]!, reverseOctets, octets, reversePackets, packets, flows);
  // Without ends there is no order of ends either: the row's own direction stands.
  const swap = slots[2]! >= 0 && reversed;
  if (swap) columns[conversation]!.add(tables[conversation]!, slots[2]!, reverseOctets, octets, reversePackets, packets, flows);
  else columns[conversation]!.add(tables[conversation]!, slots[2]!, octets, reverseOctets, packets, reversePackets, flows);
  const out = backwards ? reverseOctets : octets;
  const back = backwards ? octets : reverseOctets;
  const outPackets = backwards ? reversePackets : packets;
  const backPackets = backwards ? packets : reversePackets;
  for (let i = conversation + 1; i < columns.length; i++) {
    columns[i]!.add(tables[i]!, slots[i + 1]!, out, back, outPackets, backPackets, flows);
  }
  total[0]! += out;
  total[1]! += back;
  total[2]! += outPackets;
  total[3]! += backPackets;
  total[4]! += flows;
}

function addSampled(
  { totalSampled, columns }: OpenWindow,
  slots: Int32Array,
  octetsVary: number,
  packetsVary: number,
  octetsBeyond: number,
  packetsBeyond: number,
): void {
  totalSampled[0]! += octetsVary;
  totalSampled[1]! += packetsVary;
  totalSampled[2]! += octetsBeyond;
  totalSampled[3]! += packetsBeyond;
  columns[host]!.addSampled(slots[0]!, octetsVary, packetsVary, octetsBeyond, packetsBeyond);
  for (let i = 0; i < columns.length; i++) {
    columns[i]!.addSampled(slots[i + 1]!, octetsVary, packetsVary, octetsBeyond, packetsBeyond);
  }
}
