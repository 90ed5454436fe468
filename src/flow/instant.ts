/**
 * Instants as people write them, ISO 8601 (RFC 3339 and a little more): `2026-11-29T18:45:00Z`, a blank for the T, seconds or the
 * whole time of day left out. What is no day of the calendar is none, and not one some days later. Pure.
 */

const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/i;

/** Wall time in ms, or undefined. Without a zone it is the local time of whoever reads it. */
export function readInstant(text: string): number | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = found;
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}${zone.toUpperCase()}`);
  return isDay && !Number.isNaN(ms) ? ms : undefined;
}

/** Whether the text says itself where on earth its time of day is meant. */
export const hasZone = (text: string): boolean => /\d(Z|[+-]\d\d:\d\d)$/i.test(text);
