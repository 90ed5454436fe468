/**
 * The HTTP server of the status page and the API. Answers only for names that are the box's own, with strict headers, to
 * whom the gate lets in; requests are small and have deadlines. Limits: those of `listeners.ts`, 8 KiB of headers, 2 KiB of
 * address, 4 KiB of body. Owned by the page's thread.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import compress from '@fastify/compress';
import fastify, { type FastifyInstance, type FastifyRequest, type RawServerDefault } from 'fastify';
import type { StatusSettings } from '../config/schema.ts';
import type { Timer } from '../core/clock.ts';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { AlertAct } from '../flow/alert_shapes.ts';
import type { FlowSearcher } from '../flow/flow_search_shapes.ts';
import type { HistoryReader } from '../flow/history_shapes.ts';
import { Access } from './access/access.ts';
import { addAccessRoutes } from './access/access_routes.ts';
import { addressOf, Gate } from './access/gate.ts';
import { tlsWanted } from './access/rules.ts';
import { addAlertRoutes } from './alert_routes.ts';
import { addAnomalyRoutes } from './anomaly_routes.ts';
import { ApiError, toApiError } from './answers.ts';
import { addApiRoutes, type View } from './api_routes.ts';
import { PageCertificate } from './certificate/page_certificate.ts';
import type { Credentials } from './certificate/self_signed.ts';
import { EventStreams } from './event_streams.ts';
import { addFlowRoutes } from './flow_routes.ts';
import { asksForHidden, hideInText, type PrefixLengths } from './hidden_addresses.ts';
import type { KnownHosts } from './known_hosts.ts';
import { connectionsMax, listenLocally, plainServer, type TlsServer, tlsServer } from './listeners.ts';
import type { LiveFeed } from './live_feed.ts';
import { readPageFiles } from './page_files.ts';
import { addPageRoutes } from './page_routes.ts';
import { type HostRule, hostAllowed, securityHeaders, urlLengthMax } from './request_rules.ts';
import { addSetUpRoutes, type SetUpDesk } from './set_up_routes.ts';
import { addSettingsRoutes } from './settings_routes.ts';
import { addUpdateRoutes, type UpdateDesk } from './update_routes.ts';

export interface StatusServerParts {
  readonly history: HistoryReader;
  /** How many keys the history keeps by name in a window: `history.topK`. */
  readonly topK: number;
  readonly live: LiveFeed;
  /** Absent when no recent flows are kept. */
  readonly flows?: FlowSearcher;
  /** Absent: answers say nothing about hosts but their addresses. */
  readonly hosts?: KnownHosts;
  /** Text for `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** Folder of the built page: `build/page`. */
  readonly pageFolder: string;
  /** Where users, certificate and the socket for the command line are kept; absent: nobody signs in, no TLS. */
  readonly dataFolder?: string;
  /** What an operator does about an alert; absent: nothing can be done. @throws ApplianceError */
  readonly onAlertAct?: (act: AlertAct) => Promise<void>;
  /** Absent: updates are shown, and nobody can do anything about them here. */
  readonly updates?: UpdateDesk;
  /** Absent: nothing is set on the page. */
  readonly setUp?: SetUpDesk;
  /** A set-up code that holds from now on; empty: none does any more. */
  readonly onSetUpCode?: (code: string) => void;
}

const headerOctetsMax = 8_192;
const bodyOctetsMax = 4_096;
const requestTimeoutMs = 10_000;
const keepAliveTimeoutMs = 10_000;
const certificateLookMs = 10_000;
const jsonType = 'application/json; charset=utf-8';
/** Answers shorter than this are not worth compressing. */
const compressFrom = 1_400;

export class StatusServer implements Service {
  readonly name = 'status page';
  readonly #world: World;
  readonly #settings: StatusSettings;
  readonly #parts: StatusServerParts;
  readonly #streams: EventStreams;
  readonly #access: Access | undefined;
  readonly #certificate: PageCertificate | undefined;
  readonly #gate: Gate;
  readonly #hostRule: HostRule;
  readonly #localSockets = new WeakSet<Socket>();
  #server: FastifyInstance | undefined;
  #localServer: Server | undefined;
  #timer: Timer | undefined;
  #url = '';

