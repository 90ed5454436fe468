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
    .map((cell) => (cell === undefined ? '' : typeof cell === 'number' ? String(cell) : `"${cell.replaceAll('"', '""')}"`))
    .join(',');
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
