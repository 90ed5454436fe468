/**
 * The sockets that the page is reached by: TCP, with TLS by rule, and a socket in the data folder for the command line on the
 * box. Limits: `connectionsMax` connections, half of them from one address or IPv6 /64; ten seconds to begin to speak, and to
 * be sent from plain HTTP to HTTPS.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { createHttpServer, createHttpsServer } from '../core/node_http.ts';
import { addressGroup } from './access/attempt_limit.ts';
import type { Credentials } from './certificate/self_signed.ts';
import { type HostRule, hostAllowed, securityHeaders, urlLengthMax } from './request_rules.ts';

export const connectionsMax = 256;
export const perAddressMax = connectionsMax / 2;
const firstWordsMs = 10_000;
/** `sun_path` of sockaddr_un holds 108 octets with its end. */
const socketPathMax = 107;
const tlsHandshake = 0x16;

export type TlsServer = ReturnType<typeof createHttpsServer>;

/** @param options of Node's HTTP server: limits of headers and times */
export function plainServer(answer: RequestListener, options: object): Server {
  const server = createHttpServer(options, answer);
  server.prependListener('connection', connectionLimit());
  return server;
}

/** HTTPS; whoever speaks plain HTTP to it is sent to the same address with `https`. */
export function tlsServer(
  clock: Clock,
  answer: RequestListener,
  options: object,
  credentials: Credentials,
  rule: HostRule,
): TlsServer {
  const { certificate: cert, key } = credentials;
  const server = createHttpsServer({ ...options, cert, key, minVersion: 'TLSv1.2', handshakeTimeout: firstWordsMs }, answer);
  // It never listens, and only servers that do look after their requests' deadlines: `late` ends what it answers.
  const elsewhere = createHttpServer(options, (request, response) => sendToTls(request, response, rule));
  const [toTls] = server.listeners('connection') as [(socket: Socket) => void];
  const limit = connectionLimit();
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    limit(socket);
    if (socket.destroyed) return;
    const silent = (): void => void socket.destroy();
    const late = clock.after(firstWordsMs, silent);
    socket.once('close', () => late.cancel());
    socket.on('error', silent); // a reset before the first octet
    socket.once('data', (first: Buffer) => {
      socket.removeListener('error', silent);
      // Both servers read from the socket itself: what was looked at goes back first.
      socket.pause();
      socket.unshift(first);
      if (first[0] === tlsHandshake) {
        late.cancel(); // the handshake has a deadline of its own, and requests have theirs
        toTls.call(server, socket);
      } else elsewhere.emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  return server;
}

/** Ends connections beyond what one address may hold: one that opens and holds leaves half for the others. */
export function connectionLimit(): (socket: Socket) => void {
  const held = new Map<string, number>();
  return (socket) => {
    const from = addressGroup(socket.remoteAddress ?? '');
    const count = (held.get(from) ?? 0) + 1;
    if (count > perAddressMax) {
      socket.destroy();
      return;
    }
    held.set(from, count);
    socket.once('close', () => {
      const left = (held.get(from) ?? 1) - 1;
      if (left === 0) held.delete(from);
      else held.set(from, left);
    });
  };
}

/** Only addresses of pages: a program whose token has just crossed the wire in the clear must notice. */
function sendToTls(request: IncomingMessage, response: ServerResponse, rule: HostRule): void {
  const { method, url = '/', headers } = request;
  const { host } = headers;
  const known = hostAllowed(host, rule) && url.length <= urlLengthMax && url.startsWith('/');
  const isPage = (method === 'GET' || method === 'HEAD') && !url.startsWith('/api/') && headers.authorization === undefined;
  const code = !known ? 421 : isPage ? 308 : 403;
  const text = 'This box speaks HTTPS here.\n';
  response.writeHead(code, {
    ...securityHeaders,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
    // Joined, not resolved: `//elsewhere.example` is a path here.
    ...(code === 308 ? { location: `https://${host}${url}` } : {}),
  });
  response.end(method === 'HEAD' ? undefined : text);
}

export const localSocketPath = (dataFolder: string): string => join(dataFolder, 'access', 'page.sock');

/**
 * The socket in the data folder: in a folder that only the service's user may enter, so whoever reaches it could read
 * everything else there too.
 * @throws ApplianceError `addressUnavailable`, `addressInUse`, `storeUnwritable`
 */
export async function listenLocally(dataFolder: string, answer: RequestListener, options: object): Promise<Server> {
  const path = localSocketPath(dataFolder);
  if (Buffer.byteLength(path) > socketPathMax)
    throw new ApplianceError('addressUnavailable', `${path} is too long for a socket; allowed: ${socketPathMax} octets`);
  if (await answers(path)) throw new ApplianceError('addressInUse', `${path}: another flowspan runs with this data folder`);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await chmod(dirname(path), 0o700);
    await rm(path, { force: true });
    const server = createHttpServer(options, answer);
    server.maxConnections = 32;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  } catch (error) {
    throw new ApplianceError('storeUnwritable', `${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false)); // nothing there, or left behind by a kill
  });
}
