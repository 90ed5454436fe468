/** What a running process and its children have used of the processor, from /proc: at a moment, and by thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The kernel's clock ticks a second, as /proc counts; the same on every Linux that Node runs on (USER_HZ). */
const ticksPerS = 100;
const pollMs = 20;

/** CPU seconds by thread name. */
export type ThreadTimes = ReadonlyMap<string, number>;

export function threadTimes(pid: number): ThreadTimes {
  const times = new Map<string, number>();
  addProcess(pid, times);
  return times;
}

export const wholeOf = (times: ThreadTimes): number => [...times.values()].reduce((sum, seconds) => sum + seconds, 0);

function addProcess(pid: number, to: Map<string, number>): void {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return; // it has ended
  }
  for (const thread of threads) {
    const at = `/proc/${pid}/task/${thread}`;
    try {
      const stat = readFileSync(`${at}/stat`, 'utf8');
      // proc(5): the name stands in parentheses and may hold anything; user and system time are fields 14 and 15.
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      to.set(name, (to.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / ticksPerS);
      for (const child of readFileSync(`${at}/children`, 'utf8').split(' ')) if (child !== '') addProcess(Number(child), to);
    } catch {
      // The thread has ended between the list and the look.
    }
  }
}

/** Looks until `ended`: the most that was seen of each thread, since those that end are seen no more. */
export async function watchThreads(pid: number, ended: Promise<unknown>): Promise<ThreadTimes> {
  const most = new Map<string, number>();
  let going = true;
  const stop = (): void => {
    going = false;
  };
  ended.then(stop, stop);
  while (going) {
    for (const [name, seconds] of threadTimes(pid)) most.set(name, Math.max(most.get(name) ?? 0, seconds));
    await sleep(pollMs);
  }
  return most;
}
