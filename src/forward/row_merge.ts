/**
 * Rows merged by minute or by hour (RFC 7015: aggregated flows), so that a spool over its budget tells less finely before
 * it tells nothing. Packets, octets and the number of flows are conserved exactly. Pure but for its own state.
 *
 * By minute: flows of one pair of addresses, protocol and server port; by hour: of one protocol and server port. VLAN,
 * interface and selector always stay apart, so a rate is never mixed with another. What else all merged rows agree on stays;
 * what they do not is absent. A row that meets no other stays as it is.
 */
import { flowEndReasons } from '../flow/decode_annotations.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import {
  type PresenceGroup,
  presenceBit,
  presenceGroups,
  ROW_BYTES,
  type RowField,
  rowFamilies,
  rowField,
  rowFields,
} from '../flow/row_layout.ts';

export type MergeSpan = 'minute' | 'hour';

const spanNs: Record<MergeSpan, bigint> = { minute: 60_000_000_000n, hour: 3_600_000_000_000n };
const aggregate = rowFamilies.indexOf('aggregate');

/** Fields that are part of the key: merged rows have them in common. */
const keyFields: Record<MergeSpan, readonly string[]> = {
  hour: [
    'ipVersion',
    'protocolIdentifier',
    'destinationTransportPort',
    'ethernetType',
    'dot1qVlanId',
    'ingressInterface',
    'selectorId',
  ],
  minute: [
    ...['sourceAddress', 'destinationAddress', 'ipVersion', 'protocolIdentifier', 'destinationTransportPort', 'icmpTypeCode'],
    ...['ethernetType', 'dot1qVlanId', 'ingressInterface', 'selectorId', 'family'],
  ],
};

/** Groups that stay although their rows differ in some of their fields: those are zero then. */
const lasting: Record<MergeSpan, ReadonlySet<PresenceGroup>> = {
  hour: new Set<PresenceGroup>(['always', 'reverse', 'protocol', 'ports', 'tcp', 'ip', 'vlan', 'etherType']),
  minute: new Set<PresenceGroup>([
    'always',
    'reverse',
    'protocol',
    'ports',
    'tcp',
    'ip',
    'vlan',
    'etherType',
    'addresses',
    'icmp',
  ]),
};

type Rule = 'sum' | 'least' | 'most' | 'or' | 'agree';

function ruleOf({ name, kind }: RowField): Rule {
  if (/DeltaCount$/i.test(name) || name === 'deltaFlowCount') return 'sum';
  if (kind === 'time') return /Start$/.test(name) ? 'least' : 'most';
  if (/^(reverseM|m)inimum|^(reverseR|r)oundTrip/.test(name)) return 'least';
  if (/^(reverseM|m)aximum/.test(name)) return 'most';
  if (/ControlBits$|CodePointSet$/.test(name)) return 'or';
  return 'agree';
}

interface Step {
  readonly rule: Rule;
  readonly offset: number;
  readonly octets: number;
  readonly group: number;
  readonly isReverse: boolean;
}
const groupOf = (group: PresenceGroup): number => (group === 'always' ? -1 : presenceGroups.indexOf(group));
const isReverse = ({ name, presence }: RowField): boolean => presence === 'reverse' || name.startsWith('reverse');
const steps: readonly Step[] = rowFields
  .filter(({ name }) => name !== 'presence')
  .map((field) => ({
    ...{ rule: ruleOf(field), offset: field.offset, octets: field.octets },
    ...{ group: groupOf(field.presence), isReverse: isReverse(field) },
  }));
const reverseBit = presenceBit('reverse');
const addressesBit = presenceBit('addresses');
const presenceLow = rowField('presence').offset + 4;

interface Merged {
  /** Where it lies in the result. */
  readonly row: number;
  count: number;
}

export class RowMerge {
  readonly #span: MergeSpan;
  readonly #offsetNs: bigint;
  readonly #keys: readonly RowField[];
  #bytes = new Uint8Array(256 * ROW_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #rows = 0;
  readonly #merged = new Map<string, Merged>();

  /** @param wallOffsetNs makes wall time of the rows' times: minutes and hours are those of the wall */
  constructor(span: MergeSpan, wallOffsetNs: bigint) {
    this.#span = span;
    this.#offsetNs = wallOffsetNs;
    this.#keys = keyFields[span].map(rowField);
  }

  /** Rows of the result so far. */
  get count(): number {
    return this.#rows;
  }

