/**
 * The 10 s windows of the last hour, in memory, packed as they would be on disk (about 4 MB an hour at a busy branch).
 * Limits: `forS` seconds of windows, the oldest goes first. A reader in another thread keeps one of its own, fed with the
 * windows that are sent to it. Owned by one event loop.
 */
import { type Dimension, dimensions, type HistoryWindow, tierSeconds } from '../flow/history_shapes.ts';
import { decodeWindow, encodeWindow, type StoredWindow } from './history_codec.ts';

interface Packed {
  readonly startMs: number;
  readonly value: Uint8Array;
}

export class RecentWindows {
  readonly #windowsMax: number;
  readonly #packed = new Map<Dimension, Packed[]>(dimensions.map((dimension) => [dimension, []]));

  constructor(forS: number) {
    this.#windowsMax = Math.ceil(forS / tierSeconds['10s']);
  }

  /** Takes a closed 10 s window; others are not for here. */
  add(window: HistoryWindow): void {
    if (window.tier !== '10s') return;
    for (const part of window.dimensions) {
      const list = this.#packed.get(part.dimension)!;
      list.push({ startMs: window.startMs, value: encodeWindow({ window: part, partial: window.partial }) });
      if (list.length > this.#windowsMax) list.shift();
    }
  }

  /** Start of the oldest window, or undefined when there is none. */
  get oldestMs(): number | undefined {
    return this.#packed.get('total')![0]?.startMs;
  }

  /** Windows that start in [fromMs, toMs), in the order in which they closed; with `only` of its keys that one alone. */
  *windows(
    dimension: Dimension,
    fromMs: number,
    toMs: number,
    only?: string,
  ): Iterable<{ startMs: number; stored: StoredWindow }> {
    for (const { startMs, value } of this.#packed.get(dimension)!) {
      if (startMs < fromMs || startMs >= toMs) continue;
      const stored = decodeWindow(dimension, value, only);
      if (stored !== undefined) yield { startMs, stored };
    }
  }
}
