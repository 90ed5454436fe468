/**
 * How the history lies in its store: one record for each window and dimension.
 *
 *   key    tier (1 octet) · dimension (1 octet) · start of the window in s since 1970 (4 octets, network byte order)
 *   value  version (1 octet) · MessagePack array, see `history_codec.ts`
 *
 * So the windows of one dimension lie together in order of time, and a chart of the total reads nothing else. The numbers
 * are on disk for ever: never give one to something else. Pure.
 */
import type { KvRange } from '../core/kv.ts';
import type { Dimension, Tier } from '../flow/history_shapes.ts';

/** Tiers that are kept on disk. */
export const storedTiers = ['1m', '1h', '1d'] as const satisfies Tier[];
export type StoredTier = (typeof storedTiers)[number];

const tierNumbers: Readonly<Record<StoredTier, number>> = { '1m': 0x11, '1h': 0x12, '1d': 0x13 };
const dimensionNumbers: Readonly<Record<Dimension, number>> = {
  total: 1,
  host: 2,
  conversation: 3,
  application: 4,
  protocol: 5,
  vlan: 6,
  service: 7,
  siteLabel: 8,
  tenantLabel: 9,
  serviceLabel: 10,
  costCentreLabel: 11,
  country: 12,
  as: 13,
};

export const keyOctets = 6;

export function historyKey(tier: StoredTier, dimension: Dimension, startMs: number): Uint8Array {
  const key = new Uint8Array(keyOctets);
  const view = new DataView(key.buffer);
  view.setUint8(0, tierNumbers[tier]);
  view.setUint8(1, dimensionNumbers[dimension]);
  view.setUint32(2, Math.min(0xffff_ffff, Math.max(0, Math.round(startMs / 1_000))));
  return key;
}

/** Windows that start in [fromMs, toMs). */
export function historyRange(tier: StoredTier, dimension: Dimension, fromMs: number, toMs: number): KvRange {
  return { gte: historyKey(tier, dimension, fromMs), lt: historyKey(tier, dimension, toMs) };
}

export function startOfKey(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.length).getUint32(2) * 1_000;
}

/** Past the last window that a key can name (the year 2106). */
export const endOfTimeMs = 0xffff_ffff * 1_000;
