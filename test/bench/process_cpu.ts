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

/** CPU seconds of a process and its children until now, with those of threads that have ended and of children it has waited for. */
export function cpuSecondsOf(pid: number): number {
  const own = fieldsOf(`/proc/${pid}/stat`);
  if (own === undefined) return 0;
  // proc(5): fields 14 to 17 are user and system time, then those of children that were waited for.
  const used = own.fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerS;
  return childrenOf(pid).reduce((sum, child) => sum + cpuSecondsOf(child), used);
}

function childrenOf(pid: number): number[] {
  return readdirOf(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return []; // it has ended
    }
  });
}

function readdirOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // it has ended
  }
}

/** A stat file of /proc; undefined when what it tells of has ended. */
function fieldsOf(path: string): { name: string; fields: string[] } | undefined {
  try {
    const stat = readFileSync(path, 'utf8');
    // proc(5): the name stands in parentheses and may hold anything; behind it begins field 3.
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    return { name, fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') };
  } catch {
    return undefined;
  }
}

function addProcess(pid: number, to: Map<string, number>): void {
  for (const thread of readdirOf(`/proc/${pid}/task`)) {
    const stat = fieldsOf(`/proc/${pid}/task/${thread}/stat`);
    if (stat === undefined) continue;
    const [user, system] = stat.fields.slice(11, 13);
    to.set(stat.name, (to.get(stat.name) ?? 0) + (Number(user) + Number(system)) / ticksPerS);
  }
  for (const child of childrenOf(pid)) addProcess(child, to);
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
