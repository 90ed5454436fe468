/**
 * What one window counted in one dimension, taken out of where it was counted: dense, and read from front to back by whoever ranks it
 * or adds it to a longer window. Memory: 92 octets a key of the largest window so far. Used again for every window.
 */

/** outOctets, inOctets, outPackets, inPackets, flows. */
export const figuresPerKey = 5;
/**
 * Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted.
 * Kept as the excess, so that rows of every packet need none of it.
 */
export const figuresPerSample = 4;

export class CountedKeys {
  count = 0;
  /** Where the table has each key. */
  slots = new Int32Array(0);
  /** `figuresPerKey` numbers a key. */
  figures = new Float64Array(0);
  /** `figuresPerSample` numbers a key; zero where no sampled row was counted. */
  sampled = new Float64Array(0);
  /** Each key's octets, and room to put them in another order: for who ranks them. Nothing stays in it. */
  octets = new Float64Array(0);
  ranked = new Float64Array(0);

  clear(): void {
    this.count = 0;
  }

  /** Makes room for so many keys; what is held stays only where there is room already. */
  reserve(keys: number): void {
    if (this.slots.length >= keys) return;
    this.slots = new Int32Array(keys);
    this.figures = new Float64Array(keys * figuresPerKey);
    this.sampled = new Float64Array(keys * figuresPerSample);
    this.octets = new Float64Array(keys);
    this.ranked = new Float64Array(keys);
  }

  octetsOf(key: number): number {
    return this.figures[key * figuresPerKey]! + this.figures[key * figuresPerKey + 1]!;
  }

  isEstimate(key: number): boolean {
    return isEstimate(this.sampled, key * figuresPerSample);
  }
}

/** Whether what stands there makes an estimate of a count. */
export const isEstimate = (sampled: Float64Array, at: number): boolean =>
  sampled[at + 1]! > 0 || sampled[at + 2]! > 0 || sampled[at + 3]! > 0;
