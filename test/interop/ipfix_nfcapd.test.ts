/**
 * nfdump's nfcapd as the collector: it must count what was handed over, to the packet and octet, and show single records
 * as the rows say. Version 1.7 listens on UDP.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../forward/collector.ts';
import { startBox } from '../forward/export_box.ts';
import { blockOf, sumsOf } from '../forward/rows.ts';
import { freeUdpPort } from './free_port.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Flow {
  readonly [key: string]: string | number;
}

class Nfcapd {
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
    cleanups.push(async () => {
      await nfcapd.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    await until('nfcapd listens', () => nfcapd.output.join('').includes('Startup'));
    return { nfcapd, port };
  }
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
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

const sum = (flows: readonly Flow[]) => {
  const total = (...names: string[]): number =>
    flows.reduce((all, flow) => all + names.reduce((part, name) => part + Number(flow[name] ?? 0), 0), 0);
  return { packets: total('in_packets', 'out_packets'), octets: total('in_bytes', 'out_bytes') };
};

test.each(['generic', 'lean', 'standard'])('nfcapd counts what was sent with profile %s', async (profile) => {
  const { nfcapd, port } = await Nfcapd.start();
  const box = await startBox({ destinations: [{ name: 'a', transport: 'udp', port, profile, messageBytesMax: 1_400 }] });
  cleanups.push(() => box.stop(100));
  for (let first = 0; first < 2_000; first += 500)
    box.spool.append(blockOf(first, 500, { familyOf: (n) => (n % 5 === 0 ? 'ipv6' : 'ipv4') }));
  await until('all is acknowledged', () => box.arrived());
  await box.stop();
  const flows = await nfcapd.flows();
  expect(sum(flows)).toEqual(sumsOf(0, 2_000));
  expect(flows).toHaveLength(profile === 'generic' ? 3_000 : 2_000);
  const one = flows.find((flow) => flow.src_port === 1024 + 7 && flow.src4_addr === '10.1.0.7');
  expect(one).toMatchObject({
    dst_port: 443,
    dst4_addr: '10.1.200.200',
    proto: 6,
    in_packets: 8,
    in_bytes: 800,
    tcp_flags: '...AP.SF',
  });
  // The records of options and statistics were understood or passed over, never a complaint.
  expect(nfcapd.output.join('')).toContain('Sequence Errors: 0, Bad Packets: 0');
  expect(nfcapd.output.join('')).not.toMatch(/corrupt|short|unknown|skip/i);
});
