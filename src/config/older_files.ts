/**
 * Values that an older version allowed and this one does not: taken as the nearest that is allowed, and said. A box must not come up
 * without settings because it has updated itself. Pure.
 */
import type { z } from 'zod';
import { schemaAt, unwrap } from './schema_at.ts';

interface Narrowed {
  readonly path: readonly string[];
  /** What was allowed; what is now, the schema says. */
  readonly wasFrom: number;
  readonly why: string;
}

export const narrowed: readonly Narrowed[] = [
  { path: ['alerts', 'noTrafficAfterS'], wasFrom: 30, why: 'silence is told after two minutes, as it was with any shorter time' },
];

export interface OlderValue {
  readonly path: readonly string[];
  readonly value: number;
  readonly message: string;
}

/** The same, with what is allowed now in its places. */
export function broughtUpToDate(input: unknown): { readonly input: unknown; readonly older: readonly OlderValue[] } {
  let current = input;
  const older: OlderValue[] = [];
  for (const { path, wasFrom, why } of narrowed) {
    const value = path.reduce<unknown>((inner, key) => (isMap(inner) ? inner[key] : undefined), current);
    const least = (unwrap(schemaAt(path)) as z.ZodNumber).minValue!;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < wasFrom || value >= least) continue;
    current = withValue(current, path, least);
    older.push({ path, value, message: `no longer allowed, and taken as ${least}: ${why}` });
  }
  return { input: current, older };
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy along the path: an alias of YAML may stand for the same map elsewhere. */
function withValue(input: unknown, [key, ...rest]: readonly string[], value: number): unknown {
  return key === undefined
    ? value
    : { ...(input as object), [key]: withValue((input as Record<string, unknown>)[key], rest, value) };
}
