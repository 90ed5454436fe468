/**
 * Rows into windows that are open: of each row the share that every window gets of its figures, counted under the row's key in every
 * dimension. Windows are places side by side. This is what the rollup asks for; `native/rollup` does it.
 *
 * Holds at any time: keys + other = total = all that was added, exactly. Limits: `keysMax` keys a dimension; when there are more, the lightest
 * go into `other`, a sixteenth of the table at once. Memory: (words + 16) × 4 octets a key at most, and for each place in use 40 more, 72
 * once sampled rows were counted; taken as keys come.
 */
import type { Dimension } from './history_shapes.ts';

/** outOctets, inOctets, outPackets, inPackets, flows. */
export const figuresPerKey = 5;
/**
 * Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted.
 * Kept as the excess, so that rows of every packet need none of it.
 */
export const figuresPerSample = 4;
/** Of a place: figures, then what makes estimates of them. */
export const figuresPerTotal = figuresPerKey + figuresPerSample;

export type KeyedDimension = Exclude<Dimension, 'total'>;

export interface RowCountsPlan {
  readonly keysMax: number;
  /** Windows side by side at first, and at most. */
  readonly places: number;
  readonly placesMax: number;
  readonly windowMs: number;
  readonly dimensions: readonly {
    readonly name: KeyedDimension;
    /** Of `hashKey`, as many words as keys of that dimension have. */
    readonly multipliers: Int32Array;
    /** Of 32 bits, for whom chance chooses. */
    readonly seed: number;
  }[];
  /** Which ports have names, by protocol: a bit each, the lowest of the first octet is port 0. */
  readonly servicePorts: readonly { readonly protocol: number; readonly bits: Uint8Array }[];
  /** Whether rows may be samples. False: they count as they are, whatever selector they name. */
  readonly hasSelectors: boolean;
  /** `figuresPerTotal` numbers a place: all that is added is added here, and nothing else is done to it. */
  readonly totals: Float64Array;
  /** Read at every `add`: the places of the windows that are open, from the oldest on. Room for `placesMax`. */
  readonly windowPlaces: Int32Array;
  /** Written by every `add`: see `rowsOutcome`. */
  readonly outcome: Int32Array;
}

/** What stands in `RowCountsPlan.outcome`, by place. */
export const rowsOutcome = {
  /** From the oldest on, as many as must be open for these rows. */
  windowsNeeded: 0,
  /** That nobody has told of yet; 0 for none. */
  selectorId: 1,
  /** Rows of which a part belonged to a window already closed: that part is in the oldest open one. */
  lateRows: 2,
  /** Rows that claim to end in the future: that part is in the newest window. */
  earlyRows: 3,
  /** Keys that gave their place up; their volume went to `other`. */
  evictedKeys: 4,
} as const;
export const outcomes = Object.keys(rowsOutcome).length;

/** What a window counted in one dimension: the keys with the most octets, in no order, and the rest. */
export interface TakenKeys {
  /** Words of one key after the other. */
  readonly keys: Int32Array;
  /** `figuresPerKey` numbers a key, and as many of all other keys behind them. */
  readonly figures: Float64Array;
  /** `figuresPerSample` numbers a key, and as many of all other keys behind them. */
  readonly sampled: Float64Array;
  /** Keys that were left in the table. */
  readonly count: number;
  /** Some keys were moved to `other`: `count` is not all there were. */
  readonly evicted: boolean;
  /** For `DistinctCount.of`. */
  readonly ranks: Uint8Array;
}

/** Bad arguments throw an Error with the code EINVAL, no memory ENOMEM. */
export interface RowCounts {
  /**
   * Counts rows. False where windows must be opened or a selector told before: nothing was counted, and `outcome` says which.
   * @param firstRow offset of the first in `rows`, octets
   * @param offsetMs added to the rows' clock to get the windows' time
   * @param oldest start of the first open window divided by `windowMs`
   * @param newest the same of the last window that rows may be in
   * @param open windows that are
   */
  add(rows: Uint8Array, firstRow: number, count: number, offsetMs: number, oldest: number, newest: number, open: number): boolean;
  /**
   * @param ofFlows one flow in `interval` was taken, not one packet
   * @param isKnown false: nobody knows; asked for again with the next rows
   */
  tellSelector(selectorId: number, interval: number, ofFlows: boolean, isKnown: boolean): void;
  /**
   * Takes what a window counted in one dimension out of its place, which is empty then.
   * @param to the place that all of it is added to; null for none
   */
  take(dimension: number, place: number, to: number | null, topK: number): TakenKeys;
  /**
   * Adds all that was taken last from others, which must have the same dimensions and multipliers.
   * Returns the keys that gave their place up.
   */
  addTaken(from: RowCounts, place: number): number;
  /** Keys that no place counts for make room. */
  forgetAbsent(): void;
  /** Puts more windows side by side; what places hold stays. */
  widen(places: number): void;
  /** As at first, and the memory of many keys is given back. Totals are the owner's. */
  clear(): void;
}

export type CountRows = (plan: RowCountsPlan) => RowCounts;
