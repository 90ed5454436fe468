/**
 * A row as NetFlow sees it: one direction of a flow, addresses and counters of that direction. Pure; the view moves, rows stay.
 */
import { RowCursor } from '../../flow/row_cursor.ts';
import { type RowKind, rowKindPlace, rowKinds } from '../../flow/row_kinds.ts';
import { presenceBit, rowField } from '../../flow/row_layout.ts';

const presenceLow = rowField('presence').offset + 4;
const hasReverse = presenceBit('reverse');
const hasIcmp = presenceBit('icmp');

/** One direction of the row that the cursor stands on. */
export class FlowHalf {
  readonly row: RowCursor;
  reversed = false;
  /** Wall time less the row's clock, ms. */
  offsetMs = 0;

  constructor(rows: Uint8Array) {
    this.row = new RowCursor(rows);
  }

  /** Undefined for a row of a later version. */
  get kind(): RowKind | undefined {
    const { row } = this;
    return rowKinds[rowKindPlace(row.family, row.view.getUint32(row.base + presenceLow), row.ipVersion)];
  }
  /** One direction, or both where both were seen. */
  get halves(): readonly boolean[] {
    return this.row.has(hasReverse) ? bothWays : oneWay;
  }
  get source(): Uint8Array {
    return this.reversed ? this.row.destinationAddress : this.row.sourceAddress;
  }
  get destination(): Uint8Array {
    return this.reversed ? this.row.sourceAddress : this.row.destinationAddress;
  }
  get sourcePort(): number {
    return this.reversed ? this.row.destinationTransportPort : this.row.sourceTransportPort;
  }
  get destinationPort(): number {
    return this.reversed ? this.row.sourceTransportPort : this.row.destinationTransportPort;
  }
  get sourceMac(): Uint8Array {
    return this.reversed ? this.row.destinationMacAddress : this.row.sourceMacAddress;
  }
  get destinationMac(): Uint8Array {
    return this.reversed ? this.row.sourceMacAddress : this.row.destinationMacAddress;
  }
  get packets(): number {
    return this.reversed ? this.row.reversePacketDeltaCount : this.row.packetDeltaCount;
  }
  get octets(): number {
    return this.reversed ? this.row.reverseOctetDeltaCount : this.row.octetDeltaCount;
  }
  get classOfService(): number {
    return this.reversed ? this.row.reverseIpClassOfService : this.row.ipClassOfService;
  }
  /** The eight that NetFlow has room for. */
  get tcpFlags(): number {
    return (this.reversed ? this.row.reverseTcpControlBits : this.row.tcpControlBits) & 0xff;
  }
  get icmpTypeCode(): number {
    return this.row.has(hasIcmp) ? this.row.icmpTypeCode : 0;
  }
  get startMs(): number {
    return this.offsetMs + (this.reversed ? this.row.reverseFlowStartMs : this.row.forwardFlowStartMs);
  }
  get endMs(): number {
    return this.offsetMs + (this.reversed ? this.row.reverseFlowEndMs : this.row.forwardFlowEndMs);
  }
}

const oneWay = [false] as const;
const bothWays = [false, true] as const;
