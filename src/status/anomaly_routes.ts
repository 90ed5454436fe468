/** Where anomalies in the traffic will be, and what can be said today: the comparison with a week before. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../core/clock.ts';
import type { AnomalyAnswer, WeekComparison } from '../flow/anomaly_shapes.ts';
import type { HistoryReader } from '../flow/history_shapes.ts';
import { questionLimit } from './api_routes.ts';
import { type Day, hours, weekComparison } from './week_comparison.ts';

const hourMs = 3_600_000;
const weekMs = 168 * hourMs;
const applicationsMax = 1_000;
const atOnceMax = 2;
const closedAfterMs = 5 * 60_000;

export interface AnomalyParts {
  readonly clock: Clock;
  readonly history: HistoryReader;
  readonly topK: number;
}

export function addAnomalyRoutes(server: FastifyInstance, { clock, history, topK }: AnomalyParts): void {
  const limited = questionLimit(atOnceMax);
  // Whole hours: within one the answer stays the same.
  let kept: WeekComparison | undefined;

  const day = async (fromMs: number, toMs: number): Promise<Day> => ({
    series: await history.series({ fromMs, toMs, pointsMax: hours }),
    applications: await history.top({ dimension: 'application', fromMs, toMs, limit: applicationsMax }),
  });

  server.get('/api/v1/anomalies', async (request): Promise<AnomalyAnswer> => {
    const { noParameters, parseParameters } = await import('./questions.ts');
    parseParameters(noParameters, request.query);
    const nowMs = clock.wallMs();
    // The last minutes of an hour are not closed at once.
    const toMs = Math.floor((nowMs - closedAfterMs) / hourMs) * hourMs;
    const fromMs = toMs - hours * hourMs;
    if (kept?.toMs !== toMs) {
      kept = await limited(async () =>
        weekComparison(await day(fromMs, toMs), await day(fromMs - weekMs, toMs - weekMs), { fromMs, toMs }, topK),
      );
    }
    return { detection: 'none', anomalies: [], weekBefore: kept };
  });
}
