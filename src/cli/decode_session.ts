/**
 * One exporter as `flowspan decode` hears it: its messages in turn, what its sequence numbers say is missing, and with
 * `--check` every rule of RFC 7011 that it breaks.
 */
import { ApplianceError } from '../core/errors.ts';
import { ConformanceCheck, type SessionTransport } from '../forward/ipfix/conformance.ts';
import { ExportDecoder } from '../forward/netflow/decode/export_decoder.ts';
import { SequenceWatch } from '../forward/netflow/decode/sequence_watch.ts';
import type { DecodePrinter } from './decode_printer.ts';

export interface DecodeOptions {
  readonly printer: DecodePrinter;
  readonly privatePen: number;
  readonly check: boolean;
}

/** Remarks of one exporter that are shown. */
const remarksMax = 64;

export class DecodeSession {
  readonly #options: DecodeOptions;
  readonly #where: string;
  readonly #decoder: ExportDecoder;
  readonly #check: ConformanceCheck | undefined;
  readonly #sequence = new SequenceWatch();
  #told = 0;
  readonly #remarks = new Set<string>();

  constructor(options: DecodeOptions, transport: SessionTransport, where: string) {
    this.#options = options;
    this.#where = where;
    this.#decoder = new ExportDecoder(options.privatePen);
    this.#check = options.check ? new ConformanceCheck(transport, 65_535, options.privatePen) : undefined;
  }

  /** Exactly one message. What cannot be read is told. */
  async take(bytes: Uint8Array): Promise<void> {
    const { printer } = this.#options;
    try {
      const message = this.#decoder.decode(bytes);
      const missing = this.#sequence.missing(message);
      if (message.version === 10) this.#check?.observe(bytes);
      const remarks = (message.remarks ?? []).filter((remark) => this.#isNew(remark));
      await printer.message(message, this.#where, missing === undefined ? remarks : [...remarks, missing]);
      this.#tell();
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      printer.fault(error, this.#where);
    }
  }

  /** An exporter makes the same fault in every message: once is enough. */
  #isNew(remark: string): boolean {
    if (this.#remarks.has(remark) || this.#remarks.size >= remarksMax) return false;
    this.#remarks.add(remark);
    return true;
  }

  #tell(): void {
    const all = this.#check?.violations ?? [];
    if (all.length > this.#told) this.#options.printer.violations(all.slice(this.#told), this.#where);
    this.#told = all.length;
  }
}
