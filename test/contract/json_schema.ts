/**
 * What an answer has that its description does not, and what the description says that the answer is not. Knows the words of JSON
 * Schema 2020-12 that our description uses, and none else; a property that is not described is a fault.
 */
type Schema = Record<string, unknown>;

const known = new Set([
  ...['$ref', 'type', 'properties', 'required', 'items', 'enum', 'oneOf', 'additionalProperties'],
  ...['description', 'exclusiveMinimum', 'maximum'],
]);

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;

function at(root: Schema, reference: string): Schema {
  const found = reference
    .split('/')
    .slice(1)
    .reduce<unknown>((part, name) => (part as Schema | undefined)?.[name], root);
  if (found === undefined) throw new Error(`nothing at ${reference}`);
  return found as Schema;
}

export function faultsOf(value: unknown, schema: Schema, root: Schema, place = ''): string[] {
  const unknown = Object.keys(schema).filter((word) => !known.has(word));
  if (unknown.length > 0) throw new Error(`${place}: a word that this test does not know: ${unknown.join(', ')}`);
  if (schema.$ref !== undefined) return faultsOf(value, at(root, String(schema.$ref)), root, place);
  if (schema.oneOf !== undefined) {
    const each = (schema.oneOf as Schema[]).map((one) => faultsOf(value, one, root, place));
    if (each.filter((faults) => faults.length === 0).length === 1) return [];
    return each.toSorted((a, b) => a.length - b.length)[0]!.concat(`${place}: not one of oneOf`);
  }
  if (schema.enum !== undefined)
    return (schema.enum as unknown[]).includes(value) ? [] : [`${place}: ${JSON.stringify(value)} is none of its values`];
  const types = [schema.type].flat() as string[];
  const type = typeOf(value);
  if (!types.includes(type) && !(type === 'integer' && types.includes('number')))
    return [`${place}: ${type}, described as ${types.join(' or ')}`];
  if (type === 'array') return (value as unknown[]).flatMap((item) => faultsOf(item, schema.items as Schema, root, `${place}[]`));
  return type === 'object' ? faultsOfObject(value as Schema, schema, root, place) : [];
}

function faultsOfObject(value: Schema, schema: Schema, root: Schema, place: string): string[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const others = schema.additionalProperties as Schema | undefined;
  const missing = ((schema.required ?? []) as string[]).filter((name) => value[name] === undefined);
  return [
    ...missing.map((name) => `${place}.${name}: missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const one = properties[name] ?? others;
      return one === undefined ? [`${place}.${name}: not described`] : faultsOf(item, one, root, `${place}.${name}`);
    }),
  ];
}
