/**
 * The API under /api/v1: what the page shows, as JSON, and the endpoints for machines that watch the box. Questions to the
 * history are limited to `questionsMax` at once; whoever comes later is told to try again.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { DataPlaneHealth, HealthPart } from '../flow/health_shapes.ts';
import type { HistoryReader } from '../flow/history_shapes.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { ApiError } from './answers.ts';
import type { EventStreams } from './event_streams.ts';
import { hideAddresses, mergeRows, type PrefixLengths } from './hidden_addresses.ts';
import { type KnownHosts, namesMatching, withHosts } from './known_hosts.ts';
import type { LiveFeed } from './live_feed.ts';
import { securityHeaders } from './request_rules.ts';

/** How the asker of a request sees the box. */
export interface View {
  /** Addresses are cut to these lengths; undefined: shown whole. */
  readonly hidden: PrefixLengths | undefined;
  /** Whether the asker may still look: streams ask again and again. */
  readonly holds: () => boolean;
  /** User or token; undefined on an open page and on the box itself. */
  readonly who: string | undefined;
  /** False for somebody who has not signed in. */
  readonly isKnown: boolean;
}

export interface ApiParts {
  readonly clock: Clock;
  readonly history: HistoryReader;
  readonly live: LiveFeed;
  readonly streams: EventStreams;
  readonly metrics: () => Promise<string>;
  readonly hosts: KnownHosts | undefined;
  readonly view: (request: FastifyRequest) => View;
}

/** Loaded when first asked: with them comes zod, which a box that nobody looks at does without. */
const questions = (): Promise<typeof import('./questions.ts')> => import('./questions.ts');

const questionsMax = 8;
/** A box whose last word is older than this is not ready. */
const staleAfterMs = 10_000;

export function addApiRoutes(server: FastifyInstance, parts: ApiParts): void {
  const { clock, history, hosts, live, streams, metrics, view } = parts;
  const limited = questionLimit();
  let statusAtMs = Number.NEGATIVE_INFINITY;
  const unsubscribe = live.subscribe((change) => {
    if (change.kind === 'status') statusAtMs = clock.monotonicMs();
  });
  server.addHook('onClose', async () => unsubscribe());

  server.get('/api/v1/status', async (request) => {
    const { noParameters, parseParameters } = await questions();
    parseParameters(noParameters, request.query);
    const status = live.latest();
    if (status === undefined)
      throw new ApiError('notReady', 'The box has just started and has not reported yet; try again in a second.');
    return status;
  });

  server.get('/api/v1/traffic/seconds', async (request) => {
    const { noParameters, parseParameters } = await questions();
    parseParameters(noParameters, request.query);
    return { seconds: live.seconds() };
  });

  server.get('/api/v1/top', async (request) => {
    const { parseParameters, timeRange, topParameters } = await questions();
    const asked = parseParameters(topParameters, request.query);
    if (asked.host !== undefined && asked.by !== 'conversation')
      throw new ApiError('badParameter', 'host needs by=conversation.', {
        parameter: 'by',
        value: asked.by,
        allowed: 'conversation',
      });
    const of = asked.host === undefined ? {} : { host: asked.host };
    const question = { dimension: asked.by, ...timeRange(defined(asked), clock.wallMs()), limit: asked.limit, ...of };
    const { hidden } = view(request);
    const answer = await limited(() => history.top(question));
    // Hosts of one prefix have become one; what they are called would tell them apart again.
    if (hidden !== undefined) return mergeRows(hideAddresses(answer, hidden));
    return withHosts(
      answer,
      answer.rows.map(({ key }) => key),
      hosts,
    );
  });

  server.get('/api/v1/names', async (request) => {
    const { nameParameters, parseParameters } = await questions();
    const { matching, limit } = parseParameters(nameParameters, request.query);
    if (view(request).hidden !== undefined)
      throw new ApiError('addressesHidden', 'You see prefixes, not single addresses, and no names of hosts either.');
    return namesMatching(hosts, matching.toLowerCase(), limit);
  });

  server.get('/api/v1/series', async (request) => {
    const { parseParameters, seriesParameters, timeRange } = await questions();
    const asked = parseParameters(seriesParameters, request.query);
    if (asked.key !== undefined && asked.by === undefined) {
      throw new ApiError('badParameter', 'key needs by, the dimension it belongs to.', { parameter: 'by' });
    }
    const range = timeRange(defined(asked), clock.wallMs());
    const of = asked.by === undefined ? {} : { dimension: asked.by, ...(asked.key === undefined ? {} : { key: asked.key }) };
    return limited(() => history.series({ ...range, pointsMax: asked.points, ...of }));
  });

  server.get('/api/v1/events', async (request, reply) => {
    const { noParameters, parseParameters } = await questions();
    parseParameters(noParameters, request.query);
    const asker = view(request);
    if (streams.isFullFor(asker)) {
      const allowed = 'As many browsers as status.streamsMax allows (one user or token: half) are looking already';
      throw new ApiError('tooBusy', `${allowed}; close one or raise it.`);
    }
    reply.hijack();
    streams.add(reply.raw, securityHeaders, asker);
  });

  server.get('/api/v1/openapi.json', async () => (await import('./open_api.ts')).openApi());

  server.get('/healthz', { config: { role: 'public' } }, (_request, reply) => plain(reply, 200, 'ok\n'));

  server.get('/readyz', { config: { role: 'public' } }, (request, reply) => {
    const reason = notReady(live.latest(), clock.monotonicMs() - statusAtMs);
    if (reason === '') return plain(reply, 200, 'ready\n');
    return plain(reply, 503, view(request).isKnown ? `not ready: ${reason}\n` : 'not ready\n');
  });

  server.get('/api/v1/health', { config: { role: 'public' } }, (request, reply) => {
    const health = withPage(live.latest(), clock.monotonicMs() - statusAtMs);
    // A stranger is told whether, not what: it is the same that a load balancer would find out.
    return reply.code(health.healthy ? 200 : 503).send(view(request).isKnown ? health : { healthy: health.healthy });
  });

  server.get('/metrics', async (_request, reply) => {
    let text: string;
    try {
      text = await metrics();
    } catch (error) {
      throw new ApiError('metricsUnavailable', `The figures could not be collected: ${messageOf(error)}`);
    }
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
  });
}

