/** How the meters of the live bench are called: each on the mirror port, exporting IPFIX to the sink on loopback: flowspan
 * over TCP, softflowd over UDP, since over TCP it sent the sink nothing. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsInput } from '../../src/config/schema.ts';
import { root } from '../repo/sources.ts';

export interface LiveRun {
  readonly interface: string;
  /** An empty folder of this run's own, where the command also runs. */
  readonly folder: string;
  readonly port: number;
}

/** What a meter that exports over UDP says itself, for datagrams may be lost on the way to the sink, which is not its fault. */
export interface OwnAccount {
  /** In flows that it has exported. */
  readonly packets: number;
  readonly datagrams: number;
}

export interface LiveMeter {
  readonly name: string;
  command(run: LiveRun): string[];
  /** Ends it with all it holds reported. */
  stop(run: LiveRun, pid: number): OwnAccount | undefined;
}

/** More than imix has; the default of flowspan is half of it, of softflowd a 32nd. */
export const liveCacheFlows = 262_144;

/** The whole program as a box runs it: pipeline, history, spool and page too. */
const flowspan: LiveMeter = {
  name: 'flowspan',
  command({ interface: port, folder, port: collectorPort }) {
    const settings: SettingsInput = {
      dataFolder: join(folder, 'var'),
      meter: { source: 'interface', interfaces: [port], cacheFlows: liveCacheFlows },
      export: { destinations: [{ name: 'sink', host: '127.0.0.1', port: collectorPort, profile: 'standard' }] },
      status: { port: 0 },
      log: { level: 'warn' },
    };
    const file = join(folder, 'settings.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(settings));
    return [join(root, 'scripts/flowspan'), 'run', '--config', file];
  },
  stop(_run, pid) {
    process.kill(pid, 'SIGTERM');
    return undefined;
  },
};

const softflowd: LiveMeter = {
  name: 'softflowd',
  command: ({ interface: port, folder, port: collectorPort }) => [
    ...['softflowd', '-d', '-i', port, '-n', `127.0.0.1:${collectorPort}`, '-v', '10'],
    ...['-m', String(liveCacheFlows), '-t', 'maxlife=60', '-p', join(folder, 'pid'), '-c', join(folder, 'control')],
  ],
  // In the foreground it dies of a signal and takes its flows along, whatever its manual says.
  stop({ folder }) {
    const control = (order: string): string =>
      execFileSync('softflowctl', ['-c', join(folder, 'control'), order], { encoding: 'utf8' });
    // All flows are out, so every packet it has processed is in a record.
    control('expire-all');
    const statistics = control('statistics');
    control('shutdown');
    const number = (pattern: RegExp): number => Number(pattern.exec(statistics)?.[1]);
    return { packets: number(/Packets processed: (\d+)/), datagrams: number(/in (\d+) packets/) };
  },
};

export const liveMeters: readonly LiveMeter[] = [flowspan, softflowd];
