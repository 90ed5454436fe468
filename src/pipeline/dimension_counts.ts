/**
 * One dimension while its windows are open: the table of its keys, and what every window counted for each of them. Windows are
 * places; what they counted for one key lies side by side, so that a long flow, or a key that gives its place up, touches one piece
 * of memory and not one a window. Rows come in batches: the same table stays in the processor's cache for all of them.
 *
 * Also holds true while a window is open: keys + other = all that was added, exactly. Memory: (words + 8) × 4 octets a slot, and
 * for each place 40 more, 72 once sampled rows were counted. Owned by one rollup.
 */
import type { Random } from '../core/random.ts';
import { DistinctCount } from '../flow/distinct_count.ts';
import { type CountedKeys, figuresPerKey, figuresPerSample } from './counted_keys.ts';
import { distinctHashAt, hashWords, KeyTable, marksAt } from './key_table.ts';
import type { RowBatch } from './row_batch.ts';
import { type KeyedDimension, keyWords, rowFlags } from './row_keys.ts';

/**
 * Of a full table, this part gives its place up at once: looking all keys through for one place at a time would never end, and with much
 * more, the keys that matter of a small table would go with those that do not.
 */
const evictedShare = 1 / 16;

export class DimensionCounts {
  readonly dimension: KeyedDimension;
  readonly table: KeyTable;
  /** Keys that gave their place up; their volume went to `other`. */
  evictedKeys = 0;
  /** Windows side by side. */
  places: number;
  /** `figuresPerKey` numbers for each place of a slot. */
  values = new Float64Array(0);
  /** `figuresPerKey` numbers for each place. */
  other: Float64Array;
  /** `figuresPerSample` numbers for each place of a slot; taken with the first sampled row. */
  sampled = new Float64Array(0);
  otherSampled: Float64Array;
  readonly distinct: DistinctCount[] = [];
  /** By place: some keys were moved to `other`, so that the keys that are left do not tell how many there were. */
  evicted: Uint8Array;
  readonly #multipliers: Int32Array;
  /** Slots there is room for. */
  #slots = 0;
  /** Keeps what is read ahead from being left out as of no use. */
  #readAhead = 0;

  /** @param placesMax that `widen` may ask for */
  constructor(
    dimension: KeyedDimension,
    multipliers: Int32Array,
    keysMax: number,
    places: number,
    placesMax: number,
    random: Random,
  ) {
    this.dimension = dimension;
    this.#multipliers = multipliers;
    // Which windows count for a key is a bit each, beside the key.
    this.table = new KeyTable(keyWords[dimension], Math.ceil(placesMax / 32), keysMax, random);
    this.places = places;
    this.other = new Float64Array(places * figuresPerKey);
    this.otherSampled = new Float64Array(places * figuresPerSample);
    this.evicted = new Uint8Array(places);
    while (this.distinct.length < places) this.distinct.push(new DistinctCount());
    this.#grow(this.table.slots);
  }

  /**
   * Counts every row of the batch under its key.
   * @param keys words of all rows, as many a row as the table's keys have
   * @param needs what a row must have for a key here; without, it counts as other
   * @param swaps rows with this flag count the other way round
   */
  addRows(batch: RowBatch, keys: Int32Array, needs: number, swaps: number): void {
    const { table } = this;
    const { words } = table;
    const { count, flags, hashes, slots, weights, firstShare } = batch;
    const evictedBefore = this.evictedKeys;
    this.#findAll(batch, keys, needs);
    for (let row = 0; row < count; row++) {
      const flag = flags[row]!;
      const from = firstShare[row]!;
      const to = firstShare[row + 1]!;
      let slot = -1;
      if ((flag & needs) === needs) {
        slot = slots[row]!;
        const hash = hashes[row]!;
        // A row before it may have brought its key in, or driven it out.
        if (slot < 0 || evictedBefore !== this.evictedKeys) slot = table.find(keys, row * words, hash);
        if (slot < 0) slot = this.#admit(keys, row * words, hash);
        table.weights[slot]! += weights[row]!;
      }
      this.#addShares(batch, from, to, slot, (flag & swaps) === 0 ? 0 : 1);
      if ((flag & rowFlags.sampled) !== 0) this.#addSampled(batch, from, to, slot);
    }
  }

