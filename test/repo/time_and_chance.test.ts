import { describe, expect, test } from 'vitest';
import { codeOf, read, sourceFiles } from './sources.ts';

const banned =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bsetTimeout\b|\bsetInterval\b|\bperformance\.|\bMath\.random\b|\bhrtime\b|\brandomBytes\b|\bcrypto\.random|\bconsole\./g;

/** Where the world is made, and the browser's side, which has a world of its own. */
const exempt = (file: string): boolean =>
  ['src/core/clock.ts', 'src/core/random.ts'].includes(file) || file.startsWith('src/status/page/');

const faults = (file: string, text: string): string[] => [...codeOf(text).matchAll(banned)].map(([what]) => `${file}: ${what}`);

describe('time and chance are arguments', () => {
  test('nothing but clock and random touches the machine’s', () => {
    expect(
      sourceFiles()
        .filter((file) => !exempt(file))
        .flatMap((file) => faults(file, read(file))),
    ).toEqual([]);
  });

  test.each([
    'const t = Date.now();',
    'const d = new Date();',
    'setTimeout(f, 1);',
    'Math.random()',
    'console.log(1)',
    'const x = `$' + '{Date.now()}`;',
  ])('%s is noticed', (text) => {
    expect(faults('x', text)).toHaveLength(1);
  });

  test.each([
    "const s = 'Date.now()';",
    '// setTimeout',
    '/* Math.random() */',
    'new Date(wallMs).toISOString()',
    '`console.log`',
  ])('%s is no fault', (text) => {
    expect(faults('x', text)).toEqual([]);
  });
});
