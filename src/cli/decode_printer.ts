/**
 * What `flowspan decode` shows: messages and records in words, or one record a line as JSON. What is missing, malformed or
 * against the rules goes to standard error, with its place.
 */
import type { ApplianceError } from '../core/errors.ts';
import type { DecodedMessage, DecodedRecord } from '../forward/ipfix/decode/decoded.ts';
import { type Terminal, write } from './command.ts';

export class DecodePrinter {
  messages = 0;
  records = 0;
  faults = 0;
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #count: number;
  readonly #finished = Promise.withResolvers<void>();
  #chain = Promise.resolve();

  constructor(terminal: Terminal, json: boolean, count: number) {
    this.#terminal = terminal;
    this.#json = json;
    this.#count = count;
  }

  /** Resolves when as many records were printed as were asked for. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }
  get done(): boolean {
    return this.records >= this.#count;
  }

  /** Prints one after the other, whoever asks. @param remarks on it and on what came before it */
  message(message: DecodedMessage, where: string, remarks: readonly string[]): Promise<void> {
    this.#chain = this.#chain.then(() => this.#print(message, where, remarks));
    return this.#chain;
  }

  async #print(message: DecodedMessage, where: string, remarks: readonly string[]): Promise<void> {
    if (this.done) return;
    this.messages++;
    const records = message.records.slice(0, this.#count - this.records);
    this.records += records.length;
    let text = '';
    if (this.#json) for (const { values } of records) text += `${JSON.stringify(values)}\n`;
    else text = inWords(message, records);
    if (text !== '') await write(this.#terminal.out, text);
    for (const { templateId, held } of message.unknownSets)
      this.#say(where, `set of template ${templateId}, which has not come${held ? '; held until it does' : ''}`);
    for (const remark of remarks) this.#say(where, remark);
    if (this.done) this.#finished.resolve();
  }

  fault(error: ApplianceError, where: string): void {
    this.faults++;
    this.#say(where, `malformed: ${error.message}`);
  }

  /** Rules of RFC 7011 that the exporter broke. */
  violations(all: readonly string[], where: string): void {
    this.faults += all.length;
    for (const one of all) this.#say(where, `against RFC 7011: ${one}`);
  }

  /** Everything that was handed over is printed. */
  async end(): Promise<void> {
    await this.#chain;
    const faults = this.faults > 0 ? `, ${this.faults} malformed or against the rules` : '';
    this.#terminal.err.write(`${this.messages} messages, ${this.records} records${faults}\n`);
  }

  #say(where: string, what: string): void {
    this.#terminal.err.write(`${where}: ${what}\n`);
  }
}

function inWords(message: DecodedMessage, records: readonly DecodedRecord[]): string {
  const time = new Date(message.exportTimeMs).toISOString().replace('.000', '');
  const head = `message version ${message.version}, ${message.octets} octets, ${time}, domain ${message.observationDomainId}, sequence ${message.sequence}`;
  const templates = message.templates.map(({ templateId, fields, scopeCount }) => {
    return `  ${scopeCount > 0 ? 'options template' : 'template'} ${templateId}: ${fields.length} fields`;
  });
  const lines = records.map(({ templateId, values, scope }) => {
    const words = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    return `  ${scope.length > 0 ? 'options' : 'record'} ${templateId}: ${words.join(' ')}`;
  });
  return `${[head, ...templates, ...lines].join('\n')}\n`;
}
