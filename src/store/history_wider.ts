/**
 * Wider windows from the narrower ones that are kept: hours from minutes, after a stop or a power cut in the middle of one,
 * and days from hours, always. The sums are those of the parts, exactly; without all of its parts a window is partial. Days
 * are those of UTC, since a day of local time has no fixed length. Reads and writes one window at a time.
 */
import type { Kv } from '../core/kv.ts';
import { DimensionSum } from '../flow/history_merge.ts';
import {
  dimensions,
  emptyVolume,
  type HistoryWindow,
  tierSeconds,
  type Volume,
  type WindowOfDimension,
} from '../flow/history_shapes.ts';
import { decodeWindow, encodeWindow } from './history_codec.ts';
import { historyKey, historyRange, type StoredTier, startOfKey } from './history_keys.ts';

/** What each is made of. */
const partsOf = { '1h': '1m', '1d': '1h' } as const satisfies Partial<Record<StoredTier, StoredTier>>;
export type WiderTier = keyof typeof partsOf;

export interface ReadFigures {
  recordsUnreadable: number;
}

export const lengthMs = (tier: StoredTier): number => tierSeconds[tier] * 1_000;
export const startOf = (tier: StoredTier, ms: number): number => Math.floor(ms / lengthMs(tier)) * lengthMs(tier);

/** The window that starts there, from its stored parts; undefined when there is none. */
export async function mergedWindow(
  kv: Kv,
  tier: WiderTier,
  startMs: number,
  topK: number,
  figures: ReadFigures,
): Promise<HistoryWindow | undefined> {
  const from = partsOf[tier];
  const merged: WindowOfDimension[] = [];
  const totals = new Map<number, Volume>();
  let parts = 0;
  let partial = false;
  for (const dimension of dimensions) {
    const sum = new DimensionSum(dimension);
    const uncounted = new Map(totals);
    let counted = 0;
    for await (const [key, value] of kv.entries(historyRange(from, dimension, startMs, startMs + lengthMs(tier)))) {
      const stored = decodeWindow(dimension, value);
      if (stored === undefined) {
        figures.recordsUnreadable++;
        continue;
      }
      counted++;
      if (dimension === 'total') {
        parts++;
        totals.set(startOfKey(key), stored.window.top[0] ?? emptyVolume());
      }
      uncounted.delete(startOfKey(key));
      partial ||= stored.partial;
      sum.add(stored.window);
    }
    // A dimension that only some parts have, such as a label that was set up meanwhile: the rest of the time is other.
    if (counted === 0) continue;
    for (const volume of uncounted.values()) sum.addUncounted(volume);
    merged.push(sum.close(topK));
  }
  if (parts === 0) return undefined;
  const complete = parts === lengthMs(tier) / lengthMs(from);
  return { tier, startMs, dimensions: merged, partial: partial || !complete };
}

/**
 * Writes windows of the span that have parts and are not there yet, the oldest first, at most `most`.
 * @returns where to go on: the start of the first that was left out, else `toMs`
 */
export async function completeWindows(
  kv: Kv,
  tier: WiderTier,
  span: { readonly fromMs: number; readonly toMs: number; readonly most: number },
  topK: number,
  figures: ReadFigures,
): Promise<number> {
  const fromMs = Math.max(0, Math.ceil(span.fromMs / lengthMs(tier)) * lengthMs(tier));
  const toMs = startOf(tier, span.toMs);
  const missing = new Set<number>();
  for await (const [key] of kv.entries(historyRange(partsOf[tier], 'total', fromMs, toMs)))
    missing.add(startOf(tier, startOfKey(key)));
  for await (const [key] of kv.entries(historyRange(tier, 'total', fromMs, toMs))) missing.delete(startOfKey(key));
  const starts = [...missing];
  for (const startMs of starts.slice(0, span.most)) {
    const window = await mergedWindow(kv, tier, startMs, topK, figures);
    if (window === undefined) continue;
    const puts = window.dimensions.map((one) => ({
      key: historyKey(tier, one.dimension, startMs),
      value: encodeWindow({ window: one, partial: window.partial }),
    }));
    await kv.batch(puts, [], { sync: true });
  }
  return starts[span.most] ?? toMs;
}
