// biome-ignore-all lint: throw-away
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
import { bareCounter, type LiveMeter } from './live_meters.ts';
import type { SinkTotals } from './live_sink.ts';
import { meterCore, otherCore, type Started, start } from './measure.ts';
import { type ThreadTimes, threadTimes, watchThreads, wholeOf } from './process_cpu.ts';
import { table } from './table.ts';

const fullSpeed = 0;
const paced = [100_000, 200_000, 300_000];
const pacedForS = 4;
/** The sender holds the frames in memory at their whole length. */
const pacedFramesMax = 1_000_000;
const timeLimitS = 180;
const readyWithinMs = 20_000;
/** What is still in the ring when the sender stops is read in this time. */
const settleMs = 1_500;
const rounds = Number(process.env['ROUNDS'] ?? 2);
/** Capturing is among the last things a meter begins; flowspan's page comes up beside it. */
const startsMs = 1_500;

interface Load {
  readonly capture: string;
  readonly packets: number;
  /** Packets a second; `fullSpeed` is as fast as the sender can. */
  readonly rate: number;
}

interface Sent {
  readonly packets: number;
  readonly octets: number;
  readonly seconds: number;
}

interface Outcome {
  readonly sent: Sent;
  /** In records. */
  readonly packets: number;
  readonly records: number | undefined;
  readonly cpuS: number;
  /** Of it, until it was ready. */
  readonly startCpuS: number;
  readonly threads: { readonly atStart: ThreadTimes; readonly atEnd: ThreadTimes };
  readonly rssMb: number;
}

interface Live {
  readonly meters: readonly LiveMeter[];
  readonly quick: boolean;
  print(text: string): void;
}

/** By meter, then by rate. */
type Outcomes = ReadonlyMap<LiveMeter, ReadonlyMap<number, Outcome>>;


import { flowspan, flowspanAlone } from './live_meters.ts';
const meterOf = process.env['METER'] === 'alone' ? flowspanAlone : flowspan;
const capture = captureOf((process.env['CASE'] ?? 'imix') as CaseName);
for (let i = 0; i < rounds; i++) {
  // Keep clear of minutes' ends: a run takes about 20 s.
  while (new Date().getSeconds() > 32) await sleep(500);
  const load = { capture: capture.path, packets: capture.packets, rate: Number(process.env['RATE'] ?? 0) };
  const out = await runLive(meterOf, load, capture.cacheFlows);
  const { cpuS, startCpuS, sent, packets, records, rssMb, threads } = out;
  const parts = [...threads.atEnd].map(([t, s]) => [t, s - (threads.atStart.get(t) ?? 0)] as const).filter(([, s]) => s >= 0.02).sort((x, y) => y[1] - x[1]);
  console.log(`net ${(cpuS - startCpuS).toFixed(2)} start ${startCpuS.toFixed(2)} missing ${sent.packets - packets} rec ${records} rss ${rssMb.toFixed(0)} rate ${(sent.packets / sent.seconds / 1e3).toFixed(0)} | ${parts.map(([t, s]) => `${t} ${s.toFixed(2)}`).join(' ')}`);
}
async function runLive(meter: LiveMeter, load: Load, cacheFlows: number): Promise<Outcome> {
  const folder = mkdtempSync(join(root, 'build/bench/live-'));
  using pair = new VethPair();
  execFileSync('ip', ['-n', pair.namespace, 'link', 'set', 'lo', 'up']);
  const sink = startSink(pair.namespace);
  process.stderr.write(`live: ${meter.name}, ${load.rate === fullSpeed ? 'full speed' : `${load.rate / 1e3} k/s`}\n`);
  let metering: Started | undefined;
  try {
    const run = { interface: pair.port, folder, port: Number(await sink.line()), cacheFlows };
    metering = start(meter.command(run), { folder, timeLimitS, namespace: pair.namespace });
    await ready(pair, metering);
    const atStart = threadTimes(metering.pid());
    const sent = send(pair, load);
    await sleep(settleMs);
    const watched = watchThreads(metering.pid(), metering.finished);
    const told = meter.stop(run, metering.pid());
    const { cpuS, rssMb, stdout } = await metering.finished; (await import('node:fs')).writeFileSync('/tmp/rv/live.out', stdout);
    metering = undefined;
    const atEnd = await watched;
    sink.end();
    const seen = JSON.parse(await sink.line()) as SinkTotals;
    const own = meter.account?.(run, stdout) ?? told ?? seen;
    const threads = { atStart, atEnd };
    return { sent, packets: own.packets, records: own.records, cpuS, startCpuS: wholeOf(atStart), threads, rssMb };
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

/** A meter is ready when a packet socket of its namespace is open on the port (packet(7); columns as in the kernel's af_packet.c). */
async function ready({ namespace, port }: VethPair, { finished }: Started): Promise<void> {
  const early = finished.then(({ stderr }) => {
    throw new Error(`the meter ended before it was ready: ${stderr}`);
  });
  const inside = (...command: string[]): string =>
    execFileSync('ip', ['netns', 'exec', namespace, ...command], { encoding: 'utf8' }).trim();
  const index = inside('cat', `/sys/class/net/${port}/ifindex`);
  const captured = async (): Promise<void> => {
    for (let waitedMs = 0; waitedMs < readyWithinMs; waitedMs += 50) {
      const sockets = inside('cat', '/proc/net/packet')
        .split('\n')
        .map((line) => line.trim().split(/ +/));
      if (sockets.some(([, , , , on, running]) => on === index && running === '1')) return;
      await sleep(50);
    }
    throw new Error(`the meter did not capture within ${readyWithinMs} ms`);
  };
  await Promise.race([captured(), early]);
  // The rest of its start.
  await sleep(startsMs);
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
