/**
 * IPFIX files (RFC 5655): a series of messages, templates first, as a destination of `flowspan meter --ipfix`. Rows are
 * projected straight into a large buffer; nothing is made per row. Writes synchronously: for one-shot commands only.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import { compileProfile, type ProfileName, profileSpec } from '../../flow/profiles.ts';
import type { Projection, Projector } from '../../flow/projector.ts';
import type { RowBlock } from '../../flow/row_block.ts';
import { ROW_BYTES } from '../../flow/row_layout.ts';
import { advanceSequence, MESSAGE_HEADER_OCTETS, MESSAGE_OCTETS_MAX, makeSets, setIds, writeMessageHeader } from './message.ts';
import { templateRecord } from './templates.ts';

export interface IpfixFileOptions {
  readonly projector: Projector;
  readonly profile: ProfileName;
  readonly privatePen: number;
  readonly observationDomainId?: number;
}

const bufferOctets = 1024 * 1024;

export class IpfixFile {
  readonly #file: number;
  readonly #path: string;
  readonly #projection: Projection;
  readonly #domain: number;
  readonly #buffer = new Uint8Array(bufferOctets);
  /** End of the finished messages in the buffer; the open one starts here. */
  #messageStart = 0;
  #at = MESSAGE_HEADER_OCTETS;
  #openRecords = 0;
  #sequence = 0;
  #exportTimeS = 0;
  #closed = false;

  /** Creates or overwrites the file. Throws `storeUnwritable` when it cannot be written. */
  constructor(path: string, options: IpfixFileOptions) {
    this.#path = path;
    this.#domain = options.observationDomainId ?? 1;
    const { plans, table } = compileProfile(profileSpec(options.profile), options.privatePen);
    this.#projection = options.projector.compile(table);
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw new ApplianceError('storeUnwritable', `${path}: cannot be written: ${messageOf(error)}`, { cause: error });
    }
    const records = plans.map((plan) => templateRecord(plan, options.privatePen));
    for (const set of makeSets(setIds.template, records, MESSAGE_OCTETS_MAX - MESSAGE_HEADER_OCTETS)) {
      this.#buffer.set(set, this.#at);
      this.#at += set.length;
    }
  }

  /** Rows whose clock is wall time. The export time is the newest row's end, so that the same capture gives the same file. */
  append(block: RowBlock): void {
    this.#exportTimeS = Math.max(this.#exportTimeS, Number(block.lastEndNs / 1_000_000_000n));
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
      if (done < block.count) this.#endMessage();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endMessage();
    this.#write();
    closeSync(this.#file);
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
      throw new ApplianceError('storeUnwritable', `${this.#path}: writing failed: ${messageOf(error)}`, { cause: error });
    }
    this.#messageStart = 0;
  }
}
