/** A running box takes up its settings file: by itself, on SIGHUP, and not when the file is wrong. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'reload-'));
const path = join(folder, 'flowspan.yaml');
const base = `dataFolder: ${join(folder, 'var')}\nstatus: {enabled: false}\nmeter: {source: none, `;
const write = (meter: string): void => writeFileSync(path, `${base}${meter}}\n`);
const waitMs = { timeout: 30_000, interval: 100 };

let running: ChildProcess;
let written = '';
beforeAll(async () => {
  write('idleTimeoutS: 15');
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  running = spawn(process.execPath, [main, 'run', '--config', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [running.stdout!, running.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      written += chunk.toString();
    });
  }
  await vi.waitFor(() => expect(written).toContain('Ctrl-C stops.'), waitMs);
});
afterAll(async () => {
  const ended = new Promise((resolve) => running.once('close', resolve));
  running.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true });
});

describe('a changed settings file', () => {
  test('is taken up by itself, and is in the log of changes', async () => {
    write('idleTimeoutS: 20');
    await vi.waitFor(() => expect(written).toMatch(/settingsChanged.*|settings taken up: meter.idleTimeoutS/), waitMs);
    await vi.waitFor(
      () =>
        expect(JSON.parse(readFileSync(join(folder, 'var', 'settings.json'), 'utf8')).changes).toMatchObject([
          { by: 'reload', path: 'meter.idleTimeoutS', before: '15', after: '20', inForce: true },
        ]),
      waitMs,
    );
  });

  test('is taken up on SIGHUP; what needs a restart is said', async () => {
    write('idleTimeoutS: 20, threads: 2');
    running.kill('SIGHUP');
    await vi.waitFor(() => expect(written).toContain('in force after a restart: meter.threads'), waitMs);
  });

  test('of an older version is taken up, with what is to be changed in it', async () => {
    writeFileSync(path, `${base}idleTimeoutS: 20, threads: 2}\nalerts: {noTrafficAfterS: 60}\n`);
    running.kill('SIGHUP');
    await vi.waitFor(() => expect(written).toMatch(/settings .*: alerts\.noTrafficAfterS"/), waitMs);
    await vi.waitFor(() => expect(written).toMatch(/alerts\.noTrafficAfterS: 60: no longer allowed.*settingsOutdated/), waitMs);
  });

  test('that is wrong is refused with its line, and the box goes on', async () => {
    write('idleTimeoutS: nonsense');
    running.kill('SIGHUP');
    await vi.waitFor(() => expect(written).toMatch(/settingsRefused|flowspan\.yaml:3: meter\.idleTimeoutS/), waitMs);
    expect(written).toMatch(/flowspan\.yaml:3: meter\.idleTimeoutS/);
    expect(running.exitCode).toBeNull();
  });
});
