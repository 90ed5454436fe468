/**
 * Flowspan beside the peers that Debian has, on the same captures, one core, page cache warm, in rounds that take turns. Prints a table
 * in Markdown: packets a CPU second (user and system, start-up taken off), the ratio of flowspan to each, memory, and whether packets and
 * octets are exact. The start-up, metering an empty capture, stands apart.
 *
 *   npm run bench -- [--case imix] [--peer softflowd] [--rounds 3] [--quick]
 *
 * `--quick` takes the first 200 000 packets: to see that the harness works, not to compare. Captures are made once, in build/bench.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../repo/sources.ts';
import { flowspan, type Peer, peers, type Totals } from './peers.ts';

const caseNames = ['imix', 'min64', 'flood', 'elephants'];
const quickPackets = 200_000;
const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: caseNames },
    peer: { type: 'string', multiple: true, default: peers.map(({ name }) => name) },
    rounds: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
  },
});
const chosen = peers.filter((peer) => peer === flowspan || values.peer.includes(peer.name));
const folder = join(root, 'build/bench');
const core = Math.max(0, Number(execFileSync('nproc', { encoding: 'utf8' })) - 1);
// Debian keeps the peers in sbin, which an ordinary user's PATH lacks.
process.env.PATH += ':/usr/sbin:/sbin';

interface Sample {
  readonly cpuS: number;
  readonly rssMb: number;
  readonly totals: Totals | undefined;
}

function capture(name: string): string {
  const whole = join(folder, `${name}.pcap`);
  if (!existsSync(whole)) {
    const build = join(root, 'build/native-bench');
    execFileSync('cmake', ['-S', join(root, 'native'), '-B', build, '-DFLOWSPAN_CHECKS=ON', '-DFLOWSPAN_ADDON=OFF'], {
      stdio: 'ignore',
    });
    execFileSync('cmake', ['--build', build, '--target', 'generate_captures'], { stdio: 'ignore' });
    execFileSync(join(build, 'bench/generate_captures'), [folder, '1', name]);
  }
  if (!values.quick) return whole;
  const part = join(folder, `${name}-quick.pcap`);
  if (!existsSync(part)) execFileSync('editcap', ['-F', 'nsecpcap', '-r', whole, part, `1-${quickPackets}`]);
  return part;
}

/** Packets and whole-frame octets, counted from the record headers alone. */
function truth(path: string): { packets: number; octets: number } {
  const octets = readFileSync(path);
  const found = { packets: 0, octets: 0 };
  for (let at = 24; at < octets.length; at += 16 + octets.readUInt32LE(at + 8)) {
    found.packets++;
    found.octets += octets.readUInt32LE(at + 12);
  }
  return found;
}

function measure(peer: Peer, path: string, port: number): Sample {
  const own = mkdtempSync(join(folder, 'run-'));
  const figures = join(own, '.time');
  mkdirSync(join(own, 'out'));
  const run = { capture: path, folder: join(own, 'out'), port };
  try {
    const timed = ['-c', String(core), '/usr/bin/time', '-o', figures, '-f', '%U %S %M', ...peer.command(run)];
    const { status, stdout, stderr } = spawnSync('taskset', timed, { cwd: run.folder, encoding: 'utf8', maxBuffer: 1 << 26 });
    // Some end with a code of their own after a whole run; what they counted decides.
    if (status === null) throw new Error(`${peer.name} was killed: ${stderr}`);
    const [user, system, kb] = readFileSync(figures, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number);
    const empty = path.endsWith('empty.pcap');
    return {
      cpuS: user! + system!,
      rssMb: kb! / 1024,
      totals: empty ? undefined : peer.totals(run, stdout + (peer === flowspan ? '' : stderr)),
    };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

function exactness(totals: Totals | undefined, real: { packets: number; octets: number }): string {
  if (totals === undefined) return '–';
  const packets = totals.packets === real.packets ? 'packets exact' : `${totals.packets - real.packets} packets`;
  if (totals.of === 'ip') return `${packets}, ${totals.octets} IP octets`;
  return `${packets}, ${totals.octets === real.octets ? 'octets exact' : `${totals.octets - real.octets} octets`}`;
}

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const empty = join(folder, 'empty.pcap');
  // A classic pcap header with nanoseconds and no packet.
  writeFileSync(empty, Buffer.from('4d3cb2a1020004000000000000000000ffff000001000000', 'hex'));
  const sink = createSocket('udp4').bind(0, '127.0.0.1');
  await once(sink, 'listening');
  const { port } = sink.address() as AddressInfo;
  const rounds = values.quick ? 1 : Number(values.rounds);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);

  const startUp = new Map(
    chosen.map((peer) => [peer, median(Array.from({ length: rounds }, () => measure(peer, empty, port).cpuS))]),
  );
  print('Start-up (an empty capture), CPU seconds\n');
  print(`| ${chosen.map(({ name }) => name).join(' | ')} |\n|${' --- |'.repeat(chosen.length)}`);
  print(`| ${chosen.map((peer) => startUp.get(peer)!.toFixed(2)).join(' | ')} |`);

  for (const name of values.case) {
    const path = capture(name);
    const real = truth(path);
    const samples = new Map<Peer, Sample[]>(chosen.map((peer) => [peer, []]));
    for (let round = 0; round < rounds; round++) for (const peer of chosen) samples.get(peer)!.push(measure(peer, path, port));
    print(`\n${name}: ${real.packets} packets, ${real.octets} octets, median of ${rounds}\n`);
    print('| | CPU s | M packets/CPU s | flowspan is | peak RSS MB | its own count |\n| --- | --- | --- | --- | --- | --- |');
    const net = (peer: Peer): number => Math.max(0.01, median(samples.get(peer)!.map(({ cpuS }) => cpuS)) - startUp.get(peer)!);
    for (const peer of chosen) {
      const all = samples.get(peer)!;
      const ratio = peer === flowspan ? '' : `${(net(peer) / net(flowspan)).toFixed(1)} ×`;
      const cells = [
        net(peer).toFixed(2),
        (real.packets / net(peer) / 1e6).toFixed(2),
        ratio,
        Math.max(...all.map(({ rssMb }) => rssMb)).toFixed(0),
      ];
      print(`| ${peer.name} | ${cells.join(' | ')} | ${exactness(all[0]!.totals, real)} |`);
    }
  }
  sink.close();
}

await main();
