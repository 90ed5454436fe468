/**
 * From a file to settings: read, parse, check. Every fault of a file is found in one go, each named by path, value and
 * what is allowed. The only part of `config/` that reads files.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { type Settings, settingsSchema } from './schema.ts';

/** One thing wrong with a file. */
export interface SettingFault {
  /** `export.destinations[0].port`; empty for the whole file. */
  readonly path: string;
  /** The value as it stands, shortened; undefined when the key is missing. */
  readonly value: string | undefined;
  /** What is wrong and what is allowed. */
  readonly message: string;
  /** Line in the file, from 1, when it can be told. */
  readonly line: number | undefined;
}

export type SettingsResult = { readonly settings: Settings } | { readonly faults: readonly SettingFault[] };

/** Checks YAML text. Empty text gives the defaults. */
export function parseSettings(text: string): SettingsResult {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      faults: document.errors.map((error) => ({
        path: '',
        value: undefined,
        message: `not valid YAML: ${error.message.split('\n')[0]}`,
        line: error.linePos?.[0].line,
      })),
    };
  }
  const input: unknown = document.toJS() ?? {};
  const result = settingsSchema.safeParse(input);
  if (result.success) return { settings: result.data };
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return text.slice(0, node.range[0]).split('\n').length;
    }
    return undefined;
  };
  return { faults: result.error.issues.flatMap((issue) => faultsOf(issue, input, lineOf)) };
}

function faultsOf(
  issue: z.core.$ZodIssue,
  input: unknown,
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): SettingFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const known = knownKeys(issue.path);
      return {
        path: formatPath(path),
        value: shown(valueAt(input, path)),
        message: `unknown setting; allowed here: ${known.join(', ')}`,
        line: lineOf(path),
      };
    });
  }
  return [
    {
      path: formatPath(issue.path),
      value: shown(valueAt(input, issue.path)),
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

/** Keys of the object schema at a path, for the message about an unknown one. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = settingsSchema;
  for (const key of path) {
    const inner = unwrap(schema);
    schema =
      typeof key === 'number'
        ? (inner as { element?: unknown }).element
        : (inner as { shape?: Record<string, unknown> }).shape?.[String(key)];
  }
  return Object.keys((unwrap(schema) as { shape?: object }).shape ?? {});
}

/** The schema inside defaults and other wrappers. */
export function unwrap(schema: unknown): unknown {
  let current = schema as { def?: { innerType?: unknown } };
  while (current?.def?.innerType !== undefined) current = current.def.innerType as typeof current;
  return current;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
}

function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}

/** `flowspan.yaml:12: meter.threads: 99: too large; allowed: at most 16`. */
export function formatFault(fault: SettingFault, file: string): string {
  const place = fault.line === undefined ? file : `${file}:${fault.line}`;
  const secret = /password/i.test(fault.path) && !/File$/.test(fault.path);
  return [place, fault.path, secret ? undefined : fault.value, fault.message]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
}

/** Reads and checks a file; throws `settingsUnreadable` or `settingsInvalid` with every fault in the message. */
export function loadSettings(file: string): Settings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ApplianceError('settingsUnreadable', `${file}: cannot be read: ${why}`, { cause: error });
  }
  const result = parseSettings(text);
  if ('settings' in result) return result.settings;
  throw new ApplianceError('settingsInvalid', result.faults.map((fault) => formatFault(fault, file)).join('\n'), {
    fields: { faults: result.faults.length },
  });
}

export function defaultSettings(): Settings {
  return settingsSchema.parse({});
}
