/** openssl's own TLS server as a collector: what it decrypts is kept. It judges certificates within the handshake, as real collectors do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from '../forward/collector.ts';
import { freeTcpPort } from './free_port.ts';

export class OpensslServer {
  readonly port: number;
  readonly received: Buffer[] = [];
  readonly complaints: string[] = [];
  readonly #process: ChildProcess;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#process = spawn('openssl', ['s_server', '-quiet', '-accept', `127.0.0.1:${port}`, ...options]);
    this.#process.stdout!.on('data', (octets: Buffer) => this.received.push(octets));
    this.#process.stderr!.on('data', (text) => this.complaints.push(String(text)));
  }

  static async start(options: readonly string[]): Promise<OpensslServer> {
    const server = new OpensslServer(await freeTcpPort(), options);
    let listens = false;
    const ask = (): void => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('connect', () => {
        listens = true;
        socket.destroy();
      });
      socket.on('error', () => setTimeout(ask, 20)); // it is still starting
    };
    ask();
    await until('openssl listens', () => listens);
    return server;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}
