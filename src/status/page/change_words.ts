/** A change as people say it. Apart from the other formats: the first view does without. Pure. */

/** `12 % more than the week before`, `as a week before`. @param change 0.12 for 12 % more */
export function changeWords(change: number, than: string): string {
  const part = Math.abs(change);
  if (part < 0.005) return `as ${than}`;
  const amount = part >= 0.0995 ? Math.round(part * 100) : (part * 100).toFixed(1);
  return `${amount}\u00a0% ${change > 0 ? 'more' : 'less'} than ${than}`;
}