  /**
   * Takes what a window counted out of its place.
   * @param to the place that it is added to, −1 for none
   */
  take(from: number, to: number, into: CountedKeys): void {
    const { places, values, sampled } = this;
    const { records, stride, slotsUsed, size } = this.table;
    into.clear();
    into.reserve(size);
    const { slots, figures, sampled: estimates } = into;
    const word = marksAt + (from >> 5);
    const mark = 1 << (from & 31);
    let count = 0;
    for (let slot = 0; slot < slotsUsed; slot++) {
      const before = records[slot * stride + word]!;
      if ((before & mark) === 0) continue;
      records[slot * stride + word] = before & ~mark;
      if (to >= 0) records[slot * stride + marksAt + (to >> 5)]! |= 1 << (to & 31);
      const cell = (slot * places + from) * figuresPerKey;
      const target = (slot * places + to) * figuresPerKey;
      for (let i = 0; i < figuresPerKey; i++) {
        const figure = values[cell + i]!;
        values[cell + i] = 0;
        figures[count * figuresPerKey + i] = figure;
        if (to >= 0) values[target + i]! += figure;
      }
      slots[count++] = slot;
    }
    into.count = count;
    estimates.fill(0, 0, count * figuresPerSample);
    if (sampled.length === 0) return;
    for (let key = 0; key < count; key++) {
      const cell = (slots[key]! * places + from) * figuresPerSample;
      addFigures(estimates, key * figuresPerSample, sampled, cell, figuresPerSample);
      if (to >= 0) addFigures(sampled, (slots[key]! * places + to) * figuresPerSample, sampled, cell, figuresPerSample);
      clearFigures(sampled, cell, figuresPerSample);
    }
  }

  /** Adds what of a place is not in keys: `other` and the count of different keys. */
  addRest(from: DimensionCounts, fromPlace: number, place: number): void {
    addFigures(this.other, place * figuresPerKey, from.other, fromPlace * figuresPerKey, figuresPerKey);
    addFigures(this.otherSampled, place * figuresPerSample, from.otherSampled, fromPlace * figuresPerSample, figuresPerSample);
    this.distinct[place]!.merge(from.distinct[fromPlace]!);
    this.evicted[place]! |= from.evicted[fromPlace]!;
  }

  clearRest(place: number): void {
    clearFigures(this.other, place * figuresPerKey, figuresPerKey);
    clearFigures(this.otherSampled, place * figuresPerSample, figuresPerSample);
    this.distinct[place]!.clear();
    this.evicted[place] = 0;
  }

  /** Keys that no place counts for make room. */
  forgetAbsent(): void {
    const { table } = this;
    const { records, stride, keyAt } = table;
    for (let slot = 0; slot < table.slotsUsed; slot++) {
      if (!table.isTaken(slot)) continue;
      let marks = 0;
      for (let word = marksAt; word < keyAt; word++) marks |= records[slot * stride + word]!;
      if (marks === 0) table.remove(slot);
    }
  }

  /** Puts more windows side by side; what places hold stays. */
  widen(places: number): void {
    const before = this.places;
    const wider = (array: Float64Array, perCell: number): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(this.#slots * places * perCell);
      const from = before * perCell;
      for (let slot = 0; slot * from < array.length; slot++) {
        larger.set(array.subarray(slot * from, (slot + 1) * from), slot * places * perCell);
      }
      return larger;
    };
    this.values = wider(this.values, figuresPerKey);
    if (this.sampled.length > 0) this.sampled = wider(this.sampled, figuresPerSample);
    this.other = enlarged(this.other, new Float64Array(places * figuresPerKey));
    this.otherSampled = enlarged(this.otherSampled, new Float64Array(places * figuresPerSample));
    this.evicted = enlarged(this.evicted, new Uint8Array(places));
    while (this.distinct.length < places) this.distinct.push(new DistinctCount());
    this.places = places;
  }

