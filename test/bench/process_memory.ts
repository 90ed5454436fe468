/** What of a process is in memory, by kinds of mappings, from `/proc/PID/smaps` (proc(5)). Octets. */
import { readFileSync } from 'node:fs';

export interface MappedMemory {
  /** Its own, whatever it is for. */
  readonly anonymous: number;
  /** Of it the C library's: the first pool, and others that are whole arenas of 64 MiB. */
  readonly pools: number;
  /** The program and its libraries. */
  readonly program: number;
  readonly tables: number;
  /** The kernel's capture rings. */
  readonly rings: number;
  readonly otherFiles: number;
  readonly resident: number;
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly path: string;
  rss: number;
  anonymous: number;
}

const arenaOctets = 64 * 2 ** 20;
const kindOf = (path: string): 'program' | 'tables' | 'rings' | 'otherFiles' =>
  path.endsWith('.ldb')
    ? 'tables'
    : path.startsWith('socket:')
      ? 'rings'
      : /\/node$|\.node$|\.so(\.|$)/.test(path)
        ? 'program'
        : 'otherFiles';

export function mappedMemory(pid: number): MappedMemory {
  const sums = { anonymous: 0, pools: 0, program: 0, tables: 0, rings: 0, otherFiles: 0, resident: 0 };
  for (const mapping of mappingsOf(readFileSync(`/proc/${pid}/smaps`, 'utf8'))) {
    sums.resident += mapping.rss;
    sums.anonymous += mapping.anonymous;
    // glibc's arenas begin at multiples of their greatest size; nothing else of this program does.
    if (mapping.path === '[heap]' || (mapping.path === '' && mapping.start % arenaOctets === 0)) sums.pools += mapping.anonymous;
    sums[kindOf(mapping.path)] += mapping.rss - mapping.anonymous;
  }
  return sums;
}

function mappingsOf(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of text.split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+\s*(.*)$/.exec(line);
    if (head !== null) {
      const [, start, end, path] = head;
      mappings.push({ start: Number.parseInt(start!, 16), end: Number.parseInt(end!, 16), path: path!, rss: 0, anonymous: 0 });
      continue;
    }
    const figure = /^(Rss|Anonymous):\s+(\d+) kB$/.exec(line);
    const mapping = mappings.at(-1);
    if (figure !== null && mapping !== undefined) mapping[figure[1] === 'Rss' ? 'rss' : 'anonymous'] = Number(figure[2]) * 1_024;
  }
  return mappings;
}
