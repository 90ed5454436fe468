/**
 * A strict IPFIX decoder (RFC 7011) for one transport session: templates, options, variable length, withdrawals, data that
 * comes before its template. Throws `messageMalformed` with the offset, nothing else. Bounded: what is held for templates
 * that have not come is at most `heldOctetsMax`.
 */
import { VARIABLE_LENGTH } from '../../../flow/elements.ts';
import { IPFIX_VERSION, MESSAGE_HEADER_OCTETS, SET_HEADER_OCTETS, setIds } from '../message.ts';
import { ByteReader, malformed } from './byte_reader.ts';
import type { DecodedMessage, DecodedRecord } from './decoded.ts';
import { readRecord, shortestRecord } from './record_decoder.ts';
import { type DecodedTemplate, type DecodedTemplateField, TemplateStore } from './template_store.ts';

const heldOctetsMax = 256 * 1_024;
const firstDataSetId = 256;

interface Gathering {
  readonly domain: number;
  readonly records: DecodedRecord[];
  readonly templates: DecodedTemplate[];
  readonly withdrawn: number[];
  readonly unknownSets: { templateId: number; octets: number; held: boolean }[];
}

export class IpfixDecoder {
  readonly #store: TemplateStore;
  #held: { readonly domain: number; readonly templateId: number; readonly body: Uint8Array }[] = [];
  #heldOctets = 0;

  /** @param privatePen whose elements are the registry's private ones; 0 for none */
  constructor(privatePen = 0) {
    this.#store = new TemplateStore(privatePen);
  }

  /** Octets of data sets whose template has not come. */
  get heldOctets(): number {
    return this.#heldOctets;
  }

  /** @param bytes exactly one message */
  decode(bytes: Uint8Array): DecodedMessage {
    const reader = new ByteReader(bytes);
    const version = reader.u16();
    if (version !== IPFIX_VERSION) throw malformed(`version ${version} is not IPFIX’s`, 0);
    const octets = reader.u16();
    if (octets < MESSAGE_HEADER_OCTETS || octets !== bytes.length)
      throw malformed(`length ${octets} of a message of ${bytes.length}`, 2);
    const exportTimeMs = reader.u32() * 1_000;
    const sequence = reader.u32();
    const domain = reader.u32();
    const gathering: Gathering = { domain, records: [], templates: [], withdrawn: [], unknownSets: [] };
    while (reader.left > 0) this.#readSet(reader, gathering);
    const { records, templates, withdrawn, unknownSets } = gathering;
    return {
      version: 10,
      octets,
      exportTimeMs,
      sequence,
      observationDomainId: domain,
      records,
      templates,
      withdrawn,
      unknownSets,
    };
  }

  #readSet(reader: ByteReader, gathering: Gathering): void {
    const start = reader.at;
    const setId = reader.u16();
    const octets = reader.u16();
    if (octets < SET_HEADER_OCTETS || octets - SET_HEADER_OCTETS > reader.left)
      throw malformed(`a set of ${octets} octets`, start);
    const set = new ByteReader(reader.bytes, reader.at, start + octets);
    reader.at = start + octets;
    if (setId === setIds.template) this.#readTemplates(set, gathering, false);
    else if (setId === setIds.optionsTemplate) this.#readTemplates(set, gathering, true);
    else if (setId >= firstDataSetId) this.#readData(set, setId, gathering);
    else throw malformed(`set id ${setId} has no meaning`, start);
  }

  #readTemplates(set: ByteReader, gathering: Gathering, options: boolean): void {
    const { domain, templates, withdrawn } = gathering;
    // The shortest record is a withdrawal: id and a count of zero.
    while (set.left >= 4) {
      const { at } = set;
      const templateId = set.u16();
      const count = set.u16();
      if (count === 0) {
        const all = templateId === (options ? setIds.optionsTemplate : setIds.template);
        if (all) this.#store.withdrawAll(domain, options);
        else this.#store.withdraw(domain, templateId);
        withdrawn.push(templateId);
        continue;
      }
      if (templateId < firstDataSetId) {
        if (isPadding(set, at)) break;
        throw malformed(`template id ${templateId} is reserved`, at);
      }
      const scopeCount = options ? set.u16() : 0;
      if (options && (scopeCount === 0 || scopeCount > count)) throw malformed(`${scopeCount} scope fields of ${count}`, at + 4);
      const fields = Array.from({ length: count }, () => readSpecifier(set));
      const template = { templateId, fields, scopeCount };
      if (shortestRecord(template) === 0) throw malformed(`records of template ${templateId} would have no octets`, at);
      this.#store.put(domain, template);
      templates.push(template);
      this.#readHeld(domain, template, gathering);
    }
  }

  #readData(set: ByteReader, templateId: number, gathering: Gathering): void {
    const template = this.#store.find(gathering.domain, templateId);
    if (template !== undefined) {
      this.#readRecords(set, template, gathering, false);
      return;
    }
    const body = set.octets(set.left);
    const held = this.#heldOctets + body.length <= heldOctetsMax;
    if (held) {
      this.#held.push({ domain: gathering.domain, templateId, body: body.slice() });
      this.#heldOctets += body.length;
    }
    gathering.unknownSets.push({ templateId, octets: body.length, held });
  }

  #readHeld(domain: number, template: DecodedTemplate, gathering: Gathering): void {
    if (this.#held.length === 0) return;
    const mine = this.#held.filter((one) => one.domain === domain && one.templateId === template.templateId);
    if (mine.length === 0) return;
    this.#held = this.#held.filter((one) => !mine.includes(one));
    for (const { body } of mine) {
      this.#heldOctets -= body.length;
      this.#readRecords(new ByteReader(body), template, gathering, true);
    }
  }

  #readRecords(set: ByteReader, template: DecodedTemplate, gathering: Gathering, late: boolean): void {
    const shortest = shortestRecord(template);
    while (set.left >= shortest) {
      const record = readRecord(set, template, this.#store, late);
      this.#learn(record);
      gathering.records.push(record);
    }
  }

  /** RFC 5610: an options record may explain an element. */
  #learn({ scope, values }: DecodedRecord): void {
    if (scope.length === 0) return;
    const { privateEnterpriseNumber, informationElementId, informationElementName, informationElementDataType } = values;
    if (typeof privateEnterpriseNumber !== 'number' || typeof informationElementId !== 'number') return;
    if (typeof informationElementName !== 'string' || !/^[A-Za-z][A-Za-z0-9_-]{0,99}$/.test(informationElementName)) return;
    this.#store.learn(
      privateEnterpriseNumber,
      informationElementId,
      informationElementName,
      Number(informationElementDataType ?? 0),
    );
  }
}

/** RFC 7011 section 3.2. */
function readSpecifier(reader: ByteReader): DecodedTemplateField {
  const first = reader.u16();
  const octets = reader.u16();
  const pen = (first & 0x8000) === 0 ? 0 : reader.u32();
  return { id: first & 0x7fff, octets: octets === VARIABLE_LENGTH ? VARIABLE_LENGTH : octets, pen };
}

function isPadding(set: ByteReader, from: number): boolean {
  return set.bytes.subarray(from, set.end).every((octet) => octet === 0);
}
