/**
 * The way of the command line to a running box: through the socket in its data folder, which needs no sign-in, or over
 * HTTP(S) with a token. An edge.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Settings } from '../config/schema.ts';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { httpRequest, httpsRequest } from '../core/node_http.ts';
import { tlsWanted } from '../status/access/rules.ts';
import { pageCertificatePath } from '../status/certificate/page_certificate.ts';
import { localSocketPath } from '../status/listeners.ts';
import { configUsage } from './box_folder.ts';
import type { OptionValues } from './command.ts';

const answerTimeoutMs = 30_000;
const answerOctetsMax = 64 * 1024 * 1024;

export interface BoxQuestion {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

/** A refusal of the box, with its own words. */
export interface BoxAnswer<T> {
  readonly status: number;
  readonly body: T & { readonly error?: { readonly code: string; readonly message: string } };
}

/** Options that say which box is asked; for `parseArgs`. */
export const boxOptions = {
  url: { type: 'string' },
  ca: { type: 'string' },
  data: { type: 'string' },
  config: { type: 'string' },
} as const;

export const boxOptionsUsage = `  --url URL        a box elsewhere; FLOWSPAN_TOKEN holds an API token for it
  --ca FILE        certificate to trust at that URL, such as the box's own tls/page.crt
  --data FOLDER    data folder of the box (default var, or as --config says)
${configUsage}`;

interface Way {
  readonly socketPath?: string;
  readonly url: URL;
  readonly ca?: string;
  /** The name in the certificate need not be the address it is reached by: it is the box's own, pinned. */
  readonly isPinned?: boolean;
}

export class BoxClient {
  readonly #ways: readonly Way[];
  /** Why a way was no way, for the words of a failure. */
  #refused = '';
  readonly #place: string = '';

  /** @param settings those of `boxSettings(values)`; @param values of `boxOptions` */
  constructor(settings: Settings, values: OptionValues) {
    const { url, ca } = values;
    if (url !== undefined) {
      this.#ways = [{ url: asUrl(String(url)), ...(ca === undefined ? {} : { ca: pemOf(String(ca)) }) }];
      return;
    }
    const folder = settings.dataFolder;
    const local = { socketPath: localSocketPath(folder), url: new URL('http://localhost/') };
    // Another folder than the settings' is another box than the one at their address.
    const isHere = settings.status.port !== 0 && values.data === undefined;
    this.#ways = isHere ? [local, networkWay(settings, folder)] : [local];
    if (!isHere) this.#place = local.socketPath;
  }

  /** Where the box was looked for. */
  get place(): string {
    return this.#place || this.#ways.at(-1)!.url.origin;
  }

  /** What stood in the way, in words, or empty: somebody else's socket. */
  get refused(): string {
    return this.#refused;
  }

  /** Undefined when nobody answers anywhere. */
  async ask<T>(path: string, question: BoxQuestion = {}): Promise<BoxAnswer<T> | undefined> {
    for (const way of this.#ways) {
      try {
        return await askOver<T>(way, path, question);
      } catch (error) {
        const code = systemCode(error);
        if (code === 'EACCES' || code === 'EPERM')
          this.#refused = `${way.socketPath} may only be opened by the user that runs the service`;
        else if (way.socketPath === undefined && code !== 'ECONNREFUSED')
          this.#refused = `${way.url.origin}: ${messageOf(error)}`;
      }
    }
    return undefined;
  }

  /** @throws ApplianceError `boxUnreachable` with the box's own words when it refuses; undefined when nobody answers */
  async get<T>(path: string): Promise<T | undefined> {
    const answer = await this.ask<T>(path);
    if (answer === undefined) return undefined;
    if (answer.status === 200) return answer.body;
    const todo =
      answer.status === 401 ? '; run this as the user that runs the service, or set FLOWSPAN_TOKEN to an API token' : '';
    throw new ApplianceError('boxUnreachable', `${this.place}: ${answer.body.error?.message ?? `HTTP ${answer.status}`}${todo}`);
  }
}

function networkWay({ status }: Settings, folder: string): Way {
  const address = status.address === '0.0.0.0' ? '127.0.0.1' : status.address === '::' ? '::1' : status.address;
  const isTls = tlsWanted(status);
  const url = new URL(`${isTls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${status.port}/`);
  if (!isTls || status.certificateFile !== '') return { url };
  try {
    return { url, ca: readFileSync(pageCertificatePath(folder), 'utf8'), isPinned: true };
  } catch {
    return { url }; // not made yet, or not ours to read: the connection will say
  }
}

function asUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // said below
  }
  throw new ApplianceError('usage', `--url ${text}: allowed: http://HOST:PORT or https://HOST:PORT`);
}

function pemOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ApplianceError('usage', `--ca ${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function askOver<T>(
  way: Way,
  path: string,
  { method = 'GET', body, timeoutMs = answerTimeoutMs }: BoxQuestion,
): Promise<BoxAnswer<T>> {
  const { socketPath, url, ca, isPinned } = way;
  const token = socketPath === undefined ? process.env.FLOWSPAN_TOKEN : undefined;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method,
    path,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(socketPath === undefined
      ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port }
      : { socketPath, host: 'localhost' }),
    ...(ca === undefined ? {} : { ca }),
    ...(isPinned === true ? { checkServerIdentity: () => undefined } : {}),
  };
  return new Promise((resolve, reject) => {
    const asking = (url.protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => {
      read(response).then(
        (parsed) => resolve({ status: response.statusCode ?? 0, body: parsed as BoxAnswer<T>['body'] }),
        reject,
      );
    });
    asking.on('error', reject);
    asking.end(text);
  });
}

async function read(response: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let octets = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    octets += part.length;
    if (octets > answerOctetsMax)
      throw new ApplianceError('messageTooLong', `the answer is longer than ${answerOctetsMax} octets`);
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  if (!/^application\/json/.test(response.headers['content-type'] ?? ''))
    return { error: { code: 'badRequest', message: text.trim().slice(0, 200) } };
  return text === '' ? {} : JSON.parse(text);
}
