/**
 * The HTTP server of the status page and the API. Answers only GET and HEAD, only for names that are the box's own, with
 * strict headers; requests are small and have deadlines. Limits: `connectionsMax` connections, 8 KiB of headers, 2 KiB of
 * address, no bodies. Owned by the page's thread.
 */
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import compress from '@fastify/compress';
import fastify, { type FastifyInstance } from 'fastify';
import type { StatusSettings } from '../config/schema.ts';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { HistoryReader } from '../flow/history_shapes.ts';
import { ApiError, toApiError } from './answers.ts';
import { addApiRoutes } from './api_routes.ts';
import { EventStreams } from './event_streams.ts';
import type { LiveFeed } from './live_feed.ts';
import { readPageFiles } from './page_files.ts';
import { addPageRoutes } from './page_routes.ts';
import { hostAllowed, securityHeaders, urlLengthMax } from './request_rules.ts';

export interface StatusServerParts {
  readonly history: HistoryReader;
  readonly live: LiveFeed;
  /** Text for `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** Folder of the built page: `build/page`. */
  readonly pageFolder: string;
}

const connectionsMax = 256;
const headerOctetsMax = 8_192;
const requestTimeoutMs = 10_000;
const keepAliveTimeoutMs = 10_000;
const jsonType = 'application/json; charset=utf-8';
/** Answers shorter than this are not worth compressing. */
const compressFrom = 1_400;

export class StatusServer implements Service {
  readonly name = 'status page';
  readonly #world: World;
  readonly #settings: StatusSettings;
  readonly #parts: StatusServerParts;
  readonly #streams: EventStreams;
  #server: FastifyInstance | undefined;
  #url = '';

  constructor(world: World, settings: StatusSettings, parts: StatusServerParts) {
    this.#world = world;
    this.#settings = settings;
    this.#parts = parts;
    this.#streams = new EventStreams(world, parts.live, settings.streamsMax);
  }

  /** Where the page is, once started: `http://127.0.0.1:8480`. */
  get url(): string {
    return this.#url;
  }

  /** @throws ApplianceError addressInUse, addressUnavailable */
  async start(signal: AbortSignal): Promise<void> {
    const { metrics } = this.#world;
    metrics.gauge('page_streams', 'Browsers that are shown live figures', () => this.#streams.count);
    metrics.gauge('page_events_skipped', 'Live events that slow browsers did not get', () => this.#streams.skippedTotal);
    const server = await this.#build();
    signal.throwIfAborted();
    try {
      await server.listen({ host: this.#settings.address, port: this.#settings.port });
    } catch (error) {
      await server.close();
      throw this.#listenError(error);
    }
    server.server.maxConnections = connectionsMax;
    this.#server = server;
    this.#streams.start();
    this.#url = urlOf(this.#settings.address, server);
    this.#world.log.info('listening', { url: this.#url });
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#streams.stop();
    await this.#server?.close();
    this.#server = undefined;
  }

  async #build(): Promise<FastifyInstance> {
    const server = fastify({
      bodyLimit: 1_024,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      handlerTimeout: 30_000,
      forceCloseConnections: true,
      http: { maxHeaderSize: headerOctetsMax, headersTimeout: requestTimeoutMs, connectionsCheckingInterval: 2_000 },
      routerOptions: { maxParamLength: 100 },
      // No route has a schema (`questions.ts` checks): the compilers of schemas, a third of what the server loads, stay out.
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
      // What is refused before there is a route: addresses that do not decode.
      frameworkErrors: (error, _request, reply) => {
        const answer = toApiError(error);
        reply.hijack();
        reply.raw.writeHead(answer.statusCode, { ...securityHeaders, 'content-type': jsonType }).end(JSON.stringify(answer.body));
      },
      clientErrorHandler: refuseBytes,
    });
    this.#guard(server);
    await server.register(compress, { global: true, threshold: compressFrom, encodings: ['gzip'] });
    const { clock } = this.#world;
    const { history, live, metrics, pageFolder } = this.#parts;
    addApiRoutes(server, { clock, history, live, streams: this.#streams, metrics });
    addPageRoutes(server, await readPageFiles(pageFolder));
    return server;
  }

  #guard(server: FastifyInstance): void {
    const own = hostname();
    const names = [own, `${own}.local`, ...this.#settings.allowedHosts];
    const rule = { boundAddress: this.#settings.address, names };
    server.addHook('onRequest', async (request, reply) => {
      reply.headers(securityHeaders);
      if (request.url.startsWith('/api/') || request.url === '/metrics') reply.header('cache-control', 'no-store');
      if (request.url.length > urlLengthMax)
        throw new ApiError('addressTooLong', `Addresses have at most ${urlLengthMax} characters.`);
      if (!hostAllowed(request.headers.host, rule)) {
        const allowed = 'an address of this box, its own name, or a name listed in status.allowedHosts';
        const value = String(request.headers.host ?? '').slice(0, 100);
        throw new ApiError('wrongHost', `This box does not answer to ${JSON.stringify(value)}; allowed: ${allowed}.`, {
          value,
          allowed,
        });
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        reply.header('allow', 'GET, HEAD');
        throw new ApiError('methodNotAllowed', 'Only GET and HEAD are answered here.');
      }
    });
    server.setNotFoundHandler(() => {
      throw new ApiError(
        'notFound',
        'There is nothing at this address. The page is at /, the API is described at /api/v1/openapi.json.',
      );
    });
    server.setErrorHandler((error, request, reply) => {
      const answer = toApiError(error);
      if (answer.code === 'internal')
        this.#world.log.error('requestFailed', { url: request.url.slice(0, 200), reason: messageOf(error), error });
      if (answer.statusCode === 503) reply.header('retry-after', '2');
      return reply.code(answer.statusCode).type(jsonType).send(answer.body);
    });
  }

  #listenError(error: unknown): Error {
    const { address, port } = this.#settings;
    const place = `${address}:${port}`;
    switch (systemCode(error)) {
      case 'EADDRINUSE':
        return new ApplianceError(
          'addressInUse',
          `${place} is in use: stop the other program, or set status.port to a free port`,
          { cause: error },
        );
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return new ApplianceError(
          'addressUnavailable',
          `${address} is no address of this box: set status.address to one, or to 0.0.0.0`,
          { cause: error },
        );
      case 'EACCES':
        return new ApplianceError(
          'addressUnavailable',
          `${place} may not be opened: ports below 1024 need CAP_NET_BIND_SERVICE; set status.port`,
          { cause: error },
        );
      default:
        return error instanceof Error ? error : new Error(String(error));
    }
  }
}

function noSchemas(): never {
  throw new Error('a route has a schema, but nothing here compiles schemas');
}

/** What is no request at all, too long, or too slow: answered in one line, and the connection ends. */
function refuseBytes(error: Error, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const code = systemCode(error);
  const line =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function urlOf(address: string, server: FastifyInstance): string {
  const bound = server.server.address();
  const port = bound === null || typeof bound === 'string' ? 0 : bound.port;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
