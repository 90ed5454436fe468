/** A flow record as a line of a table. Pure. */
import { manyFlowsText } from '../../flow/many_flows.ts';
import { protocolText } from '../../flow/protocols.ts';
import type { RowJson } from '../../flow/row_json.ts';

export interface FlowCells {
  readonly startMs: number;
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly flags: string;
  readonly vlan: string;
  readonly lasted: string;
  readonly packets: number;
  readonly sent: number;
  readonly received: number;
}

const n = (value: string | number | undefined): number => Number(value ?? 0);
const letters = 'FSRPAUEC';

export function flowCells(flow: RowJson): FlowCells {
  const lastedMs = n(flow.flowEndMilliseconds) - n(flow.flowStartMilliseconds);
  return {
    startMs: n(flow.flowStartMilliseconds),
    protocol: protocolText(flow),
    // Under pressure the meter adds up short flows that share no address: what stands there is how many.
    source: endText(flow, 'source') || manyFlowsText(flow),
    destination: endText(flow, 'destination'),
    flags: flow.tcpControlBits === undefined ? '' : flagText(n(flow.tcpControlBits) | n(flow.reverseTcpControlBits)),
    vlan: flow.dot1qVlanId === undefined ? '' : String(flow.dot1qVlanId),
    lasted: lastedMs < 1_000 ? `${lastedMs}\u00a0ms` : `${(lastedMs / 1_000).toFixed(lastedMs < 10_000 ? 1 : 0)}\u00a0s`,
    packets: n(flow.packetDeltaCount) + n(flow.reversePacketDeltaCount),
    sent: n(flow.layer2OctetDeltaCount),
    received: n(flow.reverseLayer2OctetDeltaCount),
  };
}

/** Tells records of one answer apart. */
export function flowName(flow: RowJson): string {
  return [
    flow.flowId,
    flow.flowStartMilliseconds,
    flow.flowEndMilliseconds,
    endText(flow, 'source'),
    endText(flow, 'destination'),
    flow.dot1qVlanId,
    flow.protocolIdentifier,
  ].join(' ');
}

export function addressOf(flow: RowJson, end: 'source' | 'destination'): string {
  return String(flow[`${end}IPv4Address`] ?? flow[`${end}IPv6Address`] ?? flow[`${end}MacAddress`] ?? '');
}

function endText(flow: RowJson, end: 'source' | 'destination'): string {
  const address = addressOf(flow, end);
  const port = flow[`${end}TransportPort`];
  if (port === undefined || address === '') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function flagText(bits: number): string {
  return [...letters].filter((_, bit) => ((bits >> bit) & 1) === 1).join('');
}
