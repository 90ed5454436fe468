/** Questions to the box. A refusal becomes a `BoxRefused` with the box's own words; no answer a `BoxUnreachable`. */
import type { FlowGroupAnswer, FlowListAnswer } from '../../flow/flow_search_shapes.ts';
import type { Dimension, SeriesAnswer, TopAnswer } from '../../flow/history_shapes.ts';
import type { TrafficSecond } from '../../flow/status_shapes.ts';

export class BoxRefused extends Error {
  readonly code: string;
  /** Place of a mistake in a text that was asked with: first character and length. */
  readonly place: { readonly at: number; readonly length: number; readonly allowed: string } | undefined;
  constructor(code: string, message: string, place?: BoxRefused['place']) {
    super(message);
    this.code = code;
    this.place = place;
  }
}

export class BoxUnreachable extends Error {
  constructor() {
    super('The box does not answer.');
  }
}

interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly at?: number;
  readonly length?: number;
  readonly allowed?: string;
}

const questionTimeoutMs = 15_000;

export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const late = AbortSignal.timeout(questionTimeoutMs);
  let response: Response;
  let body: T & { error?: Refusal };
  try {
    response = await fetch(path, { signal: signal === undefined ? late : AbortSignal.any([signal, late]) });
    body = await response.json();
  } catch {
    // Every trouble of the network, the time that is up, an answer that ends in the middle or is a proxy's: to whoever looks
    // at the page it is the same.
    throw new BoxUnreachable();
  }
  if (response.ok) return body;
  const { code = 'unknown', message = `HTTP ${response.status}`, at, length = 1, allowed = '' } = body.error ?? {};
  throw new BoxRefused(code, message, at === undefined ? undefined : { at, length, allowed });
}

export const askSeconds = (): Promise<{ seconds: TrafficSecond[] }> => ask('/api/v1/traffic/seconds');

export const askTop = (by: Dimension, last: string, limit: number, signal: AbortSignal): Promise<TopAnswer> =>
  ask(`/api/v1/top?by=${by}&last=${last}&limit=${limit}`, signal);

export const askSeries = (last: string, points: number, signal: AbortSignal): Promise<SeriesAnswer> =>
  ask(`/api/v1/series?last=${last}&points=${points}`, signal);

/** Parameters that are empty are left out. */
function asked(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
  );
  return new URLSearchParams(given).toString();
}

/** A time range as the API takes it: `last`, or `from` and `to`. */
export type AskedRange = Readonly<Record<'last', string>> | Readonly<Record<'from' | 'to', number>>;

export const askTopOf = (
  range: AskedRange,
  question: { by: Dimension; limit: number; host?: string },
  signal: AbortSignal,
): Promise<TopAnswer> => ask(`/api/v1/top?${asked({ ...range, ...question })}`, signal);

export const askSeriesOf = (
  range: AskedRange,
  question: { points: number; by?: Dimension; key?: string },
  signal: AbortSignal,
): Promise<SeriesAnswer> => ask(`/api/v1/series?${asked({ ...range, ...question })}`, signal);

export const askFlows = (
  range: AskedRange,
  question: { filter: string; order: string; limit: number; before?: number },
  signal: AbortSignal,
): Promise<FlowListAnswer> => ask(`/api/v1/flows?${asked({ ...range, ...question })}`, signal);

export const askSums = (
  range: AskedRange,
  question: { filter: string; by: string; limit: number },
  signal: AbortSignal,
): Promise<FlowGroupAnswer> => ask(`/api/v1/flows/sums?${asked({ ...range, ...question })}`, signal);
