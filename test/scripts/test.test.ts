/** `scripts/test` itself, with stubs for all that it runs: what becomes of the image's boot beside the rest, which has a report of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const top = mkdtempSync(join(tmpdir(), 'test-'));
afterAll(() => rmSync(top, { recursive: true }));
const at = (name: string): string => join(top, name);

function program(name: string, text = ''): void {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), `#!/bin/sh\n${text}\n`);
  chmodSync(at(name), 0o755);
}

const report = (passed: number, failed = 0, skipped = 0): string =>
  JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0, testResults: [] });

/** Seven checks of its own pass, and ten tests; the boot is this script. */
function prepare(boot: string): void {
  rmSync(at('build'), { recursive: true, force: true });
  mkdirSync(at('build'));
  for (const name of ['test', 'count_tests.ts']) cpSync(join(root, 'scripts', name), at(`scripts/${name}`), { recursive: true });
  for (const name of ['setup', 'build', 'build-native']) program(`scripts/${name}`);
  writeFileSync(at('scripts/generate.ts'), '');
  program('scripts/test-image', `echo "the boot of: $*"\n${boot}`);
  for (const name of ['tsc', 'biome', 'cmake']) program(`node_modules/.bin/${name}`);
  program('node_modules/.bin/node', `exec '${process.execPath}' "$@"`);
  program('node_modules/.bin/vitest', `echo '${report(9)}' >build/test-report.json`);
  program(
    'node_modules/.bin/ctest',
    `echo '<testcase name="core" status="run"><system-out>1 cases, 0 failed checks</system-out></testcase>' >build/test-native.xml`,
  );
}

function run(boot: string): { last: string; said: string; status: number | null } {
  prepare(boot);
  const { stdout, status } = spawnSync('sh', [at('scripts/test'), '--no-fuzz'], { encoding: 'utf8', cwd: top });
  return { last: stdout.trim().split('\n').at(-1)!, said: stdout, status };
}
const writes = (text: string): string => `echo '${text}' >build/test-image-report.json`;

test.each<[string, string, string, number]>([
  ['that passes is one more', writes(report(1)), '18 passed, 0 failed', 0],
  ['that fails fails', `${writes(report(0, 1))}; exit 1`, '17 passed, 1 failed', 1],
  ['that is not possible here is skipped, and counted as that', writes(report(0, 0, 1)), '17 passed, 0 failed, 1 skipped', 0],
  ['that ends without a report fails', 'exit 3', '17 passed, 1 failed', 1],
  ['whose report of before is left fails', ':', '17 passed, 1 failed', 1],
  ['that passes its tests and fails otherwise fails', `${writes(report(1))}; exit 1`, '18 passed, 1 failed', 1],
])('a boot %s', (_what, boot, last, status) => {
  const run1 = run(boot);
  expect(run1).toMatchObject({ last, status });
  // What it said stands in one piece, not between the lines of the others.
  expect(run1.said).toMatch(/== the image, booted beside the rest .*\nthe boot of: test\/image\/boot\.machine\n/);
});

test('a run that is ended takes the boot along', async () => {
  prepare('echo $$ >build/pid; sleep 60 & wait');
  program('node_modules/.bin/vitest', 'sleep 60 & wait');
  const child = spawn('sh', [at('scripts/test'), '--no-fuzz'], { cwd: top, stdio: 'ignore', detached: true });
  await expect.poll(() => existsSync(at('build/pid')), { timeout: 30_000 }).toBe(true);
  const pid = Number(readFileSync(at('build/pid'), 'utf8'));
  // As a terminal does: all of its group, of which the boot is not.
  process.kill(-child.pid!, 'SIGTERM');
  await once(child, 'exit');
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false);
});
