/**
 * Rows on their way into the windows, by columns: keys of every dimension, and the shares that windows get of each row's figures. Written row
 * by row, read dimension by dimension. Limits: `rowsMax` rows, `sharesMax` shares. Used again for every batch.
 */
import { figuresPerKey, figuresPerSample, type RowColumns, rowsMax } from '../flow/row_counts.ts';
import { RowKeys } from './row_keys.ts';

const sharesMax = 2_048;

export class RowBatch implements RowColumns {
  count = 0;
  shareCount = 0;
  readonly keys = new RowKeys(rowsMax);
  readonly flags = new Uint8Array(rowsMax);
  readonly weights = new Float64Array(rowsMax);
  readonly firstShare = new Int32Array(rowsMax + 1);
  readonly places: Int32Array;
  readonly figures: Float64Array;
  readonly sampled: Float64Array;

  /** @param windowsMax of one row */
  constructor(windowsMax: number) {
    const shares = Math.max(sharesMax, windowsMax);
    this.places = new Int32Array(shares);
    this.figures = new Float64Array(shares * figuresPerKey);
    this.sampled = new Float64Array(shares * figuresPerSample);
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
