/**
 * The meaning of a filter, written down a second time as plainly as it goes: one row, one test after the other, from the
 * row's own octets. What the search finds must be what this finds.
 */
import { fieldNamed } from '../../src/flow/filter/filter_fields.ts';
import type { AddressRange, Filter, FilterTest, NumberRange } from '../../src/flow/filter/filter_syntax.ts';
import { presenceBit, rowField } from '../../src/flow/row_layout.ts';

export function matchesNaively(filter: Filter, row: Uint8Array): boolean {
  switch (filter.kind) {
    case 'all':
      return true;
    case 'not':
      return !matchesNaively(filter.part, row);
    case 'and':
      return filter.parts.every((part) => matchesNaively(part, row));
    case 'or':
      return filter.parts.some((part) => matchesNaively(part, row));
    default:
      return matchesTest(filter, row);
  }
}

function isPresent(name: string, row: Uint8Array): boolean {
  const present = new DataView(row.buffer, row.byteOffset).getUint32(4);
  const has = (group: string): boolean => group === 'always' || (present & presenceBit(group as 'reverse')) >>> 0 !== 0;
  return has(rowField(name).presence) && (!name.startsWith('reverse') || has('reverse'));
}

/** A number as the row has it; times in µs; 0 where it is absent. */
function numberOf(name: string, row: Uint8Array): number {
  if (!isPresent(name, row)) return 0;
  const field = rowField(name);
  const octets = row.subarray(field.offset, field.offset + field.octets);
  const whole = octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return Number(field.kind === 'time' ? whole / 1_000n : whole);
}

function hexOf(name: string, row: Uint8Array): string | undefined {
  if (!isPresent(name, row)) return undefined;
  const isKey = name === 'sourceAddress' || name === 'destinationAddress';
  const length = isKey && row[rowField('ipVersion').offset] !== 6 ? 4 : 16;
  return Buffer.from(row.subarray(rowField(name).offset, rowField(name).offset + length)).toString('hex');
}

function matchesTest(test: FilterTest, row: Uint8Array): boolean {
  const field = fieldNamed(test.field)!;
  const { columns } = field;
  if (field.derived !== undefined || columns.length === 1) return matchesSide(test, columns, row);
  if (test.side === 'src') return matchesSide(test, [columns[0]!], row);
  if (test.side === 'dst') return matchesSide(test, [columns[1]!], row);
  if (test.side === 'both') return columns.every((column) => matchesSide(test, [column], row));
  if (field.together === 'either') return columns.some((column) => matchesSide(test, [column], row));
  return matchesSide(test, columns, row);
}

function matchesSide(test: FilterTest, columns: readonly string[], row: Uint8Array): boolean {
  const field = fieldNamed(test.field)!;
  if (field.kind === 'address') {
    const hex = hexOf(columns[0]!, row);
    if (hex === undefined) return false;
    if (columns[0]!.startsWith('outer') === false && field.name.includes('IPv4') && hex.length !== 8) return false;
    if (columns[0]!.startsWith('outer') === false && field.name.includes('IPv6') && hex.length !== 32) return false;
    if (test.operator === 'any') return true;
    return (test.values as AddressRange[]).some(({ first, last }) => first.length === hex.length && first <= hex && hex <= last);
  }
  if (!isPresent(columns[0]!, row)) return false;
  if (test.operator === 'any') return true;
  const value = valueOfField(field, columns, row);
  const ranges = test.values as NumberRange[];
  const one = ranges[0]!.low;
  switch (test.operator) {
    case 'has':
      return ranges.some(({ low }) => (BigInt(value) & BigInt(low)) === BigInt(low));
    case '<':
      return value < one;
    case '<=':
      return value <= one;
    case '>':
      return value > one;
    case '>=':
      return value >= one;
    default:
      return ranges.some(({ low, high }) => low <= value && value <= high);
  }
}

function valueOfField(field: ReturnType<typeof fieldNamed> & {}, columns: readonly string[], row: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = columns.map((column) => numberOf(column, row));
  switch (field.derived) {
    case 'duration':
      return b - a;
    case 'bitRate':
      return ((c + d) * 8e6) / Math.max(1_000, b - a);
    case 'packetRate':
      return ((c + d) * 1e6) / Math.max(1_000, b - a);
    case 'octetsPerPacket':
      return (a + b) / Math.max(1, c + d);
    case 'highOctet':
      return Math.floor(a / 256);
    case 'lowOctet':
      return a % 256;
    default:
      return field.together === 'bits' ? a | b : a + b;
  }
}
