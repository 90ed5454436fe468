/**
 * What arrives at a collector after an outage: several meters on one mirror port, fed by one sender, each exporting over one
 * uplink to the same collector. In the middle the uplink loses everything without a word (nftables), then works again. Every
 * packet belongs in exactly one record: what the records that arrived add up to, over what was sent, is the figure.
 *
 *     scripts/bench outage [--quick] [--outage-s 600] [--rate 1000]
 *
 * Everything happens in three namespaces that go at the end. Needs root, nft and the native build.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { networkMissing, VethPair } from '../meter/network.ts';
import { root } from '../repo/sources.ts';
import { activeTimeoutS, idleTimeoutS, type OutageMeter, type OutageRun, outageMeters } from './outage_meters.ts';
import type { ArrivedAt } from './outage_sink.ts';
import { table } from './table.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    'outage-s': { type: 'string' },
    rate: { type: 'string', default: '1000' },
  },
});
const outageS = Number(values['outage-s'] ?? (values.quick ? 75 : 600));
const rate = Number(values.rate);
/** Before: templates are known and records flow. After: the slowest reconnect, and the drain. */
const beforeS = 15;
const afterS = values.quick ? 75 : 150;
const startS = 4;
const stopWithinMs = 30_000;
const [boxAddress, collectorAddress] = ['198.51.100.1', '198.51.100.2'];

/** 4,000 conversations of five packets, both directions, each over two seconds; repeated by the sender. */
function traffic(folder: string): string {
  const frames: Uint8Array[] = [];
  for (let wave = 0; wave < 10; wave++) {
    for (let packet = 0; packet < 5; packet++) {
      for (let flow = 0; flow < 400; flow++) {
        const number = wave * 400 + flow;
        const [here, there] = [`10.1.${number >> 8}.${number & 255}`, '203.0.113.9'];
        const [source, destination] = packet % 2 === 0 ? [here, there] : [there, here];
        const [sourcePort, destinationPort] = packet % 2 === 0 ? [20_000 + flow, 443] : [443, 20_000 + flow];
        frames.push(udpFrame({ source, destination, sourcePort, destinationPort }));
      }
    }
  }
  const path = join(folder, 'traffic.pcap');
  writeFileSync(path, pcapFile(packetsOf(frames)));
  return path;
}

/** The mirror port's pair, and an uplink from its namespace to a collector's. */
class Branch implements Disposable {
  readonly mirror = new VethPair();
  readonly collector = `${this.mirror.namespace}c`;
  constructor() {
    const { namespace } = this.mirror;
    const ip = (...args: string[]): void => void execFileSync('ip', args);
    ip('netns', 'add', this.collector);
    ip('-n', namespace, 'link', 'add', 'wan0', 'type', 'veth', 'peer', 'name', 'wan1', 'netns', this.collector);
    for (const [where, link, address] of [
      [namespace, 'wan0', boxAddress],
      [this.collector, 'wan1', collectorAddress],
    ] as const) {
      ip('-n', where, 'addr', 'add', `${address}/24`, 'dev', link);
      for (const one of [link, 'lo']) ip('-n', where, 'link', 'set', one, 'up');
    }
  }
  /** Nothing passes, and nobody is told. */
  cut(): void {
    const chain = (hook: string): string => `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; }`;
    for (const order of ['add table inet cut', chain('input'), chain('output')]) this.#nft(order);
  }
  mend(): void {
    this.#nft('delete table inet cut');
  }
  #nft(order: string): void {
    execFileSync('ip', ['netns', 'exec', this.collector, 'nft', order]);
  }
  [Symbol.dispose](): void {
    spawnSync('ip', ['netns', 'del', this.collector]);
    this.mirror[Symbol.dispose]();
  }
}

const inside = (namespace: string, command: readonly string[], input: 'pipe' | 'ignore' = 'ignore'): ChildProcess =>
  spawn('ip', ['netns', 'exec', namespace, ...command], { stdio: [input, 'pipe', 'pipe'] });

interface Running {
  readonly meter: OutageMeter;
  readonly run: OutageRun;
  readonly child: ChildProcess;
}

/** How they end when they are asked to is their own affair. */
const stopping = new Set<ChildProcess>();

