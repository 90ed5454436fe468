/** Elements as an operator lists them by name: which can be sent, and what to say of the others. Pure. */
import { findElement } from './elements.ts';
import { rowFieldOfElement, rowFields } from './row_layout.ts';

/** Names that a list may hold. */
export const exportableNames: readonly string[] = rowFields
  .flatMap(({ elements }) => elements)
  .filter((name) => !name.startsWith('reverse'));

/** Why the name cannot stand in a list of elements; undefined when it can. */
export function elementFault(name: string): string | undefined {
  if (name.startsWith('reverse') && rowFieldOfElement(name) !== undefined)
    return 'forward elements; their reverse ones come by themselves with uniflow: false';
  if (rowFieldOfElement(name) !== undefined) return undefined;
  const meant = closest(name);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return findElement(name) === undefined
    ? `the name of an information element, as IANA spells it${hint}`
    : `an element that flow records here have; this one is not measured${hint}`;
}

/** The name that is fewest changes away, when those are few. */
function closest(name: string): string | undefined {
  const changesMax = Math.min(4, Math.floor(name.length / 3));
  let best: { name: string; changes: number } | undefined;
  for (const candidate of exportableNames) {
    const changes = changesBetween(name.toLowerCase(), candidate.toLowerCase());
    if (changes <= changesMax && changes < (best?.changes ?? Number.POSITIVE_INFINITY)) best = { name: candidate, changes };
  }
  return best?.name;
}

/** Letters to insert, leave out or replace (Levenshtein). */
function changesBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
