/** Packing rows across the seam: what the addon takes and gives, and what it refuses. What it packs: test/store/flow_segment.test.ts. */
import { describe, expect, test } from 'vitest';
import { numberColumns } from '../../src/flow/flow_columns.ts';
import { type FlowPacker, numberPieces, numberPiecesCount, packingTable, piecesCount } from '../../src/flow/flow_packing.ts';
import { ROW_BYTES, rowField } from '../../src/flow/row_layout.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { refusalOf } from './refusal.ts';

const { packFlows } = loadAddon();
const rowsMax = 100;

interface Given {
  readonly rows: Uint8Array;
  readonly offsetsUs: Float64Array;
  readonly intervals: Float64Array;
  readonly pieces: Float64Array;
}

/** A row with flowId and time, one after the other. */
function given(count = rowsMax): Given {
  const rows = new Uint8Array(count * ROW_BYTES);
  const view = new DataView(rows.buffer);
  for (let row = 0; row < count; row++) {
    view.setBigUint64(row * ROW_BYTES + rowField('flowStart').offset, BigInt(row) * 1_000_000n);
    view.setBigUint64(row * ROW_BYTES + rowField('flowId').offset, BigInt(row));
  }
  return {
    rows,
    offsetsUs: new Float64Array(count),
    intervals: new Float64Array(count).fill(1),
    pieces: new Float64Array(piecesCount),
  };
}
function pack(packer: FlowPacker, count: number, { rows, offsetsUs, intervals, pieces }: Given): ArrayBuffer {
  return packer.pack(rows, count, offsetsUs, intervals, pieces);
}

describe('packing across the seam', () => {
  test('tells where each column lies, within the memory that it gives', () => {
    const all = given();
    const memory = pack(packFlows(packingTable(rowsMax)), rowsMax, all);
    const column = numberColumns.findIndex(({ name }) => name === 'flowId.low');
    const piece = (name: keyof typeof numberPieces): number => all.pieces[column * numberPiecesCount + numberPieces[name]]!;
    expect([piece('width'), piece('base'), piece('low'), piece('high'), piece('entries')]).toEqual([1, 0, 0, rowsMax - 1, 0]);
    const codes = new Uint8Array(memory, piece('codes'), rowsMax);
    expect([...codes]).toEqual(Array.from({ length: rowsMax }, (_, row) => row));
    expect(all.pieces.every((number) => Number.isFinite(number) && number <= 1e6)).toBe(true);
  });

  test('no rows at all, and fewer than there is room for', () => {
    const packer = packFlows(packingTable(rowsMax));
    const all = given();
    expect(pack(packer, 0, given(0)).byteLength).toBe(0);
    expect(all.pieces.every((number) => number === 0)).toBe(true);
    expect(pack(packer, 1, all).byteLength).toBeLessThan(100);
  });

  test('what it holds is told, stays the same, and is given back with it', () => {
    const packer = packFlows(packingTable(4_096));
    const before = packer.octets();
    expect(before).toBeGreaterThan(1_000_000);
    expect(before).toBeLessThan(1_200_000);
    for (let i = 0; i < 20; i++) pack(packer, 4_096, given(4_096));
    expect(packer.octets()).toBe(before);
    // Rows of chance take more room than the first half MiB.
    const chance = given(4_096);
    for (let i = 0; i < chance.rows.length; i++) chance.rows[i] = Math.imul(i + 1, 0x9e37_79b1) >>> 24;
    const taken = pack(packer, 4_096, chance).byteLength;
    expect(taken).toBeGreaterThan(512 * 1_024);
    expect(packer.octets() - before).toBeLessThanOrEqual(2 * taken - 512 * 1_024);
  });

  test('packers that nobody needs any more go, and their memory with them', async () => {
    const before = process.memoryUsage.rss();
    const all = given();
    for (let i = 0; i < 2_000; i++) {
      pack(packFlows(packingTable(4_096)), rowsMax, all);
      // They go between two turns of the event loop.
      if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
    }
    // All of them have written to 1.1 GB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(600e6);
  });

  test('rows in memory that threads share are read where they are', () => {
    const all = given();
    const shared = new Uint8Array(new SharedArrayBuffer(all.rows.length));
    shared.set(all.rows);
    const packer = packFlows(packingTable(rowsMax));
    expect(new Uint8Array(pack(packer, rowsMax, { ...all, rows: shared }))).toEqual(new Uint8Array(pack(packer, rowsMax, all)));
  });
});

