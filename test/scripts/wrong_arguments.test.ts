/** The long runs refuse what they do not understand at once, and say what is allowed: a typing error must not look like a pass. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const sim = [process.execPath, 'test/sim/run.ts'];
const [fuzz, soak, bench, image] = ['fuzz', 'soak', 'bench', 'image'].map((name) => ['sh', `scripts/${name}`]) as [
  string[],
  string[],
  string[],
  string[],
];

const run = ([program, ...args]: readonly string[]): { status: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(program as string, args, { cwd: root, encoding: 'utf8', timeout: 60_000 });
  return { status, out: stdout, err: stderr };
};

test.each([
  [[...sim, '--seed', 'x'], 'sim: --seed x: allowed: 0 to 4294967295'],
  [[...fuzz, 'decoed'], 'fuzz: no fuzzer’s name holds decoed: allowed: parts of'],
  [[...fuzz, 'decode', 'cash'], 'fuzz: no fuzzer’s name holds cash: allowed: parts of'],
  [[...fuzz, '--seconds', '1m'], 'fuzz: --seconds 1m: allowed: 1 to 99999'],
  [[...fuzz, '--seconds'], 'fuzz: --seconds : allowed: 1 to 99999'],
  [[...fuzz, '--second', '3'], 'fuzz: there is no option --second'],
  [[...soak, '--seed', '3'], 'soak: --seed: no arguments are allowed'],
  [[...bench, 'outtage'], 'bench: there is no outtage; there are: outage '],
  [[...bench, 'measure'], 'bench: there is no measure; there are: outage'],
  [[...soak, '3'], 'soak: 3: no arguments are allowed'],
  // An image that takes a test authority's bundles, or a bundle that it signed, must not come of a typing error.
  [[...image, '--release', '--keyring'], 'image: --keyring needs a value'],
  [[...image, '--keyring', 'nowhere.pem'], 'image: --keyring: there is no file nowhere.pem'],
  [[...image, '--bundle', '--certificate', 'README.md'], 'image: --key and --certificate belong together'],
  [[...image, '--bundel'], 'image: there is no option --bundel'],
])('%j', (command, said) => {
  const { status, out, err } = run(command);
  expect(err.replaceAll("'s", '’s')).toContain(said);
  expect(out).toBe('');
  expect(status).toBe(2);
});

test('every fuzzer is among the names that are allowed', () => {
  const { err } = run([...fuzz, 'nothing of the kind']);
  for (const name of ['fuzz_decode', 'fuzz_fragments', 'fuzz_cache', 'fuzz_projection', 'fuzz_canary', 'flowspan_capture_fuzz'])
    expect(err).toContain(name);
});

test('help is given', () => {
  for (const script of [fuzz, soak, image]) expect(run([...script, '--help'])).toMatchObject({ status: 0, err: '' });
});
