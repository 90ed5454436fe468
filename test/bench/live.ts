/**
 * Meters on a port of a veth pair, frames sent in at the other end: what share of the packets do their records account for,
 * and what does it cost? At the sender's full speed, and at paced rates for the curve of losses. Everything is bounded by count
 * and time; the two namespaces go at the end. Needs root and two cores: one is the meter's alone, one for everything else.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { networkMissing, VethPair } from '../meter/network.ts';
import { root } from '../repo/sources.ts';
import { type CaseName, captureOf } from './captures.ts';
import { type LiveMeter, liveCacheFlows, type OwnAccount } from './live_meters.ts';
import type { SinkTotals } from './live_sink.ts';
import { meterCore, otherCore, type Started, start } from './measure.ts';
import { table } from './table.ts';

const paced = [100_000, 200_000, 300_000];
const pacedForS = 4;
/** The sender holds the frames in memory at their whole length. */
const pacedFramesMax = 1_000_000;
const timeLimitS = 180;
const readyWithinMs = 20_000;
/** What is still in the ring when the sender stops is read in this time. */
const settleMs = 1_500;

interface Load {
  readonly capture: string;
  readonly packets: number;
  /** Packets a second; 0 is as fast as the sender can. */
  readonly rate: number;
}

interface Sent {
  readonly packets: number;
  readonly octets: number;
  readonly seconds: number;
}

interface Outcome {
  readonly sent: Sent;
  readonly seen: SinkTotals;
  readonly own: OwnAccount | undefined;
  readonly cpuS: number;
  readonly rssMb: number;
}

interface Live {
  readonly meters: readonly LiveMeter[];
  readonly quick: boolean;
  print(text: string): void;
}

export async function benchLive(name: CaseName, { meters, quick, print }: Live): Promise<void> {
  print(`\n## Live: ${name} on a veth pair, flow records out\n`);
  const missing = networkMissing() ?? (meterCore === otherCore ? 'one core: sender and meter need one each' : undefined);
  if (missing !== undefined) return print(`\nLeft out: ${missing}.\n`);
  const part = captureOf(name, quick ? 500_000 : pacedFramesMax);
  const whole = quick ? part : captureOf(name);
  const rows: string[][] = [];
  for (const meter of meters)
    rows.push(rowOf(meter, await runLive(meter, { capture: whole.path, packets: whole.packets, rate: 0 })));
  for (const rate of quick ? paced.slice(0, 1) : paced) {
    for (const meter of meters)
      rows.push(rowOf(meter, await runLive(meter, { capture: part.path, packets: rate * pacedForS, rate })));
  }
  print(`\n${table(head, rows)}`);
  print(`\nCaches of ${liveCacheFlows.toLocaleString('en')} flows. CPU is the whole program’s, start and stop included.\n`);
}

function rowOf({ name }: LiveMeter, { sent, seen, own, cpuS, rssMb }: Outcome): string[] {
  const packets = own?.packets ?? seen.packets;
  return [
    name,
    (sent.packets / sent.seconds / 1e3).toFixed(0),
    sent.packets.toLocaleString('en'),
    `${((packets / sent.packets) * 100).toFixed(3)} %`,
    (sent.packets - packets).toLocaleString('en'),
    seen.records.toLocaleString('en'),
    String((own?.datagrams ?? seen.datagrams) - seen.datagrams),
    cpuS.toFixed(2),
    ((cpuS / sent.packets) * 1e6).toFixed(2),
    rssMb.toFixed(0),
  ];
}

const head = [
  ...['program', 'k packets/s sent', 'packets', 'in records', 'missing', 'records at the collector', 'datagrams it missed'],
  ...['CPU s', 'µs CPU a packet', 'peak RSS MB'],
];

async function runLive(meter: LiveMeter, load: Load): Promise<Outcome> {
  const folder = mkdtempSync(join(root, 'build/bench/live-'));
  using pair = new VethPair();
  execFileSync('ip', ['-n', pair.namespace, 'link', 'set', 'lo', 'up']);
  const sink = startSink(pair.namespace);
  let metering: Started | undefined;
  try {
    const run = { interface: pair.port, folder, port: Number(await sink.line()) };
    metering = start(meter.command(run), { folder, timeLimitS, namespace: pair.namespace });
    await ready(pair, metering);
    const sent = send(pair, load);
    await sleep(settleMs);
    const own = meter.stop(run, metering.pid());
    const { cpuS, rssMb } = await metering.finished;
    metering = undefined;
    sink.end();
    const seen = JSON.parse(await sink.line()) as SinkTotals;
    return { sent, seen, own, cpuS, rssMb };
  } finally {
    if (metering !== undefined) {
      process.kill(metering.pid(), 'SIGKILL');
      await metering.finished;
    }
    sink.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startSink(namespace: string): { line(): Promise<string>; end(): void } {
  const command = ['netns', 'exec', namespace, process.execPath, join(root, 'test/bench/live_sink.ts')];
  const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the sink has ended');
      return value;
    },
    end: () => void child.stdin.end(),
  };
}

/** A meter is ready when the kernel counts its claim to promiscuous mode. */
async function ready({ namespace, port }: VethPair, { finished }: Started): Promise<void> {
  const early = finished.then(({ stderr }) => {
    throw new Error(`the meter ended before it was ready: ${stderr}`);
  });
  const promiscuous = async (): Promise<void> => {
    for (let waitedMs = 0; waitedMs < readyWithinMs; waitedMs += 50) {
      const links = execFileSync('ip', ['-n', namespace, '-d', '-j', 'link', 'show', 'dev', port], { encoding: 'utf8' });
      if ((JSON.parse(links) as { promiscuity: number }[])[0]!.promiscuity > 0) return;
      await sleep(50);
    }
    throw new Error(`the meter was not ready within ${readyWithinMs} ms`);
  };
  await Promise.race([promiscuous(), early]);
  // The rest of its start.
  await sleep(500);
}

function send({ peerNamespace, peer }: VethPair, { capture, packets, rate }: Load): Sent {
  const sender = join(root, 'build/native/flowspan-send');
  const command = [
    '-c',
    String(otherCore),
    'ip',
    'netns',
    'exec',
    peerNamespace,
    sender,
    peer,
    capture,
    String(packets),
    String(rate),
  ];
  return JSON.parse(execFileSync('taskset', command, { encoding: 'utf8', timeout: timeLimitS * 1_000 })) as Sent;
}
