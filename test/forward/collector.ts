/**
 * Collectors for tests: real sockets, decoded by our own strict decoder, every session checked for conformance. They can
 * be killed, be deaf, or take one octet at a time.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { ConformanceCheck } from '../../src/forward/ipfix/conformance.ts';
import type { DecodedMessage, DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';

export class Session {
  readonly check: ConformanceCheck;
  readonly decoder: IpfixDecoder;
  readonly messages: DecodedMessage[] = [];
  readonly stream = new MessageStream();
  constructor(transport: 'udp' | 'tcp', pen: number) {
    this.check = new ConformanceCheck(transport, transport === 'udp' ? 1_472 : 65_535, pen);
    this.decoder = new IpfixDecoder(pen);
  }
  take(message: Uint8Array): void {
    this.check.observe(message);
    this.messages.push(this.decoder.decode(message));
  }
  /** Records of flows, not of options. */
  get flows(): DecodedRecord[] {
    return this.messages.flatMap(({ records }) => records.filter(({ scope }) => scope.length === 0));
  }
  get options(): DecodedRecord[] {
    return this.messages.flatMap(({ records }) => records.filter(({ scope }) => scope.length > 0));
  }
}

export class TcpCollector {
  readonly sessions: Session[] = [];
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  address = '127.0.0.1';
  port = 0;
  /** What happens to a new connection beside reading it. */
  onConnection: (socket: Socket) => void = () => {};
  reads = true;
  readonly pen: number;

  constructor(pen = 0) {
    this.pen = pen;
  }
  static async start(pen = 0): Promise<TcpCollector> {
    const collector = new TcpCollector(pen);
    await collector.listen(0);
    return collector;
  }
  async listen(port = this.port): Promise<void> {
    this.#server = this.serve((socket) => this.accept(socket));
    this.#server.listen(port, this.address);
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }
  /** The server as others make it: bare here, with TLS below. */
  protected serve(accept: (socket: Socket) => void): Server {
    return createServer(accept);
  }
  accept(socket: Socket): void {
    const session = new Session('tcp', this.pen);
    this.sessions.push(session);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.reads)
      socket.on('data', (chunk) => {
        for (const message of session.stream.push(chunk)) session.take(message);
      });
    this.onConnection(socket);
  }
  /** Ends in order: reads to the end of what is on its way. */
  async leave(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.end();
    await closed;
  }
  /** Ends abruptly; what was in the receive buffers is gone. */
  async kill(): Promise<void> {
    const closed = this.#server === undefined ? undefined : once(this.#server, 'close');
    this.#server?.close();
    for (const socket of this.#sockets) this.cut(socket);
    await closed;
    this.#server = undefined;
  }
  protected cut(socket: Socket): void {
    socket.resetAndDestroy();
  }
  get sockets(): ReadonlySet<Socket> {
    return this.#sockets;
  }
  get flows(): DecodedRecord[] {
    return this.sessions.flatMap(({ flows }) => flows);
  }
  get violations(): string[] {
    return this.sessions.flatMap(({ check }) => check.violations);
  }
}

/** The same behind TLS; what it shows and asks for is read at each `listen`. */
export class TlsCollector extends TcpCollector {
  options: TlsOptions;
  /** Codes of handshakes that came to nothing. */
  readonly refusals: string[] = [];

  constructor(options: TlsOptions) {
    super();
    this.options = options;
  }
  protected override serve(accept: (socket: Socket) => void): Server {
    const server = createTlsServer(this.options, accept);
    return server.on('tlsClientError', (error) => this.refusals.push((error as { code?: string }).code ?? error.message));
  }
  /** A TLS socket cannot be reset; what it has not read is lost all the same. */
  protected override cut(socket: Socket): void {
    socket.destroy();
  }
}

export class UdpCollector {
  session: Session;
  #socket: UdpSocket | undefined;
  address = '127.0.0.1';
  port = 0;
  readonly datagrams: number[] = [];
  #pen: number;

  constructor(pen = 0) {
    this.#pen = pen;
    this.session = new Session('udp', pen);
  }
  static async start(pen = 0): Promise<UdpCollector> {
    const collector = new UdpCollector(pen);
    await collector.listen(0);
    return collector;
  }
  async listen(port = this.port): Promise<void> {
    const socket = createSocket({ type: this.address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    this.#socket = socket;
    socket.on('message', (message) => {
      this.datagrams.push(message.length);
      this.session.take(message);
    });
    socket.bind(port, this.address);
    await once(socket, 'listening');
    this.port = socket.address().port;
  }
  /** A collector that starts anew knows no templates and has missed messages. */
  forget(): void {
    this.session = new Session('udp', this.#pen);
  }
  async stop(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.close();
    await once(socket, 'close');
  }
}

export async function until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
