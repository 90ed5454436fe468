/**
 * The memory of the whole service as it is installed, over time and by part: a busy branch replayed at so many new flows a second, a collector
 * that takes everything, all other settings as they come. With more flows a second than a branch has, whatever is bounded comes to its
 * bound in minutes. At the end, what the program says it wrote beside what the kernel says of its cgroup, where it has one for itself.
 *
 *   scripts/bench memory [--flows 8000] [--minutes 5] [--idle] [--max-mb N]
 *
 *   --idle       no traffic at all: what is there for nothing
 *   --max-mb     exit 1 when the process ever takes more of its own (files that it only reads left out)
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { branchSecond } from '../image/branch.ts';
import { root } from '../repo/sources.ts';
import { type MappedMemory, mappedMemory } from './process_memory.ts';
import { table } from './table.ts';

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '8000' },
    minutes: { type: 'string', default: '5' },
    idle: { type: 'boolean', default: false },
    'max-mb': { type: 'string', default: '0' },
  },
});
const flows = values.idle ? 0 : Number(values.flows);
const forS = Number(values.minutes) * 60;
const maxMb = Number(values['max-mb']);
const looks = 6;
const pagePort = 18_480;
/** A machine that is busy otherwise takes its time. */
const pageWithinS = 180;

interface Look {
  readonly atS: number;
  readonly mapped: MappedMemory;
  readonly figures: ReadonlyMap<string, number>;
  readonly cpuS: number;
}

const folder = join(root, 'build', 'bench', 'memory');
rmSync(join(folder, 'data'), { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

/** Some seconds of the branch, to be repeated; snapped, with original lengths. */
function capture(): string {
  const path = join(folder, `branch-${flows}.pcap`);
  if (existsSync(path)) return path;
  const seconds = Math.max(5, Math.min(60, Math.ceil(120_000 / flows)));
  const packets = Array.from({ length: seconds }, (_, second) => {
    const frames = branchSecond(second, flows);
    return frames.map((frame, i) => ({
      ns: captureStartNs + BigInt(second) * 1_000_000_000n + BigInt(Math.floor((i * 1e9) / frames.length)),
      frame: frame.slice(0, 256),
      wireOctets: frame.length,
    }));
  }).flat();
  writeFileSync(path, pcapFile(packets, { nanoseconds: true }));
  return path;
}

async function figuresNow(): Promise<Map<string, number>> {
  const text = await fetch(`http://127.0.0.1:${pagePort}/metrics`).then((answer) => answer.text());
  const lines = [...text.matchAll(/^flowspan_(\S+) (\S+)$/gm)];
  return new Map(lines.map(([, name, value]) => [name!, Number(value)]));
}

/** Octets that this cgroup's programs wrote to disks (cgroup-v2, `io.stat`), if the process is alone in it. */
function cgroupWritten(pid: number): number | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const base = `/sys/fs/cgroup${path ?? ''}`;
  try {
    if (readFileSync(`${base}/cgroup.procs`, 'utf8').trim() !== String(pid)) return undefined;
    return [...readFileSync(`${base}/io.stat`, 'utf8').matchAll(/wbytes=(\d+)/g)].reduce(
      (sum, [, octets]) => sum + Number(octets),
      0,
    );
  } catch {
    return undefined; // another kind of cgroup
  }
}

const collector = createServer((socket) => socket.resume().on('error', () => {}));
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const { port } = collector.address() as { port: number };
writeFileSync(
  join(folder, 'flowspan.yaml'),
  `export:\n  destinations:\n    - name: collector\n      host: 127.0.0.1\n      port: ${port}\n`,
);
const source = flows === 0 ? [] : ['--capture', capture()];
if (flows === 0) writeFileSync(join(folder, 'flowspan.yaml'), '\nmeter:\n  source: none\n', { flag: 'a' });
const common = ['run', '--config', join(folder, 'flowspan.yaml'), '--data', join(folder, 'data'), '--port', String(pagePort)];
const service = spawn(join(root, 'scripts', 'flowspan'), [...common, ...source], { stdio: ['ignore', 'ignore', 'inherit'] });
const ended = new Promise<number | null>((resolve) => service.once('exit', resolve));
const pid = service.pid!;
// Whatever goes wrong here, nothing is left running.
process.on('exit', () => service.kill('SIGKILL'));
const answers = (): Promise<boolean> =>
  figuresNow().then(
    () => true,
    () => false,
  );
for (let tries = 0; !(await answers()); tries++) {
  if (tries >= pageWithinS || service.exitCode !== null) throw new Error(`the service has no page after ${tries} s`);
  await sleep(1_000);
}
const startedMs = performance.now();
const beganIo = cgroupWritten(pid);

async function look(atS: number): Promise<Look> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return { atS, mapped: mappedMemory(pid), figures: await figuresNow(), cpuS: (Number(stat[11]) + Number(stat[12])) / 100 };
}

