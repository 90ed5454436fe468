/** Tries once whether an uplink can be reached: resolves the name and opens a TCP connection, which it closes again. An edge. */
import { lookup } from 'node:dns/promises';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Settings } from '../config/schema.ts';
import { type Clock, withDeadline } from '../core/clock.ts';
import { messageOf, systemCode } from '../core/errors.ts';
import type { UplinkFacts } from './doctor_checks.ts';

export type UplinkTarget = Pick<UplinkFacts, 'name' | 'kind' | 'address' | 'transport'> & {
  /** Of a destination that writes files: the folder. */
  readonly host: string;
  readonly port: number;
};

const timeoutMs = 5_000;

/** Every destination and broker that is set. */
export function uplinkTargets(settings: Settings): UplinkTarget[] {
  const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
  return [
    ...settings.export.destinations.map(({ name, protocol, transport, host, port, files }) => {
      if (transport === 'file')
        return { name, kind: 'ipfix' as const, transport, host: files.folder, port, address: files.folder };
      return {
        name,
        kind: protocol === 'ipfix' ? ('ipfix' as const) : ('netflow' as const),
        transport,
        host,
        port,
        address: `${transport}://${bracketed(host)}:${port}`,
      };
    }),
    ...settings.mqtt.brokers.map(({ name, tls, host, port }) => {
      const transport = tls ? ('tls' as const) : ('tcp' as const);
      return {
        name,
        kind: 'mqtt' as const,
        transport,
        host,
        port,
        address: `mqtt${tls ? 's' : ''}://${bracketed(host)}:${port}`,
      };
    }),
  ];
}

export async function probeUplink({ host, port, ...target }: UplinkTarget, clock: Clock): Promise<UplinkFacts> {
  if (target.transport === 'file') {
    const reason = await tryFolder(host);
    return { ...target, resolved: [host], connects: reason === '', reason };
  }
  let resolved: string[];
  try {
    resolved = (await withDeadline(clock, timeoutMs, 'resolving', lookup(host, { all: true }))).map(({ address }) => address);
  } catch (error) {
    return { ...target, resolved: [], connects: undefined, reason: systemCode(error) ?? messageOf(error) };
  }
  if (target.transport === 'udp') return { ...target, resolved, connects: undefined, reason: '' };
  const reason = await tryConnect(host, port, clock);
  return { ...target, resolved, connects: reason === '', reason };
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens on that port',
  ENETUNREACH: 'there is no route to that network',
  EHOSTUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'no answer',
};

/** Empty when files can be written to it, or it can be made. */
async function tryFolder(folder: string): Promise<string> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return '';
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && dirname(folder) !== folder) return tryFolder(dirname(folder));
    return `${folder}: ${systemCode(error) === 'EROFS' ? 'the disk is mounted read-only' : messageOf(error)}`;
  }
}

/** Empty when it connects. */
async function tryConnect(host: string, port: number, clock: Clock): Promise<string> {
  const socket = connect({ host, port });
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).on('error', reject);
  });
  try {
    await withDeadline(clock, timeoutMs, 'connecting', opened);
    return '';
  } catch (error) {
    return words[systemCode(error) ?? ''] ?? (systemCode(error) === 'deadlineExceeded' ? 'no answer' : messageOf(error));
  } finally {
    socket.destroy();
  }
}
