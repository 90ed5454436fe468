/**
 * Asks an HTTPS folder for its index and for bundles, directly or through a proxy (CONNECT, RFC 9110 9.3.6). Limits: 60 s
 * without an octet, no redirects. An edge.
 */
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { UpdateSettings } from '../../config/schema.ts';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import { httpRequest, httpsRequest } from '../../core/node_http.ts';
import { indexName, indexOctetsMax } from './update_index.ts';

/** A part of a bundle as it comes. */
export interface BundleAnswer {
  /** Where in the bundle it begins: 0 when the server begins anew. */
  readonly fromOctet: number;
  readonly chunks: AsyncIterable<Buffer>;
}

/** Both throw ApplianceError `updateUnreachable`, in words for a technician. */
export interface FolderClient {
  index(signal: AbortSignal): Promise<string>;
  bundle(file: string, fromOctet: number, signal: AbortSignal): Promise<BundleAnswer>;
}

const silenceMs = 60_000;

export interface HttpsFolderOptions {
  readonly folder: UpdateSettings['folder'];
  /** `device.proxy`, or empty. */
  readonly proxy: string;
  /** For the user agent. */
  readonly version: string;
  /** The box's time, for words about certificates. */
  readonly now: () => string;
}

export class HttpsFolder implements FolderClient {
  readonly #options: HttpsFolderOptions;

  constructor(options: HttpsFolderOptions) {
    this.#options = options;
  }

  async index(signal: AbortSignal): Promise<string> {
    return await this.#inWords(indexName, async () => {
      const answer = await this.#ask(indexName, {}, signal);
      if (answer.statusCode !== 200) throw refused(answer);
      let text = '';
      for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
        text += chunk;
        if (text.length > indexOctetsMax)
          throw new ApplianceError('messageMalformed', `more than ${indexOctetsMax} octets, which no index has`);
      }
      return text;
    });
  }

  async bundle(file: string, fromOctet: number, signal: AbortSignal): Promise<BundleAnswer> {
    return await this.#inWords(file, async () => {
      // RFC 9110 14.2. What the file is its digest says at the end, so the whole is asked for on no condition.
      const answer = await this.#ask(file, fromOctet > 0 ? { range: `bytes=${fromOctet}-` } : {}, signal);
      const chunks = this.#wordedChunks(file, answer);
      if (answer.statusCode === 200) return { fromOctet: 0, chunks };
      const [, from] = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '') ?? [];
      if (answer.statusCode === 206 && from === String(fromOctet)) return { fromOctet, chunks };
      // RFC 9110 15.5.17: it has less than we have. What we have is of no use.
      if (answer.statusCode === 416 && fromOctet > 0) {
        answer.destroy();
        return await this.bundle(file, 0, signal);
      }
      throw refused(answer);
    });
  }

  async *#wordedChunks(file: string, answer: IncomingMessage): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of answer) yield chunk as Buffer;
    } catch (error) {
      throw this.#worded(file, error);
    }
  }

  async #ask(file: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
    const { folder, version } = this.#options;
    const { url, tls } = { url: new URL(file, folder.url.endsWith('/') ? folder.url : `${folder.url}/`), tls: await this.#tls() };
    const token = folder.tokenFile === '' ? '' : (await readFile(folder.tokenFile, 'utf8')).split(/\r?\n/)[0]!.trim();
    const options: RequestOptions = {
      ...tls,
      method: 'GET',
      signal,
      timeout: silenceMs,
      headers: {
        'user-agent': `flowspan/${version}`,
        'accept-encoding': 'identity',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(await this.#way(url, tls, signal)),
    };
    return await new Promise((resolve, reject) => {
      let answer: IncomingMessage | undefined;
      const asking: ClientRequest = httpsRequest(url, options, (begun) => {
        answer = begun;
        resolve(begun);
      });
      // Silence only: whoever sends slowly, but sends, is waited for.
      asking.on('timeout', () => (answer ?? asking).destroy(new Error(`nothing came for ${silenceMs / 1_000} s`)));
      asking.on('error', reject);
      asking.end();
    });
  }

  async #tls(): Promise<RequestOptions> {
    const { caFile, certificateFile, keyFile } = this.#options.folder;
    return {
      minVersion: 'TLSv1.2',
      ...(caFile === '' ? {} : { ca: await readFile(caFile) }),
      ...(certificateFile === '' ? {} : { cert: await readFile(certificateFile), key: await readFile(keyFile) }),
    };
  }

  /** A connection of its own for each question: they are hours apart. */
  async #way(url: URL, tls: RequestOptions, signal: AbortSignal): Promise<RequestOptions> {
    const { proxy } = this.#options;
    if (proxy === '') return { agent: false };
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = await tunnel(new URL(proxy), `${url.hostname}:${url.port || 443}`, signal);
    const through = tlsConnect({ ...tls, socket, ...(isIP(host) === 0 ? { servername: host } : {}), host } as object);
    return { createConnection: () => through };
  }

  async #inWords<T>(file: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#worded(file, error);
    }
  }

  #worded(file: string, error: unknown): ApplianceError {
    if (error instanceof ApplianceError && error.code === 'messageMalformed') return error;
    const { folder, now } = this.#options;
    const { host } = new URL(folder.url);
    const code = systemCode(error) ?? '';
    const dates = /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/.test(code)
      ? `; this box’s clock says ${now()}: is it right, and does a time server answer?`
      : '';
    return new ApplianceError('updateUnreachable', `${host}: ${file}: ${messageOf(error)}${dates}`, { cause: error });
  }
}

function refused(answer: IncomingMessage): ApplianceError {
  const { statusCode = 0, headers } = answer;
  answer.destroy();
  const elsewhere = headers.location === undefined ? '' : ' and points elsewhere, which is not followed: give its own address';
  return new ApplianceError('updateUnreachable', `the server answered ${statusCode}${elsewhere}`);
}

function tunnel(proxy: URL, target: string, signal: AbortSignal): Promise<Socket> {
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const words = `the proxy ${proxy.host}`;
  return new Promise((resolve, reject) => {
    const asking = send({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      ...{ method: 'CONNECT', path: target, headers: { host: target }, agent: false, signal, timeout: silenceMs },
    });
    asking.on('timeout', () => asking.destroy(new Error('it does not answer')));
    asking.on('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        reject(new ApplianceError('updateUnreachable', `${words} answered ${statusCode}`));
      }
    });
    asking.on('error', (error) =>
      reject(new ApplianceError('updateUnreachable', `${words}: ${messageOf(error)}`, { cause: error })),
    );
    asking.end();
  });
}
