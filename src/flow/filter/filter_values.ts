/**
 * Values of the filter language, read and written: numbers with suffixes, durations, times, MACs, TCP flags, names. All
 * become numbers in the unit of their column (times and durations microseconds). Pure.
 */
import { parseAddress, parsePrefix } from '../addresses.ts';
import { hasZone, readInstant } from '../instant.ts';
import { countryCode, countryLetters } from '../places.ts';
import { type FilterField, tcpFlagLetters } from './filter_fields.ts';
import type { AddressRange, FilterValue, NamedValue, NumberRange } from './filter_syntax.ts';

const decimal: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const binary: Readonly<Record<string, number>> = { ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 };
const durationUs: Readonly<Record<string, number>> = {
  us: 1,
  '': 1e3,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
  d: 86_400e6,
};

/** What a value of this field looks like, for errors and the reference. */
export function allowedValues(field: FilterField): string {
  switch (field.kind) {
    case 'address':
      return 'an address (192.0.2.1, 2001:db8::1), a prefix (10.0.0.0/8), a range (10.0.0.1..10.0.0.9), any or none';
    case 'mac':
      return 'a MAC address (00:1b:44:11:3a:b7), its first octets (00:1b:44), any or none';
    case 'time':
      return 'ISO 8601 with its zone (2026-01-01T10:41:00Z, 2026-01-01T11:41:00+01:00) or milliseconds since 1970';
    case 'duration':
      return 'a number with us, ms, s, m, h or d, such as 50ms or 2m; any or none';
    case 'flags':
      return `letters of ${Object.keys(tcpFlagLetters).join('')} (such as SA), a number up to ${field.max}, any or none`;
    case 'choice':
      return `${Object.keys(field.choices ?? {}).join(', ')}, a number up to ${field.max}, any or none`;
    case 'country':
      return 'two letters of ISO 3166, such as DE; any or none';
    case 'hostName':
      return 'a name of letters, digits, hyphens, underscores and dots, with * before it, behind it or both; any or none';
    case 'label':
      return 'a label of your settings, in quotation marks where it has blanks or signs; any or none';
    default:
      return `a number up to ${field.max}, with k, M, G, T or Ki, Mi, Gi, Ti; any or none`;
  }
}

/** A value as written, or undefined when the field has no such value. */
export function readValue(field: FilterField, text: string): FilterValue | undefined {
  if (field.kind === 'label') return readName(text);
  if (field.kind === 'hostName') return readHostName(text);
  return field.kind === 'address' ? readAddresses(text) : readRange(field, text);
}

function readName(text: string): NamedValue | undefined {
  const name = /^"((?:[^"]|"")*)"$/.exec(text)?.[1]?.replaceAll('""', '"') ?? (/^[^"()[\],<>=!&|\s]+$/.test(text) ? text : '');
  return name === '' ? undefined : { name };
}

/** As names are learned: in small letters, without the dot of the root (RFC 1034 3.1). */
function readHostName(text: string): NamedValue | undefined {
  const name = text
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase()
    .replace(/(?<=[^*.])\.$/, '');
  return /^(\*|\*?[a-z0-9_.-]{1,253}\*?)$/.test(name) ? { name } : undefined;
}

function readRange(field: FilterField, text: string): NumberRange | undefined {
  const parts = text.split('..');
  if (parts.length === 2) {
    const [low, high] = parts.map((part) => readOne(field, part));
    return low === undefined || high === undefined || low.low > high.high ? undefined : { low: low.low, high: high.high };
  }
  // `80-90`, as others write it: not for names and times, which have hyphens of their own.
  const dashed = /^([\d.]+[a-zA-Z]*)-([\d.]+[a-zA-Z]*)$/.exec(text);
  if (dashed !== null && (field.kind === 'number' || field.kind === 'octets' || field.kind === 'duration'))
    return readRange(field, `${dashed[1]}..${dashed[2]}`);
  return readOne(field, text);
}

function readOne(field: FilterField, text: string): NumberRange | undefined {
  if (field.kind === 'mac') return readMac(text);
  const value = readNumber(field, text);
  return value === undefined || !(value >= 0 && value <= field.max) ? undefined : { low: value, high: value };
}