function startMeter(meter: OutageMeter, branch: Branch, folder: string): Running {
  const own = join(folder, String(meter.port));
  mkdirSync(own);
  const run = { interface: branch.mirror.port, folder: own, host: collectorAddress, port: meter.port };
  const child = inside(branch.mirror.namespace, meter.command(run));
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => said.push(text.toString()));
  child.on('exit', (code) => {
    if (code !== 0 && code !== null && !stopping.has(child))
      process.stderr.write(`${meter.name} ended with ${code}: ${said.join('').slice(-2_000)}\n`);
  });
  return { meter, run, child };
}

/** Resolves, when called, to what it has got: its records are not told apart, so all count. */
function startCollector({ port, collector }: OutageMeter, branch: Branch, folder: string): () => Promise<ArrivedAt> {
  const own = join(folder, `collector-${port}`);
  mkdirSync(own);
  const child = inside(branch.collector, collector!.command(collectorAddress, own));
  for (const stream of [child.stdout, child.stderr]) stream?.resume();
  return async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    const { records, packets } = collector!.arrived(own);
    return { port, records, packets, distinctRecords: records, distinctPackets: packets };
  };
}

async function stopMeter({ meter, run, child }: Running): Promise<void> {
  if (child.exitCode !== null) return;
  stopping.add(child);
  const ended = once(child, 'exit');
  meter.stop(run, child.pid!); // ip becomes the command
  const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  await ended;
  clearTimeout(late);
}

async function bench(): Promise<void> {
  const missing = networkMissing() ?? (spawnSync('nft', ['--version']).error === undefined ? undefined : 'nft is not installed');
  if (missing !== undefined) {
    process.stdout.write(`Left out: ${missing}.\n`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-outage-'));
  using branch = new Branch();
  try {
    const meters = outageMeters();
    const ports = meters.filter(({ collector }) => collector === undefined).map(({ port }) => String(port));
    const sinkProgram = join(root, 'test/bench/outage_sink.ts');
    const sink = inside(branch.collector, [process.execPath, sinkProgram, collectorAddress, ...ports], 'pipe');
    sink.stderr?.pipe(process.stderr);
    const said = createInterface({ input: sink.stdout! })[Symbol.asyncIterator]();
    await said.next();
    const collectors = meters.flatMap((meter) => (meter.collector === undefined ? [] : [startCollector(meter, branch, folder)]));
    const running = meters.map((meter) => startMeter(meter, branch, folder));
    await sleep(startS * 1_000);
    const packets = rate * (beforeS + outageS + afterS);
    const sender = [join(root, 'build/native/flowspan-send'), branch.mirror.peer, traffic(folder), String(packets), String(rate)];
    const sending = inside(branch.mirror.peerNamespace, sender);
    const sent = once(sending, 'exit');
    await sleep(beforeS * 1_000);
    branch.cut();
    await sleep(outageS * 1_000);
    branch.mend();
    const [code] = (await sent) as [number | null];
    if (code !== 0) throw new Error(`the sender ended with ${code}`);
    await sleep(1_000);
    await Promise.all(running.map(stopMeter));
    sink.stdin!.end();
    const arrived = JSON.parse((await said.next()).value as string) as ArrivedAt[];
    const others = await Promise.all(collectors.map((end) => end()));
    report(meters, [...arrived, ...others], packets);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(meters: readonly OutageMeter[], arrived: readonly ArrivedAt[], sent: number): void {
  const head = ['meter', 'over', 'records', 'packets in them', 'of what was sent', 'missing', 'records twice'];
  const rows = meters.map(({ name, how, port }) => {
    const at = arrived.find((one) => one.port === port)!;
    const count = (value: number): string => value.toLocaleString('en');
    const share = `${((at.distinctPackets / sent) * 100).toFixed(2)} %`;
    const missing = count(sent - at.distinctPackets);
    return [
      name,
      how,
      count(at.distinctRecords),
      count(at.distinctPackets),
      share,
      missing,
      count(at.records - at.distinctRecords),
    ];
  });
  process.stdout.write(
    `\n${outageS} s of outage, ${beforeS} s before and ${afterS} s after; ${rate} packets/s, ${sent.toLocaleString('en')} in all; ` +
      `time-outs ${activeTimeoutS} s active, ${idleTimeoutS} s idle.\n\n${table(head, rows)}\n`,
  );
}

await bench();
