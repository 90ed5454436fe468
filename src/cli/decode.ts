/**
 * `flowspan decode FILE|udp:PORT|tcp:PORT`: what IPFIX messages say, for checking by hand. The decoder is strict: what
 * breaks the rules is named with its offset, and what came before it was printed.
 */
import { createSocket } from 'node:dgram';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:net';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import type { DecodedMessage } from '../forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../forward/ipfix/decode/message_stream.ts';
import { type Command, exitCodes, integerOption, type Terminal, write } from './command.ts';

export const command: Command = {
  name: 'decode',
  summary: 'decode IPFIX from a file, or as it arrives on a port',
  usage: `decode FILE|udp:PORT|tcp:PORT [--json] [--count N]

  FILE             an IPFIX file (RFC 5655); - reads standard input
  udp:PORT         listen for datagrams on loopback; tcp:PORT for connections
  --json           one record a line, element names as keys
  --count N        stop after this many records
  --pen NUMBER     your private enterprise number, to name your own elements
  --address ADDR   listen there instead of 127.0.0.1`,
  options: {
    json: { type: 'boolean' },
    count: { type: 'string' },
    pen: { type: 'string' },
    address: { type: 'string' },
  },
  positionals: ['FILE|udp:PORT|tcp:PORT'],
  async run(values, [source], terminal) {
    const pen = integerOption(values, 'pen', 0, 0, 0xffff_ffff);
    const count = integerOption(values, 'count', Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER);
    const printer = new Printer(terminal, values.json === true, count);
    const port = /^(udp|tcp):(\d{1,5})$/.exec(source as string);
    const address = String(values.address ?? '127.0.0.1');
    if (port === null) await decodeFile(source as string, pen, printer);
    else if (port[1] === 'udp') await listenUdp(address, Number(port[2]), pen, printer, terminal);
    else await listenTcp(address, Number(port[2]), pen, printer, terminal);
    terminal.err.write(
      `${printer.messages} messages, ${printer.records} records${printer.faults > 0 ? `, ${printer.faults} malformed` : ''}\n`,
    );
    return printer.faults > 0 ? exitCodes.failed : exitCodes.good;
  },
};

class Printer {
  messages = 0;
  records = 0;
  faults = 0;
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #count: number;
  readonly #finished = Promise.withResolvers<void>();

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

  async message(message: DecodedMessage): Promise<void> {
    this.messages++;
    const left = this.#count - this.records;
    const records = message.records.slice(0, left);
    this.records += records.length;
    let text = '';
    if (this.#json) for (const { values } of records) text += `${JSON.stringify(values)}\n`;
    else text = inWords(message, records);
    if (text !== '') await write(this.#terminal.out, text);
    for (const { templateId, held } of message.unknownSets) {
      this.#terminal.err.write(`set of template ${templateId}, which has not come${held ? '; held until it does' : ''}\n`);
    }
    if (this.done) this.#finished.resolve();
  }

  fault(error: ApplianceError, where: string): void {
    this.faults++;
    this.#terminal.err.write(`${where}: malformed: ${error.message}\n`);
  }
}

function inWords(message: DecodedMessage, records: DecodedMessage['records']): string {
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

async function decodeFile(path: string, pen: number, printer: Printer): Promise<void> {
  const decoder = new IpfixDecoder(pen);
  const stream = new MessageStream();
  const name = path === '-' ? 'standard input' : path;
  const input = path === '-' ? process.stdin : createReadStream(path);
  try {
    for await (const chunk of input) {
      for (const message of stream.push(chunk as Buffer)) {
        await printer.message(decoder.decode(message));
        if (printer.done) return;
      }
    }
  } catch (error) {
    if (error instanceof ApplianceError) {
      printer.fault(error, name);
      return;
    }
    if (systemCode(error) === undefined) throw error;
    throw new ApplianceError('captureUnreadable', `${name}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (stream.pendingOctets > 0) {
    printer.fault(
      new ApplianceError('messageMalformed', `the last message is cut off: ${stream.pendingOctets} octets of it are there`),
      name,
    );
  }
}

/** Ends with the printer or with Ctrl-C. */
function until(printer: Printer, { interrupted }: Terminal): Promise<void> {
  if (interrupted.aborted) return Promise.resolve();
  return Promise.race([
    printer.finished,
    new Promise<void>((resolve) => interrupted.addEventListener('abort', () => resolve(), { once: true })),
  ]);
}

function listenError(error: unknown, where: string): ApplianceError {
  const code = systemCode(error) === 'EADDRINUSE' ? 'addressInUse' : 'addressUnavailable';
  const why = code === 'addressInUse' ? 'another program listens there already' : messageOf(error);
  return new ApplianceError(code, `cannot listen on ${where}: ${why}`, { cause: error });
}

async function listenUdp(address: string, port: number, pen: number, printer: Printer, terminal: Terminal): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  // RFC 7011 section 8: over UDP templates belong to the exporter's address and port.
  const decoders = new Map<string, IpfixDecoder>();
  let chain = Promise.resolve();
  socket.on('message', (datagram, { address: from, port: fromPort }) => {
    const peer = `${from}:${fromPort}`;
    const decoder = decoders.get(peer) ?? new IpfixDecoder(pen);
    decoders.set(peer, decoder);
    try {
      const message = decoder.decode(datagram);
      chain = chain.then(() => printer.message(message));
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      printer.fault(error, peer);
    }
  });
  const bound = Promise.withResolvers<void>();
  socket.once('error', bound.reject);
  socket.bind(port, address, bound.resolve);
  try {
    await bound.promise;
  } catch (error) {
    socket.close();
    throw listenError(error, `udp ${address}:${port}`);
  }
  terminal.err.write(`listening on udp ${address}:${socket.address().port}; Ctrl-C ends\n`);
  await until(printer, terminal);
  socket.close();
  await chain;
}

async function listenTcp(address: string, port: number, pen: number, printer: Printer, terminal: Terminal): Promise<void> {
  const server = createServer((socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const decoder = new IpfixDecoder(pen);
    const stream = new MessageStream();
    const read = async (): Promise<void> => {
      for await (const chunk of socket) {
        for (const message of stream.push(chunk as Buffer)) await printer.message(decoder.decode(message));
      }
    };
    read().catch((error: unknown) => {
      if (error instanceof ApplianceError) printer.fault(error, peer);
      else if (systemCode(error) !== undefined) terminal.err.write(`${peer}: ${messageOf(error)}\n`);
      else throw error;
      socket.destroy();
    });
  });
  const bound = Promise.withResolvers<void>();
  server.once('error', bound.reject);
  server.listen(port, address, bound.resolve);
  try {
    await bound.promise;
  } catch (error) {
    throw listenError(error, `tcp ${address}:${port}`);
  }
  const { port: actual } = server.address() as { port: number };
  terminal.err.write(`listening on tcp ${address}:${actual}; Ctrl-C ends\n`);
  await until(printer, terminal);
  server.close();
}
