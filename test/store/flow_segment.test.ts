/** Segments give back what they were given: every row, whatever is in it, and each column as narrow as it can be. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { addressColumns, fieldBits, numberColumn, numberColumns, startColumn } from '../../src/flow/flow_columns.ts';
import type { RowRun } from '../../src/flow/flow_ring.ts';
import { presenceBit, ROW_BYTES, type RowField, rowField, rowFields } from '../../src/flow/row_layout.ts';
import {
  OpenSegment,
  type PackedColumn,
  type Segment,
  SegmentMemory,
  segmentRows,
  unpackRow,
  valueAt,
} from '../../src/store/flow_segment.ts';
import { packFlows, runOf } from './packed_flows.ts';

/** Used for one segment after the other, as on the page's thread: nothing of one may be left in the next. */
const memory = new SegmentMemory(packFlows);

function seal(run: RowRun): Segment {
  const open = new OpenSegment(7, memory);
  expect(open.add(run, 0)).toBe(run.offsetsUs.length);
  return open.seal();
}

const exact = 2n ** 53n;
/** 2050, in µs: with offsets of some years still below 2^53 ns of what rows can hold. */
const latestUs = 2_524_608_000_000_000n;

type Spread = (random: SeededRandom, bits: bigint) => bigint;
const wide: Spread = (random, bits) => ((BigInt(random.uint32()) << 32n) | BigInt(random.uint32())) & ((1n << bits) - 1n);
/** How the numbers of a field lie. */
const spreads: readonly Spread[] = [
  () => 0n,
  () => 3n,
  (random) => BigInt(random.below(200)),
  (random) => BigInt(random.below(60_000)),
  (random) => BigInt(random.uint32()),
  (random) => BigInt(random.below(250)) * 7_919n,
  (random) => BigInt(random.below(300)) * 7_919n,
  wide,
  (random, bits) => [0n, (1n << bits) - 1n, 1n << (bits - 1n)][random.below(3)]!,
];

interface Chance {
  readonly run: RowRun;
  /** What rows say once they were packed: nothing where a field is absent, times of the wall in whole µs. */
  readonly told: Uint8Array;
}

