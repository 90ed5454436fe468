/**
 * IPFIX files (RFC 5655) as `flowspan meter --ipfix` writes them: templates and what records mean at the head of each, totals
 * at its end. Rows are projected straight into a large buffer; nothing is made per row. Writes synchronously: for one-shot
 * commands only. A file bears its name when it is complete, `.part` before.
 */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { extname } from 'node:path';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import { compileProfile, type ProfileSpec } from '../../flow/profiles.ts';
import type { ProjectionPlan } from '../../flow/projection.ts';
import type { Projection, Projector } from '../../flow/projector.ts';
import type { RowBlock } from '../../flow/row_block.ts';
import { ROW_BYTES } from '../../flow/row_layout.ts';
import { PART } from './files/file_names.ts';
import {
  advanceSequence,
  MESSAGE_HEADER_OCTETS,
  MESSAGE_OCTETS_MAX,
  makeSet,
  makeSets,
  setIds,
  writeMessageHeader,
} from './message.ts';
import { type OptionsSet, optionsSets } from './options.ts';
import { distinctTemplates, type ExportFacts, type MeteringFacts } from './options_tables.ts';
import { templateRecord } from './templates.ts';

export interface IpfixFileOptions {
  readonly projector: Projector;
  readonly profile: ProfileSpec;
  readonly privatePen: number;
  readonly observationDomainId?: number;
  /** Asked at the head and at the end of each file, but for when metering began. */
  readonly facts: () => Omit<MeteringFacts, 'startedMs'>;
  /** The next file begins when this one is as large, or when packet time passes a multiple of this; then files are numbered. */
  readonly rotateOctets?: number;
  readonly rotateS?: number;
}

const bufferOctets = 1024 * 1024;

export class IpfixFile {
  readonly #path: string;
  readonly #options: IpfixFileOptions;
  readonly #plans: readonly ProjectionPlan[];
  readonly #projection: Projection;
  readonly #domain: number;
  readonly #buffer = new Uint8Array(bufferOctets);
  #file = -1;
  /** What the file is called when it is complete, and until then. */
  #target = '';
  #written = '';
  #files = 0;
  /** End of the finished messages in the buffer; the open one starts here. */
  #messageStart = 0;
  #at = MESSAGE_HEADER_OCTETS;
  #openRecords = 0;
  #sequence = 0;
  #exportTimeS = 0;
  #fileOctets = 0;
  #startedMs: number | undefined;
  readonly #exported = { exportedMessages: 0, exportedOctets: 0, exportedRecords: 0 };

  /** Creates the file. Throws `storeUnwritable` when it cannot be written. */
  constructor(path: string, options: IpfixFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#domain = options.observationDomainId ?? 1;
    const { plans, table } = compileProfile(options.profile, options.privatePen);
    this.#plans = plans;
    this.#projection = options.projector.compile(table);
    this.#begin();
  }

  /** Rows whose clock is wall time. The export time is the newest row's end, so that the same capture gives the same file. */
  append(block: RowBlock): void {
    const endS = Number(block.lastEndNs / 1_000_000_000n);
    if (this.#isDue(endS)) this.#next();
    this.#startedMs ??= Number(block.firstStartNs / 1_000_000n);
    this.#exportTimeS = Math.max(this.#exportTimeS, endS);
    let done = 0;
    while (done < block.count) {
      const left = this.#messageStart + MESSAGE_OCTETS_MAX - this.#at;
      const { octets, rows, records } = this.#projection.run(
        block.bytes,
        block.firstRow + done * ROW_BYTES,
        block.count - done,
        this.#buffer,
        this.#at,
        left,
        0n,
      );
      done += rows;
      this.#at += octets;
      this.#openRecords += records;
      this.#exported.exportedRecords += records;
      if (done < block.count) this.#endMessage();
    }
  }

