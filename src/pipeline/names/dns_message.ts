/**
 * Reads a DNS message (RFC 1035 4) as far as names of hosts go. Strict: what is not well-formed ends the reading, and what
 * was read before stays. Pure.
 *
 * Limits: `recordsMax` records and `questionsMax` questions; a name's pointers lead backwards only (RFC 1035 4.1.4: a prior
 * occurrence), so they end, and it has 255 octets at most. What pointers lead to is read once, and a name that is none is the end: a
 * message costs what its octets cost.
 */
import { formatIpv4, formatIpv6 } from '../../flow/addresses.ts';
import { asciiText } from './host_name.ts';

export const recordTypes = { a: 1, cname: 5, ptr: 12, aaaa: 28 } as const;

export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly ttlS: number;
  /** Of A and AAAA the address, of CNAME and PTR the name. */
  readonly value: string;
}

export interface DnsMessage {
  readonly isAnswer: boolean;
  readonly opcode: number;
  readonly responseCode: number;
  readonly questions: readonly DnsQuestion[];
  /** Of all sections, of class IN, and of the types above. */
  readonly records: readonly DnsRecord[];
  /** Something followed that could not be read: the packet was cut, or is no DNS. */
  readonly isCut: boolean;
}

const headerOctets = 12;
const questionsMax = 16;
const recordsMax = 128;
const nameOctetsMax = 255;
const ttlMaxS = 2 ** 31 - 1;
const classIn = 1;
/** RFC 6762 10.2: the top bit of mDNS' class asks to flush caches. */
const classMask = 0x7fff;

interface Name {
  readonly text: string;
  /** Behind it, where it stands. */
  readonly end: number;
  /** Of its labels, with their lengths. */
  readonly octets: number;
}

/** The names of one message by where they begin, so that none of its octets is read more than once however many pointers lead there. */
type KnownNames = Map<number, Name>;

/** Undefined when there is not even a header. */
export function parseDnsMessage(octets: Uint8Array): DnsMessage | undefined {
  if (octets.length < headerOctets) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const flags = view.getUint16(2);
  const questions: DnsQuestion[] = [];
  const records: DnsRecord[] = [];
  const questionCount = view.getUint16(4);
  const recordCount = view.getUint16(6) + view.getUint16(8) + view.getUint16(10);
  const known: KnownNames = new Map();
  let at = headerOctets;
  let isCut = questionCount > questionsMax || recordCount > recordsMax;
  for (let i = 0; i < questionCount && !isCut; i++) {
    const name = readName(octets, at, known);
    isCut = name === undefined || name.end + 4 > octets.length;
    if (name === undefined || isCut) break;
    questions.push({ name: name.text, type: view.getUint16(name.end) });
    at = name.end + 4;
  }
  for (let i = 0; i < recordCount && !isCut; i++) {
    const name = readName(octets, at, known);
    if (name === undefined || name.end + 10 > octets.length) {
      isCut = true;
      break;
    }
    const end = name.end + 10 + view.getUint16(name.end + 8);
    isCut = end > octets.length;
    if (isCut) break;
    const type = view.getUint16(name.end);
    const isInternet = (view.getUint16(name.end + 2) & classMask) === classIn;
    const value = isInternet ? readValue(octets, type, [name.end + 10, end], known) : '';
    // Others may point there as well, and each would walk it anew.
    isCut = value === undefined;
    if (value === undefined) break;
    // RFC 2181 8: a time to live with the top bit set is 0.
    const ttlS = view.getUint32(name.end + 4);
    if (value !== '') records.push({ name: name.text, type, ttlS: ttlS > ttlMaxS ? 0 : ttlS, value });
    at = end;
  }
  return { isAnswer: flags >= 0x8000, opcode: (flags >> 11) & 15, responseCode: flags & 15, questions, records, isCut };
}

/** Empty where it is none of ours; undefined where it is not what its type says. */
function readValue(
  octets: Uint8Array,
  type: number,
  [start, end]: readonly [number, number],
  known: KnownNames,
): string | undefined {
  const length = end - start;
  if (type === recordTypes.a) return length === 4 ? formatIpv4(octets.subarray(start, end)) : undefined;
  if (type === recordTypes.aaaa) return length === 16 ? formatIpv6(octets.subarray(start, end)) : undefined;
  if (type !== recordTypes.cname && type !== recordTypes.ptr) return '';
  const name = readName(octets, start, known);
  return name !== undefined && name.end === end ? name.text : undefined;
}

/** A name without its final dot, in lower case; labels as they are, so that whoever uses it checks them. */
export function readName(octets: Uint8Array, start: number, known: KnownNames = new Map()): Name | undefined {
  return nameAt({ octets, known }, start, start, 0);
}

interface Reading {
  readonly octets: Uint8Array;
  readonly known: KnownNames;
}

/**
 * @param bound pointers lead to before where the reading began last
 * @param before octets of labels that stand before it
 */
function nameAt(reading: Reading, at: number, bound: number, before: number): Name | undefined {
  const { octets, known } = reading;
  const again = known.get(at);
  if (again !== undefined) return before + again.octets < nameOctetsMax ? again : undefined;
  const first = octets[at];
  if (first === undefined) return undefined;
  let name: Name | undefined;
  if (first === 0) name = { text: '', end: at + 1, octets: 0 };
  else if (first >= 0xc0) {
    const second = octets[at + 1];
    if (second === undefined) return undefined;
    const to = ((first & 0x3f) << 8) | second;
    if (to >= bound || to < headerOctets) return undefined;
    const target = nameAt(reading, to, to, before);
    if (target !== undefined) name = { ...target, end: at + 2 };
  } else {
    const next = at + 1 + first;
    if (first >= 0x40 || next > octets.length || before + first + 1 >= nameOctetsMax) return undefined;
    const rest = nameAt(reading, next, bound, before + first + 1);
    if (rest === undefined) return undefined;
    // A dot inside a label would make one name look like another.
    const label = asciiText(octets.subarray(at + 1, next))
      .replaceAll('.', '\\')
      .toLowerCase();
    name = { text: rest.text === '' ? label : `${label}.${rest.text}`, end: rest.end, octets: rest.octets + first + 1 };
  }
  if (name !== undefined) known.set(at, name);
  return name;
}
