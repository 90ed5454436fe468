/**
 * Options data: what a collector must know about how records came to be. Selectors (RFC 5477), interfaces, statistics of
 * the metering and exporting process (RFC 7011 sections 4.1 to 4.3), who exports. Pure: facts in, templates and records out.
 */
import { elementNamed, VARIABLE_LENGTH } from '../../flow/elements.ts';
import type { TemplateField } from '../../flow/projection.ts';
import { optionsTemplateRecord } from './templates.ts';

/** IANA psamp-parameters, selectorAlgorithm (304). */
export const selectorAlgorithms = { systematicCount: 1, randomUniform: 4 } as const;

export interface SelectorFact {
  readonly selectorId: number;
  readonly kind: 'none' | 'count' | 'random';
  readonly interval: number;
}

export interface InterfaceFact {
  readonly index: number;
  readonly name: string;
  readonly description: string;
}

/** Totals since start of this process; what RFC 7011 section 4 asks for. */
export interface ExportFacts {
  readonly observationDomainId: number;
  readonly domainName: string;
  readonly startedMs: number;
  readonly selectors: readonly SelectorFact[];
  readonly interfaces: readonly InterfaceFact[];
  readonly exportedMessages: number;
  readonly exportedOctets: number;
  readonly exportedRecords: number;
  readonly notSentRecords: number;
  readonly notSentPackets: number;
  readonly notSentOctets: number;
  readonly observedPackets: number;
  readonly observedOctets: number;
  readonly ignoredPackets: number;
  readonly ignoredOctets: number;
}

type Value = number | string;
interface OptionsTable {
  readonly templateId: number;
  readonly scope: readonly string[];
  readonly fields: readonly string[];
  readonly rows: (facts: ExportFacts) => readonly (readonly Value[])[];
}

// Far above the data templates of a profile, which count up from 256.
const FIRST_OPTIONS_TEMPLATE_ID = 512;

const tables: readonly OptionsTable[] = [
  {
    // Every packet: count-based 1 in 1. RFC 5477 section 8.2.1; a space of zero means no packet is left out.
    templateId: FIRST_OPTIONS_TEMPLATE_ID,
    scope: ['selectorId'],
    fields: ['selectorAlgorithm', 'samplingPacketInterval', 'samplingPacketSpace'],
    rows: ({ selectors }) =>
      selectors
        .filter((s) => s.kind !== 'random')
        .map((s) => [s.selectorId, selectorAlgorithms.systematicCount, 1, s.kind === 'none' ? 0 : s.interval - 1]),
  },
  {
    // RFC 5477 section 8.2.4: uniform probabilistic sampling is told by its probability.
    templateId: FIRST_OPTIONS_TEMPLATE_ID + 1,
    scope: ['selectorId'],
    fields: ['selectorAlgorithm', 'samplingProbability'],
    rows: ({ selectors }) =>
      selectors.filter((s) => s.kind === 'random').map((s) => [s.selectorId, selectorAlgorithms.randomUniform, 1 / s.interval]),
  },
  {
    templateId: FIRST_OPTIONS_TEMPLATE_ID + 2,
    scope: ['ingressInterface'],
    fields: ['interfaceName', 'interfaceDescription'],
    rows: ({ interfaces }) => interfaces.map(({ index, name, description }) => [index, name, description]),
  },
  {
    // RFC 7011 section 4.1: the metering process statistics.
    templateId: FIRST_OPTIONS_TEMPLATE_ID + 3,
    scope: ['observationDomainId'],
    fields: ['packetTotalCount', 'octetTotalCount', 'ignoredPacketTotalCount', 'ignoredOctetTotalCount'],
    rows: (f) => [[f.observationDomainId, f.observedPackets, f.observedOctets, f.ignoredPackets, f.ignoredOctets]],
  },
  {
    // RFC 7011 section 4.3: the exporting process reliability statistics, with what was exported beside it.
    templateId: FIRST_OPTIONS_TEMPLATE_ID + 4,
    scope: ['observationDomainId'],
    fields: [
      'exportedMessageTotalCount',
      'exportedOctetTotalCount',
      'exportedFlowRecordTotalCount',
      'notSentFlowTotalCount',
      'notSentPacketTotalCount',
      'notSentOctetTotalCount',
    ],
    rows: (f) => [
      [
        f.observationDomainId,
        f.exportedMessages,
        f.exportedOctets,
        f.exportedRecords,
        f.notSentRecords,
        f.notSentPackets,
        f.notSentOctets,
      ],
    ],
  },
  {
    templateId: FIRST_OPTIONS_TEMPLATE_ID + 5,
    scope: ['observationDomainId'],
    fields: ['observationDomainName', 'systemInitTimeMilliseconds'],
    rows: (f) => [[f.observationDomainId, f.domainName, f.startedMs]],
  },
];

const fieldOf = (name: string): TemplateField => ({ element: elementNamed(name), octets: elementNamed(name).octets });

export interface OptionsSets {
  /** Options template records, for one or more sets of id 3. */
  readonly templates: readonly Uint8Array[];
  readonly data: readonly { readonly templateId: number; readonly records: readonly Uint8Array[] }[];
}

/** Templates of every table that has something to say, and its records. */
export function optionsSets(facts: ExportFacts): OptionsSets {
  const said = tables.map((table) => ({ table, rows: table.rows(facts) })).filter(({ rows }) => rows.length > 0);
  return {
    templates: said.map(({ table }) =>
      optionsTemplateRecord(table.templateId, table.scope.map(fieldOf), table.fields.map(fieldOf), 0),
    ),
    data: said.map(({ table, rows }) => ({
      templateId: table.templateId,
      records: rows.map((row) => encodeRecord([...table.scope, ...table.fields].map(fieldOf), row)),
    })),
  };
}

function encodeRecord(fields: readonly TemplateField[], values: readonly Value[]): Uint8Array {
  const parts = fields.map((field, index) => encodeValue(field, values[index] as Value));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function encodeValue({ element, octets }: TemplateField, value: Value): Uint8Array {
  if (octets === VARIABLE_LENGTH) {
    const text = Buffer.from(String(value), 'utf8').subarray(0, 254);
    // RFC 7011 section 7: up to 254 octets the length is one octet.
    return Uint8Array.from([text.length, ...text]);
  }
  const view = new DataView(new ArrayBuffer(8));
  if (element.type === 'float64') view.setFloat64(0, Number(value));
  else view.setBigUint64(0, BigInt(Math.trunc(Number(value))));
  return new Uint8Array(view.buffer, element.type === 'float64' ? 0 : 8 - octets, octets).slice();
}
