/** The words that the API's description is written in (JSON Schema 2020-12, as OpenAPI 3.1 takes it). Pure. */

export type Json = Record<string, unknown>;

export const number = { type: 'number' };
export const text = { type: 'string' };
export const flag = { type: 'boolean' };
export const time = { type: 'integer', description: 'Milliseconds since 1970' };

export const about = (description: string, schema: Json): Json => ({ ...schema, description });
export const list = (items: Json): Json => ({ type: 'array', items });
export const oneOf = (values: readonly string[]): Json => ({ enum: [...values] });
/** Null where nobody can tell. */
export const orNull = (schema: Json): Json => ({ oneOf: [schema, { type: 'null' }] });
export const numbers = (...names: readonly string[]): Json => Object.fromEntries(names.map((name) => [name, number]));
export const texts = (...names: readonly string[]): Json => Object.fromEntries(names.map((name) => [name, text]));
export const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
/** Any key, all values alike. */
export const mapOf = (values: Json, description = ''): Json => ({
  type: 'object',
  ...(description === '' ? {} : { description }),
  additionalProperties: values,
});

/** @param optional properties that may be absent; all others are always there */
export const object = (properties: Json, description = '', optional: readonly string[] = []): Json => ({
  type: 'object',
  ...(description === '' ? {} : { description }),
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
