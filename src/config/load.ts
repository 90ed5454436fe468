/**
 * From a file to settings: read, parse, check. Every fault of a file is found in one go, each named by path, value and
 * what is allowed; values that may be secret are left out, since faults become events. The only part of `config/` that reads files.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { broughtUpToDate } from './older_files.ts';
import { type Settings, settingsSchema } from './schema.ts';
import { isSecret, isValue, keysAt, schemaAt } from './schema_at.ts';

/** One thing wrong with a file. */
export interface SettingFault {
  /** `export.destinations[0].port`; empty for the whole file. */
  readonly path: string;
  /** The value as it stands, shortened; undefined when the key is missing, or nobody may see it. */
  readonly value: string | undefined;
  /** What is wrong and what is allowed. */
  readonly message: string;
  /** Line in the file, from 1, when it can be told. */
  readonly line: number | undefined;
}

/** `older`: values that are taken as others, since only an older version allowed them. */
export type SettingsResult =
  | { readonly settings: Settings; readonly older: readonly SettingFault[] }
  | { readonly faults: readonly SettingFault[] };

/** Checks YAML text. Empty text gives the defaults. */
export function parseSettings(text: string): SettingsResult {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  // A tag that nobody knows is a warning to the parser, which drops it: half of a password, say.
  const unparsed = [...document.errors, ...document.warnings];
  if (unparsed.length > 0) return { faults: unparsed.map((error) => yamlFault(error.message, error.linePos?.[0].line)) };
  let written: unknown;
  try {
    written = document.toJS() ?? {};
  } catch (error) {
    return { faults: [yamlFault(messageOf(error), undefined)] }; // an alias of nothing, or of too much
  }
  const { input, older } = broughtUpToDate(written);
  const result = settingsSchema.safeParse(input);
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return text.slice(0, node.range[0]).split('\n').length;
    }
    return undefined;
  };
  if (result.success) {
    const told = older.map(({ path, value, message }) => ({
      path: formatPath(path),
      value: String(value),
      message,
      line: lineOf(path),
    }));
    return { settings: result.data, older: told };
  }
  return { faults: result.error.issues.flatMap((issue) => faultsOf(issue, input, lineOf)) };
}

/** The parser quotes the text behind a colon or in quotes. */
function yamlFault(message: string, line: number | undefined): SettingFault {
  const what = message
    .split('\n')[0]!
    .replace(/(: | "| !).*$/, '')
    .replace(/ at line \d+.*$/, '');
  return { path: '', value: undefined, message: `not valid YAML: ${what}`, line };
}

function faultsOf(
  issue: z.core.$ZodIssue,
  input: unknown,
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): SettingFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const known = keysAt(issue.path);
      const meant = nearest(nameIn(key), known);
      return {
        path: formatPath(path),
        value: undefined, // it may be a secret under a mistyped name
        message: `unknown setting; ${meant === undefined ? '' : `${meant} is near; `}allowed here: ${known.join(', ')}`,
        line: lineOf(path),
      };
    });
  }
  return [
    {
      path: formatPath(issue.path),
      value: shown(valueAt(input, issue.path), issue.path),
      message: worded(issue, valueAt(input, issue.path)),
      line: lineOf(issue.path),
    },
  ];
}

function worded(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'too_small':
      return `too small; allowed: at least ${issue.minimum}`;
    case 'too_big':
      return `too large; allowed: at most ${issue.maximum}`;
    case 'invalid_type':
      if (value === undefined) return 'missing; it has no default';
      return `wrong type; allowed: ${issue.expected === 'int' || issue.expected === 'number' ? 'a whole number' : `a value of type ${issue.expected}`}`;
    case 'invalid_value':
      return `not allowed; allowed: ${issue.values.map(String).join(', ')}`;
    default:
      return value === undefined ? `missing; needed: ${issue.message}` : `not allowed; allowed: ${issue.message}`;
  }
}

/** The known key that somebody may have meant: a third of it off at most. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((name) => ({ name, away: distance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, away }) => away <= name.length / 3)
    .sort((a, b) => a.away - b.away);
  return best?.name;
}

/** Levenshtein's, of the first 64 characters. */
function distance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
}

/** Undefined for what may hold a secret: one by name, a web address, a whole section or what stands in its place. */
function shown(value: unknown, path: readonly PropertyKey[]): string | undefined {
  const schema = schemaAt(path);
  const isPlain = (one: unknown): boolean => typeof one !== 'object' || one === null;
  if (value === undefined || isSecret(schema) || !isValue(schema)) return undefined;
  if (!isPlain(value) && !(Array.isArray(value) && value.every(isPlain))) return undefined;
  const text = JSON.stringify(value);
  if (/:\/\/|@/.test(text)) return undefined;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? shownKey(key) : `${text}.${shownKey(key)}`;
  }, '');
}

/** `{password:secret}`, without the blank, is a key to YAML: what no name has is not shown. */
const shownKey = (key: PropertyKey): string => (nameIn(key) === String(key) ? nameIn(key) : `${nameIn(key)}…`);
const nameIn = (key: PropertyKey): string => /^[\w-]{0,40}/.exec(String(key))![0];

/** `flowspan.yaml:12: meter.threads: 99: too large; allowed: at most 16`. */
export function formatFault(fault: SettingFault, file: string): string {
  const place = fault.line === undefined ? file : `${file}:${fault.line}`;
  return [place, fault.path, fault.value, fault.message].filter((part) => part !== undefined && part !== '').join(': ');
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** A line each for what is to be brought up to date in the file. */
  readonly remarks: readonly string[];
}

export const loadSettings = (file: string): Settings => readSettings(file).settings;

/** Reads and checks a file; throws `settingsUnreadable` or `settingsInvalid` with every fault in the message. */
export function readSettings(file: string): LoadedSettings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ApplianceError('settingsUnreadable', `${file}: cannot be read: ${why}`, { cause: error });
  }
  const result = parseSettings(text);
  if ('settings' in result) return { settings: result.settings, remarks: result.older.map((one) => formatFault(one, file)) };
  throw new ApplianceError('settingsInvalid', result.faults.map((fault) => formatFault(fault, file)).join('\n'), {
    fields: { faults: result.faults.length },
  });
}

export function defaultSettings(): Settings {
  return settingsSchema.parse({});
}
