/**
 * pmacct's nfacctd as a collector. It sums by key and writes JSON every second; it listens on UDP alone (1.7.7), so a TCP
 * session reaches it through a relay that hands on each message as a datagram.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';
import { until } from '../forward/collector.ts';
import { freeUdpPort } from './free_port.ts';

export interface Sum {
  readonly ip_src: string;
  readonly ip_dst: string;
  readonly port_src: number;
  readonly port_dst: number;
  readonly ip_proto: string;
  readonly packets: number;
  readonly bytes: number;
}

const stopMs = 15_000;

export class Nfacctd {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'flowspan-nfacctd-'));
  readonly #process: ChildProcess;
  #output = '';

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    const file = join(this.#folder, 'nfacctd.conf');
    const lines = [
      ...['daemonize: false', 'nfacctd_ip: 127.0.0.1', `nfacctd_port: ${port}`],
      // Sums are kept under the time of arrival: nothing is spread or put aside for being of another hour.
      ...['nfacctd_time_new: true', 'nfacctd_disable_checks: false', 'nfacctd_pipe_size: 4000000'],
      ...['plugins: print', 'aggregate: src_host, dst_host, src_port, dst_port, proto'],
      ...['print_output: json', `print_output_file: ${this.#out}`, 'print_output_file_append: true'],
      // At the end of each interval it writes what came in it, and forgets it.
      ...['print_refresh_time: 1', 'print_cache_entries: 16411'],
      // Its own queue between core and plugin wakes the plugin late or, on a quiet line, at the end only.
      'plugin_pipe_zmq: true',
      ...settings,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.#process = spawn('nfacctd', ['-f', file]);
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text) => {
        this.#output += String(text);
      });
  }

  static async start(settings: readonly string[] = []): Promise<Nfacctd> {
    const nfacctd = new Nfacctd(await freeUdpPort(), settings);
    // The plugin is another process: it hears of records from its first round on.
    const signs = ['waiting for NetFlow/IPFIX data', 'Purging cache - END'];
    await until('nfacctd and its plugin run', () => signs.every((sign) => nfacctd.#output.includes(sign)));
    return nfacctd;
  }

  /** What it has summed once it has heard of so many packets; more than those are there to be seen too. */
  async sums(packets: number): Promise<Sum[]> {
    await until('nfacctd has summed', () => this.#read().reduce((all, one) => all + one.packets, 0) >= packets);
    await this.stop();
    return this.#read();
  }

  /** Whole lines; one key may come in several. */
  #read(): Sum[] {
    if (!existsSync(this.#out)) return [];
    const lines = readFileSync(this.#out, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Sum);
  }

  /** Lines in which it finds fault with what it was sent: templates, sequence numbers, lengths. */
  get complaints(): string[] {
    return this.#output
      .split('\n')
      .filter((line) => /^(WARN|ERROR)/.test(line) || /expecting flow|unknown template|malformed|discarded/i.test(line));
  }

  /** The child that writes lives longer than its parent, but holds the same pipes. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const { pid } = this.#process;
    const plugins = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    this.#process.kill('SIGINT');
    // Now and then, on a busy machine, its plugin waits for a word that its parent does not give any more.
    const late = setTimeout(() => {
      for (const one of [pid!, ...plugins]) endNow(one);
    }, stopMs);
    await once(this.#process, 'close');
    clearTimeout(late);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #out(): string {
    return join(this.#folder, 'sums.json');
  }
}

/** Takes IPFIX over TCP and hands on each message as one datagram. */
export class DatagramRelay {
  readonly #server: Server;
  readonly #socket = createSocket('udp4');
  messages = 0;
  /** The number of a message that is lost on the way. */
  loses = Number.NaN;

  private constructor(to: number) {
    this.#server = createServer((connection) => {
      const stream = new MessageStream();
      connection.on('error', () => {}); // the exporter's tests are about that
      connection.on('data', (chunk) => {
        for (const message of stream.push(chunk)) {
          if (++this.messages === this.loses) continue;
          this.#socket.send(message.slice(), to, '127.0.0.1');
        }
      });
    });
  }

  static async start(to: number): Promise<DatagramRelay> {
    const relay = new DatagramRelay(to);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#socket.close();
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile, which is what is wanted.
  }
}
