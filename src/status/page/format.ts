/**
 * Numbers, sizes and times as people read them. Pure. Rates in decimal bit/s and sizes in decimal bytes, as switches and
 * providers state them; three significant digits, so that figures of one column line up. Times in the browser's zone.
 */

export interface Unit {
  readonly divisor: number;
  readonly name: string;
}

const bitUnits: readonly Unit[] = [
  { divisor: 1, name: 'bit/s' },
  { divisor: 1e3, name: 'kbit/s' },
  { divisor: 1e6, name: 'Mbit/s' },
  { divisor: 1e9, name: 'Gbit/s' },
];
const packetUnits: readonly Unit[] = [
  { divisor: 1, name: 'packets/s' },
  { divisor: 1e3, name: 'k packets/s' },
  { divisor: 1e6, name: 'M packets/s' },
];
const byteUnits: readonly Unit[] = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'].map((name, power) => ({ divisor: 1000 ** power, name }));

/** Between thousands; between a figure and its unit, so that they stay on one line. */
const thinSpace = '\u202f';
const space = '\u00a0';

/** The largest unit in which the value, rounded to three digits, is at least one: 999 700 bit/s are 1.00 Mbit/s. */
function unitOf(units: readonly Unit[], largest: number): Unit {
  return units.findLast((unit) => Math.abs(largest) >= unit.divisor * 0.9995) ?? units[0]!;
}

/** The unit that suits the largest value of a series: one unit for all of it, so that figures do not jump. */
export const bitRateUnit = (largest: number): Unit => unitOf(bitUnits, Math.max(largest, 1e3));
export const packetRateUnit = (largest: number): Unit => unitOf(packetUnits, largest);
const byteUnit = (largest: number): Unit => unitOf(byteUnits, largest);

/** `12.4`, `0.83`, `138`: three significant digits; digits of a given unit. */
export function digits(value: number, unit: Unit = { divisor: 1, name: '' }): string {
  if (value === 0) return '0';
  const scaled = value / unit.divisor;
  const size = Math.abs(scaled);
  const places = unit.divisor === 1 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return group(scaled.toFixed(places));
}

/** `1 234 567`, with thin spaces: neither a comma nor a point that somebody reads the other way. */
export function count(value: number): string {
  return group(Math.round(value).toString());
}

/** `2.81 G`: for counts whose size matters more than their last digit. */
export function shortCount(value: number): string {
  if (value < 10_000) return count(value);
  const unit = unitOf(
    ['', 'k', 'M', 'G', 'T'].map((name, power) => ({ divisor: 1000 ** power, name })),
    value,
  );
  return `${digits(value, unit)}${space}${unit.name}`;
}

/** Kilobits at least, but for what they would call 0.00. */
export function bitRate(bitsPerSecond: number): string {
  if (bitsPerSecond > 0 && bitsPerSecond < 10) return `${bitsPerSecond < 1 ? '< 1' : digits(bitsPerSecond)}${space}bit/s`;
  const unit = bitRateUnit(bitsPerSecond);
  return `${digits(bitsPerSecond, unit)}${space}${unit.name}`;
}

export function bytes(octets: number): string {
  const unit = byteUnit(octets);
  return `${digits(octets, unit)}${space}${unit.name}`;
}

/** `€ 12.40`, as the currency is written. */
export function money(amount: number, currency: string): string {
  const places = amount >= 1_000 ? 0 : 2;
  const format = { style: 'currency', currency, minimumFractionDigits: places, maximumFractionDigits: places } as const;
  return new Intl.NumberFormat('en-GB', format).format(amount);
}

/** `31 %`, `0.4 %`, `< 0.1 %`, `> 99 %`; a part of nothing is nothing. */
export function percent(part: number, whole: number): string {
  const value = whole > 0 ? (part / whole) * 100 : 0;
  if (value > 0 && value < 0.1) return `<${space}0.1${space}%`;
  // Of what is almost all something is missing: that must not read as all.
  if (value >= 99.5 && part < whole) return `>${space}99${space}%`;
  return `${value >= 9.95 || value === 0 ? Math.round(value) : value.toFixed(1)}${space}%`;
}

/** `3 d 4 h`, `42 min`, `9 s`: the two largest parts. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 60) return `${s}${space}s`;
  if (s < 3_600)
    return s < 600 && s % 60 > 0 ? `${Math.floor(s / 60)}${space}min ${s % 60}${space}s` : `${Math.floor(s / 60)}${space}min`;
  if (s < 86_400) return two(s, 3_600, 'h', 60, 'min');
  return two(s, 86_400, 'd', 3_600, 'h');
}

function two(s: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((s % large) / small);
  const head = `${Math.floor(s / large)}${space}${largeName}`;
  return rest === 0 ? head : `${head} ${rest}${space}${smallName}`;
}

const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const weekdayTime = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const year = new Intl.DateTimeFormat('en-GB', { year: 'numeric' });
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

export const timeOfDay = (ms: number): string => clockTime.format(ms);
export const hourAndMinute = (ms: number): string => hourMinute.format(ms);
export const dayOf = (ms: number): string => dayMonth.format(ms);
/** `Mon 23 Nov, 14:03`; with the year where `nowMs` is in another one. */
export function dayAndTime(ms: number, nowMs = ms): string {
  const isOfNow = year.format(ms) === year.format(nowMs);
  return isOfNow ? weekdayTime.format(ms) : weekdayTime.format(ms).replace(/,(?=[^,]*$)/, ` ${year.format(ms)},`);
}
/** With seconds, and the day where it is not today: for lists in which records stand close together. */
export const momentOfList = (ms: number, nowMs: number): string =>
  isSameDay(ms, nowMs)
    ? timeOfDay(ms)
    : `${dayOf(ms)}${year.format(ms) === year.format(nowMs) ? '' : ` ${year.format(ms)}`} ${timeOfDay(ms)}`;
/** With date, seconds and zone: for titles. */
export const exactTime = (ms: number): string => whole.format(ms);

/** `14:03:12` today, `Mon 23 Nov, 14:03` before. */
export function moment(ms: number, nowMs: number): string {
  return isSameDay(ms, nowMs) ? timeOfDay(ms) : dayAndTime(ms, nowMs);
}

const isSameDay = (a: number, b: number): boolean => dayOf(a) === dayOf(b) && year.format(a) === year.format(b);

/** `Europe/Lisbon (UTC+1)`: which zone all times are in. */
export function zoneName(nowMs: number): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'shortOffset' }).formatToParts(nowMs);
  const offset = (parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC').replace('GMT', 'UTC');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll('_', ' ');
  return zone === offset ? zone : `${zone} (${offset})`;
}

function group(text: string): string {
  const [head, tail] = text.split('.') as [string, string | undefined];
  const grouped = head.length > 4 ? head.replace(/\B(?=(\d{3})+$)/g, thinSpace) : head;
  return tail === undefined ? grouped : `${grouped}.${tail}`;
}
