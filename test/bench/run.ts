/**
 * `npm run bench`: flowspan beside the peers that Debian has, offline on captures and live on a veth pair, and the meter alone.
 * Prints Markdown. What is measured, and how, is in README.md beside this file.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CaseName, captureOf, caseNames, nativeBench } from './captures.ts';
import { printInstructions } from './instructions.ts';
import { benchLive } from './live.ts';
import { flowspanAlone, liveMeters } from './live_meters.ts';
import { meterCore, otherCore } from './measure.ts';
import { benchOffline } from './offline.ts';
import { flowspan, peers } from './peers.ts';
import { table } from './table.ts';

const parts = ['offline', 'live', 'meter', 'instructions', 'export', 'outage', 'pipeline', 'history', 'page'] as const;
/** Unless others are asked for: a live run of all four would take most of an hour. */
const liveCases: readonly CaseName[] = ['imix', 'min64'];
const quickPackets = 500_000;
const roundsMax = 99;
const usage = `usage: npm run bench -- [options]
  --case NAMES      of ${caseNames.join(',')}; separated by commas
  --peer NAMES      of ${peers.map(({ name }) => name).join(',')}; flowspan always runs
  --rounds NUMBER   1 to ${roundsMax}, default 3
  --only PARTS      of ${parts.join(',')}
  --quick           one round, ${quickPackets.toLocaleString('en')} packets: to see that it works, not to compare
`;

interface Choice {
  readonly cases: readonly CaseName[];
  readonly peers: typeof peers;
  readonly parts: readonly (typeof parts)[number][];
  readonly rounds: number;
  readonly packetsMax: number;
}

class WrongUsage extends Error {}

function choiceOf(args: readonly string[]): Choice {
  const text = { type: 'string', multiple: true } as const;
  const options = { case: text, peer: text, only: text, rounds: { type: 'string' }, quick: { type: 'boolean' } } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new WrongUsage((error as Error).message.split('. ')[0], { cause: error });
  }
  const quick = values.quick === true;
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > roundsMax) {
    throw new WrongUsage(`--rounds ${values.rounds}: allowed: 1 to ${roundsMax}`);
  }
  const names = listed(
    'peer',
    values.peer,
    peers.map(({ name }) => name),
  );
  return {
    cases: listed('case', values.case, caseNames),
    peers: peers.filter((peer) => peer === flowspan || names.includes(peer.name)),
    parts: listed('only', values.only, parts),
    rounds,
    packetsMax: quick ? quickPackets : Number.POSITIVE_INFINITY,
  };
}

function listed<Name extends string>(
  option: string,
  given: readonly string[] | undefined,
  allowed: readonly Name[],
): readonly Name[] {
  if (given === undefined) return allowed;
  return given
    .flatMap((text) => text.split(','))
    .map((name) => {
      const found = allowed.find((one) => one === name);
      if (found === undefined) throw new WrongUsage(`--${option} ${name}: allowed: ${allowed.join(', ')}`);
      return found;
    });
}

function printMeterAlone(cases: readonly CaseName[], quick: boolean, print: (text: string) => void): void {
  const env = quick ? { ...process.env, FLOWSPAN_BENCH_PACKETS: String(quickPackets) } : process.env;
  const command = ['-c', String(meterCore), nativeBench('meter_bench'), quick ? '1' : '5', ...cases];
  const lines = execFileSync('taskset', command, { encoding: 'utf8', env }).trim().split('\n');
  const [, ...rows] = lines.map((line) => line.trim().split(/ +/));
  const head = ['case', 'ns a packet', 'M packets/s', 'least possible ns', 'ratio', 'records', 'octets a flow'];
  print(`\n## The meter alone: frames in memory, no Node\n\n${table(head, rows)}`);
}

/** A bench of its own, in a process of its own. */
function runBeside(name: string, quick = false): void {
  execFileSync(process.execPath, [join(import.meta.dirname, name), ...(quick ? ['--quick'] : [])], { stdio: 'inherit' });
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  let choice: Choice;
  try {
    choice = choiceOf(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    process.stderr.write(`bench: ${error.message}\n${usage}`);
    return 2;
  }
  const print = (text: string): void => void process.stdout.write(text);
  // Debian keeps the peers in sbin, which an ordinary user's PATH lacks.
  process.env.PATH += ':/usr/sbin:/sbin';
  execFileSync('taskset', ['-p', '-c', String(otherCore), String(process.pid)]);
  const { cases, rounds, packetsMax } = choice;
  const quick = packetsMax === quickPackets;
  if (choice.parts.includes('meter')) printMeterAlone(cases, quick, print);
  if (choice.parts.includes('instructions')) printInstructions(cases, print);
  if (choice.parts.includes('offline')) {
    print('\n## Offline: a capture in, flow records out\n');
    const captures = (function* () {
      for (const name of cases) yield captureOf(name, packetsMax);
    })();
    await benchOffline(captures, { peers: choice.peers, rounds, print });
  }
  if (choice.parts.includes('live')) {
    const meters = liveMeters.filter((meter) => meter === flowspanAlone || choice.peers.some(({ name }) => name === meter.name));
    const named = cases.filter((name) => liveCases.includes(name));
    await benchLive(named.length > 0 ? named : cases.slice(0, 1), { meters, quick, print });
  }
  if (choice.parts.includes('export')) {
    print('\n## Export: from rows to a collector, one line of JSON a case\n\n');
    runBeside('spool_bench.ts');
    runBeside('spool_disk_bench.ts', quick);
  }
  if (choice.parts.includes('outage')) {
    print('\n## Outage: what arrives\n');
    runBeside('outage.ts', quick);
  }
  if (choice.parts.includes('pipeline')) {
    print('\n## Pipeline: rows enriched and rolled up, one line of JSON a case\n\n');
    runBeside('pipeline_bench.ts');
  }
  if (choice.parts.includes('history')) {
    print('\n## History: 13 months on disk, writes of a day, questions to the API, one line of JSON a figure\n\n');
    runBeside('history_bench.ts', quick);
  }
  if (choice.parts.includes('page')) {
    print('\n## Page: the first view on a slow phone, one line of JSON a figure\n\n');
    runBeside('page_bench.ts');
  }
  return 0;
}

process.exitCode = await main();
