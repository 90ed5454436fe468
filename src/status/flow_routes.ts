/**
 * The API's questions about recent flows: a list of records, and sums by keys. At most `questionsMax` at once: each scans
 * the memory, some tens of milliseconds.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { unknownLabelTrouble } from '../flow/filter/filter_names.ts';
import { tellsAddressesApart } from '../flow/filter/filter_reach.ts';
import type { Filter } from '../flow/filter/filter_syntax.ts';
import type { FlowGroup, FlowGroupAnswer, FlowSearcher } from '../flow/flow_search_shapes.ts';
import { ApiError } from './answers.ts';
import { defined, questionLimit } from './api_routes.ts';
import { hideAddresses, type PrefixLengths } from './hidden_addresses.ts';
import { type KnownHosts, withHosts } from './known_hosts.ts';

export interface FlowRouteParts {
  readonly clock: Clock;
  readonly flows: FlowSearcher | undefined;
  readonly hosts: KnownHosts | undefined;
  /** How much of addresses the asker may see; undefined for all. */
  readonly hiddenFrom: (request: FastifyRequest) => PrefixLengths | undefined;
}

const questionsMax = 4;

/** Loaded when first asked, as those of the history are. */
const questions = (): Promise<typeof import('./flow_questions.ts')> => import('./flow_questions.ts');

export function addFlowRoutes(server: FastifyInstance, { clock, flows, hosts, hiddenFrom }: FlowRouteParts): void {
  const limited = questionLimit(questionsMax);
  const searcher = (): FlowSearcher => {
    if (flows !== undefined) return flows;
    throw new ApiError(
      'historyUnavailable',
      'No recent flows are kept: history.recentFlowsBytesMax is 0, and history.flowArchive.bytesMax as well.',
    );
  };

  const allowed = (request: FastifyRequest, filter: Filter): Filter => {
    const hidden = hiddenFrom(request);
    if (hidden === undefined || !tellsAddressesApart(filter, hidden)) return filter;
    throw new ApiError('addressesHidden', 'You see prefixes, not single addresses, and cannot filter by them either.');
  };

  server.get('/api/v1/flows', async (request) => {
    const { filterOf, flowParameters, withHostsFound } = await questions();
    const { parseParameters, timeRange } = await import('./questions.ts');
    const asked = parseParameters(flowParameters, request.query);
    const { order, limit, offset, before, within } = asked;
    const question = {
      filter: withHostsFound(asked.filter, allowed(request, filterOf(asked.filter)), hosts?.names),
      ...timeRange(defined(asked), clock.wallMs()),
      order,
      limit,
      offset,
      before,
      withinMs: within,
    };
    const { signal, ended } = whileAsked(request);
    const answer = await limited(() => searcher().list({ ...question, signal }))
      .catch((error: unknown) => toldAtFilter(error, asked.filter))
      .finally(ended);
    if (hiddenFrom(request) !== undefined) return answer;
    return withHosts(
      answer,
      answer.flows.flatMap((flow) => Object.values(flow)),
      hosts,
    );
  });

  server.get('/api/v1/flows/sums', async (request) => {
    const { filterOf, flowSumParameters, withHostsFound } = await questions();
    const { parseParameters, timeRange } = await import('./questions.ts');
    const asked = parseParameters(flowSumParameters, request.query);
    const { by, order, limit, within } = asked;
    const question = {
      filter: withHostsFound(asked.filter, allowed(request, filterOf(asked.filter)), hosts?.names),
      ...timeRange(defined(asked), clock.wallMs()),
      by,
      order,
      limit,
      withinMs: within,
    };
    const { signal, ended } = whileAsked(request);
    const answer = await limited(() => searcher().group({ ...question, signal }))
      .catch((error: unknown) => toldAtFilter(error, asked.filter))
      .finally(ended);
    const hidden = hiddenFrom(request);
    // Hosts of one prefix are one: apart from each other they would tell what each of them did.
    if (hidden !== undefined) return mergeGroups(hideAddresses(answer, hidden));
    return withHosts(
      answer,
      answer.groups.flatMap(({ keys }) => keys),
      hosts,
    );
  });
}

/** What only the search could find wrong with a filter, with its place. */
function toldAtFilter(error: unknown, text: string): never {
  if (!(error instanceof ApplianceError) || error.code !== 'usage') throw error;
  const { name } = error.fields as { name: string };
  const { at, length, allowed } = unknownLabelTrouble(error.fields, text);
  const message = `${error.message.replace(/^filter:/, `filter, at ${at}:`)}.`;
  throw new ApiError('badParameter', message, { parameter: 'filter', value: name, allowed, at, length });
}

/** Ends a search for which nobody waits any more: a browser that has gone on to another question. */
function whileAsked({ raw }: FastifyRequest): { signal: AbortSignal; ended: () => void } {
  const controller = new AbortController();
  const gone = (): void => controller.abort(new ApiError('badRequest', 'The asker has gone.'));
  raw.socket.once('close', gone);
  return { signal: controller.signal, ended: () => void raw.socket.off('close', gone) };
}

/** Groups whose keys have become the same are one; the sums stay, and the order by octets. */
function mergeGroups(answer: FlowGroupAnswer): FlowGroupAnswer {
  const merged = new Map<string, FlowGroup>();
  for (const group of answer.groups) {
    const name = group.keys.join('\0');
    const before = merged.get(name);
    merged.set(name, before === undefined ? group : added(before, group));
  }
  return { ...answer, groups: [...merged.values()].sort((a, b) => b.octets - a.octets) };
}

function added(a: FlowGroup, b: FlowGroup): FlowGroup {
  return {
    keys: a.keys,
    records: a.records + b.records,
    flows: a.flows + b.flows,
    packets: a.packets + b.packets,
    octets: a.octets + b.octets,
    outOctets: a.outOctets + b.outOctets,
    inOctets: a.inOctets + b.inOctets,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
    estimated: a.estimated || b.estimated,
  };
}
