/** Questions to the box. A refusal becomes a `BoxRefused` with the box's own words; no answer a `BoxUnreachable`. */
import type { Dimension, SeriesAnswer, TopAnswer } from '../../flow/history_shapes.ts';
import type { TrafficSecond } from '../../flow/status_shapes.ts';

export class BoxRefused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class BoxUnreachable extends Error {
  constructor() {
    super('The box does not answer.');
  }
}

const questionTimeoutMs = 15_000;

export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const late = AbortSignal.timeout(questionTimeoutMs);
  let response: Response;
  try {
    response = await fetch(path, { signal: signal === undefined ? late : AbortSignal.any([signal, late]) });
  } catch {
    // fetch gives one TypeError for every trouble of the network: the reason is the same to whoever looks at the page.
    throw new BoxUnreachable();
  }
  const body = (await response.json()) as T & { error?: { code: string; message: string } };
  if (!response.ok) throw new BoxRefused(body.error?.code ?? 'unknown', body.error?.message ?? `HTTP ${response.status}`);
  return body;
}

export const askSeconds = (): Promise<{ seconds: TrafficSecond[] }> => ask('/api/v1/traffic/seconds');

export const askTop = (by: Dimension, last: string, limit: number, signal: AbortSignal): Promise<TopAnswer> =>
  ask(`/api/v1/top?by=${by}&last=${last}&limit=${limit}`, signal);

export const askSeries = (last: string, points: number, signal: AbortSignal): Promise<SeriesAnswer> =>
  ask(`/api/v1/series?last=${last}&points=${points}`, signal);
