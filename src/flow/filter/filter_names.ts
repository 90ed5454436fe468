/**
 * The labels of a filter as the numbers that rows carry. Whoever holds the dictionary asks; a label that nobody gave is told, since
 * it is a mistake more often than not. Pure.
 */
import type { NameDictionary } from '../dictionary.ts';
import { fieldNamed } from './filter_fields.ts';
import { type FilterTrouble, parseFilter } from './filter_parser.ts';
import type { Filter, FilterTest, FilterValue } from './filter_syntax.ts';

export interface UnknownLabel {
  readonly field: string;
  readonly name: string;
  /** Labels of that kind, the first few. */
  readonly known: readonly string[];
}

export type NumberedFilter =
  | { readonly filter: Filter; readonly unknown?: undefined }
  | { readonly filter?: undefined; readonly unknown: UnknownLabel };

const knownShown = 20;

export function asksForLabels(filter: Filter): boolean {
  if (filter.kind === 'test') return fieldNamed(filter.field)!.kind === 'label' && filter.values.length > 0;
  if (filter.kind === 'not') return asksForLabels(filter.part);
  return filter.kind !== 'all' && filter.parts.some(asksForLabels);
}

export function withLabelNumbers(filter: Filter, names: NameDictionary): NumberedFilter {
  let unknown: UnknownLabel | undefined;
  const numbered = (part: Filter): Filter => {
    switch (part.kind) {
      case 'all':
        return part;
      case 'not':
        return { kind: 'not', part: numbered(part.part) };
      case 'test':
        return { ...part, values: part.values.map((value) => numberOf(part, value)) };
      default:
        return { ...part, parts: part.parts.map(numbered) };
    }
  };
  const numberOf = ({ field }: FilterTest, value: FilterValue): FilterValue => {
    if (!('name' in value)) return value;
    const kind = fieldNamed(field)!.label!;
    const own = names.entries().filter((entry) => entry.kind === kind);
    const found = own.find(({ name }) => name === value.name) ?? own.find(({ name }) => isAlike(name, value.name));
    if (found === undefined) {
      const known = own.map(({ name }) => name).sort();
      unknown ??= { field, name: value.name, known: known.slice(0, knownShown) };
      return { low: 0, high: 0 };
    }
    return { low: found.number, high: found.number };
  };
  const result = numbered(filter);
  return unknown === undefined ? { filter: result } : { unknown };
}

/** Case does not matter, as nowhere in filters. */
const isAlike = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export function unknownLabelText({ field, name, known }: UnknownLabel): { message: string; allowed: string } {
  const allowed = known.length === 0 ? `labels that rules of the settings give (labels); there is none yet` : known.join(', ');
  return { message: `no ${field} is called '${name}'`, allowed };
}

/** What a search says about a label that nobody gave (the fields of its error), with the place in the filter that it was asked by. */
export function unknownLabelTrouble(fields: Readonly<Record<string, unknown>>, text: string): FilterTrouble {
  const { field, name, message, allowed } = fields as Record<'field' | 'name' | 'message' | 'allowed', string>;
  const { names } = { names: [], ...parseFilter(text) };
  const { at, length } = names.find((one) => one.field === field && one.name === name) ?? { at: 0, length: text.length };
  return { at, length, message, allowed };
}