/** What the main thread says of the data plane, with what shows here: that it still says something, and that this thread answers. */
function withPage(status: BoxStatus | undefined, ageMs: number): DataPlaneHealth {
  const fresh = status !== undefined && ageMs <= staleAfterMs;
  const found = status === undefined ? 'the box has not reported yet' : `last report ${(ageMs / 1_000).toFixed(1)} s ago`;
  const parts: HealthPart[] = [
    ...(status?.dataPlane.parts ?? []),
    { part: 'report', healthy: fresh, found },
    { part: 'page', healthy: true, found: 'answers' },
  ];
  return { healthy: parts.every(({ healthy }) => healthy), parts };
}

/** Why the box is not ready, or empty. */
function notReady(status: BoxStatus | undefined, ageMs: number): string {
  if (status === undefined) return 'the box has not reported yet';
  if (ageMs > staleAfterMs) return `the last report is ${Math.round(ageMs / 1_000)} s old`;
  return status.meter.state === 'failed' ? `the meter has failed: ${status.meter.reason}` : '';
}

/** Without absent keys, which exact optional properties tell apart from undefined ones. */
export function defined(asked: { from?: number | undefined; to?: number | undefined; last?: number | undefined }): {
  from?: number;
  to?: number;
  last?: number;
} {
  return {
    ...(asked.from === undefined ? {} : { from: asked.from }),
    ...(asked.to === undefined ? {} : { to: asked.to }),
    ...(asked.last === undefined ? {} : { last: asked.last }),
  };
}

export function questionLimit(most = questionsMax): <T>(ask: () => Promise<T>) => Promise<T> {
  let underWay = 0;
  return async (ask) => {
    if (underWay >= most) throw new ApiError('tooBusy', 'The box is answering as many questions as it can; try again shortly.');
    underWay++;
    try {
      return await ask();
    } finally {
      underWay--;
    }
  };
}

function plain(reply: FastifyReply, code: number, text: string): FastifyReply {
  return reply.code(code).type('text/plain; charset=utf-8').send(text);
}
