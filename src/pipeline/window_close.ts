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
  const { count, slots, figures, sampled } = keys;
  const other = counts.other.slice(place * figuresPerKey, (place + 1) * figuresPerKey);
  const otherSampled = counts.otherSampled.slice(place * figuresPerSample, (place + 1) * figuresPerSample);
  const top = divide(keys, topK, other, otherSampled).map((key): KeyVolume => {
    const text = keyText(dimension, table.records, slots[key]! * table.stride + table.keyAt, names);
    return { key: text, ...volumeOf(figures, key * figuresPerKey, sampled, key * figuresPerSample) };
  });
  top.sort(byVolume);
  const distinct = counts.distinct[place]!;
  const distinctKeys = counts.evicted[place] === 0 ? count : Math.max(count, distinct.estimate());
  return { dimension, top, other: volumeOf(other, 0, otherSampled, 0), distinctKeys, distinct: distinct.pack() };
}

/**
 * The keys with the most octets, `topK` of them; all others are added to `other`. Every loop over all keys is a function of its own: V8
 * compiles a loop while it runs, with nothing known yet of what comes behind it in the same function, and has to do it again there.
 */
function divide(keys: CountedKeys, topK: number, other: Float64Array, otherSampled: Float64Array): number[] {
  const { count, octets, ranked } = keys;
  rank(keys);
  // The K-th largest divides top from other; keys that equal it fill what room is left.
  const least = count <= topK ? -1 : kthLargest(ranked, count, topK);
  return addOthers(keys, least, topK - countAbove(octets, count, least), other, otherSampled);
}

function rank(keys: CountedKeys): void {
  const { count, octets, ranked } = keys;
  for (let key = 0; key < count; key++) ranked[key] = octets[key] = keys.octetsOf(key);
}

function countAbove(octets: Float64Array, count: number, least: number): number {
  let above = 0;
  for (let key = 0; key < count; key++) if (octets[key]! > least) above++;
  return above;
}

/** @param room for keys that have as many octets as `least`. Returns the keys that are not among the others */
function addOthers(keys: CountedKeys, least: number, room: number, other: Float64Array, otherSampled: Float64Array): number[] {
  const { count, octets, figures, sampled } = keys;
  const top: number[] = [];
  for (let key = 0; key < count; key++) {
    if (octets[key]! > least || (octets[key]! === least && room-- > 0)) {
      top.push(key);
      continue;
    }
    for (let i = 0; i < figuresPerKey; i++) other[i]! += figures[key * figuresPerKey + i]!;
    for (let i = 0; i < figuresPerSample; i++) otherSampled[i]! += sampled[key * figuresPerSample + i]!;
  }
  return top;
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