  constructor(world: World, settings: StatusSettings, parts: StatusServerParts) {
    this.#world = world;
    this.#settings = settings;
    this.#parts = parts;
    const { dataFolder, onSetUpCode = () => {} } = parts;
    if (dataFolder !== undefined) {
      this.#access = new Access({ world, settings, dataFolder, onSetUpCode });
      if (tlsWanted(settings)) this.#certificate = new PageCertificate(settings, dataFolder, world);
    }
    this.#gate = new Gate({
      access: this.#access,
      random: world.random,
      isTls: this.#certificate !== undefined,
      isLocal: ({ raw }) => this.#localSockets.has(raw.socket),
    });
    this.#streams = new EventStreams(world, parts.live, settings.streamsMax);
    const own = hostname();
    this.#hostRule = { boundAddress: settings.address, names: [own, `${own}.local`, ...settings.allowedHosts] };
  }

  /** SHA-256 of the certificate that the box made for itself, as browsers show it; empty for another's or none. */
  get fingerprint(): string {
    return this.#certificate?.isOwn === true ? this.#certificate.fingerprint : '';
  }

  /** Where the page is, once started: `http://127.0.0.1:8480`. */
  get url(): string {
    return this.#url;
  }

  /** @throws ApplianceError addressInUse, addressUnavailable */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#world;
    metrics.gauge('page_streams', 'Browsers that are shown live figures', () => this.#streams.count);
    metrics.gauge('page_events_skipped', 'Live events that slow browsers did not get', () => this.#streams.skippedTotal);
    await this.#access?.start();
    const server = await this.#build(await this.#certificate?.load());
    signal.throwIfAborted();
    try {
      await server.listen({ host: this.#settings.address, port: this.#settings.port });
    } catch (error) {
      await server.close();
      throw this.#listenError(error);
    }
    server.server.maxConnections = connectionsMax;
    this.#server = server;
    await this.#listenLocally(server);
    this.#streams.start();
    this.#url = urlOf(this.#settings.address, server, this.#certificate === undefined ? 'http' : 'https');
    this.#timer = clock.every(
      certificateLookMs,
      () => this.#renewCertificate(),
      (error) => log.error('certificateUnread', { reason: messageOf(error) }),
    );
    log.info('listening', { url: this.#url });
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#streams.stop();
    this.#localServer?.close();
    this.#localServer?.closeAllConnections();
    await this.#server?.close();
    await this.#access?.stop();
    this.#server = undefined;
  }

  /** The command line's way in; without it only the page's own address is left. */
  async #listenLocally(server: FastifyInstance): Promise<void> {
    const { dataFolder } = this.#parts;
    if (dataFolder === undefined) return;
    try {
      const local = await listenLocally(dataFolder, (request, response) => server.routing(request, response), httpLimits);
      local.on('connection', (socket: Socket) => this.#localSockets.add(socket));
      this.#localServer = local;
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      this.#world.log.warn('localSocketMissing', { reason: error.message });
    }
  }

  /** Takes up a certificate that was replaced; connections that stand keep the old one. */
  async #renewCertificate(): Promise<void> {
    const credentials = await this.#certificate?.load();
    if (credentials === undefined) return;
    const { certificate: cert, key } = credentials;
    const tls = this.#server?.server as unknown as TlsServer | undefined;
    tls?.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    this.#world.log.warn('certificateRenewed', { fingerprint: this.#certificate!.fingerprint });
  }

  async #build(credentials: Credentials | undefined): Promise<FastifyInstance> {
    const server = fastify({
      bodyLimit: bodyOctetsMax,
      handlerTimeout: 30_000,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 100 },
      // No route has a schema (`questions.ts` checks): the compilers of schemas, a third of what the server loads, stay out.
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
      // What is refused before there is a route: addresses that do not decode.
      frameworkErrors: (error, _request, reply) => {
        const answer = toApiError(error);
        reply.hijack();
        reply.raw.writeHead(answer.statusCode, { ...securityHeaders, 'content-type': jsonType }).end(JSON.stringify(answer.body));
      },
      serverFactory: (answer) => {
        const made =
          credentials === undefined
            ? plainServer(answer, httpLimits)
            : tlsServer(this.#world.clock, answer, httpLimits, credentials, this.#hostRule);
        made.keepAliveTimeout = keepAliveTimeoutMs;
        made.on('clientError', refuseBytes);
        return made as RawServerDefault;
      },
    });
    // Bodies are JSON: what a form of another site can send is none (415).
    server.removeContentTypeParser('text/plain');
    this.#guard(server);
    this.#gate.install(server);
    this.#hide(server);
    await server.register(compress, { global: true, threshold: compressFrom, encodings: ['gzip'] });
    const { clock } = this.#world;
    const { flows, history, hosts, live, metrics, pageFolder, topK } = this.#parts;
    addAccessRoutes(server, { access: this.#access, gate: this.#gate, world: this.#world });
    const { view, hiddenFrom } = { view: this.#viewOf.bind(this), hiddenFrom: this.#hiddenFrom.bind(this) };
    addApiRoutes(server, { clock, history, hosts, live, streams: this.#streams, metrics, view });
    addAnomalyRoutes(server, { clock, history, topK });
    addFlowRoutes(server, { clock, flows, hosts, hiddenFrom });
    addSettingsRoutes(server, this.#parts.dataFolder);
    addSetUpRoutes(server, { gate: this.#gate, access: this.#access, desk: this.#parts.setUp });
    addAlertRoutes(server, { live, gate: this.#gate, access: this.#access, act: this.#parts.onAlertAct });
    addUpdateRoutes(server, { live, gate: this.#gate, access: this.#access, desk: this.#parts.updates });
    addPageRoutes(server, await readPageFiles(pageFolder));
    return server;
  }

  /** Whoever may see prefixes only gets no answer with an address in it, whatever route it is of. */
  #hide(server: FastifyInstance): void {
    server.addHook('onRequest', async (request) => {
      const hidden = this.#hiddenFrom(request);
      if (hidden === undefined || !asksForHidden(request.url, hidden)) return;
      throw new ApiError('addressesHidden', 'You see prefixes, not single addresses, and cannot ask for them either.');
    });
    server.addHook('onSend', async (request, _reply, payload) => {
      const hidden = this.#hiddenFrom(request);
      return hidden === undefined || typeof payload !== 'string' ? payload : hideInText(payload, hidden);
    });
  }

  #hiddenFrom(request: FastifyRequest): PrefixLengths | undefined {
    const { viewerAddresses, viewerIpv4PrefixLength: ipv4, viewerIpv6PrefixLength: ipv6 } = this.#settings;
    const isViewer = this.#gate.principalOf(request)?.role === 'viewer';
    return viewerAddresses === 'truncated' && isViewer ? { ipv4, ipv6 } : undefined;
  }

  #viewOf(request: FastifyRequest): View {
    const principal = this.#gate.principalOf(request);
    return {
      hidden: this.#hiddenFrom(request),
      holds: () => principal === undefined || this.#gate.stillAdmitted(principal),
      who: principal?.by === 'session' || principal?.by === 'token' ? principal.who : undefined,
      isKnown: principal !== undefined,
    };
  }

  #guard(server: FastifyInstance): void {
    server.addHook('onRequest', async (request, reply) => {
      reply.headers(securityHeaders);
      if (request.url.startsWith('/api/') || request.url === '/metrics') reply.header('cache-control', 'no-store');
      if (request.url.length > urlLengthMax)
        throw new ApiError('addressTooLong', `Addresses have at most ${urlLengthMax} characters.`);
      if (!hostAllowed(request.headers.host, this.#hostRule)) {
        const allowed = 'an address of this box, its own name, or a name listed in status.allowedHosts';
        const value = String(request.headers.host ?? '').slice(0, 100);
        throw new ApiError('wrongHost', `This box does not answer to ${JSON.stringify(value)}; allowed: ${allowed}.`, {
          value,
          allowed,
        });
      }
      if (request.is404 && request.method !== 'GET' && request.method !== 'HEAD') {
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
        this.#world.log.error('requestFailed', {
          url: request.url.slice(0, 200),
          from: addressOf(request),
          reason: messageOf(error),
          error,
        });
      if (answer.statusCode === 503) reply.header('retry-after', '2');
      if (answer.about.retryAfterS !== undefined) reply.header('retry-after', String(answer.about.retryAfterS));
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

const httpLimits = {
  requestTimeout: requestTimeoutMs,
  maxHeaderSize: headerOctetsMax,
  headersTimeout: requestTimeoutMs,
  connectionsCheckingInterval: 2_000,
};

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

function urlOf(address: string, server: FastifyInstance, scheme: 'http' | 'https'): string {
  const bound = server.server.address();
  const port = bound === null || typeof bound === 'string' ? 0 : bound.port;
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
