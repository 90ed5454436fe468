/**
 * The keys of a row in every dimension but the total, as words of 32 bits; and the same keys as people read them. A row's
 * keys go into scratch arrays that are used again for the next row. Pure.
 *
 * Host: kind, then four words: an address, or a MAC for rows without one, so that ARP and its like have ends too.
 */
import { formatIpv4, formatIpv6, formatMac } from '../flow/addresses.ts';
import type { Dimension } from '../flow/history_shapes.ts';
import { etherTypeName, protocolName } from '../flow/protocols.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { servicePort } from '../flow/service_port.ts';
import { applicationKey } from '../flow/services.ts';

const bits = {
  addresses: presenceBit('addresses'),
  mac: presenceBit('mac'),
  ports: presenceBit('ports'),
  protocol: presenceBit('protocol'),
  vlan: presenceBit('vlan'),
  etherType: presenceBit('etherType'),
} as const;

const hostKinds = { mac: 1, ipv4: 4, ipv6: 6 } as const;
/** Above every protocol with its port: 8 + 1 + 16 bits. */
const etherTypeFlag = 1 << 30;
const portFlag = 1 << 16;
export const unknownKey = 1 << 29;

/** The dimensions that have keys, in the order of every array by dimension here. */
export const keyedDimensions = ['host', 'conversation', 'application', 'protocol', 'vlan'] as const satisfies Dimension[];
export const keyWords: readonly number[] = [5, 9, 1, 1, 1];

export class RowKeys {
  readonly source = new Int32Array(5);
  readonly destination = new Int32Array(5);
  readonly conversation = new Int32Array(9);
  readonly application = new Int32Array(1);
  readonly protocol = new Int32Array(1);
  readonly vlan = new Int32Array(1);
  /** False when the row has neither addresses nor MACs: its volume belongs to no host and no conversation. */
  hasEnds = false;
  /** True when the row's source is the conversation's second end. */
  reversed = false;

  read(row: RowCursor): void {
    const present = row.view.getUint32(row.base + 4);
    this.#readEnds(row, present);
    const hasType = (present & bits.etherType) !== 0;
    const type = hasType ? etherTypeFlag | row.ethernetType : unknownKey;
    if ((present & bits.protocol) === 0) {
      this.protocol[0] = type;
      this.application[0] = type;
    } else {
      const protocol = row.protocolIdentifier;
      this.protocol[0] = protocol;
      this.application[0] = (protocol << 17) | ((present & bits.ports) === 0 ? 0 : portFlag | this.#servicePort(row, protocol));
    }
    this.vlan[0] = (present & bits.vlan) === 0 ? -1 : row.dot1qVlanId;
  }

  #servicePort(row: RowCursor, protocol: number): number {
    return servicePort(protocol, row.sourceTransportPort, row.destinationTransportPort, row.biflowDirection);
  }

  #readEnds(row: RowCursor, present: number): void {
    const { view } = row;
    const { source, destination } = this;
    this.hasEnds = true;
    if ((present & bits.addresses) !== 0) {
      const isV6 = row.ipVersion === 6;
      source[0] = destination[0] = isV6 ? hostKinds.ipv6 : hostKinds.ipv4;
      const from = row.sourceAddressOffset;
      const to = row.destinationAddressOffset;
      for (let word = 0; word < 4; word++) {
        source[word + 1] = isV6 || word === 0 ? view.getInt32(from + 4 * word) : 0;
        destination[word + 1] = isV6 || word === 0 ? view.getInt32(to + 4 * word) : 0;
      }
    } else if ((present & bits.mac) !== 0) {
      const from = row.sourceMacAddressOffset;
      const to = row.destinationMacAddressOffset;
      source.set([hostKinds.mac, view.getInt32(from), view.getUint16(from + 4) << 16, 0, 0]);
      destination.set([hostKinds.mac, view.getInt32(to), view.getUint16(to + 4) << 16, 0, 0]);
    } else {
      this.hasEnds = false;
      return;
    }
    this.reversed = isAfter(source, destination);
    const first = this.reversed ? destination : source;
    const second = this.reversed ? source : destination;
    this.conversation[0] = first[0]!;
    for (let word = 1; word < 5; word++) {
      this.conversation[word] = first[word]!;
      this.conversation[word + 4] = second[word]!;
    }
  }
}

function isAfter(a: Int32Array, b: Int32Array): boolean {
  for (let word = 1; word < 5; word++) {
    if (a[word] !== b[word]) return a[word]! >>> 0 > b[word]! >>> 0;
  }
  return false;
}

const scratch = new DataView(new ArrayBuffer(16));
const scratchBytes = new Uint8Array(scratch.buffer);

function hostText(kind: number, keys: Int32Array, at: number): string {
  for (let word = 0; word < 4; word++) scratch.setInt32(4 * word, keys[at + word]!);
  if (kind === hostKinds.ipv4) return formatIpv4(scratchBytes);
  return kind === hostKinds.ipv6 ? formatIpv6(scratchBytes) : formatMac(scratchBytes);
}

function typeText(word: number): string {
  return word === unknownKey ? 'unknown' : etherTypeName(word & 0xffff);
}

/** The key that stands at `at` in a table's words, as `KeyVolume.key` writes it. */
export function keyText(dimension: (typeof keyedDimensions)[number], keys: Int32Array, at: number): string {
  const word = keys[at]!;
  switch (dimension) {
    case 'host':
      return hostText(word, keys, at + 1);
    case 'conversation':
      return `${hostText(word, keys, at + 1)} ${hostText(word, keys, at + 5)}`;
    case 'application':
      if (word >= unknownKey) return typeText(word);
      return applicationKey((word >> 17) & 0xff, (word & portFlag) === 0 ? undefined : word & 0xffff);
    case 'protocol':
      return word >= unknownKey ? typeText(word) : protocolName(word);
    case 'vlan':
      return word < 0 ? 'none' : String(word);
  }
}
