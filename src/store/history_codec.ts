/**
 * One dimension of one window as octets: a version, then MessagePack by columns, since numbers beside their like pack well:
 * `[partial, distinctKeys, other, keys, outOctets, inOctets, outPackets, inPackets, flows]`, and where packets were sampled
 * `octetsError, packetsError, octetsCounted, packetsCounted`, and behind those the rates of seconds, `[maxBits, steps of buckets,
 * seconds]`, and a packed count of different keys: readers of before leave them alone. Pure.
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

/** Standard errors, and what was counted; those of `other` last; nothing where nothing was sampled. */
function sampledOf({ top, other }: WindowOfDimension): number[][] {
  const all: Volume[] = [...top, other];
  if (all.every(({ estimated }) => estimated === undefined)) return [];
  return [
    all.map(({ standardError }) => standardError?.octets ?? 0),
    all.map(({ standardError }) => standardError?.packets ?? 0),
    all.map(({ estimated, counted }) => (estimated ? (counted?.octets ?? notKept) : notSampled)),
    all.map(({ estimated, counted }) => (estimated ? (counted?.packets ?? notKept) : notSampled)),
  ];
}

/** In place of a count: the figures are counted themselves; an estimate of before counts were kept. */
const notSampled = -1;
const notKept = -2;

/** What came to the form later, each at its place: empty lists stand for what is not there. */
function laterOf(window: WindowOfDimension): unknown[] {
  const sampled = sampledOf(window);
  if (window.rates === undefined && window.distinct === undefined) return sampled;
  const later: unknown[] = [...(sampled.length === 0 ? [[], [], [], []] : sampled), ratesOf(window)];
  if (window.distinct !== undefined) later.push(window.distinct);
  return later;
}

function ratesOf({ rates }: WindowOfDimension): unknown[] {
  if (rates === undefined) return [];
  // Distances of buckets are small numbers.
  const steps = rates.buckets.map((bucket, i) => bucket - (rates.buckets[i - 1] ?? 0));
  return [rates.maxBits, steps, rates.seconds];
}

function distinctAt(packed: readonly unknown[]): Pick<WindowOfDimension, 'distinct'> {
  const found = packed[14];
  return found instanceof Uint8Array ? { distinct: new Uint8Array(found.buffer, found.byteOffset, found.length) } : {};
}

function ratesAt(packed: readonly unknown[]): Pick<WindowOfDimension, 'rates'> {
  const [maxBits, steps, seconds] = Array.isArray(packed[13]) ? (packed[13] as unknown[]) : [];
  if (typeof maxBits !== 'number' || !isNumberList(steps) || !isNumberList(seconds) || steps.length !== seconds.length) return {};
  let bucket = 0;
  const buckets = steps.map((step) => {
    bucket += step;
    return bucket;
  });
  return { rates: { maxBits, buckets, seconds } };
}

const isNumberList = (list: unknown): list is number[] => Array.isArray(list) && list.every((item) => typeof item === 'number');

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
    ...laterOf(window),
  ]);
  const value = new Uint8Array(1 + packed.length);
  value[0] = version;
  value.set(packed, 1);
  return value;
}

/** @param only of the keys this one alone is made, where the window has it: a line of one key needs no more of a hundred */
export function decodeWindow(dimension: Dimension, value: Uint8Array, only?: string): StoredWindow | undefined {
  if (value[0] !== version) return undefined;
  let packed: unknown;
  try {
    packed = unpackr.unpack(value.subarray(1));
  } catch {
    return undefined; // damage that LevelDB's checksum did not see: counted by the caller
  }
  if (!isPacked(packed)) return undefined;
  const [partial, distinctKeys, other, keys, outOctets, inOctets, outPackets, inPackets, flows] = packed;
  const errors: unknown = (packed as readonly unknown[])[9];
  const isSampled = Array.isArray(errors) && errors.length > 0;
  const rowAt = (i: number): KeyVolume => {
    const row = {
      key: keys[i]!,
      outOctets: outOctets[i]!,
      inOctets: inOctets[i]!,
      outPackets: outPackets[i]!,
      inPackets: inPackets[i]!,
      flows: flows[i]!,
    };
    return isSampled ? { ...row, ...sampledAt(packed, i) } : row;
  };
  const at = only === undefined ? -1 : keys.indexOf(only);
  const top = only === undefined ? keys.map((_, i) => rowAt(i)) : at < 0 ? [] : [rowAt(at)];
  const [a, b, c, d, e] = other as [number, number, number, number, number];
  return {
    partial,
    window: {
      dimension,
      top,
      other: { outOctets: a, inOctets: b, outPackets: c, inPackets: d, flows: e, ...sampledAt(packed, keys.length) },
      distinctKeys,
      ...ratesAt(packed),
      ...distinctAt(packed),
    },
  };
}

function sampledAt(packed: readonly unknown[], index: number): Pick<Volume, 'estimated' | 'standardError' | 'counted'> {
  const at = (column: number, otherwise: number): number => {
    const values = packed[column];
    return Array.isArray(values) ? Number(values[index] ?? otherwise) : otherwise;
  };
  const standardError = { octets: at(9, 0), packets: at(10, 0) };
  const counted = { octets: at(11, notKept), packets: at(12, notKept) };
  if (counted.packets >= 0) return { estimated: true, standardError, counted };
  return counted.packets !== notSampled && standardError.packets > 0 ? { estimated: true, standardError } : {};
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
