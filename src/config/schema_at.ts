/** What the schema says at a path of the settings. Pure. */
import { z } from 'zod';
import { settingsSchema } from './schema.ts';

interface Inner {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
}

/** The schema inside defaults and other wrappers. */
export function unwrap(schema: unknown): unknown {
  let current = schema as { def?: { innerType?: unknown } };
  while (current?.def?.innerType !== undefined) current = current.def.innerType as typeof current;
  return current;
}

/** As it stands at the path, wrappers with it; undefined where there is no such setting. */
export function schemaAt(path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((schema, key) => {
    const { element, shape } = (unwrap(schema) ?? {}) as Inner;
    return typeof key === 'number' ? element : shape !== undefined && Object.hasOwn(shape, key) ? shape[String(key)] : undefined;
  }, settingsSchema);
}

/** Keys of the map at a path; none where there is no map. */
export const keysAt = (path: readonly PropertyKey[]): string[] => Object.keys((unwrap(schemaAt(path)) as Inner)?.shape ?? {});

/** Whether a value belongs there, not a map or a list of maps. */
export function isValue(schema: unknown): boolean {
  const { shape, element } = (unwrap(schema) ?? {}) as Inner;
  return schema !== undefined && shape === undefined && (element === undefined || isValue(element));
}

export const isSecret = (schema: unknown): boolean => schema instanceof z.ZodType && schema.meta()?.writeOnly === true;

/** Keys of every secret, wherever it stands. */
export function secretKeys(schema: unknown = settingsSchema): string[] {
  const { shape, element } = unwrap(schema) as Inner;
  if (element !== undefined) return secretKeys(element);
  return Object.entries(shape ?? {}).flatMap(([key, child]) => (isSecret(child) ? [key] : secretKeys(child)));
}
