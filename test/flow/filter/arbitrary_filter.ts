/** Filters by chance for fast-check: every field, side, operator and kind of value, nested a little. */
import fc from 'fast-check';
import { NameDictionary } from '../../../src/flow/dictionary.ts';
import { elementFields, type FilterField, fieldNamed, hasSides, shortFields } from '../../../src/flow/filter/filter_fields.ts';
import type { Filter, FilterOperator, FilterSide, FilterTest, FilterValue } from '../../../src/flow/filter/filter_syntax.ts';
import { labelDimensions } from '../../../src/flow/labels.ts';

const hexOf = (octets: readonly number[]): string => octets.map((octet) => octet.toString(16).padStart(2, '0')).join('');

const octets = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.oneof(fc.constantFrom(0, 10, 255), fc.integer({ min: 0, max: 255 })), { minLength: length, maxLength: length });

export const addressRange: fc.Arbitrary<FilterValue> = fc.constantFrom(4, 16).chain((length) =>
  fc
    .tuple(octets(length), octets(length), fc.constantFrom('one', 'range', 'prefix'), fc.integer({ min: 0, max: length * 8 }))
    .map(([a, b, kind, bits]) => {
      if (kind === 'one') return { first: hexOf(a), last: hexOf(a) };
      if (kind === 'prefix') {
        const maskOf = (i: number): number => (0xff << Math.max(0, 8 - Math.max(0, bits - 8 * i))) & 0xff;
        return {
          first: hexOf(a.map((o, i) => o & maskOf(i))),
          last: hexOf(a.map((o, i) => (o & maskOf(i)) | (~maskOf(i) & 0xff))),
        };
      }
      const [first, last] = [hexOf(a), hexOf(b)].sort() as [string, string];
      return { first, last };
    }),
);

const numberOf = (field: FilterField): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, 1, 6, 17, 80, 443, 1_500).filter((n) => n <= field.max),
    fc.integer({ min: 0, max: Math.min(field.max, 2 ** 53 - 1) }),
  );

const oneValueOf = (field: FilterField): fc.Arbitrary<FilterValue> =>
  field.kind === 'hostName'
    ? fc.constantFrom({ name: 'printer.lan' }, { name: '*.example.net' }, { name: 'voip-*' }, { name: '*' })
    : field.kind === 'label'
      ? fc.constantFrom({ name: 'berlin' }, { name: 'New York (2)' }, { name: '4711' }, { name: 'and' }, { name: '"a" b' })
      : field.kind === 'address'
        ? addressRange
        : fc.oneof(
            numberOf(field).map((low) => ({ low, high: low })),
            fc.tuple(numberOf(field), numberOf(field)).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
          );

const single = (field: FilterField): fc.Arbitrary<FilterValue> => numberOf(field).map((low) => ({ low, high: low }));

const testOf = (field: FilterField): fc.Arbitrary<FilterTest> => {
  const sides: FilterSide[] = hasSides(field) ? ['src', 'dst', 'either', 'both'] : ['either'];
  const isOrdered =
    field.kind !== 'address' &&
    field.kind !== 'mac' &&
    field.kind !== 'choice' &&
    field.kind !== 'country' &&
    field.kind !== 'label' &&
    field.kind !== 'hostName';
  const operators: FilterOperator[] = [
    '=',
    'any',
    ...(isOrdered ? (['<', '<=', '>', '>='] as const) : []),
    ...(field.kind === 'flags' ? (['has'] as const) : []),
  ];
  return fc.tuple(fc.constantFrom(...sides), fc.constantFrom(...operators)).chain(([side, operator]) => {
    const values =
      operator === 'any'
        ? fc.constant([])
        : operator === '=' || operator === 'has'
          ? fc.array(operator === 'has' ? single(field) : oneValueOf(field), { minLength: 1, maxLength: 3 })
          : single(field).map((value) => [value]);
    return values.map((list) => ({ kind: 'test' as const, field: field.name, side, operator, values: list }));
  });
};

/** Numbers of the labels that filters ask for, as a box would have given them: small ones, which rows by chance carry. */
export const labelNames = new NameDictionary(
  Object.values(labelDimensions).flatMap((kind, k) =>
    ['berlin', 'New York (2)', '4711', 'and', '"a" b'].map((name, i) => ({
      kind,
      name,
      number: [1, 2, 6, 17, 20, 53, 80, 255, 443, 1_500, 65_535][5 * (k % 2) + i]! + 1e6 * (k >> 1),
    })),
  ),
);

/** Without names of hosts: a search is never asked for them, since its asker has looked them up. */
const fields = [...shortFields, ...elementFields].filter(({ kind }) => kind !== 'hostName');
export const hostNameTest = testOf(fieldNamed('hostname')!);

/** @param extra tests that are drawn as often as all others, such as those that match what rows hold */
export function arbitraryFilter(extra?: fc.Arbitrary<FilterTest>): fc.Arbitrary<Filter> {
  const anyTest = fc.constantFrom(...fields).chain(testOf);
  const test: fc.Arbitrary<Filter> = extra === undefined ? anyTest : fc.oneof(anyTest, extra);
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      test,
      fc.constant<Filter>({ kind: 'all' }),
      tie('filter').map((part): Filter => ({ kind: 'not', part })),
      fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('filter'), { minLength: 2, maxLength: 4 }))
        .map(([kind, parts]): Filter => ({ kind, parts })),
    ),
  })).filter;
}

/** Tests of fields in which the rows have values at all, so that filters say yes as well as no. */
export const likelyTest = fc
  .constantFrom(
    'ip',
    'port',
    'proto',
    'vlan',
    'flags',
    'bytes',
    'duration',
    'sourceIPv4Address',
    'rtt',
    'mac',
    'bps',
    'end',
    'site',
    'tenant',
  )
  .chain((name) => testOf(fieldNamed(name)!));
