/** A window as it is kept and shown, from what was counted: top K by octets in each dimension, the rest as `other`. */
import { byVolume } from '../flow/history_merge.ts';
import { emptyVolume, type KeyVolume, type Volume, type WindowOfDimension } from '../flow/history_shapes.ts';
import { type CountedKeys, figuresPerKey, figuresPerSample, isEstimate } from './counted_keys.ts';
import type { DimensionCounts } from './dimension_counts.ts';
import { kthLargest } from './kth_largest.ts';
import { type KeyNames, keyText } from './row_keys.ts';

export function closeTotal(total: Float64Array, totalSampled: Float64Array): WindowOfDimension {
  return {
    dimension: 'total',
    top: [{ key: '', ...volumeOf(total, 0, totalSampled, 0) }],
    other: emptyVolume(),
    distinctKeys: 1,
  };
}

/**
 * @param keys what was taken out of the place
 * @param place where the rest of it still stands
 */
export function closeDimension(
  counts: DimensionCounts,
  keys: CountedKeys,
  place: number,
  topK: number,
  names: KeyNames,
): WindowOfDimension {
  const { dimension, table } = counts;
  const { count, slots, figures, sampled, octets, ranked } = keys;
  for (let key = 0; key < count; key++) ranked[key] = octets[key] = keys.octetsOf(key);
  // The K-th largest divides top from other; keys that equal it fill what room is left.
  const least = count <= topK ? -1 : kthLargest(ranked, count, topK);
  let room = topK;
  for (let key = 0; key < count; key++) if (octets[key]! > least) room--;
  const top: KeyVolume[] = [];
  const other = counts.other.slice(place * figuresPerKey, (place + 1) * figuresPerKey);
  const otherSampled = counts.otherSampled.slice(place * figuresPerSample, (place + 1) * figuresPerSample);
  for (let key = 0; key < count; key++) {
    if (octets[key]! > least || (octets[key]! === least && room-- > 0)) {
      const text = keyText(dimension, table.records, slots[key]! * table.stride + table.keyAt, names);
      top.push({ key: text, ...volumeOf(figures, key * figuresPerKey, sampled, key * figuresPerSample) });
    } else {
      for (let i = 0; i < figuresPerKey; i++) other[i]! += figures[key * figuresPerKey + i]!;
      for (let i = 0; i < figuresPerSample; i++) otherSampled[i]! += sampled[key * figuresPerSample + i]!;
    }
  }
  top.sort(byVolume);
  const distinct = counts.distinct[place]!;
  const distinctKeys = counts.evicted[place] === 0 ? count : Math.max(count, distinct.estimate());
  return { dimension, top, other: volumeOf(other, 0, otherSampled, 0), distinctKeys, distinct: distinct.pack() };
}

function volumeOf(figures: Float64Array, at: number, sampled: Float64Array, from: number): Volume {
  const volume: Volume = {
    outOctets: figures[at]!,
    inOctets: figures[at + 1]!,
    outPackets: figures[at + 2]!,
    inPackets: figures[at + 3]!,
    flows: figures[at + 4]!,
  };
  if (!isEstimate(sampled, from)) return volume;
  volume.estimated = true;
  volume.standardError = { octets: Math.sqrt(sampled[from]!), packets: Math.sqrt(sampled[from + 1]!) };
  volume.counted = {
    octets: volume.outOctets + volume.inOctets - sampled[from + 2]!,
    packets: volume.outPackets + volume.inPackets - sampled[from + 3]!,
  };
  return volume;
}
