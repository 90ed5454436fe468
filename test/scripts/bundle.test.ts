/** The bundled program does what the sources do, and needs few files for it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeDemoCapture } from '../../src/meter/demo/demo_capture.ts';
import { root } from '../repo/sources.ts';

let folder: string;
beforeAll(() => {
  mkdirSync(join(root, 'build'), { recursive: true });
  // In the build folder: from there it finds the addon and the packages that stay outside.
  folder = mkdtempSync(join(root, 'build/bundle-'));
  execFileSync(process.execPath, [join(root, 'scripts/bundle.ts'), folder], { stdio: ['ignore', 'ignore', 'inherit'] });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (program: string, ...args: string[]): string =>
  execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', maxBuffer: 64 << 20 });

test('entries and what they share lie beside each other, by names that stay', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(expect.arrayContaining(['main.js', 'run.js', 'status_thread.js']));
  expect(files.filter((name) => !/^[\w-]+\.js$/.test(name))).toEqual([]);
});

test('it meters a capture as the sources do', async () => {
  const capture = join(folder, 'office.pcap');
  await writeDemoCapture(capture, { seed: 17, durationS: 60 });
  const bundled = run(join(folder, 'main.js'), 'meter', capture, '--json', '--ledger');
  expect(bundled).toBe(run(join(root, 'src/main.ts'), 'meter', capture, '--json', '--ledger'));
  expect(bundled).toContain('"balanced":true');
});

test('every command can be loaded, and says how it is used', () => {
  const commands = [...run(join(folder, 'main.js'), '--help').matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name!);
  expect(commands).toContain('support-bundle');
  for (const name of commands) expect(run(join(folder, 'main.js'), name, '--help')).toContain(`Usage: flowspan ${name}`);
});