  close(): void {
    if (this.#file < 0) return;
    this.#end();
  }

  /** Leaves nothing of the file that is being written; finished ones stay. */
  discard(): void {
    if (this.#file < 0) return;
    closeSync(this.#file);
    this.#file = -1;
    if (this.#target !== this.#written) rmSync(this.#written, { force: true });
  }

  #nextName(): string {
    const { rotateOctets, rotateS } = this.#options;
    if (rotateOctets === undefined && rotateS === undefined) return this.#path;
    const extension = extname(this.#path);
    const stem = this.#path.slice(0, this.#path.length - extension.length);
    return `${stem}-${String(this.#files).padStart(8, '0')}${extension}`;
  }

  #isDue(endS: number): boolean {
    const { rotateOctets = Number.POSITIVE_INFINITY, rotateS } = this.#options;
    if (this.#exportTimeS === 0) return false;
    const octets = this.#fileOctets + this.#at;
    return (
      octets >= rotateOctets || (rotateS !== undefined && Math.floor(endS / rotateS) > Math.floor(this.#exportTimeS / rotateS))
    );
  }

  #next(): void {
    this.#end();
    this.#begin();
  }

  #begin(): void {
    this.#files++;
    const target = this.#nextName();
    // A pipe or a device has no other name.
    const isOther = statSync(target, { throwIfNoEntry: false })?.isFile() === false;
    this.#target = target;
    this.#written = isOther ? target : target + PART;
    try {
      this.#file = openSync(this.#written, 'w');
    } catch (error) {
      throw this.#trouble('cannot be written', error);
    }
    // Each file is a transport session (RFC 5655 section 4): its templates are in it, and its records are counted from zero.
    this.#sequence = 0;
    this.#fileOctets = 0;
    const records = distinctTemplates(this.#plans).map((plan) => templateRecord(plan, this.#options.privatePen));
    for (const set of makeSets(setIds.template, records, MESSAGE_OCTETS_MAX - MESSAGE_HEADER_OCTETS)) this.#add(set);
    this.#addOptions(optionsSets(this.#facts(), this.#options.privatePen, 'meaning'));
  }

  #end(): void {
    this.#endMessage();
    this.#addOptions(optionsSets(this.#facts(), this.#options.privatePen, 'process'));
    this.#endMessage();
    this.#write();
    closeSync(this.#file);
    this.#file = -1;
    if (this.#written !== this.#target) renameSync(this.#written, this.#target);
  }

  #trouble(what: string, error: unknown): ApplianceError {
    const kind = systemCode(error) === 'ENOSPC' ? 'storeFull' : 'storeUnwritable';
    return new ApplianceError(kind, `${this.#target}: ${what}: ${messageOf(error)}`, { cause: error });
  }

  #addOptions(sets: readonly OptionsSet[]): void {
    // pmacct 1.7.7 reads one options template a set.
    for (const { template } of sets) this.#add(makeSet(setIds.optionsTemplate, [template]));
    for (const { templateId, records } of sets) {
      for (const record of records) {
        this.#add(makeSet(templateId, [record]));
        this.#openRecords++;
      }
    }
  }

  #add(set: Uint8Array): void {
    if (this.#at + set.length > this.#messageStart + MESSAGE_OCTETS_MAX) this.#endMessage();
    this.#buffer.set(set, this.#at);
    this.#at += set.length;
  }

  #facts(): ExportFacts {
    return {
      ...this.#options.facts(),
      startedMs: this.#startedMs ?? 0,
      nowMs: this.#exportTimeS * 1_000,
      observationDomainId: this.#domain,
      ...this.#exported,
      notSentRecords: 0,
      notSentPackets: 0,
      notSentOctets: 0,
      gaps: [],
      plans: this.#plans,
      anonymizations: [],
    };
  }

  #endMessage(): void {
    const octets = this.#at - this.#messageStart;
    // RFC 7011 section 3: a message holds at least one set.
    if (octets === MESSAGE_HEADER_OCTETS) return;
    writeMessageHeader(this.#buffer, this.#messageStart, octets, {
      exportTimeS: this.#exportTimeS,
      sequence: this.#sequence,
      observationDomainId: this.#domain,
    });
    this.#exported.exportedMessages++;
    this.#exported.exportedOctets += octets;
    this.#sequence = advanceSequence(this.#sequence, this.#openRecords);
    this.#openRecords = 0;
    this.#messageStart = this.#at;
    if (this.#messageStart + MESSAGE_OCTETS_MAX > bufferOctets) this.#write();
    this.#at = this.#messageStart + MESSAGE_HEADER_OCTETS;
  }

  #write(): void {
    try {
      for (let written = 0; written < this.#messageStart; ) {
        written += writeSync(this.#file, this.#buffer, written, this.#messageStart - written);
      }
    } catch (error) {
      throw this.#trouble('writing failed', error);
    }
    this.#fileOctets += this.#messageStart;
    this.#messageStart = 0;
    this.#at = MESSAGE_HEADER_OCTETS;
  }
}
