/** A collector for tests: a real TCP listener that decodes strictly and adds up. It can go away and come back on its port. */
import { createServer, type Server, type Socket } from 'node:net';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';

export class Collector {
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  port = 0;
  sessions = 0;
  /** Flow records by what tells them apart, with how often each came. */
  readonly flows = new Map<string, number>();
  readonly errors: string[] = [];
  packets = 0;
  octets = 0;

  async listen(): Promise<this> {
    const server = createServer((socket) => this.#receive(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as { port: number }).port;
    this.#server = server;
    return this;
  }

  /** Goes away as a crashed one does: connections are reset. */
  async vanish(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Records that came more than once, counted each further time. */
  get duplicates(): number {
    return [...this.flows.values()].reduce((sum, count) => sum + count - 1, 0);
  }

  #receive(socket: Socket): void {
    this.sessions++;
    this.#sockets.add(socket);
    const decoder = new IpfixDecoder();
    const stream = new MessageStream();
    socket.on('data', (chunk) => {
      try {
        for (const message of stream.push(chunk)) {
          for (const { values, scope } of decoder.decode(message).records) if (scope.length === 0) this.#count(values);
        }
      } catch (error) {
        this.errors.push(String(error));
        socket.destroy();
      }
    });
    socket.on('error', () => {}); // a peer that was killed: what it sent counts
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #count(values: Readonly<Record<string, unknown>>): void {
    const key = JSON.stringify(values);
    const seen = this.flows.get(key) ?? 0;
    this.flows.set(key, seen + 1);
    if (seen > 0) return;
    this.packets += Number(values.packetDeltaCount) + Number(values.reversePacketDeltaCount ?? 0);
    this.octets += Number(values.octetDeltaCount) + Number(values.reverseOctetDeltaCount ?? 0);
  }
}
