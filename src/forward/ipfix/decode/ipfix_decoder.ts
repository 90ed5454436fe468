/**
 * A strict IPFIX decoder (RFC 7011) for one transport session: templates, options, variable length, withdrawals, data that
 * comes before its template. Throws `messageMalformed` with the offset, nothing else. Bounded: what is held for templates
 * that have not come is at most `heldOctetsMax`.
 */
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
  /** By domain and template. */
  readonly #held = new Map<string, Uint8Array[]>();
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
      const all = count === 0 && templateId === (options ? setIds.optionsTemplate : setIds.template);
      if (templateId < firstDataSetId && !all) {
        if (isPadding(set, at)) break;
        throw malformed(`template id ${templateId} is reserved`, at);
      }
      if (count === 0) {
        if (all) this.#store.withdrawAll(domain, options);
        else this.#store.withdraw(domain, templateId);
        withdrawn.push(templateId);
        continue;
      }
      const scopeCount = options ? set.u16() : 0;
      if (options && (scopeCount === 0 || scopeCount > count)) throw malformed(`${scopeCount} scope fields of ${count}`, at + 4);
      const fields = Array.from({ length: count }, () => readSpecifier(set));
      const template = { templateId, fields, scopeCount };
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
    // An empty set holds memory too.
    const octets = body.length + SET_HEADER_OCTETS;
    const held = this.#heldOctets + octets <= heldOctetsMax;
    if (held) {
      const key = `${gathering.domain}/${templateId}`;
      const bodies = this.#held.get(key);
      if (bodies === undefined) this.#held.set(key, [body.slice()]);
      else bodies.push(body.slice());
      this.#heldOctets += octets;
    }
    gathering.unknownSets.push({ templateId, octets: body.length, held });
  }

  #readHeld(domain: number, template: DecodedTemplate, gathering: Gathering): void {
    const key = `${domain}/${template.templateId}`;
    const bodies = this.#held.get(key);
    if (bodies === undefined) return;
    this.#held.delete(key);
    for (const body of bodies) this.#heldOctets -= body.length + SET_HEADER_OCTETS;
    for (const body of bodies) this.#readRecords(new ByteReader(body), template, gathering, true);
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
  const { at } = reader;
  const first = reader.u16();
  const octets = reader.u16();
  // No type has such an encoding, and records would hold more fields than octets.
  if (octets === 0) throw malformed(`field ${first & 0x7fff} would have no octets`, at);
  const pen = (first & 0x8000) === 0 ? 0 : reader.u32();
  return { id: first & 0x7fff, octets, pen };
}

function isPadding(set: ByteReader, from: number): boolean {
  return set.bytes.subarray(from, set.end).every((octet) => octet === 0);
}
