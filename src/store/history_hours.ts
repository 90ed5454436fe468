/**
 * Hours from the minutes that are kept: after a stop or a power cut in the middle of one. The sums are those of the
 * minutes, exactly; an hour without all of its sixty minutes is partial. Reads and writes one hour at a time.
 */
import type { Kv } from '../core/kv.ts';
import { DimensionSum } from '../flow/history_merge.ts';
import { dimensions, type HistoryWindow, type WindowOfDimension } from '../flow/history_shapes.ts';
import { decodeWindow, encodeWindow } from './history_codec.ts';
import { historyKey, historyRange, startOfKey } from './history_keys.ts';

const hourMs = 3_600_000;
const minutesPerHour = 60;

export interface ReadFigures {
  recordsUnreadable: number;
}

/** The hour that starts there, from its stored minutes; undefined when there is none. */
export async function mergedHour(
  kv: Kv,
  hourStartMs: number,
  topK: number,
  figures: ReadFigures,
): Promise<HistoryWindow | undefined> {
  const parts: WindowOfDimension[] = [];
  let minutes = 0;
  let partial = false;
  for (const dimension of dimensions) {
    const sum = new DimensionSum(dimension);
    for await (const [, value] of kv.entries(historyRange('1m', dimension, hourStartMs, hourStartMs + hourMs))) {
      const stored = decodeWindow(dimension, value);
      if (stored === undefined) {
        figures.recordsUnreadable++;
        continue;
      }
      if (dimension === 'total') minutes++;
      partial ||= stored.partial;
      sum.add(stored.window);
    }
    parts.push(sum.close(topK));
  }
  if (minutes === 0) return undefined;
  return { tier: '1h', startMs: hourStartMs, dimensions: parts, partial: partial || minutes < minutesPerHour };
}

/** Writes every hour that is over, has minutes and has no window of its own yet. */
export async function completeHours(
  kv: Kv,
  nowMs: number,
  options: { readonly topK: number; readonly minutesForS: number },
  figures: ReadFigures,
): Promise<void> {
  const toMs = Math.floor(nowMs / hourMs) * hourMs;
  const fromMs = Math.max(0, Math.ceil((nowMs - options.minutesForS * 1_000) / hourMs) * hourMs);
  const missing = new Set<number>();
  for await (const [key] of kv.entries(historyRange('1m', 'total', fromMs, toMs))) {
    missing.add(Math.floor(startOfKey(key) / hourMs) * hourMs);
  }
  for await (const [key] of kv.entries(historyRange('1h', 'total', fromMs, toMs))) missing.delete(startOfKey(key));
  for (const startMs of missing) {
    const hour = await mergedHour(kv, startMs, options.topK, figures);
    if (hour === undefined) continue;
    const puts = hour.dimensions.map((window) => ({
      key: historyKey('1h', window.dimension, startMs),
      value: encodeWindow({ window, partial: hour.partial }),
    }));
    await kv.batch(puts, [], { sync: true });
  }
}
