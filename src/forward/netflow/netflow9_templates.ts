/**
 * Templates of NetFlow version 9: which fields a record has (RFC 3954 section 8), by what is known of its row. A record of many
 * flows has a part of the key, and no field that it could only fill with zeros. Pure.
 */
import type { RowKind } from '../../flow/row_kinds.ts';
import type { FlowHalf } from './half.ts';
import type { VirtualUptime } from './uptime.ts';

export interface LeftOut {
  readonly ports: boolean;
  readonly macs: boolean;
}

export interface Field {
  readonly type: number;
  readonly octets: number;
  readonly write: (to: DataView, at: number, half: FlowHalf, uptime: VirtualUptime) => void;
}

export interface Template {
  readonly id: number;
  readonly fields: readonly Field[];
  readonly octets: number;
}

/** Between those of flows and those of many: that of the options. */
export const selectorsTemplateId = 258;

const copy = (to: DataView, at: number, octets: Uint8Array, length: number): void =>
  new Uint8Array(to.buffer, to.byteOffset + at, length).set(octets.subarray(0, length));

const addresses = (octets: 4 | 16): Field[] => [
  { type: octets === 4 ? 8 : 27, octets, write: (to, at, half) => copy(to, at, half.source, octets) },
  { type: octets === 4 ? 12 : 28, octets, write: (to, at, half) => copy(to, at, half.destination, octets) },
];
const times: Field[] = [
  { type: 22, octets: 4, write: (to, at, half, uptime) => to.setUint32(at, uptime.flow(half.startMs)) },
  { type: 21, octets: 4, write: (to, at, half, uptime) => to.setUint32(at, uptime.flow(half.endMs)) },
];
const counters: Field[] = [
  { type: 1, octets: 8, write: (to, at, half) => to.setBigUint64(at, BigInt(half.octets)) },
  { type: 2, octets: 8, write: (to, at, half) => to.setBigUint64(at, BigInt(half.packets)) },
];
const sourcePort: Field = { type: 7, octets: 2, write: (to, at, half) => to.setUint16(at, half.sourcePort) };
const destinationPort: Field = { type: 11, octets: 2, write: (to, at, half) => to.setUint16(at, half.destinationPort) };
const macs: Field[] = [
  { type: 56, octets: 6, write: (to, at, half) => copy(to, at, half.sourceMac, 6) },
  { type: 80, octets: 6, write: (to, at, half) => copy(to, at, half.destinationMac, 6) },
];
const origin: Field[] = [
  { type: 10, octets: 4, write: (to, at, half) => to.setUint32(at, half.row.ingressInterface) },
  // FLOWS: more than one where many short flows were summed up.
  { type: 3, octets: 4, write: (to, at, half) => to.setUint32(at, half.row.deltaFlowCount) },
];
const icmp: Field = { type: 32, octets: 2, write: (to, at, half) => to.setUint16(at, half.icmpTypeCode) };
const vlan: Field = { type: 58, octets: 2, write: (to, at, half) => to.setUint16(at, half.row.dot1qVlanId & 0x0fff) };
const selector: Field = { type: 48, octets: 2, write: (to, at, half) => to.setUint16(at, half.row.selectorId) };
const protocol: Field = { type: 4, octets: 1, write: (to, at, half) => to.setUint8(at, half.row.protocolIdentifier) };
const classOfService: Field = { type: 5, octets: 1, write: (to, at, half) => to.setUint8(at, half.classOfService) };
const tcpFlags: Field = { type: 6, octets: 1, write: (to, at, half) => to.setUint8(at, half.tcpFlags) };

export class Netflow9Templates {
  readonly all: readonly Template[];
  readonly #byKind: Partial<Record<RowKind, readonly [Template, Template]>>;

  constructor(leaveOut: LeftOut) {
    const all: Template[] = [];
    const template = (id: number, fields: readonly Field[]): Template => {
      const made = { id, fields, octets: fields.reduce((sum, { octets }) => sum + octets, 0) };
      all.push(made);
      return made;
    };
    const counts = [...times, ...counters];
    const ports = (...some: Field[]): Field[] => (leaveOut.ports ? [] : some);
    const flow = (id: number, octets: 4 | 16): [Template, Template] => {
      const ends = [...ports(sourcePort, destinationPort), ...(leaveOut.macs ? [] : macs)];
      const rest = [...origin, icmp, vlan, selector, protocol, classOfService, tcpFlags];
      const both = template(id, [...addresses(octets), ...counts, ...ends, ...rest]);
      return [both, both];
    };
    // Of many flows the port is known that was addressed: of the way back it is the source's.
    const ways = (id: number, fields: (port: Field) => readonly Field[]): [Template, Template] => [
      template(id, fields(destinationPort)),
      template(id + 1, fields(sourcePort)),
    ];
    const pair = (id: number, octets: 4 | 16): [Template, Template] =>
      ways(id, (port) => [
        ...addresses(octets),
        ...counts,
        ...ports(port),
        ...origin,
        ...[icmp, vlan, selector, protocol, tcpFlags],
      ]);
    const sum = (id: number, ...fields: Field[]): [Template, Template] => {
      const both = template(id, [...counts, ...origin, ...fields]);
      return [both, both];
    };
    this.#byKind = {
      ipv4: flow(256, 4),
      ipv6: flow(257, 16),
      aggregateOfIpv4Pair: pair(259, 4),
      aggregateOfIpv6Pair: pair(261, 16),
      aggregateOfService: ways(263, (port) => [...counts, ...ports(port), ...origin, vlan, selector, protocol, tcpFlags]),
      aggregateOfProtocol: sum(265, vlan, selector, protocol, tcpFlags),
      aggregate: sum(266, selector),
    };
    this.all = all;
  }

  /** Undefined for rows that have no form: those by EtherType. */
  of(kind: RowKind | undefined, reversed: boolean): Template | undefined {
    return kind === undefined ? undefined : this.#byKind[kind]?.[reversed ? 1 : 0];
  }

  get octetsMax(): number {
    return Math.max(...this.all.map(({ octets }) => octets));
  }
}
