/** Markdown tables: what the bench prints and its readers paste. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

/** `exact`, or by how much: `+1,204 (0.02 %)`; a dash where the program does not say. */
export function exactness(counted: number | undefined, real: number): string {
  if (counted === undefined || Number.isNaN(counted)) return '–';
  if (counted === real) return 'exact';
  const difference = counted - real;
  const sign = difference > 0 ? '+' : '−';
  return `${sign}${Math.abs(difference).toLocaleString('en')} (${((Math.abs(difference) / real) * 100).toPrecision(2)} %)`;
}
