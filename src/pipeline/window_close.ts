/** A window as it is kept and shown, from what was counted: top K by octets in each dimension, the rest as `other`. Pure. */
import { DistinctCount } from '../flow/distinct_count.ts';
import { byVolume } from '../flow/history_merge.ts';
import { emptyVolume, type KeyVolume, type Volume, type WindowOfDimension } from '../flow/history_shapes.ts';
import { figuresPerKey, figuresPerSample, type KeyedDimension, type TakenKeys } from '../flow/row_counts.ts';
import { type KeyNames, keyText, keyWords } from './row_keys.ts';

export function closeTotal(total: Float64Array, totalSampled: Float64Array): WindowOfDimension {
  return {
    dimension: 'total',
    top: [{ key: '', ...volumeOf(total, 0, totalSampled, 0) }],
    other: emptyVolume(),
    distinctKeys: 1,
  };
}

/** @param taken the top keys and the rest, of one dimension */
export function closeDimension(dimension: KeyedDimension, taken: TakenKeys, names: KeyNames): WindowOfDimension {
  const { keys, figures, sampled, count, evicted, ranks } = taken;
  const words = keyWords[dimension];
  const tops = keys.length / words;
  const volume = (key: number): Volume => volumeOf(figures, key * figuresPerKey, sampled, key * figuresPerSample);
  const top: KeyVolume[] = [];
  for (let key = 0; key < tops; key++) top.push({ key: keyText(dimension, keys, key * words, names), ...volume(key) });
  top.sort(byVolume);
  const distinct = DistinctCount.of(ranks);
  const distinctKeys = evicted ? Math.max(count, distinct.estimate()) : count;
  return { dimension, top, other: volume(tops), distinctKeys, distinct: distinct.pack() };
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

/** Whether what stands there makes an estimate of a count. */
const isEstimate = (sampled: Float64Array, at: number): boolean =>
  sampled[at + 1]! > 0 || sampled[at + 2]! > 0 || sampled[at + 3]! > 0;
