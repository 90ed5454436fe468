/**
 * Run inside a network namespace by `ring.test.ts`: meters an interface and answers one JSON line per request line, so that
 * the test decides what happens when. Ends with its standard input.
 */
import { createInterface } from 'node:readline';
import { addon, countsOf, faultsOf, optionsFor, takeRows } from './metering.ts';

interface Request {
  readonly do: 'open' | 'stats' | 'rows' | 'configure' | 'stop' | 'exit';
  readonly interfaces?: string[];
  readonly source?: object;
  readonly options?: object;
  readonly change?: { testWallOffsetNs?: string };
}

let meter: ReturnType<typeof addon.open> | undefined;

function answer(request: Request): unknown {
  if (request.do === 'open') {
    const source = { kind: 'ring' as const, interfaces: request.interfaces ?? ['mirror0'], ...request.source };
    meter = addon.open(optionsFor(source, request.options));
    meter.start();
    return { opened: true };
  }
  if (meter === undefined) throw new Error('open first');
  if (request.do === 'stats') return statsOf(meter);
  if (request.do === 'rows') return takeAll(meter);
  if (request.do === 'configure') {
    return { selectorId: meter.configure({ testWallOffsetNs: BigInt(request.change?.testWallOffsetNs ?? 0) }) };
  }
  if (request.do === 'exit') process.exit(0);
  meter.stop();
  const rows: string[] = [];
  while (!meter.drained()) rows.push(...takeRows(meter, meter.waitBlock(100)).map((row) => Buffer.from(row).toString('base64')));
  const stats = statsOf(meter);
  meter.close();
  return { ...stats, rows };
}

function statsOf(of: NonNullable<typeof meter>): object {
  const stats = of.stats();
  return { counts: countsOf(stats), interfaces: stats.interfaces, sourceError: stats.sourceError, faults: faultsOf(stats) };
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
    reply = answer(JSON.parse(line) as Request);
  } catch (error) {
    reply = { error: { code: (error as { code?: string }).code, message: (error as Error).message } };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
meter?.close();
