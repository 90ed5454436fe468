/**
 * Run inside a network namespace by `ring.test.ts`: meters an interface and answers one JSON line per request line, so that
 * the test decides what happens when. Ends with its standard input.
 */
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { SystemClock } from '../../src/core/clock.ts';
import type { NativeObservations, NativeSampling } from '../../src/meter/addon.ts';
import { figuresOf } from '../../src/meter/figures.ts';
import { LibpcapSource } from '../../src/meter/libpcap/libpcap_source.ts';
import { loadPcap } from '../../src/meter/libpcap/pcap_package.ts';
import { ObservationReader } from '../../src/meter/observation_reader.ts';
import { addon, countsOf, faultsOf, optionsFor, takeRows } from './metering.ts';

interface Request {
  /** `busy`: keeps the event loop to itself for `ms`. `descriptors`: how many are open. */
  readonly do: 'busy' | 'descriptors' | 'open' | 'stats' | 'rows' | 'observations' | 'configure' | 'stop' | 'exit';
  readonly interfaces?: string[];
  /** Frames come through the npm package pcap instead of the ring. */
  readonly libpcap?: boolean;
  readonly source?: {
    readonly filter?: string;
    readonly snapLength?: number;
    readonly ringBytes?: number;
    readonly earlyDrop?: boolean;
    readonly memoryFolder?: string;
  };
  readonly options?: object;
  readonly ms?: number;
  readonly change?: { testWallOffsetNs?: string; sampling?: NativeSampling; observations?: NativeObservations };
}

let meter: ReturnType<typeof addon.open> | undefined;
let feeder: LibpcapSource | undefined;

async function answer(request: Request): Promise<unknown> {
  if (request.do === 'open') {
    const kind = request.libpcap === true ? ('feed' as const) : ('ring' as const);
    const interfaces = request.interfaces ?? ['mirror0'];
    meter = addon.open(optionsFor({ kind, interfaces, ...request.source }, request.options));
    meter.start();
    if (kind === 'feed') feeder = feed(meter, interfaces, request);
    return { opened: true };
  }
  if (request.do === 'busy') {
    const untilMs = performance.now() + (request.ms ?? 0);
    while (performance.now() < untilMs);
    return {};
  }
  if (request.do === 'descriptors') return { count: readdirSync('/proc/self/fd').length };
  if (meter === undefined) throw new Error('open first');
  if (request.do === 'stats') return statsOf(meter);
  if (request.do === 'rows') return takeAll(meter);
  if (request.do === 'observations') {
    const seen: { kind: string; payload: string }[] = [];
    new ObservationReader().drain(meter, ({ kind, payload }) =>
      seen.push({ kind, payload: Buffer.from(payload).toString('base64') }),
    );
    return seen;
  }
  if (request.do === 'configure') {
    const { testWallOffsetNs, sampling, observations } = request.change ?? {};
    const wall = testWallOffsetNs === undefined ? {} : { testWallOffsetNs: BigInt(testWallOffsetNs) };
    const names = observations === undefined ? {} : { observations };
    return { selectorId: meter.configure({ ...wall, ...names, ...(sampling === undefined ? {} : { sampling }) }) };
  }
  if (request.do === 'exit') process.exit(0);
  await feeder?.stop();
  meter.stop();
  const rows: string[] = [];
  while (!meter.drained()) rows.push(...takeRows(meter, meter.waitBlock(100)).map((row) => Buffer.from(row).toString('base64')));
  const stats = statsOf(meter);
  meter.close();
  return { ...stats, rows };
}

function feed(to: NonNullable<typeof meter>, interfaces: string[], { source }: Request): LibpcapSource {
  const { filter = '', snapLength = 256, ringBytes = 8 << 20 } = source ?? {};
  const settings = { interfaces, filter, snapLength, ringBytes, promiscuous: true };
  const onBug = (error: unknown): void => {
    throw error;
  };
  const made = new LibpcapSource({ clock: new SystemClock(), settings, binding: loadPcap(), meter: to, onBug });
  made.start();
  return made;
}

function statsOf(of: NonNullable<typeof meter>): object {
  const stats = of.stats();
  const { interfaces, sourceError, selectors } = stats;
  return {
    counts: countsOf(stats),
    interfaces,
    sourceError,
    selectors,
    faults: faultsOf(stats),
    threads: figuresOf(stats).threads,
  };
}

function takeAll(of: NonNullable<typeof meter>): { rows: string[]; monotonicNs: string } {
  const rows: string[] = [];
  for (let block = of.poll(); block >= 0; block = of.poll()) {
    rows.push(...takeRows(of, block).map((row) => Buffer.from(row).toString('base64')));
  }
  return { rows, monotonicNs: String(addon.clocks().monotonicNs) };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: unknown;
  try {
    reply = await answer(JSON.parse(line) as Request);
  } catch (error) {
    reply = { error: { code: (error as { code?: string }).code, message: (error as Error).message } };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
feeder?.close();
meter?.close();
