/** When a box may fetch and install by itself. Pure: wall time in, in the zone of the settings. A window belongs to the day on which it opens. */
import type { UpdateSettings } from '../../config/schema.ts';
import { type Weekday, weekdays } from '../../config/update_settings.ts';

type Window = UpdateSettings['window'];
const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

export function isWindowOpen({ days, from, until, timeZone }: Window, wallMs: number): boolean {
  const { day, minute } = localTime(timeZone, wallMs);
  const [fromMinute, untilMinute] = [minutesOf(from), minutesOf(until)];
  const before = weekdays[(weekdays.indexOf(day) + 6) % 7]!;
  if (fromMinute < untilMinute) return days.includes(day) && minute >= fromMinute && minute < untilMinute;
  // Over midnight, or all day long.
  return (days.includes(day) && minute >= fromMinute) || (days.includes(before) && minute < untilMinute);
}

/** `01:00 to 05:00 (Europe/Lisbon), sat, sun`. */
export function windowWords({ days, from, until, timeZone }: Window): string {
  const which = days.length === 7 ? '' : `, ${weekdays.filter((day) => days.includes(day)).join(', ')}`;
  return `${from} to ${until} (${timeZone})${which}`;
}

function localTime(timeZone: string, wallMs: number): { readonly day: Weekday; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23', weekday: 'short', hour: '2-digit', minute: '2-digit' },
  });
  const parts = new Map(format.formatToParts(wallMs).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { day: parts.get('weekday')!.toLowerCase() as Weekday, minute };
}