describe('what is refused, and by name', () => {
  const table = packingTable(rowsMax);
  const head = 5;
  const firstAddress = head + 4 * numberColumns.length;
  const changed = (at: number, word: number): Int32Array => table.with(at, word);
  const endColumn = numberColumns.findIndex(({ name }) => name === 'flowEnd');

  test.each<[string, unknown, RegExp]>([
    ['no table', undefined, /table must be an Int32Array/],
    ['words of another kind', Uint32Array.from(table), /table must be an Int32Array/],
    ['nothing in it', new Int32Array(0), /table must be an Int32Array of at least 1/],
    ['less than a head', table.slice(0, head - 1), /table: it ends within its head/],
    ['less than it says', table.slice(0, -1), /table: it has not the length/],
    ['no rows', changed(0, 0), /the most rows is 0, allowed is 1 to 32768/],
    ['more rows than places have numbers', changed(0, 32_769), /the most rows is 32769/],
    ['presence outside of the row', changed(1, ROW_BYTES - 3), /where presence is is 381/],
    ['a version outside of the row', changed(2, ROW_BYTES), /where the version is is 384/],
    ['columns without end', changed(3, 2 ** 31 - 1), /columns of numbers is 2147483647/],
    ['fewer columns than none', changed(4, -1), /columns of addresses is -1/],
    ['a reading that there is not', changed(head, 7), /a reading is 7, allowed is 0 to 6/],
    ['a number before the row', changed(head + 1, -1), /a number's place is -1/],
    [
      'a time that ends behind the row',
      changed(head + 4 * endColumn + 1, ROW_BYTES - 7),
      /a number's place is 377, allowed is 0 to 376/,
    ],
    ['an address that ends behind the row', changed(firstAddress, ROW_BYTES - 15), /an address's place is 369/],
    ['a count since the start', changed(head + 3, 1), /only times are told since the start/],
  ])('%s', (_, wrong, message) => {
    expect(refusalOf(() => packFlows(wrong as Int32Array))).toMatch(/^EINVAL/);
    expect(refusalOf(() => packFlows(wrong as Int32Array))).toMatch(message);
  });

  test.each<[string, (all: Given) => Partial<Record<keyof Given, unknown>>, RegExp]>([
    ['too few rows', ({ rows }) => ({ rows: rows.subarray(1) }), /rows must be a Uint8Array of at least 38400/],
    ['rows that are none', () => ({ rows: new Uint16Array(rowsMax * ROW_BYTES) }), /rows must be a Uint8Array/],
    [
      'rows that were given away',
      ({ rows }) => {
        structuredClone(rows.buffer, { transfer: [rows.buffer as ArrayBuffer] });
        return { rows };
      },
      /rows must be a Uint8Array of at least/,
    ],
    [
      'too few offsets',
      ({ offsetsUs }) => ({ offsetsUs: offsetsUs.subarray(1) }),
      /offsetsUs must be a Float64Array of at least 100/,
    ],
    ['offsets of another kind', () => ({ offsetsUs: new BigInt64Array(rowsMax) }), /offsetsUs must be a Float64Array/],
    ['no intervals', () => ({ intervals: undefined }), /intervals must be a Float64Array of at least 100/],
    ['too few pieces', ({ pieces }) => ({ pieces: pieces.subarray(1) }), /pieces must be a Float64Array of at least/],
    [
      'an offset that is no number',
      ({ offsetsUs }) => ({ offsetsUs: offsetsUs.with(99, Number.NaN) }),
      /offsetsUs\[99\] is -?nan/,
    ],
    [
      'one without end',
      ({ offsetsUs }) => ({ offsetsUs: offsetsUs.with(3, Number.NEGATIVE_INFINITY) }),
      /offsetsUs\[3\] is -inf/,
    ],
    ['half a packet', ({ intervals }) => ({ intervals: intervals.with(0, 0.5) }), /intervals\[0\] is 0\.5/],
    [
      'an interval beyond all',
      ({ intervals }) => ({ intervals: intervals.with(1, 2 ** 61) }),
      /intervals\[1\] is 2305843009213693952/,
    ],
  ])('%s', (_, wrong, message) => {
    const packer = packFlows(table);
    const all = given();
    const call = (): unknown => pack(packer, rowsMax, { ...all, ...wrong(all) } as Given);
    const refused = refusalOf(call);
    expect(refused).toMatch(/^EINVAL/);
    expect(refused).toMatch(message);
    // And it goes on.
    expect(pack(packer, rowsMax, given()).byteLength).toBeGreaterThan(0);
  });

  test.each<[string, unknown]>([
    ['more rows than it was made for', rowsMax + 1],
    ['fewer than none', -1],
    ['half a row', 1.5],
    ['no number', '1'],
  ])('%s', (_, count) => {
    const packer = packFlows(table);
    expect(refusalOf(() => pack(packer, count as number, given(rowsMax + 1)))).toMatch(/^EINVAL .*count is /);
  });

  test('a packer of something else', () => {
    const { pack: packOf } = Object.getPrototypeOf(packFlows(table)) as FlowPacker;
    expect(() => Reflect.apply(packOf, {}, [])).toThrow();
  });
});
