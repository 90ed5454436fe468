/**
 * Which windows answer for a stretch of time, each instant by one window only: days where they lie whole inside it, hours
 * and minutes for the rest, 10 s windows from memory for what has no minute yet. At an edge that lies inside an hour whose
 * minutes have gone, or a day whose hours have, the whole one is taken: the answer says what it covers.
 */
import type { Kv } from '../core/kv.ts';
import { type Dimension, type Tier, tierSeconds } from '../flow/history_shapes.ts';
import { decodeWindow, type StoredWindow } from './history_codec.ts';
import { historyRange, type StoredTier, startOfKey } from './history_keys.ts';
import type { RecentWindows } from './recent_windows.ts';

export interface CoverOptions {
  readonly dimension: Dimension;
  /** Aligned to whole 10 s by the caller. */
  readonly fromMs: number;
  readonly toMs: number;
  /** No window wider than this is used. */
  readonly widestMs: number;
  /** Of each window this key alone is wanted. */
  readonly only?: string;
}

export interface CoveringWindow {
  readonly tier: Tier;
  readonly startMs: number;
  readonly stored: StoredWindow;
}

/** Called for each record that could not be read. */
export type OnUnreadable = () => void;

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const tierMs = (tier: Tier): number => tierSeconds[tier] * 1_000;

export async function* coveringWindows(
  kv: Kv,
  recent: RecentWindows | undefined,
  options: CoverOptions,
  onUnreadable: OnUnreadable,
): AsyncIterable<CoveringWindow> {
  const { fromMs, toMs, widestMs, dimension, only } = options;
  let open: Span[] = [{ fromMs, toMs }];
  for (const tier of ['1d', '1h', '1m'] as const) {
    if (tierMs(tier) > widestMs) continue;
    const taken: number[] = [];
    for (const span of open) {
      for await (const found of storedWindows(kv, tier, options, span, onUnreadable)) {
        if (!(await belongs(kv, found, span, dimension))) continue;
        taken.push(found.startMs);
        yield found;
      }
    }
    open = without(open, taken, tierMs(tier));
  }
  if (recent === undefined) return;
  for (const span of open) {
    for (const { startMs, stored } of recent.windows(dimension, span.fromMs, span.toMs, only)) {
      if (startMs + tierMs('10s') <= span.toMs) yield { tier: '10s', startMs, stored };
    }
  }
}

async function* storedWindows(
  kv: Kv,
  tier: StoredTier,
  { dimension, only }: Pick<CoverOptions, 'dimension' | 'only'>,
  span: Span,
  onUnreadable: OnUnreadable,
): AsyncIterable<CoveringWindow> {
  const firstMs = Math.floor(span.fromMs / tierMs(tier)) * tierMs(tier);
  for await (const [key, value] of kv.entries(historyRange(tier, dimension, firstMs, span.toMs))) {
    const stored = decodeWindow(dimension, value, only);
    if (stored === undefined) onUnreadable();
    else yield { tier, startMs: startOfKey(key), stored };
  }
}

/** Inside the span, or at its edge and with nothing finer that can stand in for it. */
async function belongs(kv: Kv, { tier, startMs }: CoveringWindow, span: Span, dimension: Dimension): Promise<boolean> {
  const endMs = startMs + tierMs(tier);
  if (startMs >= span.fromMs && endMs <= span.toMs) return true;
  for (const finer of finerThan[tier] ?? [])
    for await (const _ of kv.entries({ ...historyRange(finer, dimension, startMs, endMs), limit: 1 })) return false;
  return finerThan[tier] !== undefined;
}

/** Minutes that are left over of a day tell nothing about the rest of it, so a day is judged by its hours. */
const finerThan: Partial<Record<Tier, readonly StoredTier[]>> = { '1h': ['1m'], '1d': ['1h'] };

/** The spans less the windows that start at `taken`. */
function without(spans: readonly Span[], taken: readonly number[], lengthMs: number): Span[] {
  const starts = [...taken].sort((a, b) => a - b);
  return spans.flatMap((span) => {
    const rest: Span[] = [];
    let fromMs = span.fromMs;
    for (const startMs of starts) {
      if (startMs + lengthMs <= fromMs || startMs >= span.toMs) continue;
      if (startMs > fromMs) rest.push({ fromMs, toMs: startMs });
      fromMs = startMs + lengthMs;
    }
    if (fromMs < span.toMs) rest.push({ fromMs, toMs: span.toMs });
    return rest;
  });
}
