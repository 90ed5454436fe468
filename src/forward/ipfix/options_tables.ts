/**
 * Options data: what a collector must know about how records came to be, as tables of element names. Selectors,
 * interfaces, flow keys and statistics (RFC 7011 sections 4.1 to 4.4), gaps, private elements (RFC 5610), who exports.
 * Pure: facts in, rows out.
 */
import type { Element } from '../../flow/elements.ts';
import { elementNamed, privateElementDescription } from '../../flow/elements.ts';
import type { ProjectionPlan } from '../../flow/projection.ts';
import type { SelectorFact } from '../../flow/selectors.ts';
import type { Gap } from '../gaps.ts';
import type { Anonymization } from '../privacy/destination_privacy.ts';
import { countTable, flowSelectionTable, nameTable, randomTable, selectionStatisticsTable } from './selector_tables.ts';

export interface InterfaceFact {
  readonly index: number;
  readonly name: string;
  readonly description: string;
}

/** What the box knows about its metering. Totals since start. */
export interface MeteringFacts {
  readonly domainName: string;
  /** Wall time, ms. */
  readonly startedMs: number;
  /** Every selector that rows may still name, those in force last. */
  readonly selectors: readonly SelectorFact[];
  readonly interfaces: readonly InterfaceFact[];
  /** Packets that reached the box and were not metered: lost by kernel or card, or not decodable. */
  readonly ignoredPackets: number;
  readonly ignoredOctets: number;
  /** Of them, those that kernel or card lost. */
  readonly droppedPackets?: number;
  /** Flows that were seen. */
  readonly observedFlows?: number;
}

/** What an exporter knows about one destination. */
export interface ExportFacts extends MeteringFacts {
  readonly observationDomainId: number;
  /** Wall time of this report, ms. */
  readonly nowMs: number;
  /** From which this box sends to the collector, as it sees itself. */
  readonly exporterAddress?: string | undefined;
  readonly exportedMessages: number;
  readonly exportedOctets: number;
  readonly exportedRecords: number;
  readonly notSentRecords: number;
  readonly notSentPackets: number;
  readonly notSentOctets: number;
  /** Gaps not yet told. */
  readonly gaps: readonly Gap[];
  /** Whether the times of the records that follow can be trusted; absent where they always could. */
  readonly stamps?: 'certain' | 'uncertain' | undefined;
  readonly plans: readonly ProjectionPlan[];
  /** What was done to elements before this destination sees them. */
  readonly anonymizations: readonly Anonymization[];
  /** Whether the collector reads samplingInterval (34) and nothing newer. */
  readonly legacySampling?: boolean;
}

export type OptionValue = number | bigint | string;

export interface OptionsTable {
  readonly templateId: number;
  /** Scope fields stand first (RFC 7011 section 3.4.2.1). */
  readonly scope: readonly string[];
  readonly fields: readonly string[];
  /** About the processes and their totals, not about what records mean: nothing to say before there are records. */
  readonly process?: true;
  readonly rows: (facts: ExportFacts) => readonly (readonly OptionValue[])[];
}

// Far above the data templates of a profile, which count up from 256.
export const FIRST_OPTIONS_TEMPLATE_ID = 512;
/** RFC 7011 section 4.3: exactly one exporting process, so any number but 0 will do. */
const EXPORTING_PROCESS_ID = 1;
const timeElements = ['flowStartMilliseconds', 'flowEndMilliseconds'] as const;

const definitions: readonly Omit<OptionsTable, 'templateId'>[] = [
  countTable,
  randomTable,
  {
    scope: ['ingressInterface'],
    fields: ['interfaceName', 'interfaceDescription'],
    rows: ({ interfaces }) => interfaces.map(({ index, name, description }) => [index, name, description]),
  },
  {
    // RFC 7011 section 4.1.
    process: true,
    scope: ['observationDomainId'],
    fields: ['exportedMessageTotalCount', 'exportedFlowRecordTotalCount', 'exportedOctetTotalCount'],
    rows: (f) => [[f.observationDomainId, f.exportedMessages, f.exportedRecords, f.exportedOctets]],
  },
  {
    // RFC 7011 section 4.2; the times say which span the totals are of.
    process: true,
    scope: ['observationDomainId'],
    fields: ['ignoredPacketTotalCount', 'ignoredOctetTotalCount', 'flowStartMilliseconds', 'flowEndMilliseconds'],
    rows: (f) => [[f.observationDomainId, f.ignoredPackets, f.ignoredOctets, f.startedMs, f.nowMs]],
  },
  {
    // RFC 7011 section 4.3.
    process: true,
    scope: ['exportingProcessId'],
    fields: [
      'notSentFlowTotalCount',
      'notSentPacketTotalCount',
      'notSentOctetTotalCount',
      'flowStartMilliseconds',
      'flowEndMilliseconds',
    ],
    rows: (f) => [[EXPORTING_PROCESS_ID, f.notSentRecords, f.notSentPackets, f.notSentOctets, f.startedMs, f.nowMs]],
  },
  {
    // One gap: the same counts within the times of the scope. What nobody could count says so by its largest value.
    scope: ['exportingProcessId', 'flowStartMilliseconds', 'flowEndMilliseconds'],
    fields: ['notSentFlowTotalCount', 'notSentPacketTotalCount', 'notSentOctetTotalCount'],
    rows: ({ gaps }) =>
      gaps.map((gap) => [
        EXPORTING_PROCESS_ID,
        gap.fromMs,
        gap.toMs,
        ...[gap.records, gap.packets, gap.octets].map((one) => one ?? UNKNOWN),
      ]),
  },
  {
    // RFC 7011 section 4.4: bit n is set when field n of the template is part of the flow key.
    scope: ['templateId'],
    fields: ['flowKeyIndicator'],
    rows: ({ plans }) => distinctTemplates(plans).map((plan) => [plan.templateId, keyIndicator(plan)]),
  },
  {
    process: true,
    scope: ['observationDomainId'],
    fields: ['observationDomainName', 'systemInitTimeMilliseconds'],
    rows: (f) => [[f.observationDomainId, f.domainName, f.startedMs]],
  },
  {
    // RFC 6235 section 7.2.
    scope: ['templateId', 'informationElementId'],
    fields: ['anonymizationTechnique', 'anonymizationFlags'],
    rows: ({ plans, anonymizations }) =>
      distinctTemplates(plans).flatMap(({ templateId, fields }) =>
        anonymizations.flatMap(({ element, technique, flags }) =>
          fields
            .filter((field) => field.element.name === element)
            .map((field) => [templateId, field.element.id, technique, flags]),
        ),
      ),
  },
  {
    // RFC 5476, Accuracy Report Interpretation: the error of an element in its unit, here of the times of the records that
    // follow. While the box does not know the time there is no bound. Once it does: a smaller step is not taken for one.
    scope: ['informationElementId'],
    fields: ['absoluteError'],
    rows: ({ stamps }) =>
      stamps === undefined
        ? []
        : timeElements.map((name) => [elementNamed(name).id, stamps === 'uncertain' ? Number.POSITIVE_INFINITY : 1_000]),
  },
  selectionStatisticsTable,
  flowSelectionTable,
  nameTable,
];

