/**
 * `flowspan decode FILE|udp:PORT|tcp:PORT`: what messages of IPFIX and NetFlow say, for checking by hand. The decoders are
 * strict: what breaks the rules is named with its offset, and what came before it was printed.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { MessageStream } from '../forward/ipfix/decode/message_stream.ts';
import { type Command, exitCodes, integerOption, type Terminal } from './command.ts';
import { decodeFile } from './decode_file.ts';
import { DecodePrinter } from './decode_printer.ts';
import { type DecodeOptions, DecodeSession } from './decode_session.ts';

export const command: Command = {
  name: 'decode',
  summary: 'decode IPFIX and NetFlow from a file, or as it arrives on a port',
  usage: `decode FILE|udp:PORT|tcp:PORT [--json] [--check] [--count N]

  FILE             an IPFIX file (RFC 5655), or messages of NetFlow 5 or 9 one after the other, also .gz and .zst;
                   - reads standard input
  udp:PORT         listen for datagrams on loopback: IPFIX, NetFlow 5 and 9
  tcp:PORT         listen for connections: IPFIX
  --json           one record a line, element names as keys
  --check          name every rule of RFC 7011 that an IPFIX exporter breaks
  --count N        stop after this many records
  --pen NUMBER     your private enterprise number, to name your own elements
  --address ADDR   listen there instead of 127.0.0.1`,
  options: {
    json: { type: 'boolean' },
    check: { type: 'boolean' },
    count: { type: 'string' },
    pen: { type: 'string' },
    address: { type: 'string' },
  },
  positionals: ['FILE|udp:PORT|tcp:PORT'],
  async run(values, [source], terminal) {
    const count = integerOption(values, 'count', Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER);
    const printer = new DecodePrinter(terminal, values.json === true, count);
    const privatePen = integerOption(values, 'pen', 0, 0, 0xffff_ffff);
    const options = { printer, privatePen, check: values.check === true };
    const port = /^(udp|tcp):(\d{1,5})$/.exec(source as string);
    const address = String(values.address ?? '127.0.0.1');
    if (port === null) await decodeFile(source as string, options);
    else if (port[1] === 'udp') await listenUdp(address, Number(port[2]), options, terminal);
    else await listenTcp(address, Number(port[2]), options, terminal);
    await printer.end();
    return printer.faults > 0 ? exitCodes.failed : exitCodes.good;
  },
};

/** Exporters heard at once over UDP; the one that was silent longest is forgotten. */
const exportersMax = 256;
/** Exporters send in bursts. */
const recvBufferSize = 4 * 1024 * 1024;

/** Ends with the printer or with Ctrl-C. */
function until(printer: DecodePrinter, { interrupted }: Terminal): Promise<void> {
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

async function listenUdp(address: string, port: number, options: DecodeOptions, terminal: Terminal): Promise<void> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize });
  // RFC 7011 section 8: over UDP templates belong to the exporter's address and port.
  const sessions = new Map<string, DecodeSession>();
  const broken = Promise.withResolvers<never>();
  socket.on('message', (datagram, { address: from, port: fromPort }) => {
    const peer = `${from}:${fromPort}`;
    const session = sessions.get(peer) ?? new DecodeSession(options, 'udp', peer);
    sessions.delete(peer);
    sessions.set(peer, session);
    if (sessions.size > exportersMax) sessions.delete(sessions.keys().next().value as string);
    session.take(datagram).catch(broken.reject);
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
  await Promise.race([until(options.printer, terminal), broken.promise]);
  socket.close();
}

async function listenTcp(address: string, port: number, options: DecodeOptions, terminal: Terminal): Promise<void> {
  const server = createServer((socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const session = new DecodeSession(options, 'tcp', peer);
    const stream = new MessageStream();
    const read = async (): Promise<void> => {
      for await (const chunk of socket) for (const message of stream.push(chunk as Buffer)) await session.take(message);
    };
    read().catch((error: unknown) => {
      if (error instanceof ApplianceError) options.printer.fault(error, peer);
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
  await until(options.printer, terminal);
  server.close();
}
