/** The bundled program does what the sources do, and needs few files for it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

test('no character takes a second octet of memory, and texts say what the sources say', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
    expect(/[\u0100-\uffff]/.exec(readFileSync(join(folder, name), 'utf8'))?.[0], name).toBeUndefined();
  }
  const help = run(join(folder, 'main.js'), 'help', 'query');
  expect(help).toMatch(/[\u2018-\u2026]/);
  expect(help).toBe(run(join(root, 'src/main.ts'), 'help', 'query'));
});

test('elsewhere, with its packages behind a link, it is the same octets', () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'bundle-elsewhere-'));
  try {
    for (const part of ['src', 'scripts', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(elsewhere, part), { recursive: true });
    }
    symlinkSync(realpathSync(join(root, 'node_modules')), join(elsewhere, 'node_modules'));
    execFileSync(process.execPath, [join(elsewhere, 'scripts/bundle.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
    const made = readdirSync(join(elsewhere, 'build/src')).sort();
    expect(made).toEqual(
      readdirSync(folder)
        .filter((name) => name.endsWith('.js'))
        .sort(),
    );
    for (const name of made) {
      const there = readFileSync(join(elsewhere, 'build/src', name));
      expect(there.equals(readFileSync(join(folder, name))), name).toBe(true);
    }
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
}, 120_000);

test('the page is built for use, whoever asks for it: small, and without the folder that it was built in', () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'page-elsewhere-'));
  try {
    for (const part of ['src', 'package.json', 'tsconfig.json'])
      cpSync(join(root, part), join(elsewhere, part), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules')), join(elsewhere, 'node_modules'));
    const vite = join(root, 'node_modules/vite/bin/vite.js');
    execFileSync(process.execPath, [vite, 'build', '--config', 'src/status/page/vite.config.ts', '--logLevel', 'warn'], {
      cwd: elsewhere,
      env: { ...process.env, NODE_ENV: 'development' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const scripts = readdirSync(join(elsewhere, 'build/page/assets')).filter((name) => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(5);
    for (const name of scripts) {
      expect(readFileSync(join(elsewhere, 'build/page/assets', name), 'utf8'), name).not.toContain(elsewhere);
    }
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
}, 120_000);

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
