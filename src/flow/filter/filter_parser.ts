/**
 * Reads the filter language. Trouble is an answer, not an exception: where it is, what is wrong, what is allowed there.
 * Limits: 2,000 characters, 40 brackets deep, 200 tests, 500 values in a list. Pure.
 */
import { elementFields, type FilterField, fieldNamed, filterWords, hasSides, shortFields } from './filter_fields.ts';
import {
  everyFlow,
  type Filter,
  type FilterOperator,
  type FilterSide,
  type FilterTest,
  type FilterValue,
} from './filter_syntax.ts';
import { allowedValues, readValue } from './filter_values.ts';

export interface FilterTrouble {
  /** Counted from 0, in characters of the text. */
  readonly at: number;
  readonly length: number;
  readonly message: string;
  readonly allowed: string;
}

/** A label or a host’s name that the filter asks for, and where: whoever looks it up may find that nothing bears it. */
export interface NamePlace {
  readonly field: string;
  readonly name: string;
  readonly at: number;
  readonly length: number;
}

export type ParsedFilter =
  | { readonly filter: Filter; readonly names: readonly NamePlace[]; readonly trouble?: undefined }
  | { readonly trouble: FilterTrouble };

export const filterLengthMax = 2_000;
const depthMax = 40;
const testsMax = 200;
const valuesMax = 500;

export function parseFilter(text: string): ParsedFilter {
  try {
    if (text.length > filterLengthMax)
      throw new Trouble({ at: filterLengthMax, length: 1 }, 'the filter is too long', `at most ${filterLengthMax} characters`);
    const parser = new Parser(text);
    return { filter: parser.filter(), names: parser.names };
  } catch (error) {
    if (error instanceof Trouble) return { trouble: error.where };
    throw error;
  }
}

/** `at 5: …`, with the text and a mark under the place: for terminals. */
export function troubleText(text: string, { at, length, message, allowed }: FilterTrouble): string {
  const line = text.replaceAll(/\s/g, ' ');
  return `${message}; allowed: ${allowed}\n  ${line}\n  ${' '.repeat(at)}${'^'.repeat(Math.max(1, Math.min(length, line.length - at)))}`;
}

interface Token {
  readonly text: string;
  readonly at: number;
  readonly length: number;
}

class Trouble extends Error {
  readonly where: FilterTrouble;
  constructor({ at, length }: { at: number; length: number }, message: string, allowed: string) {
    super(message);
    this.where = { at, length, message, allowed };
  }
}

const tokenPattern = /"(?:[^"]|"")*"|&&|\|\||[<>!=]=|[()[\],<>=!]|[^\s()[\],<>=!&|]+|\S/g;

const sides: Readonly<Record<string, FilterSide>> = { src: 'src', source: 'src', dst: 'dst', destination: 'dst' };
const comparisons: Readonly<Record<string, FilterOperator>> = { '=': '=', '==': '=', '<': '<', '<=': '<=', '>': '>', '>=': '>=' };

class Parser {
  readonly names: NamePlace[] = [];
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #next = 0;
  #depth = 0;
  #tests = 0;

