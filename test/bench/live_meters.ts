/**
 * How the meters of the live bench are called: each on the mirror port, with its flow records to the sink on loopback: flowspan
 * over TCP, softflowd and pmacctd over UDP (softflowd sent nothing over TCP, pmacctd has none), nfpcapd into files of its own.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsInput } from '../../src/config/schema.ts';
import { root } from '../repo/sources.ts';

export interface LiveRun {
  readonly interface: string;
  /** An empty folder of this run's own, where the command also runs. */
  readonly folder: string;
  readonly port: number;
  /** Room for every flow of the case. */
  readonly cacheFlows: number;
}

/** What a meter says itself where the sink cannot tell: datagrams may be lost on the way to it, and files do not come to it. */
export interface OwnAccount {
  /** In flows that it has exported or written. */
  readonly packets: number;
  readonly records?: number;
}

export interface LiveMeter {
  readonly name: string;
  command(run: LiveRun): string[];
  /** Makes it end with all it holds reported. */
  stop(run: LiveRun, pid: number): OwnAccount | undefined;
  /** After it has ended, from what it wrote and printed. */
  account?(run: LiveRun, stdout: string): OwnAccount;
}

const end = (_run: LiveRun, pid: number): undefined => {
  process.kill(pid, 'SIGTERM');
};
const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);

/** No meter: what reading the ring costs at least. */
export const bareCounter: LiveMeter = {
  name: 'bare ring counter',
  command: ({ interface: port }) => [join(root, 'build/native/flowspan-ring-count'), port],
  stop: end,
  account: (_run, stdout) => ({ packets: (JSON.parse(stdout) as { packets: number }).packets }),
};

/** @param less settings that leave parts of the program out */
const flowspanWith = (name: string, less: SettingsInput): LiveMeter => ({
  name,
  command({ interface: port, folder, port: collectorPort, cacheFlows }) {
    const settings: SettingsInput = {
      dataFolder: join(folder, 'var'),
      meter: { source: 'interface', interfaces: [port], cacheFlows },
      export: { destinations: [{ name: 'sink', host: '127.0.0.1', port: collectorPort, profile: 'standard' }] },
      status: { port: 0 },
      log: { level: 'warn' },
      ...less,
    };
    const file = join(folder, 'settings.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(settings));
    return [join(root, 'scripts/flowspan'), 'run', '--config', file];
  },
  stop: end,
});
/** The whole program as a box runs it: pipeline, history, spool and page too. */
const flowspan = flowspanWith('flowspan', {});
/** What the others do: no page and no history, but still enrichment, rollup and a spool for what no collector has acknowledged. */
export const flowspanAlone = flowspanWith('flowspan, export alone', { status: { enabled: false }, history: { enabled: false } });

const softflowd: LiveMeter = {
  name: 'softflowd',
  command: ({ interface: port, folder, port: collectorPort, cacheFlows }) => [
    ...['softflowd', '-d', '-i', port, '-n', `127.0.0.1:${collectorPort}`, '-v', '10'],
    ...['-m', String(cacheFlows), '-t', 'maxlife=60', '-p', join(folder, 'pid'), '-c', join(folder, 'control')],
  ],
  // In the foreground it dies of a signal and takes its flows along, whatever its manual says.
  stop({ folder }) {
    const control = (order: string): string =>
      execFileSync('softflowctl', ['-c', join(folder, 'control'), order], { encoding: 'utf8' });
    // All flows are out, so every packet it has processed is in a record.
    control('expire-all');
    const statistics = control('statistics');
    control('shutdown');
    return { packets: number(statistics, /Packets processed: (\d+)/), records: number(statistics, /Flows exported: (\d+)/) };
  },
};

const nfpcapd: LiveMeter = {
  name: 'nfpcapd',
  command: ({ interface: port, folder, cacheFlows }) => [
    ...['nfpcapd', '-i', port, '-w', folder, '-e', '60,15', '-s', '256', '-b', '32', '-B', String(cacheFlows)],
  ],
  stop: end,
  account: ({ folder }) => {
    const summary = execFileSync('nfdump', ['-R', folder, '-I'], { encoding: 'utf8' });
    return { packets: number(summary, /^Packets: (\d+)/m), records: number(summary, /^Flows: (\d+)/m) };
  },
};

const pmacctd: LiveMeter = {
  name: 'pmacctd',
  command({ interface: port, folder, port: collectorPort, cacheFlows }) {
    const file = join(folder, 'pmacctd.conf');
    const lines = {
      daemonize: 'false',
      pcap_interface: port,
      aggregate: 'src_host,dst_host,src_port,dst_port,proto,vlan',
      plugins: 'nfprobe',
      nfprobe_receiver: `127.0.0.1:${collectorPort}`,
      nfprobe_version: '10',
      nfprobe_maxflows: String(cacheFlows),
      plugin_pipe_size: String(64 << 20),
      plugin_buffer_size: '65536',
    };
    const text = Object.entries(lines).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(file, text.join(''));
    return ['pmacctd', '-f', file, '-F', join(folder, 'pid')];
  },
  // On SIGINT it has its exporter give out every flow.
  stop({ folder }, pid) {
    process.kill(Number(readPid(join(folder, 'pid')) ?? pid), 'SIGINT');
    return undefined;
  },
};

function readPid(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // it runs in the foreground and has written none
  }
}

export const liveMeters: readonly LiveMeter[] = [flowspan, flowspanAlone, softflowd, nfpcapd, pmacctd];
