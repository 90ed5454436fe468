/** The meters of the outage bench: how each is called on the same mirror port, with the same time-outs, and how it is ended. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsInput } from '../../src/config/schema.ts';
import { root } from '../repo/sources.ts';

export interface OutageRun {
  readonly interface: string;
  /** An empty folder of this meter's own. */
  readonly folder: string;
  readonly host: string;
  readonly port: number;
}

export interface OutageMeter {
  readonly name: string;
  readonly how: string;
  readonly port: number;
  command(run: OutageRun): string[];
  /** Ends it with all it holds reported. */
  stop(run: OutageRun, pid: number): void;
  /** One that speaks something of its own needs the collector of its own. */
  readonly collector?: {
    command(host: string, folder: string): string[];
    /** What it has got, once it has ended. */
    arrived(folder: string): { readonly records: number; readonly packets: number };
  };
}

export const activeTimeoutS = 10;
export const idleTimeoutS = 5;

const end = (signal: NodeJS.Signals) => (_run: OutageRun, pid: number) => {
  process.kill(pid, signal);
};

const flowspan: OutageMeter = {
  name: 'flowspan',
  how: 'IPFIX over TCP',
  port: 4739,
  command({ interface: port, folder, host, port: collectorPort }) {
    const settings: SettingsInput = {
      dataFolder: join(folder, 'var'),
      meter: { source: 'interface', interfaces: [port], activeTimeoutS, idleTimeoutS, cacheFlows: 65_536 },
      export: { destinations: [{ name: 'sink', host, port: collectorPort, profile: 'standard' }] },
      status: { enabled: false },
      log: { level: 'warn' },
    };
    const file = join(folder, 'settings.yaml');
    writeFileSync(file, JSON.stringify(settings)); // JSON is YAML
    return [process.execPath, join(root, 'src/main.ts'), 'run', '--config', file];
  },
  stop: end('SIGTERM'),
};

const softflowd: OutageMeter = {
  name: 'softflowd',
  how: 'IPFIX over UDP',
  port: 4740,
  command: ({ interface: port, folder, host, port: collectorPort }) => [
    ...['softflowd', '-d', '-i', port, '-n', `${host}:${collectorPort}`, '-v', '10', '-m', '65536'],
    ...['-t', `maxlife=${activeTimeoutS}`, '-t', `udp=${idleTimeoutS}`, '-t', `general=${idleTimeoutS}`, '-t', 'expint=1'],
    ...['-p', join(folder, 'pid'), '-c', join(folder, 'control')],
  ],
  // In the foreground it dies of a signal and takes its flows along, whatever its manual says.
  stop({ folder }) {
    for (const order of ['expire-all', 'shutdown']) execFileSync('softflowctl', ['-c', join(folder, 'control'), order]);
  },
};

const nfprobe: OutageMeter = {
  name: 'pmacctd (nfprobe)',
  how: 'IPFIX over UDP',
  port: 4741,
  command({ interface: port, folder, host, port: collectorPort }) {
    const times = ['tcp', 'tcp.rst', 'tcp.fin', 'udp', 'icmp', 'general'].map((name) => `${name}=${idleTimeoutS}`);
    const settings = [
      'daemonize: false',
      `pcap_interface: ${port}`,
      'plugins: nfprobe[probe]',
      'aggregate[probe]: src_host, dst_host, src_port, dst_port, proto',
      'nfprobe_version: 10',
      `nfprobe_receiver: ${host}:${collectorPort}`,
      `nfprobe_timeouts: ${[...times, `maxlife=${activeTimeoutS}`, 'expint=1'].join(':')}`,
      'nfprobe_maxflows: 65536',
    ];
    const file = join(folder, 'pmacctd.conf');
    writeFileSync(file, `${settings.join('\n')}\n`);
    return ['pmacctd', '-f', file];
  },
  stop: end('SIGINT'),
};

/** In its own format, over UDP, to nfcapd. */
const nfpcapd: OutageMeter = {
  name: 'nfpcapd',
  how: 'its own, over UDP, to nfcapd',
  port: 9995,
  command: ({ interface: port, host, port: collectorPort }) => [
    ...['nfpcapd', '-i', port, '-H', `${host}/${collectorPort}`, '-e', `${activeTimeoutS},${idleTimeoutS}`],
  ],
  stop: end('SIGINT'),
  collector: {
    command: (host, folder) => ['nfcapd', '-b', host, '-p', '9995', '-w', folder, '-t', '60', '-B', '8000000'],
    arrived(folder) {
      const totals = execFileSync('nfdump', ['-R', folder, '-I'], { encoding: 'utf8' });
      const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(totals)?.[1]);
      return { records: number('Flows'), packets: number('Packets') };
    },
  },
};

const paths = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
const isThere = (program: string): boolean => paths.some((path) => existsSync(join(path, program)));

/** Those that this machine has. */
export const outageMeters = (): OutageMeter[] => [
  flowspan,
  ...(isThere('softflowd') ? [softflowd] : []),
  ...(isThere('pmacctd') ? [nfprobe] : []),
  ...(isThere('nfpcapd') && isThere('nfcapd') ? [nfpcapd] : []),
];
