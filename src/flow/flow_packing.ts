/**
 * Rows packed into columns by the addon (`native/store`): what it is told of columns once, and what it tells of each segment. It knows
 * a column by how it is read, where, and when it is there; which columns there are is decided in `flow_columns.ts` alone.
 */
import { addressColumns, type NumberColumn, numberColumns } from './flow_columns.ts';
import { rowField } from './row_layout.ts';

/** Numbers that tell of a column of numbers, in `pieces`. Places are octets of the memory that `pack` returns. */
export const numberPieces = {
  /** Octets of a code: 1, 2, 4, or 8 for doubles; 0 where there are none and all rows have `base`. */
  width: 0,
  codes: 1,
  base: 2,
  low: 3,
  high: 4,
  dictionary: 5,
  /** Numbers of the dictionary, doubles; 0 for none. */
  entries: 6,
} as const;
export const numberPiecesCount = 7;

/** Numbers that tell of a column of addresses, behind those of all columns of numbers. */
export const addressPieces = {
  /** Two octets each; −1 where all rows have the same address, or none. */
  codes: 0,
  words: 1,
  /** Of four octets. */
  wordCount: 2,
  /** Addresses of that version, a word each and first; those of IPv6 follow with four words each. */
  ipv4: 3,
  count: 4,
} as const;
export const addressPiecesCount = 5;

/** `numberColumns`, intervals as one more, `addressColumns`. */
export const piecesCount = (numberColumns.length + 1) * numberPiecesCount + addressColumns.length * addressPiecesCount;

export interface FlowPacker {
  /**
   * Packs rows that lie behind each other. Numbers that all rows have in common take no memory, others as much as they need; see
   * `Segment` in `store/flow_segment.ts`.
   * @param offsetsUs of each row, added to its times: whole numbers
   * @param intervals of each row, whole numbers, packed as one more column
   * @param pieces is told where each column lies, `piecesCount` numbers
   */
  pack(rows: Uint8Array, count: number, offsetsUs: Float64Array, intervals: Float64Array, pieces: Float64Array): ArrayBuffer;
  /** Octets that it holds to pack in; more once a segment needed more. */
  octets(): number;
}

/** Takes a `packingTable`. Bad arguments throw an Error with the code EINVAL, no memory ENOMEM. */
export type PackFlows = (table: Int32Array) => FlowPacker;

const readings = { u8: 0, u16: 1, u24: 2, u32: 3, high: 3, low: 3, presence: 3, count: 4, time: 5, mac: 6 } as const;

/** Presence bits are the lower half of their field. */
const placeOf = ({ reading, offset }: NumberColumn): number => offset + (reading === 'presence' ? 4 : 0);

/**
 * What is packed, as words: the most rows of a segment, where the row says what is present and its IP version, how many columns of
 * numbers and of addresses; of each column of numbers how it is read, where, its presence bits, and whether it is kept as the
 * distance to the time before it that is not; of each of addresses where it is, its presence bits, and whether the row's version says which.
 */
export function packingTable(rowsMax: number): Int32Array {
  return Int32Array.from([
    rowsMax,
    rowField('presence').offset + 4,
    rowField('ipVersion').offset,
    numberColumns.length,
    addressColumns.length,
    ...numberColumns.flatMap((column) => [readings[column.reading], placeOf(column), column.bits | 0, column.sinceStart ? 1 : 0]),
    ...addressColumns.flatMap(({ offset, bits, byVersion }) => [offset, bits | 0, byVersion ? 1 : 0]),
  ]);
}