function writeNumber(view: DataView, at: number, octets: number, value: bigint): void {
  for (let i = 0; i < octets; i++) view.setUint8(at + octets - 1 - i, Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Some rows with anything in every octet; each field is spread in one way over all of them. */
function chanceRows(count: number, seed: number): Chance {
  const random = new SeededRandom(seed);
  const ways = rowFields.map(() => spreads[random.below(spreads.length)]!);
  const everywhere = random.uint32();
  const presenceOf = [() => 0xffff_ffff, () => everywhere, () => random.uint32()][random.below(3)]!;
  const ends = [1, 30, 10_000][random.below(3)]!;
  const offsetsUs = Float64Array.from({ length: count }, () => random.below(4) * 1_000_000);
  const intervals = Float64Array.from({ length: count }, () => 2 ** random.below(4));
  const rows = new Uint8Array(count * ROW_BYTES).map(() => random.below(256));
  const told = new Uint8Array(rows.length);
  const view = new DataView(rows.buffer);
  const toldView = new DataView(told.buffer);
  for (let row = 0; row < count; row++) {
    const base = row * ROW_BYTES;
    const presence = presenceOf() >>> 0;
    const has = (field: RowField): boolean => (presence & fieldBits(field)) >>> 0 === fieldBits(field);
    const version = [4, 6, 0, 255][random.below(4)]!;
    rowFields.forEach((field, i) => {
      const { name, offset, octets, kind } = field;
      const at = base + offset;
      const bits = BigInt(8 * octets);
      if (kind === 'address') {
        const end = new SeededRandom(random.below(ends));
        for (let octet = 0; octet < octets; octet++) view.setUint8(at + octet, end.below(256));
        const told4 = name.startsWith('outer') || version === 6 ? 16 : 4;
        if (has(field)) told.set(rows.subarray(at, at + told4), at);
        return;
      }
      let value = ways[i]!(random, bits) & ((1n << bits) - 1n);
      if (name === 'presence') value = BigInt(presence);
      else if (name === 'ipVersion') value = BigInt(version);
      else if (kind === 'time') value %= latestUs * 1_000n;
      // Counts are numbers of JavaScript.
      else if (octets === 8 && octetsAreCounts(name)) value %= exact;
      writeNumber(view, at, octets, value);
      if (kind === 'time') value = (value / 1_000n + BigInt(offsetsUs[row]!)) * 1_000n;
      if (has(field)) writeNumber(toldView, at, octets, value);
    });
  }
  return { run: { rows, offsetsUs, intervals }, told };
}

/** The others of 64 bits are kept in halves. */
const octetsAreCounts = (name: string): boolean => numberColumns.some((column) => column.name === name);

/** What a column of these numbers takes, in octets a row and with a dictionary. */
function narrowest(values: readonly number[]): { width: number; entries: number } {
  const low = values.reduce((least, value) => Math.min(least, value));
  const range = values.reduce((most, value) => Math.max(most, value)) - low;
  const different = new Set(values).size;
  if (range === 0) return { width: 0, entries: 0 };
  if (range > 255 && different <= 256) return { width: 1, entries: different };
  return { width: range < 2 ** 8 ? 1 : range < 2 ** 16 ? 2 : range < 2 ** 32 ? 4 : 8, entries: 0 };
}

const takes = ({ codes, dictionary }: PackedColumn) => ({
  width: codes?.BYTES_PER_ELEMENT ?? 0,
  entries: dictionary?.length ?? 0,
});

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(1, 127, 128, 129, 255, 256, 257, segmentRows - 1, segmentRows),
);

describe('a sealed segment', () => {
  test('gives every row back, octet by octet, in columns as narrow as can be', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1 }), (count, seed) => {
        const { run, told } = chanceRows(count, seed);
        const segment = seal(run);
        expect([segment.first, segment.count]).toEqual([7, count]);
        const back = new Uint8Array(told.length);
        for (let row = 0; row < count; row++) unpackRow(segment, row, back, row * ROW_BYTES);
        const wrong = back.findIndex((octet, i) => octet !== told[i]);
        expect(wrong === -1 ? 'none' : `${rowFields.findLast(({ offset }) => offset <= wrong % ROW_BYTES)?.name}`).toBe('none');

        const columns = [...segment.numbers, segment.intervals];
        for (const [i, column] of columns.entries()) {
          const values = Array.from({ length: count }, (_, row) => valueAt(column, row));
          const name = numberColumns[i]?.name ?? 'interval';
          expect({ name, ...takes(column) }).toEqual({ name, ...narrowest(values) });
          const [low, high] = [Math.min(...values), Math.max(...values)];
          expect({ name, low: column.low, high: column.high }).toEqual({ name, low, high });
        }
        expect(columns.at(-1)!.low).toBe(Math.min(...run.intervals));
      }),
      { numRuns: 60 },
    );
  });

  test('has each address once, those of IPv4 first, then of IPv6, then none, in the order of their rows', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1 }), (count, seed) => {
        const { run, told } = chanceRows(count, seed);
        const { addresses } = seal(run);
        const view = new DataView(run.rows.buffer);
        addressColumns.forEach(({ offset, bits, byVersion }, i) => {
          const { list, codes } = addresses[i]!;
          const versionOf = (row: number): number => {
            if ((view.getUint32(row * ROW_BYTES + 4) & bits) >>> 0 !== bits) return 0;
            return byVersion && view.getUint8(row * ROW_BYTES + rowField('ipVersion').offset) !== 6 ? 4 : 6;
          };
          const seen = [4, 6, 0].map((version) => ({ version, texts: new Set<string>() }));
          const textOf = (row: number): string => told.slice(row * ROW_BYTES + offset, row * ROW_BYTES + offset + 16).join();
          for (let row = 0; row < count; row++) seen.find(({ version }) => version === versionOf(row))!.texts.add(textOf(row));
          const places = seen.flatMap(({ version, texts }) => [...texts].map((text) => `${version}: ${text}`));
          expect(list.count).toBe(places.length);
          for (let row = 0; row < count; row++) expect(places[codes[row]!]).toBe(`${versionOf(row)}: ${textOf(row)}`);
          places.forEach((place, code) => {
            expect(list.version(code)).toBe(Number(place.split(':')[0]));
          });
        });
      }),
      { numRuns: 20 },
    );
  });

  test('is as it would be without the segment before it, and goes on taking rows', () => {
    const { run, told } = chanceRows(segmentRows, 3);
    const part = (from: number, end: number): RowRun => ({
      rows: run.rows.subarray(from * ROW_BYTES, end * ROW_BYTES),
      offsetsUs: run.offsetsUs.subarray(from, end),
      intervals: run.intervals.subarray(from, end),
    });
    const open = new OpenSegment(0, memory);
    const fresh = new OpenSegment(0, new SegmentMemory(packFlows));
    open.add(part(0, 1_000), 0);
    const early = open.seal();
    expect(open.add(run, 1_000)).toBe(segmentRows - 1_000);
    expect([open.isFull, open.add(run, 0)]).toEqual([true, 0]);
    fresh.add(run, 0);
    const { numbers, intervals } = open.seal();
    expect({ numbers, intervals }).toEqual({ numbers: fresh.seal().numbers, intervals: fresh.seal().intervals });
    const back = new Uint8Array(ROW_BYTES);
    unpackRow(early, 999, back);
    expect(back).toEqual(told.slice(999 * ROW_BYTES, 1_000 * ROW_BYTES));
  });

  test('lies in one piece, of which it tells all, and takes little where rows are alike', () => {
    const rows = new Uint8Array(segmentRows * ROW_BYTES);
    const { bytes, memory: taken, numbers } = seal(runOf(rows, 5));
    expect(taken!.byteLength).toBe(0);
    expect(numbers.filter(({ codes, high }) => codes !== undefined || high !== 0)).toHaveLength(
      numberColumns.filter(({ reading, sinceStart, bits }) => reading === 'time' && !sinceStart && bits === 0).length,
    );
    expect(bytes).toBeLessThan(8_192);
    const all = seal(chanceRows(segmentRows, 11).run);
    expect(all.bytes).toBeGreaterThan(all.memory!.byteLength);
    for (const { codes, dictionary } of all.numbers)
      for (const view of [codes, dictionary]) if (view) expect(view.buffer).toBe(all.memory);
  });

  test('counts beyond 2^53 are the nearest number there is', () => {
    const rows = new Uint8Array(3 * ROW_BYTES);
    const view = new DataView(rows.buffer);
    const counts = [2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 63n + 2n ** 11n];
    counts.forEach((value, row) => {
      view.setBigUint64(row * ROW_BYTES + rowField('octetDeltaCount').offset, value);
    });
    const column = seal(runOf(rows)).numbers[numberColumn('octetDeltaCount')]!;
    expect([0, 1, 2].map((row) => valueAt(column, row))).toEqual(counts.map(Number));
  });
});

