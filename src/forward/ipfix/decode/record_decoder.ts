/** Data records by their template: fixed and variable length, names and values. Pure. */
import { VARIABLE_LENGTH } from '../../../flow/elements.ts';
import { type ByteReader, malformed } from './byte_reader.ts';
import type { DecodedRecord } from './decoded.ts';
import type { DecodedTemplate, TemplateStore } from './template_store.ts';
import { type DecodedValue, decodeValue } from './values.ts';

/** Octets of the shortest record: what is left of a set below this is padding (RFC 7011 section 3.3.1). */
export function shortestRecord(template: DecodedTemplate): number {
  return template.fields.reduce((sum, { octets }) => sum + (octets === VARIABLE_LENGTH ? 1 : octets), 0);
}

export function readRecord(reader: ByteReader, template: DecodedTemplate, store: TemplateStore, late: boolean): DecodedRecord {
  const values: Record<string, DecodedValue> = Object.create(null) as Record<string, DecodedValue>;
  const scope: string[] = [];
  const repeats = new Map<string, number>();
  template.fields.forEach((field, index) => {
    const octets = reader.octets(field.octets === VARIABLE_LENGTH ? variableLength(reader) : field.octets);
    const { name, type } = store.describe(field);
    let key = name;
    if (key in values) {
      const n = (repeats.get(name) ?? 1) + 1;
      repeats.set(name, n);
      key = `${name}#${n}`;
    }
    values[key] = decodeValue(type, octets);
    if (index < template.scopeCount) scope.push(key);
  });
  return { templateId: template.templateId, values, scope, late };
}

/** RFC 7011 section 7: one octet, or 255 and two octets. */
function variableLength(reader: ByteReader): number {
  const { at } = reader;
  const short = reader.u8();
  const length = short < 255 ? short : reader.u16();
  if (length > reader.left) throw malformed(`a field of ${length} octets does not fit`, at);
  return length;
}
