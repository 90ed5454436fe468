/**
 * Flowspan and its peers on the same captures, in rounds that take turns so that a busy moment hits all alike. The median of
 * what an empty capture costs a program is its start-up: taken off its figures, and shown apart.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../repo/sources.ts';
import { type Capture, emptyCapture } from './captures.ts';
import { type Finished, measure, median, TimeLimitReached } from './measure.ts';
import { cacheFlows, flowspan, type Peer, type Totals } from './peers.ts';
import { exactness, table } from './table.ts';

/** The slowest peer needs a tenth of it on a quiet core. */
const timeLimitS = 300;
/** Below what GNU time can tell. */
const cpuSMin = 0.01;

interface Sample extends Pick<Finished, 'cpuS' | 'rssMb'> {
  readonly totals: Totals | undefined;
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
    const startUp = medians(await takeTurns(peers, rounds, emptyCapture(), port));
    for (const capture of captures) {
      const samples = await takeTurns(peers, rounds, capture, port);
      print(`\n### ${capture.name}: ${words(capture)}\n\n${tableOf(capture, samples, startUp)}`);
    }
    print(`\n### Start-up: an empty capture\n\n${startUpTable(startUp)}`);
    print(`\nCaches of ${cacheFlows.toLocaleString('en')} flows; median of ${rounds} round${rounds === 1 ? '' : 's'}.\n`);
  } finally {
    sink.close();
  }
}

const words = ({ packets, frameOctets, ipOctets }: Capture): string =>
  `${packets.toLocaleString('en')} packets, ${frameOctets.toLocaleString('en')} frame octets, ${ipOctets.toLocaleString('en')} IP octets`;

type Samples = Map<Peer, Sample[]>;

/** A peer that is not done in time has no sample in that round. */
async function takeTurns(peers: readonly Peer[], rounds: number, capture: Capture, port: number): Promise<Samples> {
  const samples: Samples = new Map(peers.map((peer) => [peer, []]));
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      try {
        samples.get(peer)!.push(await runOnce(peer, capture, port));
      } catch (error) {
        if (!(error instanceof TimeLimitReached) || peer === flowspan) throw error;
      }
    }
  }
  return samples;
}

async function runOnce(peer: Peer, capture: Capture, port: number): Promise<Sample> {
  const parent = join(root, 'build/bench');
  mkdirSync(parent, { recursive: true });
  const run = { capture: capture.path, folder: mkdtempSync(join(parent, 'run-')), port };
  try {
    const finished = await measure(peer.command(run), { folder: run.folder, timeLimitS });
    // Some end with a code of their own after a whole run; what they counted decides.
    if (finished.exitCode === null) throw new Error(`${peer.name} was killed: ${finished.stderr}`);
    return { ...finished, totals: capture.packets === 0 ? undefined : peer.totals(run, finished) };
  } finally {
    rmSync(run.folder, { recursive: true, force: true });
  }
}

function medians(samples: Samples): Map<Peer, { cpuS: number; rssMb: number }> {
  const of = (all: Sample[], figure: 'cpuS' | 'rssMb'): number =>
    all.length === 0 ? Number.NaN : median(all.map((one) => one[figure]));
  return new Map([...samples].map(([peer, all]) => [peer, { cpuS: of(all, 'cpuS'), rssMb: of(all, 'rssMb') }]));
}

function tableOf(capture: Capture, samples: Samples, startUp: ReturnType<typeof medians>): string {
  const whole = medians(samples);
  const net = (peer: Peer): number => Math.max(cpuSMin, whole.get(peer)!.cpuS - startUp.get(peer)!.cpuS);
  const rows = [...samples].map(([peer, all]) => {
    if (all.length === 0) return [peer.name, `over ${timeLimitS} s`, '–', '–', '–', '–', '–'];
    const { totals } = all[0]!;
    const realOctets = totals?.of === 'ip' ? capture.ipOctets : capture.frameOctets;
    return [
      peer.name,
      net(peer).toFixed(2),
      (capture.packets / net(peer) / 1e6).toFixed(2),
      peer === flowspan ? '1' : `${(net(peer) / net(flowspan)).toFixed(1)}`,
      whole.get(peer)!.rssMb.toFixed(0),
      exactness(totals?.packets, capture.packets),
      totals === undefined ? '–' : `${exactness(totals.octets, realOctets)} (${totals.of})`,
    ];
  });
  const head = ['program', 'CPU s', 'M packets per CPU s', 'flowspan is faster by', 'peak RSS MB', 'packets', 'octets'];
  return table(head, rows);
}

function startUpTable(startUp: ReturnType<typeof medians>): string {
  const rows = [...startUp].map(([peer, { cpuS, rssMb }]) => [peer.name, cpuS.toFixed(2), rssMb.toFixed(0)]);
  return table(['program', 'CPU s', 'peak RSS MB'], rows);
}
