/**
 * How much the largest hosts of a day are those of the day before (Jaccard index of the top ten): a mirror that was moved, or
 * a network that was turned over, shows here. From hourly windows, days of UTC. Pure. Limit: `hostsMax` hosts a day.
 */
import type { HistoryWindow } from '../../flow/history_shapes.ts';

const top = 10;
const hostsMax = 2_000;
const dayMs = 86_400_000;

export interface TalkersKept {
  readonly day: number;
  readonly octets: Readonly<Record<string, number>>;
  readonly before: readonly string[];
  readonly percent: number | null;
}

export class TopTalkers {
  #day = 0;
  #octets = new Map<string, number>();
  /** Of the day before the one that runs. */
  #before: readonly string[] = [];
  #percent: number | null = null;

  /** Of the last two whole days; null before there were two. */
  get percent(): number | null {
    return this.#percent;
  }

  add(window: HistoryWindow): void {
    if (window.tier !== '1h') return;
    const day = Math.floor(window.startMs / dayMs);
    if (day < this.#day) return; // late, and its day is told
    if (day > this.#day) this.#endDay(day);
    for (const { key, outOctets, inOctets } of window.dimensions.find(({ dimension }) => dimension === 'host')?.top ?? []) {
      const before = this.#octets.get(key);
      if (before === undefined && this.#octets.size >= hostsMax) continue; // the largest come first in a window
      this.#octets.set(key, (before ?? 0) + outOctets + inOctets);
    }
  }

  toJSON(): TalkersKept {
    return { day: this.#day, octets: Object.fromEntries(this.#octets), before: this.#before, percent: this.#percent };
  }

  restore(kept: unknown): void {
    const { day, octets, before, percent } = (kept ?? {}) as Partial<TalkersKept>;
    if (typeof day !== 'number' || typeof octets !== 'object' || octets === null || !Array.isArray(before)) return;
    this.#day = day;
    this.#octets = new Map(
      Object.entries(octets)
        .filter(([, sum]) => typeof sum === 'number')
        .slice(0, hostsMax),
    );
    this.#before = before.filter((key) => typeof key === 'string').slice(0, top);
    this.#percent = typeof percent === 'number' ? percent : null;
  }

  #endDay(next: number): void {
    const largest = [...this.#octets]
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .slice(0, top)
      .map(([key]) => key);
    // A day without the box is no day to compare with.
    const follows = next === this.#day + 1;
    if (largest.length > 0 && this.#before.length > 0) this.#percent = jaccardPercent(this.#before, largest);
    this.#before = follows ? largest : [];
    this.#day = next;
    this.#octets = new Map();
  }
}

/** |A ∩ B| / |A ∪ B|. */
export function jaccardPercent(a: readonly string[], b: readonly string[]): number {
  const both = new Set([...a, ...b]);
  const common = a.filter((key) => b.includes(key)).length;
  return both.size === 0 ? 100 : (common / both.size) * 100;
}
