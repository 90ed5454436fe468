/** Figures, tables and CSV lines of the command line. Pure. */

/** Columns side by side; those from `numbersFrom` on are numbers and stand at the right. */
export function tableLines(rows: readonly (readonly string[])[], numbersFrom: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column < numbersFrom ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/** RFC 4180: texts in quotes, quotes in them doubled; numbers bare; what is absent stays empty. */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return cells
    .map((cell) => (cell === undefined ? '' : typeof cell === 'number' ? String(cell) : `"${inert(cell).replaceAll('"', '""')}"`))
    .join(',');
}

/**
 * Spreadsheets take a text that begins so for a formula, in quotes or not, and names come from the network: an apostrophe makes it
 * a text again.
 */
const inert = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

/** Local time, as the command line shows it. */
export const timeText = (ms: number): string => new Date(ms).toLocaleString('sv');

/** From one time to another, and in which zone that is read: a clock that is set back has hours twice. */
export function spanText(fromMs: number, toMs: number): string {
  const [first, last] = [zoneText(fromMs), zoneText(toMs)];
  return `${timeText(fromMs)}${first === last ? '' : ` ${first}`} to ${timeText(toMs)} ${last}`;
}

function zoneText(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const two = (n: number): string => String(n).padStart(2, '0');
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

function scaled(value: number, units: readonly string[]): string {
  let index = 0;
  let scaledValue = value;
  while (scaledValue >= 999.5 && index < units.length - 1) {
    scaledValue /= 1_000;
    index++;
  }
  const digits = index === 0 || scaledValue >= 100 ? 0 : scaledValue >= 10 ? 1 : 2;
  return `${scaledValue.toFixed(digits)} ${units[index]}`;
}
export const rate = (bits: number): string => scaled(bits, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
export const size = (octets: number): string => scaled(octets, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
