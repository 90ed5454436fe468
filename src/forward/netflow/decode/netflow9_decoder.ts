/**
 * NetFlow version 9 (RFC 3954) of one exporter: templates and options by source ID; data before its template is told, not held.
 * Values bear the names of IANA's elements, whose numbers are the same below 128; times since the exporter's start are given
 * as wall time too. Throws `messageMalformed` with the offset, nothing else. What breaks the RFC without making a message
 * unreadable, as many exporters do, is a remark.
 */
import { ByteReader, malformed } from '../../ipfix/decode/byte_reader.ts';
import type { DecodedMessage, DecodedRecord } from '../../ipfix/decode/decoded.ts';
import { readRecord, shortestRecord } from '../../ipfix/decode/record_decoder.ts';
import { type DecodedTemplate, type DecodedTemplateField, TemplateStore } from '../../ipfix/decode/template_store.ts';
import { wallOfUptime } from './uptime.ts';

export const NETFLOW9_HEADER_OCTETS = 20;
const setHeaderOctets = 4;
const firstDataSetId = 256;
const setIds = { template: 0, optionsTemplate: 1 } as const;
/** RFC 3954 section 6.1. */
const scopeNames = ['', 'scopeSystem', 'scopeInterface', 'scopeLineCard', 'scopeCache', 'scopeTemplate'];

interface Gathering {
  readonly domain: number;
  readonly uptimeMs: number;
  readonly exportTimeMs: number;
  readonly records: DecodedRecord[];
  readonly templates: DecodedTemplate[];
  readonly unknownSets: { templateId: number; octets: number; held: boolean }[];
  readonly remarks: string[];
}

export class Netflow9Decoder {
  readonly #store = new TemplateStore(0);

  /** @param bytes exactly one message */
  decode(bytes: Uint8Array): DecodedMessage {
    const reader = new ByteReader(bytes);
    const version = reader.u16();
    if (version !== 9) throw malformed(`version ${version} is not NetFlow 9’s`, 0);
    const count = reader.u16();
    const uptimeMs = reader.u32();
    const exportTimeMs = reader.u32() * 1_000;
    const sequence = reader.u32();
    const domain = reader.u32();
    const gathering: Gathering = {
      ...{ domain, uptimeMs, exportTimeMs },
      ...{ records: [], templates: [], unknownSets: [], remarks: [] },
    };
    while (reader.left > 0) this.#readSet(reader, gathering);
    const { records, templates, unknownSets, remarks } = gathering;
    // RFC 3954 section 5.1: the count is of records, templates included. Where a template is missing nobody can tell.
    const found = records.length + templates.length;
    if (unknownSets.length === 0 && found !== count) remarks.push(`the header counts ${count} records, there are ${found}`);
    return {
      ...{ version: 9, octets: bytes.length, exportTimeMs, sequence, observationDomainId: domain },
      ...{ records, templates, withdrawn: [], unknownSets, remarks },
    };
  }

  #readSet(reader: ByteReader, gathering: Gathering): void {
    const start = reader.at;
    const setId = reader.u16();
    const octets = reader.u16();
    if (octets < setHeaderOctets || octets - setHeaderOctets > reader.left)
      throw malformed(`a FlowSet of ${octets} octets`, start);
    const set = new ByteReader(reader.bytes, reader.at, start + octets);
    reader.at = start + octets;
    if (octets % 4 !== 0) gathering.remarks.push(`offset ${start}: FlowSet ${setId} does not end on a multiple of 4 octets`);
    if (setId === setIds.template) this.#readTemplates(set, gathering);
    else if (setId === setIds.optionsTemplate) this.#readOptionsTemplates(set, gathering);
    else if (setId >= firstDataSetId) this.#readData(set, setId, gathering);
    else throw malformed(`FlowSet ID ${setId} has no meaning`, start);
  }

  #readTemplates(set: ByteReader, gathering: Gathering): void {
    while (set.left >= 4) {
      const { at } = set;
      const templateId = set.u16();
      const count = set.u16();
      if (templateId === 0 && count === 0) break; // padding
      if (templateId < firstDataSetId) throw malformed(`template ID ${templateId} is reserved`, at);
      if (count === 0) throw malformed(`template ${templateId} has no fields`, at);
      this.#learn({ templateId, fields: Array.from({ length: count }, () => readField(set)), scopeCount: 0 }, gathering);
    }
  }

  #readOptionsTemplates(set: ByteReader, gathering: Gathering): void {
    while (set.left >= 6) {
      const { at } = set;
      const templateId = set.u16();
      const scopeOctets = set.u16();
      const optionOctets = set.u16();
      if (templateId === 0 && scopeOctets === 0) break; // padding
      if (templateId < firstDataSetId) throw malformed(`template ID ${templateId} is reserved`, at);
      if (scopeOctets === 0 || scopeOctets % 4 !== 0) throw malformed(`scope specifiers of ${scopeOctets} octets`, at + 2);
      if (optionOctets % 4 !== 0) throw malformed(`option specifiers of ${optionOctets} octets`, at + 4);
      const scopes = Array.from({ length: scopeOctets / 4 }, () => readField(set));
      const options = Array.from({ length: optionOctets / 4 }, () => readField(set));
      this.#learn({ templateId, fields: [...scopes, ...options], scopeCount: scopes.length }, gathering);
    }
  }

  #learn(template: DecodedTemplate, { domain, templates }: Gathering): void {
    this.#store.put(domain, template);
    templates.push(template);
  }

  #readData(set: ByteReader, templateId: number, gathering: Gathering): void {
    const template = this.#store.find(gathering.domain, templateId);
    if (template === undefined) {
      gathering.unknownSets.push({ templateId, octets: set.left, held: false });
      return;
    }
    const shortest = shortestRecord(template);
    while (set.left >= shortest) {
      const record = readRecord(set, template, this.#store, false);
      gathering.records.push(inOurNames(record, template, gathering));
    }
    if (set.left > 3) gathering.remarks.push(`FlowSet ${templateId} ends with ${set.left} octets that are no record`);
  }
}

function readField(reader: ByteReader): DecodedTemplateField {
  const { at } = reader;
  const id = reader.u16();
  const octets = reader.u16();
  // RFC 3954 knows no variable length, and records would hold more fields than octets.
  if (octets === 0 || octets === 0xffff) throw malformed(`field ${id} of ${octets} octets`, at);
  return { id, octets, pen: 0 };
}

/** Scopes have numbers of their own; times are given as wall time beside what was sent. */
function inOurNames(
  record: DecodedRecord,
  { fields, scopeCount }: DecodedTemplate,
  { uptimeMs, exportTimeMs }: Gathering,
): DecodedRecord {
  const values: Record<string, DecodedRecord['values'][string]> = Object.create(null) as typeof values;
  const scope: string[] = [];
  Object.entries(record.values).forEach(([name, value], index) => {
    const id = fields[index]?.id ?? 0;
    const ours = index < scopeCount ? `${scopeNames[id] ?? `scope${id}`}${name in values ? `#${index + 1}` : ''}` : name;
    if (index < scopeCount) scope.push(ours);
    values[ours] = value;
  });
  for (const [sent, wall] of uptimes) {
    if (typeof values[sent] === 'number') values[wall] ??= wallOfUptime(values[sent], uptimeMs, exportTimeMs);
  }
  return { ...record, values, scope };
}

const uptimes = [
  ['flowStartSysUpTime', 'flowStartMilliseconds'],
  ['flowEndSysUpTime', 'flowEndMilliseconds'],
] as const;
