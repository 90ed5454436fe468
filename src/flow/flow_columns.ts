/**
 * A row as a list of numbers, and back: what the search over recent flows keeps of it. Everything an element can be exported
 * from is kept; times become microseconds of wall time. A field that is absent is 0, so that columns of what a network does
 * not have cost nothing. Pure.
 */
import { type PresenceGroup, presenceBit, type RowField, rowFields } from './row_layout.ts';

/** How a column lies in the row. `high` and `low` are the halves of 64 bits that are no count. */
type Reading = 'u8' | 'u16' | 'u24' | 'u32' | 'count' | 'time' | 'mac' | 'high' | 'low' | 'presence';

export interface NumberColumn {
  readonly name: string;
  readonly reading: Reading;
  readonly offset: number;
  /** Presence bits that all must be set; 0 for always. */
  readonly bits: number;
  /** Kept as the distance to flowStart, which is small. */
  readonly sinceStart: boolean;
}

export interface AddressColumn {
  readonly name: string;
  readonly offset: number;
  readonly bits: number;
  /** IPv4 fills four of the sixteen octets; which it is says the row's ipVersion. Outer addresses are always sixteen. */
  readonly byVersion: boolean;
}

/** A field of the reverse direction is absent as well where that direction is. */
export function fieldBits(field: RowField): number {
  const group: PresenceGroup = field.presence;
  const own = group === 'always' ? 0 : presenceBit(group);
  return (own | (field.name.startsWith('reverse') ? presenceBit('reverse') : 0)) >>> 0;
}

const opaque = new Set(['flowId', 'layer2SegmentId', 'diffServCodePointSet', 'reverseDiffServCodePointSet']);

function columnsOf(field: RowField): NumberColumn[] {
  const { name, offset, octets, kind } = field;
  const bits = fieldBits(field);
  const column = (reading: Reading, as = name): NumberColumn => ({
    name: as,
    reading,
    offset,
    bits,
    sinceStart: kind === 'time' && name !== 'flowStart',
  });
  if (name === 'presence') return [column('presence')];
  if (kind === 'time') return [column('time')];
  if (kind === 'mac') return [column('mac')];
  if (kind === 'octets') return [column('u24')];
  if (opaque.has(name)) return [column('high', `${name}.high`), { ...column('low', `${name}.low`), offset: offset + 4 }];
  return [column(octets === 8 ? 'count' : octets === 4 ? 'u32' : octets === 2 ? 'u16' : 'u8')];
}

/** flowStart comes before every time that is kept by its distance to it. */
export const numberColumns: readonly NumberColumn[] = rowFields.filter(({ kind }) => kind !== 'address').flatMap(columnsOf);

export const addressColumns: readonly AddressColumn[] = rowFields
  .filter(({ kind }) => kind === 'address')
  .map((field) => ({ name: field.name, offset: field.offset, bits: fieldBits(field), byVersion: field.elements.length === 2 }));

export const presenceColumn = numberColumns.findIndex(({ name }) => name === 'presence');
export const startColumn = numberColumns.findIndex(({ name }) => name === 'flowStart');
const startOffset = numberColumns[startColumn]!.offset;

const indexes = new Map(numberColumns.map(({ name }, index) => [name, index]));
const addressIndexes = new Map(addressColumns.map(({ name }, index) => [name, index]));

/** Place of a column among `numberColumns`; throws for an unknown name (a bug). */
export function numberColumn(name: string): number {
  const index = indexes.get(name);
  if (index === undefined) throw new Error(`rows have no column ${name}`);
  return index;
}

export function addressColumn(name: string): number {
  const index = addressIndexes.get(name);
  if (index === undefined) throw new Error(`rows have no addresses ${name}`);
  return index;
}

/** Wall time in µs of the start of the row at `base`; `offsetUs` is added to row times to get wall time. */
export function startUsAt(view: DataView, base: number, offsetUs: number): number {
  const at = base + startOffset;
  // 2^32 ns are 4,294,967 µs and 296 ns: exact in whole numbers.
  const high = view.getUint32(at);
  return high * 4_294_967 + Math.floor((high * 296 + view.getUint32(at + 4)) / 1_000) + offsetUs;
}

/** Puts the number back where it lay. Times are wall time then. */
export function writeColumn(column: NumberColumn, view: DataView, base: number, value: number): void {
  const at = base + column.offset;
  switch (column.reading) {
    case 'u8':
      view.setUint8(at, value);
      break;
    case 'u16':
      view.setUint16(at, value);
      break;
    case 'u24':
      view.setUint16(at, value >>> 8);
      view.setUint8(at + 2, value & 0xff);
      break;
    case 'count':
      view.setUint32(at, value / 4_294_967_296);
      view.setUint32(at + 4, value >>> 0);
      break;
    case 'time':
      view.setBigUint64(at, BigInt(Math.max(0, value)) * 1_000n);
      break;
    case 'mac':
      view.setUint16(at, value / 4_294_967_296);
      view.setUint32(at + 2, value >>> 0);
      break;
    case 'presence':
      view.setUint32(at + 4, value);
      break;
    default:
      view.setUint32(at, value);
  }
}
