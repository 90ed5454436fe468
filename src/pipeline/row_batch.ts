/**
 * Rows on their way into the windows, by columns: keys of every dimension, and the shares that windows get of each row's figures. Written row
 * by row, read dimension by dimension. Limits: `rowsMax` rows, `sharesMax` shares. Used again for every batch.
 */
import { RowKeys } from './row_keys.ts';

export const rowsMax = 256;
const sharesMax = 2_048;

export class RowBatch {
  count = 0;
  shareCount = 0;
  readonly keys = new RowKeys(rowsMax);
  readonly flags = new Uint8Array(rowsMax);
  /** Octets of both directions, for who stays in a table. */
  readonly weights = new Float64Array(rowsMax);
  /** Scratch of whoever looks keys up. */
  readonly hashes = new Int32Array(rowsMax);
  readonly slots = new Int32Array(rowsMax);
  /** A row's shares stand from here up to the next row's first. */
  readonly firstShare = new Int32Array(rowsMax + 1);
  /** The place of each share's window. */
  readonly places: Int32Array;
  /** Octets and reverse octets, packets and reverse packets, flows: five a share. */
  readonly figures: Float64Array;
  /** As `figuresPerSample`; says something for sampled rows. */
  readonly sampled: Float64Array;

  /** @param windowsMax of one row */
  constructor(windowsMax: number) {
    const shares = Math.max(sharesMax, windowsMax);
    this.places = new Int32Array(shares);
    this.figures = new Float64Array(shares * 5);
    this.sampled = new Float64Array(shares * 4);
  }

  /** Whether one more row has room that has so many shares. */
  hasRoomFor(shares: number): boolean {
    return this.count < rowsMax && this.shareCount + shares <= this.places.length;
  }

  clear(): void {
    this.count = 0;
    this.shareCount = 0;
  }
}
