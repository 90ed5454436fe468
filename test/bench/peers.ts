/**
 * How each meter is called on a capture, and how its own output is read back: flowspan and what Debian has. Every one writes or
 * exports all its flows; caches are raised so that they hold every case. Times are taken elsewhere; reading back is not timed.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../repo/sources.ts';

export interface Totals {
  readonly packets: number;
  readonly octets: number;
  /** What its octets count: whole frames, or IP octets. */
  readonly of: 'frames' | 'ip';
}

export interface Run {
  readonly capture: string;
  /** An empty folder of this run's own, where the command also runs. */
  readonly folder: string;
  /** A UDP port on loopback where somebody listens and throws away. */
  readonly port: number;
  /** Room for every flow of the capture. */
  readonly cacheFlows: number;
}

export interface Peer {
  readonly name: string;
  command(run: Run): string[];
  /** From what it printed and wrote; undefined where it cannot be read back. */
  totals(run: Run, printed: { stdout: string; stderr: string }): Totals | undefined;
}

const read = (command: string, args: string[]): string => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
const flowspanCommand = join(root, 'scripts/flowspan');

export const flowspan: Peer = {
  name: 'flowspan',
  command: ({ capture, cacheFlows }) => [
    ...[flowspanCommand, 'meter', capture, '--ipfix', 'flows.ipfix', '--profile', 'standard'],
    ...['--ledger', '--cache-flows', String(cacheFlows)],
  ],
  totals: (_run, { stdout }) => {
    const ledger = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      handedOver: { packets: number; octets: number };
      balanced: boolean;
    };
    if (!ledger.balanced) throw new Error('the ledger does not balance');
    return { packets: ledger.handedOver.packets, octets: ledger.handedOver.octets, of: 'frames' };
  },
};

const nfpcapd: Peer = {
  name: 'nfpcapd',
  command: ({ capture, folder, cacheFlows }) => ['nfpcapd', '-r', capture, '-w', folder, '-e', '60,15', '-B', String(cacheFlows)],
  totals: ({ folder }) => {
    const summary = read('nfdump', ['-R', folder, '-I']);
    return { packets: number(summary, /^Packets: (\d+)/m), octets: number(summary, /^Bytes: (\d+)/m), of: 'ip' };
  },
};

const softflowd: Peer = {
  name: 'softflowd',
  command: ({ capture, folder, port, cacheFlows }) => [
    'softflowd',
    '-d',
    '-r',
    capture,
    '-n',
    `127.0.0.1:${port}`,
    '-v',
    '9',
    '-m',
    String(cacheFlows),
    '-p',
    join(folder, 'pid'),
    '-c',
    'none',
  ],
  // Its statistics at the end, a line per protocol: octets, packets.
  totals: (_run, { stdout, stderr }) => {
    const lines = [...(stdout + stderr).matchAll(/^ *\S+ \(\d+\): +(\d+) +(\d+) /gm)];
    const sum = (at: 1 | 2): number => lines.reduce((total, line) => total + Number(line[at]), 0);
    return lines.length === 0 ? undefined : { octets: sum(1), packets: sum(2), of: 'ip' };
  },
};

const argus: Peer = {
  name: 'argus',
  // -X drops Debian's configuration file and must come first.
  command: ({ capture, folder }) => ['argus', '-X', '-r', capture, '-w', join(folder, 'flows.argus')],
  totals: ({ folder }) => {
    const [, , packets, , , octets] = read('racount', ['-r', join(folder, 'flows.argus')])
      .trim()
      .split('\n')
      .at(-1)!
      .trim()
      .split(/ +/);
    return { packets: Number(packets), octets: Number(octets), of: 'frames' };
  },
};

const pmacctd: Peer = {
  name: 'pmacctd',
  command: ({ capture, port, cacheFlows }) => [
    'sh',
    '-c',
    // Its file plugins write on a clock of their own; the exporter's plugin is what ends with the capture.
    `printf 'daemonize: false\\naggregate: src_host,dst_host,src_port,dst_port,proto,vlan\\nplugins: nfprobe\\nnfprobe_receiver: 127.0.0.1:${port}\\nnfprobe_version: 10\\nnfprobe_maxflows: ${cacheFlows}\\nplugin_pipe_size: 67108864\\nplugin_buffer_size: 65536\\n' >"$2/conf" && exec pmacctd -f "$2/conf" -I "$1" -Z 0`,
    'sh',
    capture,
    '.',
  ],
  totals: () => undefined,
};

export const peers: readonly Peer[] = [flowspan, nfpcapd, softflowd, argus, pmacctd];
