/** nfdump's nfcapd as a collector. Version 1.7 listens on UDP. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../forward/collector.ts';
import { freeUdpPort } from './free_port.ts';

export interface Flow {
  readonly [key: string]: string | number;
}

export class Nfcapd {
  readonly folder: string;
  readonly #process: ChildProcess;
  readonly output: string[] = [];
  constructor(folder: string, port: number) {
    this.folder = folder;
    this.#process = spawn('nfcapd', ['-b', '127.0.0.1', '-p', String(port), '-w', folder, '-t', '3600', '-B', '4000000']);
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text) => this.output.push(String(text)));
  }
  static async start(): Promise<{ nfcapd: Nfcapd; port: number }> {
    const folder = mkdtempSync(join(tmpdir(), 'flowspan-nfcapd-'));
    const port = await freeUdpPort();
    const nfcapd = new Nfcapd(folder, port);
    await until('nfcapd listens', () => nfcapd.output.join('').includes('Startup'));
    return { nfcapd, port };
  }
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
  /** Ends it, and what it stored goes. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
  /** Ends the collector and reads what it stored. */
  async flows(): Promise<Flow[]> {
    await this.stop();
    const files = readdirSync(this.folder).filter((name) => name.startsWith('nfcapd.'));
    return files.flatMap((name) => {
      const text = execFileSync('nfdump', ['-r', join(this.folder, name), '-o', 'json', '-q'], { maxBuffer: 1 << 28 }).toString();
      // nfdump 1.7.1 writes objects one after the other, separated by commas or not; 1.7.5 an array, indented.
      return text
        .split(/^ ?(?=\{)/m)
        .filter((part) => part.startsWith('{'))
        .map((part) => JSON.parse(part.replace(/,?\s*\]?\s*$/, '')) as Flow);
    });
  }
}

/** Of both directions, under the names of nfdump. */
export const sumOf = (flows: readonly Flow[]) => {
  const total = (...names: string[]): number =>
    flows.reduce((all, flow) => all + names.reduce((part, name) => part + Number(flow[name] ?? 0), 0), 0);
  return { packets: total('in_packets', 'out_packets'), octets: total('in_bytes', 'out_bytes') };
};
