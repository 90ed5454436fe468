/**
 * A row made of its JSON form (`row_json.ts`) again, for files that are written elsewhere than rows are kept. Times come back
 * as whole milliseconds; what JSON leaves out is absent or zero. Pure.
 */
import { parseAddress } from './addresses.ts';
import { fieldBits } from './flow_columns.ts';
import type { RowJson } from './row_json.ts';
import { ROW_BYTES, type RowField, rowFamilies, rowField, rowFieldOfElement } from './row_layout.ts';

const familyOffset = rowField('family').offset;
const ipVersionOffset = rowField('ipVersion').offset;

/** Writes ROW_BYTES octets from `at` on. Keys that rows do not carry are left alone. */
export function rowFromJson(json: RowJson, bytes: Uint8Array, at = 0): void {
  bytes.fill(0, at, at + ROW_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let present = 0;
  for (const [key, value] of Object.entries(json)) {
    const field = rowFieldOfElement(key);
    if (field === undefined) continue;
    present |= fieldBits(field);
    writeField(field, value, view, bytes, at + field.offset);
  }
  view.setUint32(at + 4, present >>> 0);
  writeTimes(json, view, at);
  const isV6 = json.sourceIPv6Address !== undefined || json.ipVersion === 6;
  const isV4 = json.sourceIPv4Address !== undefined || json.ipVersion === 4;
  // Only a row of one flow has the flow's number.
  const isAggregate = json.flowId === undefined || Number(json.deltaFlowCount ?? 1) !== 1;
  view.setUint8(at + familyOffset, rowFamilies.indexOf(isAggregate ? 'aggregate' : isV6 ? 'ipv6' : isV4 ? 'ipv4' : 'ethernet'));
  if (isV6 || isV4) view.setUint8(at + ipVersionOffset, isV6 ? 6 : 4);
}

function writeField(field: RowField, value: string | number, view: DataView, bytes: Uint8Array, at: number): void {
  switch (field.kind) {
    case 'time':
      view.setBigUint64(at, BigInt(value) * 1_000_000n);
      break;
    case 'address':
      bytes.set(addressOctets(String(value)), at);
      break;
    case 'mac':
      bytes.set(octetsOfHex(String(value).replaceAll(':', '')), at);
      break;
    case 'octets':
      bytes.set(octetsOfHex(String(value)), at);
      break;
    default:
      if (field.octets === 8) view.setBigUint64(at, BigInt(value));
      else if (field.octets === 4) view.setUint32(at, Number(value));
      else if (field.octets === 2) view.setUint16(at, Number(value));
      else view.setUint8(at, Number(value));
  }
}

function addressOctets(text: string): Uint8Array {
  const octets = parseAddress(text);
  if (octets === undefined) throw new Error(`${text} is no address`);
  return octets;
}

/** Each direction's own times, which JSON has of the reverse alone: the forward one's are the whole flow's. */
function writeTimes(json: RowJson, view: DataView, at: number): void {
  const start = BigInt(json.flowStartMilliseconds ?? 0) * 1_000_000n;
  const end = BigInt(json.flowEndMilliseconds ?? 0) * 1_000_000n;
  view.setBigUint64(at + rowField('forwardFlowStart').offset, start);
  view.setBigUint64(at + rowField('forwardFlowEnd').offset, end);
}

const octetsOfHex = (text: string): number[] => (text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
