/** Opens the TCP or TLS connection to a broker. An edge: files and sockets, no decisions. Files are read again each time. */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BrokerSettings } from '../../config/schema.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';

/** Rejects with the socket's own error; resolves once TCP, and TLS if set, stand. The signal ends the attempt. */
export function openSocket(broker: BrokerSettings, signal: AbortSignal): Promise<Socket> {
  const { host, port } = broker;
  const socket = broker.tls
    ? connectTls({
        host,
        port,
        // RFC 6066 3: server names are names, never addresses.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...files(broker),
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
      })
    : connectTcp({ host, port });
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
      settle();
    };
    const fail = (error: unknown): void => {
      // A socket that dies while it is thrown away may say so once more.
      done(() => socket.on('error', () => {}).destroy());
      reject(error);
    };
    const onError = (error: Error): void => fail(error);
    const onClose = (): void => fail(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }));
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(broker.tls ? 'secureConnect' : 'connect', () => done(() => resolve(socket)));
  });
}

/** The password as set, or the first line of its file. */
export function passwordOf(broker: BrokerSettings): string | undefined {
  if (broker.passwordFile !== '') return read(broker.passwordFile, 'passwordFile').toString('utf8').split(/\r?\n/, 1)[0] ?? '';
  return broker.password === '' ? undefined : broker.password;
}

function files(broker: BrokerSettings): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  return {
    ...(broker.caFile === '' ? {} : { ca: read(broker.caFile, 'caFile') }),
    ...(broker.certificateFile === '' ? {} : { cert: read(broker.certificateFile, 'certificateFile') }),
    ...(broker.keyFile === '' ? {} : { key: read(broker.keyFile, 'keyFile') }),
  };
}

function read(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ApplianceError('settingsUnreadable', `${setting} ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
