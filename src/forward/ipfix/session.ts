/**
 * One transport session's worth of IPFIX: which templates were sent, the sequence number, messages from rows. Pure but for
 * its own state; it owns no socket. RFC 7011 section 3.1: the sequence counts data records of this session and domain,
 * options data records included. A template id means one thing for as long as the session lasts (section 8).
 */
import { compileProfile, type ProfileSpec } from '../../flow/profiles.ts';
import type { Projection, Projector } from '../../flow/projector.ts';
import {
  advanceSequence,
  MESSAGE_HEADER_OCTETS,
  makeSet,
  makeSets,
  SET_HEADER_OCTETS,
  setIds,
  writeMessageHeader,
} from './message.ts';
import { type ExportFacts, optionsSets } from './options.ts';
import { templateRecord } from './templates.ts';

export interface SessionOptions {
  readonly projector: Projector;
  readonly profile: ProfileSpec;
  readonly privatePen: number;
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
}

export interface EncodedRows {
  /** A view of the session's buffer, valid until the next call. Empty when no row fits. */
  readonly message: Uint8Array;
  readonly rows: number;
  readonly records: number;
}

export class IpfixSession {
  readonly #options: SessionOptions;
  readonly #projection: Projection;
  readonly #templates: readonly Uint8Array[];
  readonly #buffer: Uint8Array;
  #sequence = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { plans, table } = compileProfile(options.profile, options.privatePen);
    this.#projection = options.projector.compile(table);
    this.#templates = plans.map((plan) => templateRecord(plan, options.privatePen));
    this.#buffer = new Uint8Array(options.messageOctetsMax);
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Messages with every template: before data over TCP, and again by time over UDP. */
  templateMessages(exportTimeS: number): Uint8Array[] {
    return this.#messagesOf(makeSets(setIds.template, this.#templates, this.#setOctetsMax), exportTimeS, 0);
  }

  /** Messages with options templates and their data. */
  optionsMessages(facts: ExportFacts, exportTimeS: number): Uint8Array[] {
    const { templates, data } = optionsSets(facts);
    const messages = this.#messagesOf(makeSets(setIds.optionsTemplate, templates, this.#setOctetsMax), exportTimeS, 0);
    for (const { templateId, records } of data) {
      for (const record of records) messages.push(...this.#messagesOf([makeSet(templateId, [record])], exportTimeS, 1));
    }
    return messages;
  }

  /** One message from as many of the rows as fit. */
  dataMessage(rows: Uint8Array, firstRow: number, count: number, wallOffsetNs: bigint, exportTimeS: number): EncodedRows {
    const limit = this.#buffer.length - MESSAGE_HEADER_OCTETS;
    const {
      octets,
      rows: taken,
      records,
    } = this.#projection.run(rows, firstRow, count, this.#buffer, MESSAGE_HEADER_OCTETS, limit, wallOffsetNs);
    if (records === 0) return { message: this.#buffer.subarray(0, 0), rows: taken, records };
    this.#stamp(this.#buffer, MESSAGE_HEADER_OCTETS + octets, exportTimeS);
    this.#sequence = advanceSequence(this.#sequence, records);
    return { message: this.#buffer.subarray(0, MESSAGE_HEADER_OCTETS + octets), rows: taken, records };
  }

  get #setOctetsMax(): number {
    return this.#options.messageOctetsMax - MESSAGE_HEADER_OCTETS;
  }

  /** Packs sets into messages, several to one where they fit. */
  #messagesOf(sets: readonly Uint8Array[], exportTimeS: number, records: number): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let group: Uint8Array[] = [];
    const flush = (): void => {
      if (group.length === 0) return;
      const octets = group.reduce((sum, set) => sum + set.length, MESSAGE_HEADER_OCTETS);
      const message = new Uint8Array(octets);
      let at = MESSAGE_HEADER_OCTETS;
      for (const set of group) {
        message.set(set, at);
        at += set.length;
      }
      this.#stamp(message, octets, exportTimeS);
      messages.push(message);
      group = [];
    };
    for (const set of sets) {
      const octets = group.reduce((sum, one) => sum + one.length, SET_HEADER_OCTETS);
      if (octets + set.length > this.#setOctetsMax) flush();
      group.push(set);
    }
    flush();
    this.#sequence = advanceSequence(this.#sequence, records);
    return messages;
  }

  #stamp(buffer: Uint8Array, octets: number, exportTimeS: number): void {
    const { observationDomainId } = this.#options;
    writeMessageHeader(buffer, 0, octets, { exportTimeS, sequence: this.#sequence, observationDomainId });
  }
}