  add(rows: Uint8Array, firstRow: number, count: number): void {
    const from = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    const cursor = new RowCursor(rows);
    const octets = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let i = 0; i < count; i++) {
      const base = firstRow + i * ROW_BYTES;
      const startNs = cursor.at(0, base).flowStartNs + this.#offsetNs;
      let key = String(startNs / spanNs[this.#span]);
      for (const { offset, octets: width } of this.#keys) key += octets.toString('latin1', base + offset, base + offset + width);
      const before = this.#merged.get(key);
      if (before === undefined) {
        this.#merged.set(key, { row: this.#append(octets.subarray(base, base + ROW_BYTES)), count: 1 });
      } else {
        before.count++;
        this.#combine(before.row * ROW_BYTES, from, base);
      }
    }
  }

  /** The result, by the time of the first row of each. */
  finish(): Uint8Array {
    for (const { row, count } of this.#merged.values()) if (count > 1) this.#label(row * ROW_BYTES);
    return this.#bytes.subarray(0, this.#rows * ROW_BYTES);
  }

  #append(row: Uint8Array): number {
    if ((this.#rows + 1) * ROW_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#bytes.set(row, this.#rows * ROW_BYTES);
    return this.#rows++;
  }

  #combine(into: number, from: DataView, base: number): void {
    const [a, b] = [this.#view.getUint32(into + presenceLow), from.getUint32(base + presenceLow)];
    const [haveReverse, comesReverse] = [(a & reverseBit) !== 0, (b & reverseBit) !== 0];
    let present = (a & b) | ((a | b) & reverseBit);
    for (const step of steps) {
      if (step.isReverse && !comesReverse) continue;
      if (step.isReverse && !haveReverse) {
        this.#bytes.set(new Uint8Array(from.buffer, from.byteOffset + base + step.offset, step.octets), into + step.offset);
      } else if (!this.#apply(step, into + step.offset, from, base + step.offset) && step.group >= 0) {
        if (!lasting[this.#span].has(presenceGroups[step.group]!)) present &= ~(1 << step.group);
      }
    }
    present >>>= 0;
    this.#view.setUint32(into + presenceLow, present);
    this.#blankAbsent(into, a & ~present);
  }

  /** Zero is what an absent field holds. */
  #blankAbsent(into: number, gone: number): void {
    if (gone === 0) return;
    for (const { group, offset, octets } of steps)
      if (group >= 0 && ((gone >>> group) & 1) === 1) this.#bytes.fill(0, into + offset, into + offset + octets);
  }

  /** False when the rows do not agree. */
  #apply({ rule, octets }: Step, at: number, from: DataView, source: number): boolean {
    if (rule === 'agree') {
      for (let i = 0; i < octets; i++) {
        if (this.#bytes[at + i] === from.getUint8(source + i)) continue;
        this.#bytes.fill(0, at, at + octets);
        return false;
      }
      return true;
    }
    if (octets === 8) this.#applyLong(rule, at, from, source);
    else {
      const [a, b] = [read(this.#view, at, octets), read(from, source, octets)];
      write(this.#view, at, octets, combined(rule, a, b, 2 ** (8 * octets) - 1));
    }
    return true;
  }

  #applyLong(rule: Rule, at: number, from: DataView, source: number): void {
    const [a, b] = [this.#view.getBigUint64(at), from.getBigUint64(source)];
    if (rule === 'sum') this.#view.setBigUint64(at, a + b);
    else if (rule === 'or') this.#view.setBigUint64(at, a | b);
    else if (b < a === (rule === 'least')) this.#view.setBigUint64(at, b);
  }

  /** Of several flows: says so, and has no key that they do not share. */
  #label(base: number): void {
    const row = new RowCursor(this.#bytes).at(0, base);
    row.flowEndReason = flowEndReasons.lackOfResources;
    row.family = aggregate;
    if (this.#span === 'hour') {
      const present = this.#view.getUint32(base + presenceLow);
      this.#view.setUint32(base + presenceLow, (present & ~addressesBit) >>> 0);
      this.#blankAbsent(base, present & addressesBit);
    }
  }
}

function read(view: DataView, at: number, octets: number): number {
  return octets === 4 ? view.getUint32(at) : octets === 2 ? view.getUint16(at) : view.getUint8(at);
}
function write(view: DataView, at: number, octets: number, value: number): void {
  if (octets === 4) view.setUint32(at, value);
  else if (octets === 2) view.setUint16(at, value);
  else view.setUint8(at, value);
}
/** A count that its field cannot hold stays at the most. */
function combined(rule: Rule, a: number, b: number, most: number): number {
  if (rule === 'sum') return Math.min(a + b, most);
  if (rule === 'or') return (a | b) >>> 0;
  return rule === 'least' ? Math.min(a, b) : Math.max(a, b);
}
