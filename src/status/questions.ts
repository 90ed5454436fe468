/**
 * Query parameters of the API, checked: what may be asked of the history, and in which bounds. The schemas are also the
 * API's documentation. Pure.
 */
import { z } from 'zod';
import { dimensions } from '../flow/history_shapes.ts';
import { readInstant } from '../flow/instant.ts';
import { ApiError } from './answers.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: hourMs, d: dayMs };
const rangeMaxMs = 10 * 366 * dayMs;

const instantAllowed =
  'milliseconds since 1970 or ISO 8601, such as 1767264060000, 2026-01-01T10:41:00Z or 2026-01-01T11:41:00+01:00';
const instant = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = /^\d{1,15}$/.test(text) ? Number(text) : readInstant(text);
    if (ms === undefined) context.addIssue({ code: 'custom', message: instantAllowed });
    return ms ?? 0;
  })
  .meta({ description: `${instantAllowed}; without a zone in that of the box` });

const spanAllowed = 'a number and s, m, h or d, from 1s to 3650d, such as 90s, 15m, 6h or 7d';
const span = z
  .string()
  .max(12)
  .transform((text, context) => {
    const parts = /^(\d{1,8})([smhd])$/.exec(text);
    const ms = parts === null ? 0 : Number(parts[1]) * unitMs[parts[2]!]!;
    if (ms < 1_000 || ms > 3_650 * dayMs) context.addIssue({ code: 'custom', message: spanAllowed });
    return ms;
  })
  .meta({ description: spanAllowed });

export const whole = (minimum: number, maximum: number, byDefault: number) => {
  const allowed = `a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .max(10)
    .transform((text, context) => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= minimum && value <= maximum)) context.addIssue({ code: 'custom', message: allowed });
      return value;
    })
    .default(byDefault)
    .meta({ description: `${allowed}; ${byDefault} when absent` });
};

const dimensionAllowed = `one of ${dimensions.join(', ')}`;
const dimension = z.enum(dimensions, { error: dimensionAllowed }).meta({ description: dimensionAllowed });

export const range = {
  from: instant.optional(),
  to: instant.optional(),
  last: span.optional(),
};

export const topParameters = z.strictObject({
  by: dimension.default('host'),
  ...range,
  limit: whole(1, 1_000, 20),
  host: z
    .string()
    .max(60, 'at most 60 characters')
    .optional()
    .meta({ description: 'With by=conversation: those of this host alone, as far as windows kept them by name' }),
});
export const seriesParameters = z.strictObject({
  ...range,
  points: whole(1, 2_000, 360),
  by: dimension.optional(),
  key: z.string().max(200, 'at most 200 characters').optional().meta({ description: 'A key of the dimension `by`' }),
});
export const nameParameters = z.strictObject({
  matching: z
    .string()
    .max(253, 'at most 253 characters')
    .default('')
    .meta({ description: 'Only names and addresses with this part in them' }),
  limit: whole(1, 5_000, 100),
});
export const noParameters = z.strictObject({});

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** @throws ApiError that names parameter, value and what is allowed */
export function parseParameters<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    const allowed = known.length === 0 ? 'none' : known.join(', ');
    const parameter = shorten(issue.keys[0]!);
    throw new ApiError('unknownParameter', `There is no parameter ${parameter} here; allowed: ${allowed}.`, {
      parameter,
      allowed,
    });
  }
  const parameter = String(issue.path[0] ?? '');
  const given = (query as Record<string, unknown>)[parameter];
  const value = shorten(Array.isArray(given) ? given.join(', ') : String(given));
  const allowed = Array.isArray(given) ? 'given once' : issue.message;
  throw new ApiError('badParameter', `${parameter} is ${JSON.stringify(value)}; allowed: ${allowed}.`, {
    parameter,
    value,
    allowed,
  });
}

/** `last`, or `from` to `to`; the last hour when nothing is said. */
export function timeRange(asked: { from?: number; to?: number; last?: number }, nowMs: number): TimeRange {
  if (asked.last !== undefined && asked.from !== undefined) {
    throw new ApiError('badParameter', 'last and from cannot be asked together; give one of them.', { parameter: 'last' });
  }
  const toMs = asked.to ?? nowMs;
  const fromMs = asked.from ?? toMs - (asked.last ?? hourMs);
  if (fromMs >= toMs) {
    const allowed = 'a time before to';
    throw new ApiError('badParameter', `from is not before to; allowed: ${allowed}.`, {
      parameter: 'from',
      value: String(fromMs),
      allowed,
    });
  }
  if (toMs - fromMs > rangeMaxMs) {
    const allowed = 'at most ten years between from and to';
    throw new ApiError('badParameter', `The range is too long; allowed: ${allowed}.`, { parameter: 'from', allowed });
  }
  return { fromMs, toMs };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
