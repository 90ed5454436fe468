import { describe, expect, test } from 'vitest';
import { csvLine } from '../../src/cli/figures.ts';
import { flowspan } from './flowspan.ts';

describe('CSV', () => {
  test('quotes and line ends stay within their cell', () => {
    expect(csvLine(['a "b", c\nd', 1.5, undefined, ''])).toBe('"a ""b"", c\nd",1.5,,""');
  });

  test.each(['=1+1', '+49', '-2', '@SUM(A1)', '\t=1', '\r=1'])('%j is a text to a spreadsheet, and no formula', (text) => {
    expect(csvLine([text])).toBe(`"'${text}"`);
  });

  test('numbers and addresses are as they are', () => {
    expect(csvLine([-1, '10.0.0.1', '::1', '(none)'])).toBe('-1,"10.0.0.1","::1","(none)"');
  });
});

describe('a range of time', () => {
  // In a process of its own each: a zone is that of a process.
  const span = async (zone: string, ...range: [number, number]): Promise<string> => {
    const code = `import { spanText } from './src/cli/figures.ts'; process.stdout.write(spanText(${range}))`;
    const { execFileSync } = await import('node:child_process');
    return execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { ...process.env, TZ: zone },
    });
  };
  const at = Date.UTC(2026, 9, 24, 23, 30);

  test('names its zone, at both ends where the clock was set back between them', async () => {
    expect(await span('UTC', at, at + 3_600_000)).toBe('2026-10-24 23:30:00 to 2026-10-25 00:30:00 UTC');
    expect(await span('Europe/Berlin', at, at + 3_600_000)).toBe('2026-10-25 01:30:00 to 2026-10-25 02:30:00 UTC+02:00');
    expect(await span('Europe/Berlin', at, at + 2 * 3_600_000)).toBe(
      '2026-10-25 01:30:00 UTC+02:00 to 2026-10-25 02:30:00 UTC+01:00',
    );
    expect(await span('America/St_Johns', at, at + 1_000)).toMatch(/ UTC-02:30$/);
  });

  test('that cannot be is refused, a day alone begins at midnight', async () => {
    const { code, err } = await flowspan('query', '--from', '2026-02-30T00:00:00Z', '--url', 'http://127.0.0.1:9');
    expect([code, err]).toEqual([2, expect.stringMatching(/from is "2026-02-30T00:00:00Z"; allowed: .*ISO 8601/)]);
    expect((await flowspan('query', '--from', '2026-03-01', '--url', 'http://127.0.0.1:9')).err).toMatch(/no flowspan answers/);
  });
});