function readNumber(field: FilterField, text: string): number | undefined {
  switch (field.kind) {
    case 'duration':
      return readDuration(text);
    case 'time':
      return readTime(text);
    case 'flags':
      return readFlags(text) ?? readPlain(text);
    case 'choice':
      return choiceOf(field, text) ?? readPlain(text);
    case 'country':
      return countryCode(text) ?? readPlain(text);
    default:
      return readPlain(text);
  }
}

function readPlain(text: string): number | undefined {
  if (/^0x[0-9a-f]{1,13}$/i.test(text)) return Number(text);
  const parts = /^(\d{1,16}(?:\.\d{1,9})?)([kmgt]i?)?b?$/i.exec(text);
  if (parts === null) return undefined;
  const suffix = (parts[2] ?? '').toLowerCase();
  return Math.round(Number(parts[1]) * (decimal[suffix] ?? binary[suffix]!));
}

function readDuration(text: string): number | undefined {
  const parts = /^(\d{1,16}(?:\.\d{1,9})?)(us|ms|s|m|h|d)?$/.exec(text);
  return parts === null ? undefined : Math.round(Number(parts[1]) * durationUs[parts[2] ?? '']!);
}

function readTime(text: string): number | undefined {
  if (/^\d{1,16}us$/.test(text)) return Number.parseInt(text, 10);
  // Without a zone it would be the box's, where the page shows times of the reader's: neither could be told from the text.
  const ms = /^\d{1,13}$/.test(text) ? Number(text) : hasZone(text) ? readInstant(text) : undefined;
  return ms === undefined ? undefined : ms * 1_000;
}

function readFlags(text: string): number | undefined {
  const letters = [...text.toUpperCase()];
  if (!letters.every((letter) => letter in tcpFlagLetters)) return undefined;
  return letters.reduce((bits, letter) => bits | tcpFlagLetters[letter as keyof typeof tcpFlagLetters], 0);
}

function choiceOf(field: FilterField, text: string): number | undefined {
  const found = Object.entries(field.choices ?? {}).find(([name]) => name.toLowerCase() === text.toLowerCase());
  return found?.[1];
}

function readMac(text: string): NumberRange | undefined {
  const groups = text.split(/[:-]/);
  if (groups.length > 6 || !groups.every((group) => /^[0-9a-f]{2}$/i.test(group))) return undefined;
  const low = Number.parseInt(groups.join('').padEnd(12, '0'), 16);
  return { low, high: low + 2 ** (8 * (6 - groups.length)) - 1 };
}

function readAddresses(text: string): AddressRange | undefined {
  const ends = text.split(/\.\.|-/);
  if (ends.length === 2) {
    const [first, last] = ends.map((end) => hexOf(parseAddress(end)));
    return first === undefined || last === undefined || first.length !== last.length || first > last
      ? undefined
      : { first, last };
  }
  if (!text.includes('/')) {
    const one = hexOf(parseAddress(text));
    return one === undefined ? undefined : { first: one, last: one };
  }
  const prefix = parsePrefix(text);
  if (prefix === undefined) return undefined;
  const last = prefix.octets.map((octet, i) => octet | (0xff >> Math.min(8, Math.max(0, prefix.bits - 8 * i))));
  return { first: hexOf(prefix.octets)!, last: hexOf(last)! };
}

const hexOf = (octets: Uint8Array | undefined): string | undefined =>
  octets === undefined ? undefined : [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join('');

/** One number as it is read back. */
export function writeNumber(field: FilterField, value: number): string {
  switch (field.kind) {
    case 'duration':
      return `${value}us`;
    case 'time':
      return value % 1_000 === 0 && value < 253_402_300_800_000_000 ? new Date(value / 1_000).toISOString() : `${value}us`;
    case 'flags':
      return writeTcpFlags(value);
    case 'mac':
      return value
        .toString(16)
        .padStart(12, '0')
        .replace(/(..)(?=.)/g, '$1:');
    case 'country':
      return countryLetters(value) ?? String(value);
    case 'choice':
      return Object.entries(field.choices ?? {}).find(([, number]) => number === value)?.[0] ?? String(value);
    default:
      return String(value);
  }
}

export function writeTcpFlags(value: number): string {
  if (value === 0 || value > 255) return String(value);
  return Object.entries(tcpFlagLetters)
    .filter(([, bit]) => (value & bit) !== 0)
    .map(([letter]) => letter)
    .join('');
}
