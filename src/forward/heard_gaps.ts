/**
 * Gaps that were said and have arrived. Like rows, they may lie unread in a collector that then falls: until a margin's worth
 * of octets has arrived behind them they are kept to be said again. Pure but for its own state. Limit: `gapsMax` gaps; beyond that
 * neighbours are joined, and wait as long as the newest.
 */
import { type Gap, gapsMax, withGap } from './gaps.ts';

interface Heard {
  readonly gap: Gap;
  /** Of the link, that arrived behind it; undefined before the first rows did. */
  readonly octets: number | undefined;
}

export class HeardGaps {
  #heard: Heard[] = [];

  get gaps(): readonly Gap[] {
    return this.#heard.map(({ gap }) => gap);
  }

  add(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#heard.push({ gap, octets: undefined });
    if (this.#heard.length <= gapsMax) return;
    const joined = this.gaps.reduce<readonly Gap[]>(withGap, []);
    this.#heard = joined.map((gap) => ({ gap, octets: undefined }));
  }

  /**
   * Rows have arrived behind them, in so many octets of the link since the rows before. Of the first of these, some may lie
   * before the gaps, so they do not count.
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
