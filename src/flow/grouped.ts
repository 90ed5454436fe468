/**
 * Numbers as people read them: 1,234,567, and at most three decimals. What `toLocaleString('en')` writes, whose tables of all languages take
 * 25 ms and a megabyte to load. Pure.
 */
export function grouped(value: number): string {
  const [whole = '', decimals = ''] = value.toFixed(3).split('.');
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${decimals}`.replace(/\.?0*$/, '');
}
