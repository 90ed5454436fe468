/**
 * Whether a segment can hold a record that a filter wants, by its summary alone. Certain when it says no; a yes only means
 * that the segment has to be read. The same tree as `flow_matcher.ts` runs over records. Pure.
 */
import { type FilterField, fieldNamed } from '../flow/filter/filter_fields.ts';
import type { AddressRange, Filter, FilterTest, NumberRange } from '../flow/filter/filter_syntax.ts';
import { addressColumn, addressColumns, numberColumn, numberColumns, startColumn } from '../flow/flow_columns.ts';
import { rangesOf, sidesOf, wordsOf } from './flow_matcher.ts';
import { addressKey, type FlowSummary, numberKey, prefixKey, sketchBounds, sketchedPrefixBits } from './flow_summary.ts';
import type { KeyHash } from './key_sketch.ts';

export type Possible = (summary: FlowSummary) => boolean;

const always: Possible = () => true;
const never: Possible = () => false;
const everyOf =
  (parts: readonly Possible[]): Possible =>
  (summary) =>
    parts.every((part) => part(summary));
const someOf =
  (parts: readonly Possible[]): Possible =>
  (summary) =>
    parts.some((part) => part(summary));

/** Can some record of the segment match? */
export function canMatch(filter: Filter): Possible {
  switch (filter.kind) {
    case 'all':
      return always;
    case 'not':
      return canMiss(filter.part);
    case 'and':
      return everyOf(filter.parts.map(canMatch));
    case 'or':
      return someOf(filter.parts.map(canMatch));
    default:
      return canPass(filter);
  }
}

/** Can some record of the segment not match? */
function canMiss(filter: Filter): Possible {
  switch (filter.kind) {
    case 'all':
      return never;
    case 'not':
      return canMatch(filter.part);
    case 'and':
      return someOf(filter.parts.map(canMiss));
    case 'or':
      return everyOf(filter.parts.map(canMiss));
    default:
      return canFail(filter);
  }
}

/** Records under way in [fromMs, toMs) can be in it. */
export function canBeInTime(fromMs: number, toMs: number): Possible {
  return ({ low, high }) => low[startColumn]! < toMs * 1_000 && high[startColumn]! + high[endColumn]! >= fromMs * 1_000;
}

const endColumn = numberColumn('flowEnd');

function canPass(test: FilterTest): Possible {
  const field = fieldNamed(test.field)!;
  const sides = sidesOf(field, test);
  const each = sides.map((columns) => canPassSide(field, test, columns));
  return test.side === 'both' ? everyOf(each) : someOf(each);
}

function canPassSide(field: FilterField, test: FilterTest, columns: readonly string[]): Possible {
  const bits = field.kind === 'address' ? addressColumns[addressColumn(columns[0]!)]!.bits : bitsOf(columns[0]!);
  const isThere: Possible = ({ presentInSome }) => (presentInSome & bits) >>> 0 === bits;
  if (test.operator === 'any' || test.operator === 'has') return isThere;
  return everyOf([isThere, field.kind === 'address' ? addressesIn(test) : numbersIn(field, test, columns)]);
}

const bitsOf = (column: string): number => numberColumns[numberColumn(column)]!.bits;

function addressesIn({ values }: FilterTest): Possible {
  const ranges = (values as readonly AddressRange[]).map(keyOfRange);
  // A range wider than a sketched prefix may be anywhere.
  return ({ keys }) => ranges.some((key) => key === undefined || keys.mayHold(key));
}

function keyOfRange(range: AddressRange): KeyHash | undefined {
  const { version, first } = wordsOf(range);
  if (range.first === range.last) return addressKey(version, first);
  const digits = sketchedPrefixBits[version as 4 | 6] / 4;
  return range.first.slice(0, digits) === range.last.slice(0, digits) ? prefixKey(version, first) : undefined;
}

interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Bounds of a field's numbers; undefined where they do not follow from those of its columns. */
function boundsOf(field: FilterField, columns: readonly string[]): ((summary: FlowSummary) => Bounds) | undefined {
  const places = columns.map(numberColumn);
  const [first = 0, second = 0] = places;
  if (field.derived === 'duration') return ({ low, high }) => ({ low: low[endColumn]!, high: high[endColumn]! });
  if (field.derived !== undefined) return undefined;
  if (columns.length === 2) {
    if (field.together === 'bits') return undefined;
    return ({ low, high }) => ({ low: low[first]! + low[second]!, high: high[first]! + high[second]! });
  }
  if (!numberColumns[first]!.sinceStart) return ({ low, high }) => ({ low: low[first]!, high: high[first]! });
  return ({ low, high }) => ({ low: low[startColumn]! + low[first]!, high: high[startColumn]! + high[first]! });
}

function numbersIn(field: FilterField, test: FilterTest, columns: readonly string[]): Possible {
  const ranges = rangesOf(test);
  const bounds = boundsOf(field, columns);
  const inBounds: Possible =
    bounds === undefined
      ? always
      : (summary) => {
          const { low, high } = bounds(summary);
          return ranges.some((range) => range.high >= low && range.low <= high);
        };
  const place = numberColumn(columns[0]!);
  const isSketched =
    columns.length === 1 &&
    field.derived === undefined &&
    test.operator === '=' &&
    (test.values as readonly NumberRange[]).every(({ low, high }) => low === high && low < sketchBounds[place]!);
  if (!isSketched) return inBounds;
  const wanted = (test.values as readonly NumberRange[]).map(({ low }) => numberKey(place, low));
  return everyOf([inBounds, ({ keys }) => wanted.some((key) => keys.mayHold(key))]);
}

/** A test that all records pass for certain: of one side, by presence and bounds. */
function canFail(test: FilterTest): Possible {
  const field = fieldNamed(test.field)!;
  const isOneSide = field.columns.length === 1 || test.side === 'src' || test.side === 'dst';
  if (field.kind === 'address' || field.derived !== undefined || test.operator === 'has' || !isOneSide) return always;
  const column = field.columns.length === 2 && test.side === 'dst' ? field.columns[1]! : field.columns[0]!;
  const bits = bitsOf(column);
  const isAbsent: Possible = ({ presentInAll }) => (presentInAll & bits) >>> 0 !== bits;
  if (test.operator === 'any') return isAbsent;
  const bounds = boundsOf(field, [column]);
  if (bounds === undefined) return always;
  const ranges = rangesOf(test);
  return someOf([
    isAbsent,
    (summary) => {
      const { low, high } = bounds(summary);
      return !ranges.some((range) => range.low <= low && range.high >= high);
    },
  ]);
}