  /**
   * Into the batch: the slot of each row that has a key, −1 where the table has none. What is looked at lies anywhere in megabytes: it is
   * read ahead in loops that branch on nothing of it, of which the processor has many reads under way at once. Looks that wait for each
   * other would take most of the time there is.
   */
  #findAll(batch: RowBatch, keys: Int32Array, needs: number): void {
    const { table, places, values } = this;
    const { words } = table;
    const { count, flags, hashes, slots, firstShare, places: placeOf } = batch;
    const multipliers = this.#multipliers;
    for (let row = 0; row < count; row++) hashes[row] = hashWords(keys, multipliers, row * words);
    let readAhead = table.readAhead(hashes, slots, count);
    for (let row = 0; row < count; row++) {
      slots[row] = (flags[row]! & needs) === needs ? table.find(keys, row * words, hashes[row]!) : -1;
    }
    for (let row = 0, taken = 0; row < count; row++) {
      const slot = slots[row]! < 0 ? table.freeSlot(taken++) : slots[row]!;
      const first = firstShare[row]!;
      const last = firstShare[row + 1]! - 1;
      // Of a long row, the middle too: the lines between are fetched by their neighbours.
      readAhead +=
        values[(slot * places + placeOf[first]!) * figuresPerKey]! +
        values[(slot * places + placeOf[(first + last) >> 1]!) * figuresPerKey]! +
        values[(slot * places + placeOf[last]!) * figuresPerKey]!;
    }
    this.#readAhead = readAhead;
  }

  /** @param swap 1 where the row's source is what `in` counts for */
  #addShares(batch: RowBatch, from: number, to: number, slot: number, swap: number): void {
    const { figures, places: placeOf } = batch;
    const { records, stride } = this.table;
    const back = 1 - swap;
    const sum = slot < 0 ? this.other : this.values;
    const firstCell = slot < 0 ? 0 : slot * this.places;
    const marks = slot * stride + marksAt;
    for (let share = from; share < to; share++) {
      const place = placeOf[share]!;
      if (slot >= 0) {
        const word = marks + (place >> 5);
        const mark = 1 << (place & 31);
        const before = records[word]!;
        if ((before & mark) === 0) {
          records[word] = before | mark;
          this.distinct[place]!.add(records[marks - marksAt + distinctHashAt]!);
        }
      }
      const at = (firstCell + place) * figuresPerKey;
      const figure = share * figuresPerKey;
      sum[at]! += figures[figure + swap]!;
      sum[at + 1]! += figures[figure + back]!;
      sum[at + 2]! += figures[figure + 2 + swap]!;
      sum[at + 3]! += figures[figure + 2 + back]!;
      sum[at + 4]! += figures[figure + 4]!;
    }
  }

  #admit(keys: Int32Array, at: number, hash: number): number {
    const { table } = this;
    if (table.full) this.#evictLightest();
    const slot = table.insert(keys, at, hash);
    if (table.slots > this.#slots) this.#grow(table.slots);
    return slot;
  }

  /** Of a full table, the lightest keys make room for the next one and for those that follow it. */
  #evictLightest(): void {
    const { table } = this;
    const count = Math.max(1, Math.floor(table.slotsMax * evictedShare));
    const lightest = table.lightest(count);
    const { places, values } = this;
    const { records, stride, slotsUsed, weights } = table;
    const slots = new Int32Array(count);
    let chosen = 0;
    // From anywhere, since of many that weigh the same not all may have to go.
    let slot = table.anySlot();
    for (let seen = 0; seen < slotsUsed && chosen < count; seen++) {
      if (weights[slot]! <= lightest) slots[chosen++] = slot;
      slot = slot + 1 === slotsUsed ? 0 : slot + 1;
    }
    let readAhead = 0;
    for (let i = 0; i < chosen; i++) {
      // Most have one window, or several of which this is one.
      const place = 31 - Math.clz32(records[slots[i]! * stride + marksAt]! | 1);
      readAhead += values[(slots[i]! * places + place) * figuresPerKey]! + table.readAheadIndex(slots[i]!);
    }
    this.#readAhead = readAhead;
    for (let i = 0; i < chosen; i++) this.#evict(slots[i]!);
  }

  /** The slot's key gives its place up: what it had moves to `other`. */
  #evict(slot: number): void {
    const { places, values, other, sampled, table } = this;
    const { records, stride, keyAt } = table;
    const base = slot * stride;
    for (let word = marksAt; word < keyAt; word++) {
      for (let marks = records[base + word]!; marks !== 0; ) {
        const bit = 31 - Math.clz32(marks);
        marks &= ~(1 << bit);
        const place = 32 * (word - marksAt) + bit;
        const cell = slot * places + place;
        this.evicted[place] = 1;
        addFigures(other, place * figuresPerKey, values, cell * figuresPerKey, figuresPerKey);
        clearFigures(values, cell * figuresPerKey, figuresPerKey);
        if (sampled.length === 0) continue;
        addFigures(this.otherSampled, place * figuresPerSample, sampled, cell * figuresPerSample, figuresPerSample);
        clearFigures(sampled, cell * figuresPerSample, figuresPerSample);
      }
      // A slot without key is counted by no window.
      records[base + word] = 0;
    }
    table.remove(slot);
    this.evictedKeys++;
  }

  #addSampled(batch: RowBatch, from: number, to: number, slot: number): void {
    this.#takeSampled();
    const sum = slot < 0 ? this.otherSampled : this.sampled;
    for (let share = from; share < to; share++) {
      const cell = (slot < 0 ? 0 : slot * this.places) + batch.places[share]!;
      addFigures(sum, cell * figuresPerSample, batch.sampled, share * figuresPerSample, figuresPerSample);
    }
  }

  #takeSampled(): void {
    const cells = this.#slots * this.places;
    if (this.sampled.length < cells * figuresPerSample) {
      this.sampled = enlarged(this.sampled, new Float64Array(cells * figuresPerSample));
    }
  }

  #grow(slots: number): void {
    this.#slots = slots;
    this.values = enlarged(this.values, new Float64Array(slots * this.places * figuresPerKey));
    if (this.sampled.length > 0) this.#takeSampled();
  }
}

function enlarged<T extends Float64Array | Int32Array | Uint8Array>(array: T, larger: T): T {
  larger.set(array);
  return larger;
}

function addFigures(to: Float64Array, at: number, from: Float64Array, fromAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[at + i]! += from[fromAt + i]!;
}

function clearFigures(of: Float64Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) of[at + i] = 0;
}