  constructor(text: string) {
    this.#tokens = [...text.matchAll(tokenPattern)].map((match) => ({
      text: match[0],
      at: match.index,
      length: match[0].length,
    }));
    this.#end = { text: '', at: text.length, length: 1 };
  }

  filter(): Filter {
    if (this.#tokens.length === 0) return everyFlow;
    const filter = this.#or();
    const rest = this.#peek();
    if (rest !== this.#end) {
      const what = rest.text === ')' ? 'this bracket was not opened' : `'${shorten(rest.text)}' cannot follow here`;
      throw new Trouble(rest, what, 'and, or, or the end');
    }
    return filter;
  }

  #or(): Filter {
    return this.#list('or', ['or', '||'], () => this.#list('and', ['and', '&&'], () => this.#not()));
  }

  #list(kind: 'and' | 'or', words: readonly string[], one: () => Filter): Filter {
    const parts = [one()];
    while (words.includes(this.#peek().text.toLowerCase())) {
      this.#next++;
      parts.push(one());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  }

  #not(): Filter {
    const token = this.#peek();
    if (++this.#depth > depthMax) throw new Trouble(token, 'too many brackets', `at most ${depthMax} inside each other`);
    let filter: Filter;
    if (token.text.toLowerCase() === 'not' || token.text === '!') {
      this.#next++;
      filter = { kind: 'not', part: this.#not() };
    } else if (token.text === '(') {
      this.#next++;
      filter = this.#or();
      if (this.#peek().text !== ')') throw new Trouble(this.#peek(), 'a bracket is not closed', ') or and, or');
      this.#next++;
    } else filter = this.#test();
    this.#depth--;
    return filter;
  }

  #test(): Filter {
    const first = this.#peek();
    if (++this.#tests > testsMax) throw new Trouble(first, 'too many tests', `at most ${testsMax}`);
    const side = this.#side();
    const token = this.#peek();
    const name = token.text.toLowerCase();
    if (side === undefined && name === 'any') {
      this.#next++;
      return everyFlow;
    }
    if (side === undefined && name in filterWords) {
      this.#next++;
      return wordFilter(name);
    }
    const field = fieldNamed(name);
    if (field === undefined) {
      // `src 10.0.0.1`, and an address alone, as in nfdump and tcpdump.
      const value = /[.:]/.test(token.text) ? readValue(fieldNamed('ip')!, token.text) : undefined;
      if (value === undefined) throw unknownName(token, this.#end, side);
      this.#next++;
      return { kind: 'test', field: 'ip', side: side ?? 'either', operator: '=', values: [value] };
    }
    if (side !== undefined && !hasSides(field)) {
      throw new Trouble(first, `${field.name} has no source and destination`, `${field.name} without ${first.text}`);
    }
    this.#next++;
    return this.#comparison(field, side ?? 'either');
  }

  #side(): FilterSide | undefined {
    const side = sides[this.#peek().text.toLowerCase()];
    if (side === undefined) return undefined;
    this.#next++;
    const [joint, other] = [this.#tokens[this.#next]?.text.toLowerCase(), this.#tokens[this.#next + 1]?.text.toLowerCase()];
    if ((joint !== 'and' && joint !== 'or') || other === undefined || sides[other] === undefined || sides[other] === side)
      return side;
    this.#next += 2;
    return joint === 'and' ? 'both' : 'either';
  }

  #comparison(field: FilterField, side: FilterSide): Filter {
    const token = this.#peek();
    const test = (operator: FilterOperator, values: readonly FilterValue[]): FilterTest => ({
      kind: 'test',
      field: field.name,
      side,
      operator,
      values,
    });
    const negated = token.text === '!=';
    const operator = negated ? '=' : comparisons[token.text];
    if (operator !== undefined) this.#next++;
    else if (token.text.toLowerCase() === 'in' && this.#tokens[this.#next + 1]?.text === '[') this.#next++;

    const word = this.#peek().text.toLowerCase();
    const mayBeAbsent = operator === undefined || operator === '=';
    if (mayBeAbsent && (word === 'any' || word === 'none')) {
      this.#next++;
      const isPresent = test('any', []);
      return (word === 'any') !== negated ? isPresent : { kind: 'not', part: isPresent };
    }
    if (
      operator !== undefined &&
      operator !== '=' &&
      ['address', 'mac', 'choice', 'country', 'label', 'hostName'].includes(field.kind)
    ) {
      throw new Trouble(token, `${field.name} is not ordered`, `= or != with ${allowedValues(field)}`);
    }
    const values = this.#values(field, operator !== undefined && operator !== '=');
    const equals = test(field.kind === 'flags' && operator === undefined ? 'has' : (operator ?? '='), values);
    return negated ? { kind: 'not', part: equals } : equals;
  }

  #values(field: FilterField, one: boolean): FilterValue[] {
    if (this.#peek().text !== '[') {
      const token = this.#peek();
      const value = this.#value(field);
      if (one && 'low' in value && value.low !== value.high) throw new Trouble(token, 'a range cannot be compared', 'one number');
      return [value];
    }
    if (one) throw new Trouble(this.#peek(), 'a list cannot be compared', `one number: ${allowedValues(field)}`);
    this.#next++;
    const values: FilterValue[] = [];
    for (;;) {
      if (values.length >= valuesMax) throw new Trouble(this.#peek(), 'the list is too long', `at most ${valuesMax} values`);
      values.push(this.#value(field));
      const token = this.#peek();
      if (token.text === ']') break;
      // Commas may be left out, as in nfdump.
      if (token.text === ',') this.#next++;
      else if (token === this.#end) throw new Trouble(token, 'the list is not closed', ', or ]');
    }
    this.#next++;
    return values;
  }

  #value(field: FilterField): FilterValue {
    const token = this.#peek();
    const value = token === this.#end ? undefined : readValue(field, token.text);
    if (value === undefined) {
      const what = token === this.#end ? `${field.name} needs a value` : `'${shorten(token.text)}' is no value of ${field.name}`;
      throw new Trouble(token, what, allowedValues(field));
    }
    this.#next++;
    if ('name' in value) this.names.push({ field: field.name, name: value.name, ...insideQuotes(token) });
    return value;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#end;
  }
}

const insideQuotes = ({ text, at, length }: Token): { at: number; length: number } =>
  text.startsWith('"') ? { at: at + 1, length: length - 2 } : { at, length };

function wordFilter(name: string): Filter {
  const parsed = parseFilter(filterWords[name]!.means);
  if (parsed.trouble !== undefined) throw new Error(`the word ${name} means no filter`);
  return parsed.filter;
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function unknownName(token: Token, end: Token, side: FilterSide | undefined): Trouble {
  const known = shortFields.filter((field) => side === undefined || hasSides(field));
  const allowed = `${known.map(({ name }) => name).join(', ')}${side === undefined ? `, ${Object.keys(filterWords).join(', ')}, not, (` : ''}, or an element such as octetDeltaCount`;
  if (token === end) return new Trouble(token, 'something is missing at the end', allowed);
  const near = nearest(token.text);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return new Trouble(token, `'${shorten(token.text)}' is no field${hint}`, allowed);
}

/** A name that differs by two letters at most, for who mistypes. */
function nearest(text: string): string | undefined {
  const names = [
    ...shortFields.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...Object.keys(filterWords),
    ...elementFields.map(({ name }) => name),
  ];
  const ranked = names
    .map((name) => ({ name, apart: distance(text.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.apart - b.apart);
  const best = ranked[0]!;
  return best.apart <= 2 && best.apart < text.length ? best.name : undefined;
}

/** Letters to add, drop or change (Levenshtein); three means too many. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
