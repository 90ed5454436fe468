/** What a collector is told of the metering process, from what the meter says of itself. Pure. */
import type { MeterCounts } from '../../flow/ledger.ts';
import type { MeteringFacts } from './options_tables.ts';

export interface MeteringState {
  readonly site: string;
  readonly node: string;
  /** `interface`, or what is replayed. */
  readonly source: string;
  readonly startedMs: number;
  readonly selectors: MeteringFacts['selectors'];
  readonly counts: MeterCounts;
  readonly interfaces: readonly { readonly index: number; readonly name: string }[];
}

export function meteringFacts({ site, node, source, startedMs, selectors, counts, interfaces }: MeteringState): MeteringFacts {
  const droppedPackets = counts.droppedByKernelPackets + counts.droppedByNicPackets;
  return {
    domainName: `${site}/${node}`,
    startedMs,
    selectors,
    interfaces:
      source === 'interface'
        ? interfaces.map(({ index, name }) => ({ index, name, description: `mirror port ${name}` }))
        : [{ index: 0, name: source, description: 'replayed capture' }],
    ignoredPackets: droppedPackets + counts.undecodablePackets,
    ignoredOctets: counts.undecodableOctets,
    droppedPackets,
    observedFlows: counts.flowsCreated,
  };
}
