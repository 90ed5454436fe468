/** Rows for tests: written through the cursor, as the meter would. */
import { parseAddress } from '../../src/flow/addresses.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { type PresenceGroup, presenceBit, ROW_BYTES, rowFamilies } from '../../src/flow/row_layout.ts';

export interface RowFacts {
  /** Text, or four octets followed by a number that is added to them. */
  source?: string | number[];
  destination?: string | number[];
  sourceMac?: number[];
  destinationMac?: number[];
  startNs: bigint;
  endNs: bigint;
  octets: number;
  packets: number;
  reverseOctets?: number;
  reversePackets?: number;
  sourcePort?: number;
  destinationPort?: number;
  protocol?: number;
  etherType?: number;
  vlan?: number;
  biflowDirection?: number;
  flowEndReason?: number;
  flows?: number;
}

export function writeRow(row: RowCursor, facts: RowFacts): void {
  row.bytes.fill(0, row.base, row.base + ROW_BYTES);
  const set = (group: Exclude<PresenceGroup, 'always'>): void => row.setPresent(presenceBit(group));
  const source = octetsOf(facts.source);
  const destination = octetsOf(facts.destination);
  if (source !== undefined && destination !== undefined) {
    set('addresses');
    row.setSourceAddress(source);
    row.setDestinationAddress(destination);
    row.ipVersion = source.length === 16 ? 6 : 4;
    row.family = rowFamilies.indexOf(source.length === 16 ? 'ipv6' : 'ipv4');
  } else row.family = rowFamilies.indexOf('ethernet');
  if (facts.sourceMac !== undefined && facts.destinationMac !== undefined) {
    set('mac');
    row.setSourceMacAddress(Uint8Array.from(facts.sourceMac));
    row.setDestinationMacAddress(Uint8Array.from(facts.destinationMac));
  }
  row.flowStartNs = facts.startNs;
  row.flowEndNs = facts.endNs;
  row.layer2OctetDeltaCount = facts.octets;
  row.packetDeltaCount = facts.packets;
  if (facts.reverseOctets !== undefined) {
    set('reverse');
    row.reverseLayer2OctetDeltaCount = facts.reverseOctets;
    row.reversePacketDeltaCount = facts.reversePackets ?? 1;
  }
  if (facts.sourcePort !== undefined && facts.destinationPort !== undefined) {
    set('ports');
    set('sourcePort');
    row.sourceTransportPort = facts.sourcePort;
    row.destinationTransportPort = facts.destinationPort;
  }
  if (facts.protocol !== undefined) {
    set('protocol');
    row.protocolIdentifier = facts.protocol;
  }
  if (facts.etherType !== undefined) {
    set('etherType');
    row.ethernetType = facts.etherType;
  }
  if (facts.vlan !== undefined) {
    set('vlan');
    row.dot1qVlanId = facts.vlan;
  }
  row.biflowDirection = facts.biflowDirection ?? 1;
  row.flowEndReason = facts.flowEndReason ?? 1;
  row.deltaFlowCount = facts.flows ?? 1;
}

export function blockOf(facts: readonly RowFacts[], bootId: string, closedAtNs: bigint): RowBlock {
  // Not at the start of its memory, as a meter's block is not.
  const firstRow = 64;
  const bytes = new Uint8Array(firstRow + facts.length * ROW_BYTES);
  const row = new RowCursor(bytes);
  facts.forEach((one, i) => {
    writeRow(row.at(i, firstRow), one);
  });
  return {
    bytes,
    firstRow,
    count: facts.length,
    bootId,
    closedAtNs,
    firstStartNs: facts.map(({ startNs }) => startNs).sort(ascending)[0] ?? closedAtNs,
    lastEndNs:
      facts
        .map(({ endNs }) => endNs)
        .sort(ascending)
        .at(-1) ?? 0n,
  };
}

function octetsOf(address: string | number[] | undefined): Uint8Array | undefined {
  if (address === undefined || typeof address === 'string') return address === undefined ? undefined : parseAddress(address);
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, new DataView(Uint8Array.from(address.slice(0, 4)).buffer).getUint32(0) + (address[4] ?? 0));
  return new Uint8Array(view.buffer);
}

function ascending(a: bigint, b: bigint): number {
  return Number(a - b);
}
