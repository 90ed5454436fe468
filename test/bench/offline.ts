/**
 * Flowspan and its peers on the same captures, in rounds that take turns so that a busy moment hits all alike. In every round
 * each meters an empty capture first: what that costs is its start-up of this round, shown apart and taken off. Programs that
 * take their memory at start pay for it there, those that grow pay on the way, so the ratio is given with and without.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../repo/sources.ts';
import { type Capture, emptyCapture } from './captures.ts';
import { type Finished, measure, median, TimeLimitReached } from './measure.ts';
import { flowspan, type Peer, type Totals } from './peers.ts';
import { exactness, table } from './table.ts';

/** The slowest peer needs a tenth of it on a quiet core. */
const timeLimitS = 300;
/** A difference smaller than this share of the start-up is noise: no figure is made of it. */
const netShareMin = 0.25;

interface Sample extends Pick<Finished, 'cpuS' | 'rssMb'> {
  readonly totals: Totals | undefined;
  /** Of an empty capture in the same round. */
  readonly startUpCpuS: number;
}

interface Offline {
  readonly peers: readonly Peer[];
  readonly rounds: number;
  print(text: string): void;
}

export async function benchOffline(captures: Iterable<Capture>, { peers, rounds, print }: Offline): Promise<void> {
  // Exporters over UDP need somebody at the other end: without, the kernel tells them, and that costs them.
  const sink = createSocket('udp4').bind(0, '127.0.0.1');
  await once(sink, 'listening');
  const { port } = sink.address() as AddressInfo;
  try {
    for (const capture of captures) {
      const samples = await takeTurns(peers, rounds, capture, port);
      print(`\n### ${words(capture)}, median of ${rounds} round${rounds === 1 ? '' : 's'}\n\n${tableOf(capture, samples)}`);
    }
  } finally {
    sink.close();
  }
}

function words({ name, packets, frameOctets, ipOctets, cacheFlows }: Capture): string {
  const [p, f, i, c] = [packets, frameOctets, ipOctets, cacheFlows].map((count) => count.toLocaleString('en'));
  return `${name}: ${p} packets, ${f} frame octets, ${i} IP octets, caches of ${c} flows`;
}

type Samples = Map<Peer, Sample[]>;

/** A peer that is not done in time has no sample in that round. */
async function takeTurns(peers: readonly Peer[], rounds: number, capture: Capture, port: number): Promise<Samples> {
  const samples: Samples = new Map(peers.map((peer) => [peer, []]));
  const empty = { ...emptyCapture(), cacheFlows: capture.cacheFlows };
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      try {
        // The first program in a while to take much memory waits for the machine below to find it, up to a second for half a
        // gigabyte; whoever comes next does not. So the first is not the one that is measured.
        await runOnce(peer, empty, port);
        const startUp = await runOnce(peer, empty, port);
        const whole = await runOnce(peer, capture, port);
        samples.get(peer)!.push({ ...whole, startUpCpuS: startUp.cpuS });
      } catch (error) {
        if (!(error instanceof TimeLimitReached) || peer === flowspan) throw error;
      }
    }
  }
  return samples;
}

async function runOnce(peer: Peer, capture: Capture, port: number): Promise<Omit<Sample, 'startUpCpuS'>> {
  const parent = join(root, 'build/bench');
  mkdirSync(parent, { recursive: true });
  const run = { capture: capture.path, folder: mkdtempSync(join(parent, 'run-')), port, cacheFlows: capture.cacheFlows };
  try {
    const finished = await measure(peer.command(run), { folder: run.folder, timeLimitS });
    // Some end with a code of their own after a whole run; what they counted decides.
    if (finished.exitCode === null) throw new Error(`${peer.name} was killed: ${finished.stderr}`);
    return { ...finished, totals: capture.packets === 0 ? undefined : peer.totals(run, finished) };
  } finally {
    rmSync(run.folder, { recursive: true, force: true });
  }
}

const wholeCpuS = (all: readonly Sample[]): number => median(all.map(({ cpuS }) => cpuS));
const startUpCpuSOf = (all: readonly Sample[]): number => median(all.map(({ startUpCpuS }) => startUpCpuS));
const netOf = ({ cpuS, startUpCpuS }: Sample): number => cpuS - startUpCpuS;

/** Undefined where the start-up's own variation hides it. */
function netCpuS(all: readonly Sample[]): number | undefined {
  const nets = all.map(netOf);
  const net = median(nets);
  return Math.min(...nets) <= 0 || net < netShareMin * startUpCpuSOf(all) ? undefined : net;
}

function tableOf(capture: Capture, samples: Samples): string {
  const ours = samples.get(flowspan)!;
  const oursNet = netCpuS(ours);
  const rows = [...samples].map(([peer, all]) => {
    if (all.length === 0) return [peer.name, `over ${timeLimitS} s of wall clock`, ...Array<string>(8).fill('–')];
    const { totals } = all[0]!;
    const nets = all.map(netOf);
    const net = netCpuS(all);
    const spread = `(${Math.min(...nets).toFixed(2)}–${Math.max(...nets).toFixed(2)})`;
    const realOctets = totals?.of === 'ip' ? capture.ipOctets : capture.frameOctets;
    return [
      peer.name,
      wholeCpuS(all).toFixed(2),
      startUpCpuSOf(all).toFixed(2),
      `${net === undefined ? 'noise' : net.toFixed(2)} ${spread}`,
      net === undefined ? '–' : (capture.packets / net / 1e6).toFixed(2),
      net === undefined || oursNet === undefined ? '–' : (net / oursNet).toFixed(1),
      (wholeCpuS(all) / wholeCpuS(ours)).toFixed(1),
      median(all.map(({ rssMb }) => rssMb)).toFixed(0),
      exactness(totals?.packets, capture.packets),
      totals === undefined ? '–' : `${exactness(totals.octets, realOctets)} (${totals.of})`,
    ];
  });
  return table(head, rows);
}

const head = [
  ...[
    'program',
    'CPU s',
    'of it start-up',
    'net (least–most)',
    'M packets per net CPU s',
    'net ÷ flowspan’s',
    'whole ÷ flowspan’s',
  ],
  ...['peak RSS MB', 'packets', 'octets'],
];