export const optionsTables: readonly OptionsTable[] = definitions.map((table, index) => ({
  ...table,
  templateId: FIRST_OPTIONS_TEMPLATE_ID + index,
}));

/** Counts that a power cut took with it. */
export const UNKNOWN = 2n ** 64n - 1n;

/** RFC 5610 section 3.9: types of the user's own elements, so that a collector can name and show them. */
export const elementTypesTable = (privatePen: number): OptionsTable => ({
  templateId: FIRST_OPTIONS_TEMPLATE_ID + definitions.length,
  scope: ['privateEnterpriseNumber', 'informationElementId'],
  fields: [
    'informationElementDataType',
    'informationElementSemantics',
    'informationElementUnits',
    'informationElementName',
    'informationElementDescription',
  ],
  rows: ({ plans }) =>
    privateElements(plans).map((element) => [
      privatePen,
      element.id,
      dataTypes.indexOf(element.type),
      semantics.indexOf(element.semantics),
      Math.max(0, units.indexOf(element.units)),
      element.name,
      descriptionOf(element),
    ]),
});

// RFC 5610 sections 3.1, 3.6 and 3.7: the position is the code. Empty names stand for types that rows never have.
const dataTypes = [
  ...['octetArray', 'unsigned8', 'unsigned16', 'unsigned32', 'unsigned64', '', '', 'signed32', '', '', 'float64', 'boolean'],
  ...['macAddress', 'string', 'dateTimeSeconds', 'dateTimeMilliseconds', 'dateTimeMicroseconds', 'dateTimeNanoseconds'],
  ...['ipv4Address', 'ipv6Address', 'basicList', 'subTemplateList', 'subTemplateMultiList'],
];
const semantics = ['default', 'quantity', 'totalCounter', 'deltaCounter', 'identifier', 'flags', 'list'];
const units = [
  ...['', 'bits', 'octets', 'packets', 'flows', 'seconds', 'milliseconds', 'microseconds', 'nanoseconds'],
  ...['4-octet words', 'messages', 'hops', 'entries', 'frames'],
];

const keyElements = new Set([
  ...['sourceIPv4Address', 'destinationIPv4Address', 'sourceIPv6Address', 'destinationIPv6Address', 'protocolIdentifier'],
  ...['sourceTransportPort', 'destinationTransportPort', 'icmpTypeCodeIPv4', 'icmpTypeCodeIPv6', 'ethernetType'],
  ...['dot1qVlanId', 'vlanId', 'dot1qCustomerVlanId', 'ingressInterface', 'layer2SegmentId', 'greKey', 'tunnelType'],
]);

function keyIndicator(plan: ProjectionPlan): bigint {
  const isEthernet = !plan.fields.some(({ element }) => /IPv[46]Address$/.test(element.name));
  return plan.fields.reduce((bits, { element }, index) => {
    const isKey = keyElements.has(element.name) || (isEthernet && /^(source|destination)MacAddress$/.test(element.name));
    return isKey && index < 64 ? bits | (1n << BigInt(index)) : bits;
  }, 0n);
}

export function distinctTemplates(plans: readonly ProjectionPlan[]): ProjectionPlan[] {
  return [...new Map(plans.map((plan) => [plan.templateId, plan])).values()];
}

function privateElements(plans: readonly ProjectionPlan[]): Element[] {
  const all = plans
    .flatMap(({ fields }) => fields.map(({ element }) => element))
    .filter(({ enterprise }) => enterprise === 'private');
  return [...new Map(all.map((element) => [element.id, element])).values()];
}

function descriptionOf(element: Element): string {
  const own = privateElementDescription(element.id);
  if (own !== undefined) return own;
  const forward = `${element.name[7]?.toLowerCase() ?? ''}${element.name.slice(8)}`;
  return `Reverse of ${forward} (RFC 5103)`;
}
