/**
 * Whether a stream of messages is what RFC 7011 demands of an exporter: every MUST that can be seen from outside, for one
 * transport session. Pure. For tests and `flowspan decode --check`; the decoder it uses is our own, so tshark and real
 * collectors are asked as well.
 */
import { ApplianceError } from '../../core/errors.ts';
import { VARIABLE_LENGTH } from '../../flow/elements.ts';
import { IpfixDecoder } from './decode/ipfix_decoder.ts';
import { shortestRecord } from './decode/record_decoder.ts';
import type { DecodedTemplate } from './decode/template_store.ts';
import { advanceSequence, MESSAGE_HEADER_OCTETS } from './message.ts';

export type SessionTransport = 'udp' | 'tcp' | 'file';

export class ConformanceCheck {
  readonly #transport: SessionTransport;
  readonly #octetsMax: number;
  readonly #decoder: IpfixDecoder;
  readonly #sequence = new Map<number, number>();
  readonly #templates = new Map<string, string>();
  readonly #shapes = new Map<string, DecodedTemplate>();
  /** Export time of the newest message with the template, s. */
  readonly #templateTimes = new Map<string, number>();
  readonly violations: string[] = [];
  messages = 0;
  records = 0;

  /** @param octetsMax largest message the transport may carry (RFC 7011 section 10.3.3 for UDP) */
  constructor(transport: SessionTransport, octetsMax = 65_535, privatePen = 0) {
    this.#transport = transport;
    this.#octetsMax = octetsMax;
    this.#decoder = new IpfixDecoder(privatePen);
  }

  /** The next message of the session. */
  observe(bytes: Uint8Array): void {
    const say = (what: string): void => void this.violations.push(`message ${this.messages}: ${what}`);
    if (bytes.length > this.#octetsMax) say(`10.3.3: ${bytes.length} octets, ${this.#octetsMax} allowed`);
    this.#checkSets(bytes, say);
    try {
      this.#check(bytes, say);
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      say(`malformed: ${error.message}`);
    }
    this.messages++;
  }

  #check(bytes: Uint8Array, say: (what: string) => void): void {
    const message = this.#decoder.decode(bytes);
    const { observationDomainId: domain, sequence, records, templates, withdrawn, unknownSets } = message;
    const expected = this.#sequence.get(domain) ?? 0;
    if (sequence !== expected) say(`3.1: sequence number ${sequence}, ${expected} data records were sent before`);
    this.#sequence.set(domain, advanceSequence(expected, records.length));
    this.records += records.length;
    if (records.length + templates.length + withdrawn.length === 0) say('3: a message without a record');
    for (const { templateId } of unknownSets) say(`8: data of template ${templateId}, which was not sent before`);
    if (this.#transport === 'udp' && withdrawn.length > 0) say('8.4: templates must not be withdrawn over UDP');
    const exportTimeS = message.exportTimeMs / 1_000;
    // Sent again in this very message, a template describes its data from now on.
    const described = new Set(templates.map(({ templateId }) => templateId));
    for (const templateId of new Set(records.map((record) => record.templateId))) {
      const templateS = this.#templateTimes.get(`${domain}/${templateId}`) ?? 0;
      if (!described.has(templateId) && exportTimeS < templateS)
        say(`8.2: data of template ${templateId} with an export time before that of the template`);
    }
    for (const template of templates) {
      this.#checkTemplate(domain, template, say);
      this.#templateTimes.set(`${domain}/${template.templateId}`, exportTimeS);
    }
  }

  #checkTemplate(domain: number, template: DecodedTemplate, say: (what: string) => void): void {
    const key = `${domain}/${template.templateId}`;
    const shape = JSON.stringify([template.scopeCount, template.fields]);
    const before = this.#templates.get(key);
    if (before !== undefined && before !== shape) say(`8.1: template ${template.templateId} changed its meaning`);
    if (before !== undefined && this.#transport !== 'udp')
      say(`8.1: template ${template.templateId} was sent twice over a reliable transport`);
    this.#templates.set(key, shape);
    this.#shapes.set(key, template);
    const seen = new Set<string>();
    for (const { id, pen, octets } of template.fields) {
      if (id === 0) say(`template ${template.templateId} has a field without a number`);
      if (octets === 0) say(`template ${template.templateId} has a field without octets`);
      if (seen.has(`${pen}/${id}`)) say(`template ${template.templateId} names element ${pen}/${id} twice`);
      seen.add(`${pen}/${id}`);
    }
    if (shortestRecord(template) < 4 && !template.fields.some(({ octets }) => octets === VARIABLE_LENGTH))
      say(`template ${template.templateId}: records of ${shortestRecord(template)} octets cannot be told from padding`);
  }

  /** RFC 7011 section 3.3.1: a set holds records of its kind; padding is shorter than any record, and zero. */
  #checkSets(bytes: Uint8Array, say: (what: string) => void): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length < MESSAGE_HEADER_OCTETS) return;
    const domain = view.getUint32(12);
    for (let at = MESSAGE_HEADER_OCTETS; at + 4 <= bytes.length; ) {
      const setId = view.getUint16(at);
      const octets = view.getUint16(at + 2);
      if (octets < 4 || at + octets > bytes.length) return; // the decoder names it
      if (octets === 4) say(`3.3.1: set ${setId} is empty`);
      const shape = this.#shapes.get(`${domain}/${setId}`);
      if (shape !== undefined && !shape.fields.some((field) => field.octets === VARIABLE_LENGTH)) {
        const padding = (octets - 4) % shortestRecord(shape);
        if (bytes.subarray(at + octets - padding, at + octets).some((octet) => octet !== 0))
          say(`3.3.1: padding of set ${setId} is not zero`);
      }
      at += octets;
    }
  }
}
