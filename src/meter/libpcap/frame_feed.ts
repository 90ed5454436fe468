/**
 * Packs captured frames into the slots of the native meter: `FeedRecord` of `native/source/feed_lane.h`, then the frame, padded
 * to eight octets. Memory only. A slot is lent, filled over one turn and handed over whole, so the border is crossed per batch.
 *
 * Bounds: the slots the meter has. When the meter holds all of them, frames are refused (`drop-newest`) and counted by port.
 */
import type { NativeMeter } from '../addon.ts';

export type FeedMeter = Required<Pick<NativeMeter, 'feedBuffer' | 'feedSlotBytes'>> & Pick<NativeMeter, 'feedSlot' | 'feed'>;

const recordOctets = 24;
/** Below this, copying word by word beats a call that makes a view. */
const wordCopyOctetsMax = 512;

export class FrameFeed {
  readonly #meter: FeedMeter;
  readonly #words: Uint32Array;
  readonly #octets: Uint8Array;
  #slot = -1;
  /** Octets written to the slot. */
  #filled = 0;
  /** Frames that found no slot, by port. */
  readonly refused: number[];

  constructor(meter: FeedMeter, ports: number) {
    this.#meter = meter;
    this.#words = new Uint32Array(meter.feedBuffer);
    this.#octets = new Uint8Array(meter.feedBuffer);
    this.refused = new Array<number>(ports).fill(0);
  }

  /**
   * @param header seconds, microseconds, captured octets, octets on the wire
   * @param frame at least the captured octets, rounded up to four
   * @param frameWords the same memory by words
   */
  add(port: number, header: Uint32Array, frame: Uint8Array, frameWords: Uint32Array): void {
    const captured = Math.min(header[2]!, frame.length);
    const room = recordOctets + ((captured + 7) & ~7);
    if (this.#slot >= 0 && this.#filled + room > this.#meter.feedSlotBytes) this.flush();
    if (this.#slot < 0) {
      this.#slot = this.#meter.feedSlot();
      if (this.#slot < 0) {
        this.refused[port]!++;
        return;
      }
    }
    const start = this.#slot * this.#meter.feedSlotBytes + this.#filled;
    const words = this.#words;
    let at = start >>> 2;
    words[at++] = header[0]!;
    words[at++] = header[1]!;
    words[at++] = captured;
    words[at++] = header[3]!;
    words[at++] = port;
    words[at++] = 0;
    if (captured <= wordCopyOctetsMax) {
      for (let from = 0, count = (captured + 3) >>> 2; from < count; from++) words[at + from] = frameWords[from]!;
    } else {
      this.#octets.set(frame.subarray(0, captured), start + recordOctets);
    }
    this.#filled += room;
  }

  /** Hands over what the slot holds. */
  flush(): void {
    if (this.#slot < 0) return;
    this.#meter.feed(this.#slot, this.#filled);
    this.#slot = -1;
    this.#filled = 0;
  }
}
