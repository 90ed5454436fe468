/**
 * Runs one command on one core and says what it cost: user and system CPU seconds of it and of the children it waited for,
 * from bash, which tells milliseconds where GNU time tells hundredths of a second; and the largest resident set among them, from
 * GNU time. Every run has a time limit, after which its process group ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

/** The meter's core is the last one; senders, sinks and this program keep to the first. */
export const meterCore = cpus().length - 1;
export const otherCore = 0;

export interface Cost {
  readonly cpuS: number;
  readonly rssMb: number;
}

export interface Finished extends Cost {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
}

export interface Started {
  /** The process to end: the command itself, not what measures it. Known once it runs. */
  pid(): number;
  readonly finished: Promise<Finished>;
}

export interface MeasureOptions {
  readonly folder: string;
  readonly timeLimitS: number;
  /** The network namespace to run in; none is this program's own. */
  readonly namespace?: string;
  readonly core?: number;
}

export class TimeLimitReached extends Error {}

export const measure = (command: readonly string[], options: MeasureOptions): Promise<Finished> =>
  start(command, options).finished;

export function start(command: readonly string[], { folder, timeLimitS, namespace, core = meterCore }: MeasureOptions): Started {
  const own = mkdtempSync(join(tmpdir(), 'flowspan-bench-'));
  const rssFile = join(own, 'rss');
  const cpuFile = join(own, 'cpu');
  const pidFile = join(own, 'pid');
  const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  const resident = ['/usr/bin/time', '-o', rssFile, '-f', '%M'];
  const timed = ['bash', '-c', 'TIMEFORMAT="%3U %3S"; { time "$@" 2>&3; } 3>&2 2>"$0"', cpuFile];
  // The shell becomes the command, so the number that it writes down is the command's.
  const named = ['sh', '-c', 'echo $$ >"$0"; exec "$@"', pidFile];
  const whole = [...inside, 'taskset', '-c', String(core), ...resident, ...timed, ...named, ...command];
  const child = spawn(whole[0]!, whole.slice(1), { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    process.kill(-child.pid!, 'SIGKILL');
  }, timeLimitS * 1_000);
  const finish = async (): Promise<Finished> => {
    try {
      const [exitCode] = (await once(child, 'close')) as [number | null];
      if (late) throw new TimeLimitReached(`${command[0]} did not end within ${timeLimitS} s`);
      // Above their figures, both write a line about whatever did not end well.
      const [kb] = lastLine(rssFile);
      const [user, system] = lastLine(cpuFile);
      return {
        cpuS: user! + system!,
        rssMb: kb! / 1024,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        exitCode,
      };
    } finally {
      clearTimeout(limit);
      rmSync(own, { recursive: true, force: true });
    }
  };
  return { pid: () => Number(readFileSync(pidFile, 'utf8')), finished: finish() };
}

const lastLine = (file: string): number[] => readFileSync(file, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number);

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}