let mostMb = 0;
const kept: Look[] = [];
for (let i = 1; i <= looks; i++) {
  const dueS = (forS * i) / looks;
  while (performance.now() - startedMs < dueS * 1_000) {
    await sleep(Math.min(1_000, dueS * 1_000 - (performance.now() - startedMs)));
    mostMb = Math.max(mostMb, mappedMemory(pid).anonymous / 1e6);
  }
  kept.push(await look(dueS));
}

const of = (name: string) => (one: Look) => one.figures.get(name) ?? 0;
const heaps = (one: Look): number => of('main_heap_held_octets')(one) + of('page_heap_held_octets')(one);
const arrays = (one: Look): number => of('main_arrays_octets')(one) + of('page_arrays_octets')(one);
const parts: readonly (readonly [name: string, of: (one: Look) => number])[] = [
  ['JavaScript, main thread', of('main_heap_held_octets')],
  ['JavaScript, page’s thread', of('page_heap_held_octets')],
  ['arrays, main thread: rows on their way', of('main_arrays_octets')],
  ['arrays, page’s thread', of('page_arrays_octets')],
  ['of these, flow records', of('recent_flows_bytes')],
  [
    'the rest of its own: flow cache, tables of keys, LevelDB, Node, free in pools',
    ({ mapped, ...one }) => mapped.anonymous - heaps({ mapped, ...one }) - arrays({ mapped, ...one }),
  ],
  ['**its own**', ({ mapped }) => mapped.anonymous],
  ['program and libraries', ({ mapped }) => mapped.program],
  ['tables of LevelDB, mapped', ({ mapped }) => mapped.tables],
  ['other files (the capture)', ({ mapped }) => mapped.otherFiles + mapped.rings],
  ['**resident**', ({ mapped }) => mapped.resident],
  ['in the C library’s pools, used or free', ({ mapped }) => mapped.pools],
];
const mb = (octets: number): string => (octets / 1e6).toFixed(1);
process.stdout.write(`\n${flows} new flows a second, ${forS / 60} minutes, MB:\n\n`);
process.stdout.write(
  table(
    ['', ...kept.map(({ atS }) => `${atS} s`)],
    parts.map(([name, octets]) => [name, ...kept.map((one) => mb(octets(one)))]),
  ),
);

const last = kept.at(-1)!;
const written = of('host_written_octets_last_day')(last);
const io = readFileSync(`/proc/${pid}/io`, 'utf8');
const cgroup = cgroupWritten(pid);
process.stdout.write(
  `\n${of('recent_flows')(last)} flow records searchable; ${((last.cpuS / last.atS) * 100).toFixed(1)} % of a core; at most ${mostMb.toFixed(0)} MB of its own.\n` +
    `Written: ${mb(written)} MB by its own figure, ${mb(Number(/^write_bytes: (\d+)/m.exec(io)![1]))} by /proc/PID/io` +
    `${cgroup === undefined ? '' : `, ${mb(cgroup - (beganIo ?? 0))} by its cgroup`}.\n`,
);
service.kill('SIGTERM');
await ended;
collector.close();
collector.unref();
if (maxMb > 0 && mostMb > maxMb) {
  process.stderr.write(`memory: ${mostMb.toFixed(0)} MB of its own; allowed are ${maxMb}\n`);
  process.exitCode = 1;
}
process.exit();
