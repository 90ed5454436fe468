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
import { cpuSecondsOf, type ThreadTimes, threadTimes, watchThreads } from './process_cpu.ts';
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

export async function benchLive(names: readonly CaseName[], { meters, quick, print }: Live): Promise<void> {
  const missing = networkMissing() ?? (meterCore === otherCore ? 'one core: sender and meter need one each' : undefined);
  if (missing !== undefined) return print(`\n## Live\n\nLeft out: ${missing}.\n`);
  for (const name of names) {
    print(`\n## Live: ${name} on a veth pair, flow records out\n`);
    const part = captureOf(name, quick ? 500_000 : pacedFramesMax);
    const whole = quick ? part : captureOf(name);
    const outcomes = new Map<LiveMeter, Map<number, Outcome>>();
    // One program after the other at each rate, so that a noisy minute does not fall on one of them alone.
    for (const rate of [fullSpeed, ...(quick ? paced.slice(0, 1) : paced)]) {
      const capture = rate === fullSpeed ? whole : part;
      const load = { capture: capture.path, packets: rate === fullSpeed ? capture.packets : rate * pacedForS, rate };
      for (const meter of [bareCounter, ...meters]) {
        const byRate = outcomes.get(meter) ?? new Map<number, Outcome>();
        outcomes.set(meter, byRate.set(rate, await runLive(meter, load, whole.cacheFlows)));
      }
    }
    print(`\nAt the sender’s full speed, caches of ${whole.cacheFlows.toLocaleString('en')} flows:\n\n${speedTable(outcomes)}`);
    print(`\nPackets in no record, by rate, and CPU µs a packet without start-up:\n\n${lossTable(outcomes)}`);
    const own = outcomes.get(meters[0]!)!.get(fullSpeed)!;
    print(`\nWhere ${meters[0]!.name} spends it, CPU s by thread at full speed:\n\n${threadTable(own)}`);
  }
  print('\nStart-up is what was used until the port was captured from; the rest includes handing all flows over at the end.\n');
}

const netOf = ({ cpuS, startCpuS }: Outcome): number => cpuS - startCpuS;

function speedTable(outcomes: Outcomes): string {
  const at = (meter: LiveMeter | undefined): Outcome | undefined => meter && outcomes.get(meter)?.get(fullSpeed);
  const meters = [...outcomes.keys()];
  const [bare, first] = [at(meters[0])!, at(meters[1])!];
  const ratio = (of: Outcome, to: Outcome): string => (netOf(of) / netOf(to)).toFixed(1);
  const rows = meters.map((meter) => {
    const outcome = at(meter)!;
    const { sent, packets, records, startCpuS, rssMb } = outcome;
    return [
      meter.name,
      (sent.packets / sent.seconds / 1e3).toFixed(0),
      `${((packets / sent.packets) * 100).toFixed(3)} %`,
      (sent.packets - packets).toLocaleString('en'),
      records?.toLocaleString('en') ?? '–',
      startCpuS.toFixed(2),
      netOf(outcome).toFixed(2),
      ((netOf(outcome) / sent.packets) * 1e6).toFixed(2),
      ratio(outcome, bare),
      meter === bareCounter ? '–' : ratio(outcome, first),
      rssMb.toFixed(0),
    ];
  });
  const head = ['program', 'k packets/s sent', 'in records', 'missing', 'records', 'CPU s of start-up', 'CPU s of the rest'];
  return table([...head, 'µs CPU a packet', '÷ bare', `÷ ${meters[1]!.name}`, 'peak RSS MB'], rows);
}

function lossTable(outcomes: Outcomes): string {
  const rates = [...outcomes.values().next().value!.keys()];
  const rows = [...outcomes].map(([meter, byRate]) => [
    meter.name,
    ...rates.map((rate) => {
      const outcome = byRate.get(rate)!;
      const { sent, packets } = outcome;
      return `${((1 - packets / sent.packets) * 100).toFixed(3)} %, ${((netOf(outcome) / sent.packets) * 1e6).toFixed(2)}`;
    }),
  ]);
  return table(['program', ...rates.map((rate) => (rate === fullSpeed ? 'full speed' : `${rate / 1e3} k/s`))], rows);
}

function threadTable({ threads: { atStart, atEnd } }: Outcome): string {
  const rows = [...atEnd]
    .map(([thread, seconds]) => ({ thread, start: atStart.get(thread) ?? 0, rest: seconds - (atStart.get(thread) ?? 0) }))
    .filter(({ start, rest }) => start + rest >= 0.01)
    .sort((a, b) => b.rest - a.rest)
    .map(({ thread, start, rest }) => [thread, start.toFixed(2), rest.toFixed(2)]);
  return table(['thread', 'start-up', 'the rest'], rows);
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
    const startCpuS = cpuSecondsOf(metering.pid());
    const sent = send(pair, load);
    await sleep(settleMs);
    const watched = watchThreads(metering.pid(), metering.finished);
    const told = meter.stop(run, metering.pid());
    const { cpuS, rssMb, stdout } = await metering.finished;
    metering = undefined;
    const atEnd = await watched;
    sink.end();
    const seen = JSON.parse(await sink.line()) as SinkTotals;
    const own = meter.account?.(run, stdout) ?? told ?? seen;
    const threads = { atStart, atEnd };
    return { sent, packets: own.packets, records: own.records, cpuS, startCpuS, threads, rssMb };
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
