/**
 * Gaps that were said and have arrived. Like rows, they may lie unread in a collector that then falls: until a margin's worth
 * of octets has arrived behind them they are kept to be said again. Pure but for its own state.
 */
import type { Gap } from './gaps.ts';

export class HeardGaps {
  #heard: { readonly gap: Gap; readonly octets: number | undefined }[] = [];

  get gaps(): readonly Gap[] {
    return this.#heard.map(({ gap }) => gap);
  }

  add(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#heard.push({ gap, octets: undefined });
  }

  /**
   * Rows have arrived behind them, in so many octets of the link since the rows before; of those the first time some may lie before
   * the gaps, so they do not count.
   */
  pass(octets: number, marginMax: number): void {
    if (this.#heard.length === 0) return;
    this.#heard = this.#heard
      .map(({ gap, octets: before }) => ({ gap, octets: before === undefined ? 0 : before + octets }))
      .filter(({ octets: behind }) => behind < marginMax);
  }

  take(): Gap[] {
    return this.#heard.splice(0).map(({ gap }) => gap);
  }
}