describe('an open segment', () => {
  test('knows its earliest start, of rows that came since it was asked too', () => {
    const open = new OpenSegment(0, memory);
    expect(open.earliestUs).toBe(Number.POSITIVE_INFINITY);
    const row = (startNs: bigint): Uint8Array => {
      const bytes = new Uint8Array(ROW_BYTES);
      new DataView(bytes.buffer).setBigUint64(rowField('flowStart').offset, startNs);
      return bytes;
    };
    open.add(runOf(row(7_000_999n), 100), 0);
    expect(open.earliestUs).toBe(7_100);
    open.add(runOf(row(2n ** 60n)), 0);
    open.add(runOf(row(5_000_000n), -9_000), 0);
    expect(open.earliestUs).toBe(-4_000);
    expect(open.seal().numbers[startColumn]!.low).toBe(-4_000);
  });

  test('a reverse field needs its own bit and that of the direction', () => {
    const rows = new Uint8Array(2 * ROW_BYTES);
    const view = new DataView(rows.buffer);
    [presenceBit('tcp'), presenceBit('tcp') + presenceBit('reverse')].forEach((bits, row) => {
      view.setUint32(row * ROW_BYTES + 4, bits);
      view.setUint16(row * ROW_BYTES + rowField('reverseTcpControlBits').offset, 0x1b);
    });
    const column = seal(runOf(rows)).numbers[numberColumn('reverseTcpControlBits')]!;
    expect([valueAt(column, 0), valueAt(column, 1)]).toEqual([0, 0x1b]);
  });
});
