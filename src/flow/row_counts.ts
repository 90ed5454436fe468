/**
 * Counting by key, for windows that are open: every dimension of a rollup has a table of its keys, and beside each key what every window
 * counted for it. Windows are places. This is what the rollup asks for; `native/rollup` does it.
 *
 * Holds at any time: keys + other = all that was added, exactly. Limits: `keysMax` keys a dimension; when there are more, the lightest go
 * into `other`, a sixteenth of the table at once. Memory: (words + 8) × 4 octets a key there is room for, and for each place 40 more, 72 once
 * sampled rows were counted; taken as keys come.
 */

/** outOctets, inOctets, outPackets, inPackets, flows. */
export const figuresPerKey = 5;
/**
 * Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted.
 * Kept as the excess, so that rows of every packet need none of it.
 */
export const figuresPerSample = 4;
/** In `RowColumns.flags`: what the row counts are estimates. The addon knows it too. */
export const sampledFlag = 16;
/** Of one batch. */
export const rowsMax = 256;

/** A batch of rows, by columns. The arrays stay the same ones; what is in them is read at each `addRows`. */
export interface RowColumns {
  readonly flags: Uint8Array;
  /** Octets of both directions, for who stays in a table. */
  readonly weights: Float64Array;
  /** A row's shares, at least one, stand from here up to the next row's first: one more than rows. */
  readonly firstShare: Int32Array;
  /** The place of each share's window. */
  readonly places: Int32Array;
  /** Octets and reverse octets, packets and reverse packets, flows: five a share. */
  readonly figures: Float64Array;
  /** As `figuresPerSample`; says something for sampled rows. */
  readonly sampled: Float64Array;
}

/** Where keys of a dimension stand, and what they are of a row. */
export interface KeyColumn {
  /** As many words a row as the dimension's keys have. */
  readonly keys: Int32Array;
  /** Flags a row must have for a key here; without, it counts as other. */
  readonly needs: number;
  /** Rows with this flag count the other way round: their source is what `in` counts for. */
  readonly swaps: number;
}

export interface RowCountsPlan {
  readonly keysMax: number;
  /** Windows side by side at first, and at most. */
  readonly places: number;
  readonly placesMax: number;
  readonly dimensions: readonly {
    /** Of 32 bits, that a key has. */
    readonly words: number;
    /** Of `hashKey`. */
    readonly multipliers: Int32Array;
    /** Of 32 bits, for whom chance chooses. */
    readonly seed: number;
    /** What `addRows` adds; none where nothing is added but by `addTaken`. */
    readonly columns: readonly KeyColumn[];
  }[];
  /** Absent where there are no columns. */
  readonly rows?: RowColumns;
}

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
  /** Counts the first rows of the columns in every dimension. Returns the keys that gave their place up. */
  addRows(count: number): number;
  /**
   * Takes what a window counted in one dimension out of its place, which is empty then.
   * @param to the place that all of it is added to; null for none
   */
  take(dimension: number, place: number, to: number | null, topK: number): TakenKeys;
  /**
   * Adds all that was taken last from others, which have the same dimensions and multipliers and may be the same kind of object only.
   * Returns the keys that gave their place up.
   */
  addTaken(from: RowCounts, place: number): number;
  /** Keys that no place counts for make room. */
  forgetAbsent(): void;
  /** Puts more windows side by side; what places hold stays. */
  widen(places: number): void;
  /** As at first, and the memory of many keys is given back. */
  clear(): void;
}

export type CountRows = (plan: RowCountsPlan) => RowCounts;
