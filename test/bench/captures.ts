/**
 * The captures of the bench, made once by `native/bench` from a fixed seed into build/bench/captures, and what is truly in
 * them: packets, frame octets, IP octets, read from the headers by this file alone, so no meter judges itself.
 */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../repo/sources.ts';

export const caseNames = ['imix', 'min64', 'flood', 'elephants'] as const;
export type CaseName = (typeof caseNames)[number];

export interface Truth {
  readonly packets: number;
  /** Whole frames as they were on the wire, without the check sum. */
  readonly frameOctets: number;
  /** From the IP headers: padding does not count. */
  readonly ipOctets: number;
}

export interface Capture extends Truth {
  readonly name: string;
  readonly path: string;
  /** What the meters' caches are set to: more than the capture has flows in one direction. */
  readonly cacheFlows: number;
}

const cacheFlows: Record<CaseName, number> = { imix: 262_144, min64: 2_097_152, flood: 2_097_152, elephants: 262_144 };

const folder = join(root, 'build/bench/captures');
const nativeFolder = join(root, 'build/native-bench');
const fileHeaderOctets = 24;
const recordHeaderOctets = 16;
/** Only what goes wrong is heard. */
const quiet: StdioOptions = ['ignore', 'ignore', 'inherit'];

/** Builds a program of native/bench, apart from the build that the box runs: that one has no benchmarks. */
export function nativeBench(target: 'generate_captures' | 'meter_bench'): string {
  execFileSync('cmake', ['-S', join(root, 'native'), '-B', nativeFolder, '-DFLOWSPAN_CHECKS=ON', '-DFLOWSPAN_ADDON=OFF'], {
    env: { ...process.env, CMAKE_GENERATOR: 'Ninja' },
    stdio: quiet,
  });
  execFileSync('cmake', ['--build', nativeFolder, '--target', target], { stdio: quiet });
  return join(nativeFolder, 'bench', target);
}

/**
 * A file's octets, which then lie in the page cache as those of any capture that was read from a disk: in large folios. What was
 * just written may lie there in single pages, which cost whoever reads them twice as much.
 */
function readFromDisk(path: string): Buffer {
  execFileSync('sync', [path], { stdio: quiet });
  // Coreutils: with count=0 it copies nothing and lets the whole file's pages go.
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], { stdio: quiet });
  return readFileSync(path);
}

/** The case's capture, or its first `packetsMax` packets. */
export function captureOf(name: CaseName, packetsMax = Number.POSITIVE_INFINITY): Capture {
  const whole = join(folder, `${name}.pcap`);
  if (!existsSync(whole)) generate(name, whole);
  if (packetsMax === Number.POSITIVE_INFINITY)
    return { name, path: whole, cacheFlows: cacheFlows[name], ...truthOf(readFromDisk(whole)) };
  const part = join(folder, `${name}-${packetsMax}.pcap`);
  if (!existsSync(part)) writeFileSync(part, firstPackets(readFileSync(whole), packetsMax));
  return { name, path: part, cacheFlows: cacheFlows[name], ...truthOf(readFromDisk(part)) };
}

/** A classic pcap header with nanoseconds and no packet: what a program costs before it has met one. */
export function emptyCapture(): Capture {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'empty.pcap');
  writeFileSync(path, Buffer.from('4d3cb2a1020004000000000000000000ffff000001000000', 'hex'));
  return { name: 'empty', path, cacheFlows: 0, packets: 0, frameOctets: 0, ipOctets: 0 };
}

function generate(name: CaseName, path: string): void {
  // Under another name until it is whole: a run that was cut off must not leave half a capture.
  const unfinished = join(folder, 'unfinished');
  mkdirSync(unfinished, { recursive: true });
  execFileSync(nativeBench('generate_captures'), [unfinished, '1', name], { stdio: quiet });
  renameSync(join(unfinished, `${name}.pcap`), path);
}

function firstPackets(octets: Buffer, packetsMax: number): Buffer {
  let at = fileHeaderOctets;
  for (let i = 0; i < packetsMax && at < octets.length; i++) at += recordHeaderOctets + octets.readUInt32LE(at + 8);
  return octets.subarray(0, at);
}

function truthOf(octets: Buffer): Truth {
  let packets = 0;
  let frameOctets = 0;
  let ipOctets = 0;
  for (let at = fileHeaderOctets; at < octets.length; at += recordHeaderOctets + octets.readUInt32LE(at + 8)) {
    packets++;
    frameOctets += octets.readUInt32LE(at + 12);
    const frame = at + recordHeaderOctets;
    const ip = frame + (octets.readUInt16BE(frame + 12) === 0x8100 ? 18 : 14);
    // RFC 8200 section 3: the payload length leaves out the 40 octets of the fixed header.
    ipOctets += octets[ip]! >> 4 === 6 ? 40 + octets.readUInt16BE(ip + 4) : octets.readUInt16BE(ip + 2);
  }
  return { packets, frameOctets, ipOctets };
}
