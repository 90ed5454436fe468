/**
 * What of the history goes, and when: by age, then by bytes. Minutes go before hours and hours before days, because the wider
 * still answer for them; of each the oldest first. Bounded: one run deletes at most `recordsPerRun` a tier and dimension by age, and takes
 * at most `stepsPerRun` steps to get below the budget.
 */
import type { Kv } from '../core/kv.ts';
import { dimensions } from '../flow/history_shapes.ts';
import { endOfTimeMs, historyKey, historyRange, type StoredTier, startOfKey, storedTiers } from './history_keys.ts';

export interface RetentionOptions {
  readonly minutesForS: number;
  readonly hoursForS: number;
  readonly daysForS: number;
  readonly bytesMax: number;
}

const hourMs = 3_600_000;
const recordsPerRun = 2_000;
const stepsPerRun = 8;
/** Where the budget is exceeded, it is brought a little below, so that not every run has to. */
const target = 0.95;
/** How much one step takes, and what stays whatever the budget. */
const steps: Readonly<Record<StoredTier, { takeMs: number; keepMs: number }>> = {
  '1m': { takeMs: 6 * hourMs, keepMs: 2 * hourMs },
  '1h': { takeMs: 7 * 24 * hourMs, keepMs: 24 * hourMs },
  '1d': { takeMs: 30 * 24 * hourMs, keepMs: 30 * 24 * hourMs },
};

/**
 * @param nowMs wall time, or undefined while nobody knows it: then nothing goes by age
 * @returns windows × dimensions that were dropped
 */
export async function applyRetention(kv: Kv, nowMs: number | undefined, options: RetentionOptions): Promise<number> {
  let dropped = 0;
  if (nowMs !== undefined) {
    dropped += await dropBefore(kv, '1m', nowMs - options.minutesForS * 1_000);
    dropped += await dropBefore(kv, '1h', nowMs - options.hoursForS * 1_000);
    dropped += await dropBefore(kv, '1d', nowMs - options.daysForS * 1_000);
  }
  if ((await kv.approximateSize({})) <= options.bytesMax) return dropped;
  for (let step = 0; step < stepsPerRun && (await kv.approximateSize({})) > options.bytesMax * target; step++) {
    const gone = await dropOldest(kv);
    if (gone === 0) break;
    dropped += gone;
  }
  return dropped;
}

async function dropBefore(kv: Kv, tier: StoredTier, beforeMs: number): Promise<number> {
  let dropped = 0;
  if (beforeMs <= 0) return 0;
  for (const dimension of dimensions) {
    const range = { ...historyRange(tier, dimension, 0, beforeMs), limit: recordsPerRun };
    let count = 0;
    for await (const _ of kv.entries(range)) count++;
    if (count > 0) await kv.clear(range);
    dropped += count;
  }
  return dropped;
}

/** One step: the oldest stretch of the minutes, of the hours when few minutes are left, at last of the days. Space comes back at once. */
async function dropOldest(kv: Kv): Promise<number> {
  for (const tier of storedTiers) {
    const oldestMs = await edge(kv, tier, false);
    const newestMs = await edge(kv, tier, true);
    if (oldestMs === undefined || newestMs === undefined) continue;
    const { takeMs, keepMs } = steps[tier];
    const beforeMs = Math.min(oldestMs + takeMs, newestMs - keepMs);
    if (beforeMs <= oldestMs) continue;
    const dropped = await dropBefore(kv, tier, beforeMs);
    for (const dimension of dimensions) {
      await kv.compact?.({ gte: historyKey(tier, dimension, 0), lt: historyKey(tier, dimension, beforeMs) });
    }
    return dropped;
  }
  return 0;
}

/** Start of the oldest or newest window of a tier. */
export async function edge(kv: Kv, tier: StoredTier, newest: boolean): Promise<number | undefined> {
  const range = { ...historyRange(tier, 'total', 0, endOfTimeMs), limit: 1, reverse: newest };
  for await (const [key] of kv.entries(range)) return startOfKey(key);
  return undefined;
}
