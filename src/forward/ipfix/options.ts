/** Options templates and their data as octets, from the tables. Pure. */
import { parseAddress } from '../../flow/addresses.ts';
import { elementNamed, VARIABLE_LENGTH } from '../../flow/elements.ts';
import type { TemplateField } from '../../flow/projection.ts';
import { legacySamplingTable } from './legacy_sampling.ts';
import { type ExportFacts, elementTypesTable, type OptionsTable, type OptionValue, optionsTables } from './options_tables.ts';
import { processTables } from './process_tables.ts';
import { optionsTemplateRecord } from './templates.ts';

export interface OptionsSet {
  readonly templateId: number;
  /** The options template record. */
  readonly template: Uint8Array;
  readonly records: readonly Uint8Array[];
}

const fieldOf = (name: string): TemplateField => ({ element: elementNamed(name), octets: elementNamed(name).octets });

/**
 * Every table that has something to say.
 * @param only those that say what records mean, or those about the processes and their totals
 */
export function optionsSets(facts: ExportFacts, privatePen: number, only?: 'meaning' | 'process'): OptionsSet[] {
  const all: readonly OptionsTable[] = [
    ...[...optionsTables, legacySamplingTable, ...processTables],
    ...(privatePen === 0 ? [] : [elementTypesTable(privatePen)]),
  ];
  const tables = all.filter(({ process }) => only === undefined || (process === true) === (only === 'process'));
  return tables.flatMap((table) => {
    const rows = table.rows(facts);
    if (rows.length === 0) return [];
    const fields = [...table.scope, ...table.fields].map(fieldOf);
    return [
      {
        templateId: table.templateId,
        template: optionsTemplateRecord(table.templateId, table.scope.map(fieldOf), table.fields.map(fieldOf), 0),
        records: rows.map((row) => encodeRecord(fields, row)),
      },
    ];
  });
}

function encodeRecord(fields: readonly TemplateField[], values: readonly OptionValue[]): Uint8Array {
  return Buffer.concat(fields.map((field, index) => encodeValue(field, values[index] as OptionValue)));
}

/** RFC 7011 section 7: up to 254 octets the length is one octet. Names are cut to that, between characters. */
const textOctetsMax = 254;

function encodeValue({ element, octets }: TemplateField, value: OptionValue): Uint8Array {
  if (octets === VARIABLE_LENGTH) {
    let text = String(value);
    while (Buffer.byteLength(text, 'utf8') > textOctetsMax) text = text.slice(0, -1);
    const encoded = Buffer.from(text.toWellFormed(), 'utf8');
    return Buffer.concat([Uint8Array.of(encoded.length), encoded]);
  }
  if (element.type === 'ipv4Address' || element.type === 'ipv6Address') {
    const address = parseAddress(String(value));
    if (address?.length !== octets) throw new Error(`${element.name} cannot be ${String(value)}`);
    return address;
  }
  const view = new DataView(new ArrayBuffer(8));
  if (element.type === 'float64') view.setFloat64(0, Number(value));
  else view.setBigUint64(0, typeof value === 'bigint' ? value : BigInt(Math.max(0, Math.trunc(Number(value)))));
  return new Uint8Array(view.buffer, element.type === 'float64' ? 0 : 8 - octets, octets).slice();
}
