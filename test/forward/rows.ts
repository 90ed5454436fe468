/** Rows for tests of the spool and the exporters: every family, one-way and two-way, each told from the others by its flowId. */
import { type RowBlock, type RowClock, WALL_BOOT_ID } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, type presenceGroups, ROW_BYTES, type RowFamily, rowFamilies } from '../../src/flow/row_layout.ts';

export const startNs = 1_700_000_000_000_000_000n;
export const families: readonly RowFamily[] = rowFamilies;

/** Writes row number `n`; its packets are `n + 1`, its octets `100 × (n + 1)`, the reverse direction's half of that. */
export function writeRow(row: RowCursor, n: number, family: RowFamily = 'ipv4', twoWay = n % 2 === 0, originNs = startNs): void {
  row.bytes.fill(0, row.base, row.base + ROW_BYTES);
  const set = (...groups: (typeof presenceGroups)[number][]): void => {
    for (const group of groups) row.setPresent(presenceBit(group));
  };
  row.family = rowFamilies.indexOf(family);
  row.flowStartNs = row.forwardFlowStartNs = originNs + BigInt(n) * 1_000_000n;
  row.flowEndNs = row.forwardFlowEndNs = originNs + BigInt(n) * 1_000_000n + 5_000_000n;
  row.packetDeltaCount = n + 1;
  row.octetDeltaCount = 100 * (n + 1);
  row.layer2OctetDeltaCount = 114 * (n + 1);
  row.flowId = n + 1;
  row.deltaFlowCount = 1;
  row.flowEndReason = 1 + (n % 4);
  row.biflowDirection = 1;
  row.ingressInterface = 3;
  row.setSourceMacAddress(Uint8Array.of(2, 0, 0, 0, (n >> 8) & 0xff, n & 0xff));
  row.setDestinationMacAddress(Uint8Array.of(2, 0, 0, 1, 0, 1));
  set('mac');
  if (family === 'ethernet') {
    row.ethernetType = 0x88cc;
    set('etherType');
  } else {
    set('addresses', 'protocol', 'ports', 'tcp', 'ip');
    const v6 = family === 'ipv6';
    row.ipVersion = v6 ? 6 : 4;
    const head = v6 ? [0x20, 1, 0x0d, 0xb8, ...Array<number>(10).fill(0)] : [10, 1];
    row.setSourceAddress(Uint8Array.from([...head, (n >> 8) & 0xff, n & 0xff]));
    row.setDestinationAddress(Uint8Array.from([...head, 200, 200]));
    row.protocolIdentifier = 6;
    row.sourceTransportPort = 1024 + (n % 60_000);
    row.destinationTransportPort = 443;
    row.tcpControlBits = 0x1b;
    row.minimumTTL = row.maximumTTL = 64;
  }
  if (twoWay) {
    set('reverse');
    row.reversePacketDeltaCount = Math.ceil((n + 1) / 2);
    row.reverseOctetDeltaCount = 50 * (n + 1);
    row.reverseLayer2OctetDeltaCount = 57 * (n + 1);
    row.reverseFlowStartNs = originNs + BigInt(n) * 1_000_000n + 1_000_000n;
    row.reverseFlowEndNs = originNs + BigInt(n) * 1_000_000n + 4_000_000n;
    row.reverseTcpControlBits = 0x1a;
  }
}

/** A block of rows `first..first+count`; ipv4 unless a family is chosen for each. */
export function blockOf(
  first: number,
  count: number,
  {
    familyOf = () => 'ipv4',
    bootId = WALL_BOOT_ID,
    originNs = startNs,
  }: { familyOf?: (n: number) => RowFamily; bootId?: string; originNs?: bigint } = {},
): RowBlock {
  const firstRow = 64; // not at the start of its memory, as a meter's block is not
  const bytes = new Uint8Array(firstRow + count * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let i = 0; i < count; i++) writeRow(row.at(i, firstRow), first + i, familyOf(first + i), undefined, originNs);
  return {
    bytes,
    firstRow,
    count,
    bootId,
    closedAtNs: originNs + BigInt(first + count) * 1_000_000n,
    firstStartNs: originNs + BigInt(first) * 1_000_000n,
    lastEndNs: originNs + BigInt(first + count - 1) * 1_000_000n + 5_000_000n,
  };
}

export const anyFamily = (n: number): RowFamily => families[(n >> 1) % families.length]!;

/** Packets and IP octets of rows `first..first+count`, both directions. */
export function sumsOf(first: number, count: number): { packets: number; octets: number } {
  let [packets, octets] = [0, 0];
  for (let n = first; n < first + count; n++) {
    packets += n + 1 + (n % 2 === 0 ? Math.ceil((n + 1) / 2) : 0);
    octets += 100 * (n + 1) + (n % 2 === 0 ? 50 * (n + 1) : 0);
  }
  return { packets, octets };
}

/** A row clock that knows everything. */
export function rowClock(offsetNs = 0n, bootId = 'boot-a'): RowClock {
  return { bootId, wallOffsetNs: () => offsetNs, trusted: () => true };
}

export function flowIdOf(bytes: Uint8Array, row: number): number {
  return new RowCursor(bytes, row).flowId;
}
