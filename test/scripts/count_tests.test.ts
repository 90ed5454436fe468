import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../repo/sources.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowspan-count-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Reports {
  readonly junit?: string;
  readonly json?: object;
}

/** `PASSED FAILED SKIPPED` of these reports. */
function count({ junit, json }: Reports): string {
  const files = [join(folder, 'native.xml'), join(folder, 'vitest.json')] as const;
  if (junit !== undefined) writeFileSync(files[0], junit);
  if (json !== undefined) writeFileSync(files[1], JSON.stringify(json));
  return execFileSync(process.execPath, [join(root, 'scripts/count_tests.ts'), ...files], { encoding: 'utf8' }).trim();
}

const suite = (...programs: readonly string[]): string =>
  `<testsuite name="(empty)" tests="9">${programs.join('\n')}</testsuite>`;
const good = '<testcase name="core" status="run">\n<system-out>65 cases, 0 failed checks\n</system-out>\n</testcase>';
const bad =
  '<testcase name="core" status="fail">\n<failure message="Failed"/>\n<system-out>FAILED vlan\nFAILED ports\n65 cases, 3 failed checks\n</system-out>\n</testcase>';
const crashed = '<testcase name="engine" status="fail"><failure message="SEGFAULT"/><system-out></system-out></testcase>';
const vitest = (passed: number, failed = 0, testResults: object[] = []): object => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: 1,
  numTodoTests: 0,
  testResults,
});

test.each<[string, Reports, string]>([
  ['every case of a native program', { junit: suite(good), json: vitest(10) }, '75 0 1'],
  ['failed cases by name', { junit: suite(bad), json: vitest(10, 2) }, '73 4 1'],
  ['a program that crashed', { junit: suite(good, crashed), json: vitest(10) }, '75 1 1'],
  ['no native report as a failure', { json: vitest(10) }, '10 1 1'],
  ['no native test as a failure', { junit: suite(), json: vitest(10) }, '10 1 1'],
  ['no vitest report as a failure', { junit: suite(good) }, '65 1 0'],
  [
    'a file that could not be loaded',
    { junit: suite(good), json: vitest(10, 0, [{ status: 'failed', assertionResults: [] }]) },
    '75 1 1',
  ],
  [
    'a file with a failed test only once',
    { junit: suite(good), json: vitest(10, 1, [{ status: 'failed', assertionResults: [{ status: 'failed' }] }]) },
    '75 1 1',
  ],
])('counts %s', (_what, reports, counts) => {
  expect(count(reports)).toBe(counts);
});
