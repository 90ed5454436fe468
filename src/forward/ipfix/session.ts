/**
 * One transport session's worth of IPFIX: which templates were sent, the sequence number, messages from rows. Pure but for
 * its own state; it owns no socket. RFC 7011 section 3.1: the sequence counts data records of this session and domain,
 * options data records included. A template id means one thing for as long as the session lasts (section 8).
 */
import { ApplianceError } from '../../core/errors.ts';
import { compileProfile, type ProfileSpec } from '../../flow/profiles.ts';
import type { ProjectionPlan } from '../../flow/projection.ts';
import type { Projection, Projector } from '../../flow/projector.ts';
import type { EncodedRows, ExportSession } from '../export_session.ts';
import { advanceSequence, MESSAGE_HEADER_OCTETS, makeSet, SET_HEADER_OCTETS, setIds, writeMessageHeader } from './message.ts';
import { optionsSets } from './options.ts';
import { distinctTemplates, type ExportFacts } from './options_tables.ts';
import { templateRecord } from './templates.ts';

export interface SessionOptions {
  readonly projector: Projector;
  readonly profile: ProfileSpec;
  readonly privatePen: number;
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
}

const nothing = new Uint8Array(0);
/** A clock that was set back by more is not waited for: another session begins, with templates of its own. */
const standstillMaxS = 60;

export class IpfixSession implements ExportSession {
  readonly #options: SessionOptions;
  readonly #projection: Projection;
  readonly #templates: readonly Uint8Array[];
  readonly #optionsTemplatesSent = new Set<number>();
  readonly plans: readonly ProjectionPlan[];
  stamps: ExportFacts['stamps'];
  #octetsMax: number;
  #buffer = nothing;
  #sequence = 0;
  /** Export time of the newest templates. RFC 7011 section 8.2: no data described by them bears an earlier one. */
  #templatesAtS = 0;

  /** Throws `messageTooLong` when a template or a record cannot fit a message: neither can be split. */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { plans, table } = compileProfile(options.profile, options.privatePen);
    this.plans = plans;
    this.#projection = options.projector.compile(table);
    this.#templates = distinctTemplates(plans).map((plan) => templateRecord(plan, options.privatePen));
    this.#octetsMax = options.messageOctetsMax;
    this.#checkRoom();
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** The path has changed. Throws as the constructor does. */
  resize(messageOctetsMax: number): void {
    this.#octetsMax = messageOctetsMax;
    this.#buffer = nothing;
    this.#checkRoom();
  }

