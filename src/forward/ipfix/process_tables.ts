/**
 * Options beyond those that RFC 7011 names: who exports, seen from the box (behind a NAT the datagram says another), and how
 * much the observation point saw and lost. Pure. Numbers of their own, so that tables which come later change none.
 */
import type { ExportFacts, OptionsTable, OptionValue } from './options_tables.ts';

const EXPORTING_PROCESS_ID = 1;

const address = (facts: ExportFacts, ofVersion: (text: string) => boolean): OptionValue[][] =>
  facts.exporterAddress !== undefined && ofVersion(facts.exporterAddress) ? [[EXPORTING_PROCESS_ID, facts.exporterAddress]] : [];
const isVersion6 = (text: string): boolean => text.includes(':');

export const processTables: readonly OptionsTable[] = [
  {
    templateId: 641,
    process: true,
    scope: ['exportingProcessId'],
    fields: ['exporterIPv4Address'],
    rows: (facts) => address(facts, (text) => !isVersion6(text)),
  },
  {
    templateId: 642,
    process: true,
    scope: ['exportingProcessId'],
    fields: ['exporterIPv6Address'],
    rows: (facts) => address(facts, isVersion6),
  },
  {
    // Dropped are those that kernel and card could not hand over; ignored (164), which RFC 7011 section 4.2 has, are these and the undecodable.
    // How many octets they had nobody knows, so droppedOctetTotalCount (134) is not sent, and no delta, which a repeated message would count twice.
    templateId: 643,
    process: true,
    scope: ['observationDomainId'],
    fields: ['observedFlowTotalCount', 'droppedPacketTotalCount', 'flowStartMilliseconds', 'flowEndMilliseconds'],
    rows: ({ observedFlows, droppedPackets, observationDomainId, startedMs, nowMs }) =>
      observedFlows === undefined || droppedPackets === undefined
        ? []
        : [[observationDomainId, observedFlows, droppedPackets, startedMs, nowMs]],
  },
];
