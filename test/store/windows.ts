/** Closed windows for tests, with sums that are easy to follow. */
import {
  addVolume,
  dimensions,
  emptyVolume,
  type HistoryWindow,
  type KeyVolume,
  type Tier,
  type Volume,
} from '../../src/flow/history_shapes.ts';

export const volume = (octets: number): Volume => ({
  outOctets: octets,
  inOctets: octets * 2,
  outPackets: octets % 7,
  inPackets: 1,
  flows: 1,
});

export const keyed = (key: string, octets: number): KeyVolume => ({ key, ...volume(octets) });

/** A window whose every dimension but the total has these keys and the rest in `other`. */
export function windowOf(
  tier: Tier,
  startMs: number,
  keys: Readonly<Record<string, number>>,
  more: { other?: number; partial?: boolean } = {},
): HistoryWindow {
  const top = Object.entries(keys).map(([key, octets]) => keyed(key, octets));
  const other = more.other === undefined ? emptyVolume() : volume(more.other);
  const total = emptyVolume();
  for (const part of [...top, other]) addVolume(total, part);
  return {
    tier,
    startMs,
    partial: more.partial ?? false,
    dimensions: dimensions.map((dimension) =>
      dimension === 'total'
        ? { dimension, top: [{ key: '', ...total }], other: emptyVolume(), distinctKeys: 1 }
        : { dimension, top, other, distinctKeys: top.length },
    ),
  };
}
