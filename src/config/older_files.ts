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

/** Elements that could be listed, though no record ever had them. */
const retiredElements: ReadonlySet<unknown> = new Set([
  ...['sourceHostNameId', 'destinationHostNameId', 'serverNameId', 'applicationNameId'],
]);

export interface OlderValue {
  readonly path: readonly (string | number)[];
  readonly value: number | string;
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
  return { input: withoutRetired(current, older), older };
}

function withoutRetired(input: unknown, older: OlderValue[]): unknown {
  const destinations = isMap(input) && isMap(input.export) ? input.export.destinations : undefined;
  if (!Array.isArray(destinations)) return input;
  const kept = destinations.map((destination: unknown, index) => {
    if (!isMap(destination) || !Array.isArray(destination.elements)) return destination;
    const gone = destination.elements.filter((name) => retiredElements.has(name));
    for (const name of gone)
      older.push({
        path: ['export', 'destinations', index, 'elements'],
        value: String(name),
        message: 'no longer there, and left out: no record ever had it',
      });
    return gone.length === 0
      ? destination
      : { ...destination, elements: destination.elements.filter((name) => !gone.includes(name)) };
  });
  return older.some(({ path }) => path[0] === 'export') ? withValue(input, ['export', 'destinations'], kept) : input;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy along the path: an alias of YAML may stand for the same map elsewhere. */
function withValue(input: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  return key === undefined
    ? value
    : { ...(input as object), [key]: withValue((input as Record<string, unknown>)[key], rest, value) };
}
