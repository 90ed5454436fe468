/**
 * One dimension of one window as octets: a version, then MessagePack by columns, since numbers beside their like pack well:
 * `[partial, distinctKeys, other, keys, outOctets, inOctets, outPackets, inPackets, flows]`, and where packets were sampled
 * `octetsError, packetsError`, which readers of before leave alone. Pure.
 *
 * What cannot be read (another version, damage) is undefined, for the caller to count: history is never worth a crash.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { Dimension, KeyVolume, Volume, WindowOfDimension } from '../flow/history_shapes.ts';

const version = 1;
// Records off: plain MessagePack that any reader understands. Numbers from 2^32 on become 64-bit floats, exact to 2^53.
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export interface StoredWindow {
  readonly window: WindowOfDimension;
  readonly partial: boolean;
}

const figuresOf = ({ outOctets, inOctets, outPackets, inPackets, flows }: Volume): number[] => [
  outOctets,
  inOctets,
  outPackets,
  inPackets,
  flows,
];

/** Octets' and packets' standard errors, those of `other` last; nothing where nothing was sampled. */
function errorsOf({ top, other }: WindowOfDimension): number[][] {
  const all: Volume[] = [...top, other];
  if (all.every(({ standardError }) => standardError === undefined)) return [];
  return [
    all.map(({ standardError }) => standardError?.octets ?? 0),
    all.map(({ standardError }) => standardError?.packets ?? 0),
  ];
}

export function encodeWindow({ window, partial }: StoredWindow): Uint8Array {
  const { top } = window;
  const packed = packr.pack([
    partial,
    window.distinctKeys,
    figuresOf(window.other),
    top.map(({ key }) => key),
    top.map(({ outOctets }) => outOctets),
    top.map(({ inOctets }) => inOctets),
    top.map(({ outPackets }) => outPackets),
    top.map(({ inPackets }) => inPackets),
    top.map(({ flows }) => flows),
    ...errorsOf(window),
  ]);
  const value = new Uint8Array(1 + packed.length);
  value[0] = version;
  value.set(packed, 1);
  return value;
}

export function decodeWindow(dimension: Dimension, value: Uint8Array): StoredWindow | undefined {
  if (value[0] !== version) return undefined;
  let packed: unknown;
  try {
    packed = unpackr.unpack(value.subarray(1));
  } catch {
    return undefined; // damage that LevelDB's checksum did not see: counted by the caller
  }
  if (!isPacked(packed)) return undefined;
  const [partial, distinctKeys, other, keys, outOctets, inOctets, outPackets, inPackets, flows] = packed;
  const top: KeyVolume[] = keys.map((key, i) => ({
    key,
    outOctets: outOctets[i]!,
    inOctets: inOctets[i]!,
    outPackets: outPackets[i]!,
    inPackets: inPackets[i]!,
    flows: flows[i]!,
    ...errorAt(packed, i),
  }));
  const [a, b, c, d, e] = other as [number, number, number, number, number];
  return {
    partial,
    window: {
      dimension,
      top,
      other: { outOctets: a, inOctets: b, outPackets: c, inPackets: d, flows: e, ...errorAt(packed, keys.length) },
      distinctKeys,
    },
  };
}

function errorAt(packed: readonly unknown[], index: number): Pick<Volume, 'estimated' | 'standardError'> {
  const [octets, packets] = [packed[9], packed[10]].map((column) => (Array.isArray(column) ? Number(column[index] ?? 0) : 0)) as [
    number,
    number,
  ];
  return packets > 0 ? { estimated: true, standardError: { octets, packets } } : {};
}

type Packed = [boolean, number, number[], string[], number[], number[], number[], number[], number[]];

function isPacked(value: unknown): value is Packed {
  if (!Array.isArray(value) || value.length < 9) return false;
  const [partial, distinctKeys, other, keys, ...columns] = value as unknown[];
  const isNumbers = (list: unknown, length: number): boolean =>
    Array.isArray(list) && list.length === length && list.every((item) => typeof item === 'number');
  return (
    typeof partial === 'boolean' &&
    typeof distinctKeys === 'number' &&
    isNumbers(other, 5) &&
    Array.isArray(keys) &&
    keys.every((key) => typeof key === 'string') &&
    columns.slice(0, 5).every((column) => isNumbers(column, keys.length))
  );
}