  /** Messages with every template: before data over TCP, and again by time over UDP. */
  templateMessages(exportTimeS: number): Uint8Array[] {
    this.#templatesAtS = exportTimeS;
    return this.#pack(
      this.#templates.map((record) => ({ setId: setIds.template, record, counts: false })),
      exportTimeS,
    );
  }

  /**
   * Messages with options data, their templates before them.
   * @param again sends templates that were sent before once more: over UDP (RFC 7011 section 8.1), never over TCP
   */
  optionsMessages(facts: ExportFacts, exportTimeS: number, again: boolean): Uint8Array[] {
    const sets = optionsSets(facts, this.#options.privatePen);
    const items: PackItem[] = [];
    for (const { templateId, template } of sets) {
      if (!again && this.#optionsTemplatesSent.has(templateId)) continue;
      this.#optionsTemplatesSent.add(templateId);
      items.push({ setId: setIds.optionsTemplate, record: template, counts: false });
      this.#templatesAtS = Math.max(this.#templatesAtS, exportTimeS);
    }
    for (const { templateId, records } of sets)
      for (const record of records) items.push({ setId: templateId, record, counts: true });
    return this.#pack(items, exportTimeS);
  }

  /**
   * One message from as many of the rows as fit. Throws `connectionLost` when the clock was set far behind the templates'
   * time: the export time would stand still for as long.
   */
  dataMessage(rows: Uint8Array, firstRow: number, count: number, wallOffsetNs: bigint, exportTimeS: number): EncodedRows {
    const behindS = this.#templatesAtS - exportTimeS;
    if (behindS > standstillMaxS)
      throw new ApplianceError('connectionLost', `the clock was set back by ${behindS} s: another session begins`);
    // Not cleared: a message ends where its sets do.
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(Buffer.allocUnsafeSlow(this.#octetsMax).buffer);
    const buffer = this.#buffer;
    const limit = buffer.length - MESSAGE_HEADER_OCTETS;
    const result = this.#projection.run(rows, firstRow, count, buffer, MESSAGE_HEADER_OCTETS, limit, wallOffsetNs);
    const { rows: taken, records } = result;
    if (records === 0) return { message: nothing, rows: taken, records };
    const octets = MESSAGE_HEADER_OCTETS + result.octets;
    this.#stamp(buffer, octets, exportTimeS);
    this.#sequence = advanceSequence(this.#sequence, records);
    // A nearly full buffer is given away; a small message must not hold a large one.
    if (octets * 2 < buffer.length) return { message: buffer.slice(0, octets), rows: taken, records };
    this.#buffer = nothing;
    return { message: buffer.subarray(0, octets), rows: taken, records };
  }

  #checkRoom(): void {
    const room = this.#octetsMax - MESSAGE_HEADER_OCTETS - SET_HEADER_OCTETS;
    const largest = Math.max(...this.#templates.map(({ length }) => length));
    // Both directions of a row go into one message.
    const records = Math.max(...this.plans.map(({ recordOctets }) => recordOctets)) * (this.#options.profile.uniflow ? 2 : 1);
    const needed = Math.max(largest, records);
    if (needed <= room) return;
    const wanted = needed + MESSAGE_HEADER_OCTETS + SET_HEADER_OCTETS;
    throw new ApplianceError(
      'messageTooLong',
      `messages of ${this.#octetsMax} octets are too small for this profile, which needs ${wanted}: set messageBytesMax, or choose a smaller profile`,
    );
  }

  /** Puts records into sets and sets into messages, in order: a set holds records of one id, a message what fits. */
  #pack(items: readonly PackItem[], exportTimeS: number): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let sets: { setId: number; records: Uint8Array[] }[] = [];
    let octets = MESSAGE_HEADER_OCTETS;
    let counted = 0;
    const flush = (): void => {
      if (sets.length === 0) return;
      const message = new Uint8Array(octets);
      let at = MESSAGE_HEADER_OCTETS;
      for (const { setId, records } of sets) {
        const set = makeSet(setId, records);
        message.set(set, at);
        at += set.length;
      }
      this.#stamp(message, octets, exportTimeS);
      this.#sequence = advanceSequence(this.#sequence, counted);
      messages.push(message);
      sets = [];
      octets = MESSAGE_HEADER_OCTETS;
      counted = 0;
    };
    for (const { setId, record, counts } of items) {
      // pmacct 1.7.7 reads one options template a set and takes more for malformed; RFC 7011 section 3.3.1 allows either.
      const opens = sets.at(-1)?.setId !== setId || setId === setIds.optionsTemplate;
      if (octets + record.length + (opens ? SET_HEADER_OCTETS : 0) > this.#octetsMax) flush();
      const set = opens || sets.length === 0 ? { setId, records: [] } : sets.at(-1)!;
      if (set.records.length === 0) {
        sets.push(set);
        octets += SET_HEADER_OCTETS;
      }
      set.records.push(record);
      octets += record.length;
      if (counts) counted++;
    }
    flush();
    return messages;
  }

  #stamp(buffer: Uint8Array, octets: number, wallS: number): void {
    const { observationDomainId } = this.#options;
    const exportTimeS = Math.max(wallS, this.#templatesAtS);
    writeMessageHeader(buffer, 0, octets, { exportTimeS, sequence: this.#sequence, observationDomainId });
  }
}

interface PackItem {
  readonly setId: number;
  readonly record: Uint8Array;
  /** Data records count for the sequence number, templates do not. */
  readonly counts: boolean;
}
