/** Which version is newer, and whether one may follow the other. Pure. Semantic Versioning 2.0.0, section 11. */

const form = /^(\d{1,9}(?:\.\d{1,9}){0,3})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+[0-9A-Za-z.-]{1,40})?$/;

interface Parts {
  readonly numbers: readonly number[];
  readonly before: readonly string[];
}

function partsOf(version: string): Parts | undefined {
  const [, numbers, before] = form.exec(version) ?? [];
  if (numbers === undefined) return undefined;
  return { numbers: numbers.split('.').map(Number), before: before === undefined ? [] : before.split('.') };
}

/** Undefined when one of them is no version. What follows a `+` does not count. */
export function compareVersions(one: string, other: string): number | undefined {
  const [a, b] = [partsOf(one), partsOf(other)];
  if (a === undefined || b === undefined) return undefined;
  for (let index = 0; index < 4; index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  // 11.3: 1.0.0-rc.1 comes before 1.0.0.
  if (a.before.length === 0 || b.before.length === 0) return Math.sign(b.before.length - a.before.length);
  for (let index = 0; index < Math.max(a.before.length, b.before.length); index++) {
    const difference = compareIdentifiers(a.before[index], b.before[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** 11.4: numbers by value and before words, words by their letters, fewer before more. */
function compareIdentifiers(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? -1 : 1;
  const [isNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (isNumber && isOtherNumber) return Math.sign(Number(one) - Number(other));
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return one === other ? 0 : one < other ? -1 : 1;
}

/** Why this version may not follow the running one, in words; empty when it may. */
export function versionRefusal(offered: string, running: string, allowOlder: boolean): string {
  const order = compareVersions(offered, running);
  if (order === undefined) {
    const none = partsOf(offered) === undefined ? offered : running;
    return `'${none}' is no version: numbers with dots, such as 1.4.0 or 1.4.0-rc.1`;
  }
  if (order === 0) return `version ${running} runs already`;
  if (order < 0 && !allowOlder) return `${offered} is older than ${running}, which runs; updates.allowOlder permits it`;
  return '';
}
