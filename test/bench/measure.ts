/**
 * Runs one command on one core and says what it cost: user and system CPU seconds of it and of the children it waited for,
 * and the largest resident set among them, both from GNU time. Every run has a time limit, after which its process group ends.
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
  const figures = join(own, 'time');
  const pidFile = join(own, 'pid');
  const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  // The shell becomes the command, so the number that it writes down is the command's.
  const timed = ['/usr/bin/time', '-o', figures, '-f', '%U %S %M', 'sh', '-c', 'echo $$ >"$0"; exec "$@"', pidFile, ...command];
  const whole = [...inside, 'taskset', '-c', String(core), ...timed];
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
      // Above its figures, time writes a line about an exit code other than 0.
      const line = readFileSync(figures, 'utf8').trim().split('\n').at(-1)!;
      const [user, system, kb] = line.split(' ').map(Number);
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

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}
