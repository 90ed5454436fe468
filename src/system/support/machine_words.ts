/**
 * What the machine says of itself, for a support bundle: commands that look and change nothing, each with a time limit and a bound. An edge.
 * What is not installed is left out; what fails says so.
 */
import { execFile } from 'node:child_process';

/** File in the bundle, and the command. Newest last where a command tells a story. */
const questions: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['log.txt', 'journalctl', '--unit', 'flowspan*', '--lines', '20000', '--output', 'short-iso', '--no-pager', '--quiet'],
  ['kernel.txt', 'journalctl', '--dmesg', '--lines', '2000', '--output', 'short-iso', '--no-pager', '--quiet'],
  ['service.txt', 'systemctl', 'status', 'flowspan.service', '--no-pager', '--full', '--lines', '0'],
  ['failed_units.txt', 'systemctl', '--failed', '--no-pager', '--full'],
  ['ports.txt', 'ip', '-details', '-statistics', 'link'],
  ['addresses.txt', 'ip', 'address'],
  ['routes.txt', 'ip', 'route', 'show', 'table', 'all'],
  ['disk.txt', 'df', '--block-size', 'M', '--print-type'],
  ['kernel_version.txt', 'uname', '--all'],
  ['time.txt', 'chronyc', '-n', 'tracking'],
  ['time_sources.txt', 'chronyc', '-n', 'sources'],
  ['updates.txt', 'rauc', 'status', '--detailed'],
  ['memory.txt', 'cat', '/proc/meminfo', '/proc/pressure/memory', '/proc/pressure/cpu', '/proc/pressure/io'],
  ['interrupts.txt', 'cat', '/proc/softirqs', '/proc/net/softnet_stat'],
];

const answerMs = 10_000;
const answerOctetsMax = 64 * 1024 * 1024;

/** Texts by name, in the order of the table. */
export async function machineWords(): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, program, ...args] of questions) {
    const text = await answerOf(program, args);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

/** Undefined where there is no such program. */
function answerOf(program: string, args: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(program, args, { timeout: answerMs, maxBuffer: answerOctetsMax, env }, (error, stdout, stderr) => {
      if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') resolve(undefined);
      else resolve(`${stdout}${stderr}${error === null ? '' : `(${program} ended with ${error.code ?? error.signal})\n`}`);
    });
  });
}
