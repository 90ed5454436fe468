/**
 * The API's questions about recent flows: a list of records, and sums by keys. At most `questionsMax` at once: each scans
 * the memory, some tens of milliseconds.
 */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../core/clock.ts';
import type { FlowSearcher } from '../flow/flow_search_shapes.ts';
import { ApiError } from './answers.ts';
import { defined, questionLimit } from './api_routes.ts';

export interface FlowRouteParts {
  readonly clock: Clock;
  readonly flows: FlowSearcher | undefined;
}

const questionsMax = 4;

/** Loaded when first asked, as those of the history are. */
const questions = (): Promise<typeof import('./flow_questions.ts')> => import('./flow_questions.ts');

export function addFlowRoutes(server: FastifyInstance, { clock, flows }: FlowRouteParts): void {
  const limited = questionLimit(questionsMax);
  const searcher = (): FlowSearcher => {
    if (flows !== undefined) return flows;
    throw new ApiError('historyUnavailable', 'No recent flows are kept: history.recentFlowsBytesMax is 0.');
  };

  server.get('/api/v1/flows', async (request) => {
    const { filterOf, flowParameters } = await questions();
    const { parseParameters, timeRange } = await import('./questions.ts');
    const asked = parseParameters(flowParameters, request.query);
    const { order, limit, offset, before } = asked;
    const question = {
      filter: filterOf(asked.filter),
      ...timeRange(defined(asked), clock.wallMs()),
      order,
      limit,
      offset,
      before,
    };
    return limited(() => searcher().list(question));
  });

  server.get('/api/v1/flows/sums', async (request) => {
    const { filterOf, flowSumParameters } = await questions();
    const { parseParameters, timeRange } = await import('./questions.ts');
    const asked = parseParameters(flowSumParameters, request.query);
    const { by, order, limit } = asked;
    const question = { filter: filterOf(asked.filter), ...timeRange(defined(asked), clock.wallMs()), by, order, limit };
    return limited(() => searcher().group(question));
  });
}
