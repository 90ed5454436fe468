/**
 * A row as an object with the registry's element names as keys: the edge form for `meter --json`, the API and the page.
 * Absent elements are left out; counters are numbers, or decimal strings above 2^53 − 1; times are integer epoch
 * milliseconds; addresses and MACs are text; flags are integers (DESIGN section 2).
 */
import { formatIpv4, formatIpv6, formatMac } from './addresses.ts';
import { type PresenceGroup, presenceBit, type RowField, rowFamilies, rowField, rowFields } from './row_layout.ts';

export type RowJson = Record<string, string | number>;

// Fields that say nothing when they are zero and have no presence bit of their own.
const leftOutWhenZero = new Set(['flowId', 'selectorId', 'decodeAnnotation', 'icmpUnreachableDeltaCount', 'ingressInterface']);
const reverseFields = new Set(rowFields.filter((field) => field.name.startsWith('reverse')).map((field) => field.name));

// Fields of a direction that did not occur are absent, whichever group they belong to.
const bitsOf = (field: RowField): number => {
  const group: PresenceGroup = field.presence;
  const own = group === 'always' ? 0 : presenceBit(group);
  return (own | (reverseFields.has(field.name) ? presenceBit('reverse') : 0)) >>> 0;
};

interface Writer {
  readonly field: RowField;
  readonly bits: number;
  readonly key: string;
}
const writers: readonly Writer[] = rowFields
  .filter((field) => field.elements.length > 0)
  .map((field) => ({ field, bits: bitsOf(field), key: field.elements[0]! }));
/** Every key that a row's JSON can have, in the order of the row. */
export const rowJsonKeys: readonly string[] = writers.flatMap(({ field, key }) =>
  field.elements.length === 2 && (field.kind === 'address' || field.name === 'icmpTypeCode') ? field.elements : [key],
);
const familyOffset = rowField('family').offset;

/**
 * @param bytes memory that holds the row at `offset`
 * @param wallOffsetNs added to row times; 0 where the row's clock is wall time
 */
export function rowToJson(bytes: Uint8Array, offset: number, wallOffsetNs = 0n): RowJson {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const presence = view.getUint32(offset + 4);
  const isV6 =
    rowFamilies[view.getUint8(offset + familyOffset)] === 'ipv6' || view.getUint8(offset + rowField('ipVersion').offset) === 6;
  const json: RowJson = {};
  for (const { field, bits, key } of writers) {
    if ((presence & bits) >>> 0 !== bits) continue;
    const at = offset + field.offset;
    switch (field.kind) {
      case 'time':
        json[key] = Number((view.getBigUint64(at) + wallOffsetNs) / 1_000_000n);
        break;
      case 'mac':
        json[key] = formatMac(bytes, at);
        break;
      case 'address':
        addAddress(json, field, bytes, at, isV6);
        break;
      case 'octets':
        json[key] = Array.from(bytes.subarray(at, at + field.octets), (octet) => octet.toString(16).padStart(2, '0')).join('');
        break;
      default: {
        const value = readUnsigned(view, at, field.octets);
        if (value === 0 && leftOutWhenZero.has(field.name)) break;
        json[field.name === 'icmpTypeCode' ? (isV6 ? 'icmpTypeCodeIPv6' : 'icmpTypeCodeIPv4') : key] = value;
      }
    }
  }
  return json;
}

function addAddress(json: RowJson, field: RowField, bytes: Uint8Array, at: number, isV6: boolean): void {
  // Outer addresses are always 16 octets, IPv4 as IPv4-mapped; key addresses follow the family.
  if (field.elements.length === 1) json[field.elements[0]!] = formatIpv6(bytes, at);
  else json[field.elements[isV6 ? 1 : 0]!] = isV6 ? formatIpv6(bytes, at) : formatIpv4(bytes, at);
}

function readUnsigned(view: DataView, at: number, octets: number): number | string {
  if (octets === 1) return view.getUint8(at);
  if (octets === 2) return view.getUint16(at);
  if (octets === 4) return view.getUint32(at);
  const value = view.getBigUint64(at);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
