/**
 * Adds up the native tests (JUnit, as ctest writes it) and the others (JSON, as vitest writes it): prints `PASSED FAILED SKIPPED`.
 *
 *   node scripts/count_tests.ts JUNIT JSON…
 *
 * A report that is missing or names no test counts as one failure: a suite that did not run must not look like one that passed.
 */
import { readFileSync } from 'node:fs';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
const notRun: Counts = { passed: 0, failed: 1, skipped: 0 };

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // What makes it fail does not matter: without a report nothing has passed.
    return undefined;
  }
}

/** One program holds many cases and says so in its last line; each counts. */
function nativeCounts(junit: string | undefined): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [program] of junit?.matchAll(/<testcase [^>]*\/>|<testcase [\s\S]*?<\/testcase>/g) ?? []) {
    const cases = Number(/(?:^|>)(\d+) cases,/m.exec(program)?.[1] ?? 1);
    const bad = program.includes('<failure') ? Math.max(1, [...program.matchAll(/(?:^|>)FAILED /gm)].length) : 0;
    counts.failed += bad;
    counts.passed += Math.max(0, cases - bad);
  }
  return counts.passed + counts.failed === 0 ? notRun : counts;
}

/** A file that cannot be loaded holds no test that could fail: it counts as one itself. */
function vitestCounts(json: string | undefined): Counts {
  if (json === undefined) return notRun;
  const report = JSON.parse(json) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
    testResults: { status: string; assertionResults: { status: string }[] }[];
  };
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = report.numFailedTests + unloaded.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (report.numPassedTests + failed + skipped === 0) return notRun;
  return { passed: report.numPassedTests, failed, skipped };
}

const [junit = '', ...reports] = process.argv.slice(2);
const all = [nativeCounts(read(junit)), ...reports.map((json) => vitestCounts(read(json)))];
const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0);
process.stdout.write(`${sum('passed')} ${sum('failed')} ${sum('skipped')}\n`);
