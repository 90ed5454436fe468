/** A set-up code that was given makes the first user; nobody is told it again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseSettings } from '../../../src/config/load.ts';
import { redact } from '../../../src/config/redact.ts';
import { systemWorld } from '../../../src/core/world.ts';
import { Access } from '../../../src/status/access/access.ts';

const folder = mkdtempSync(join(tmpdir(), 'set-up-'));
afterAll(() => rmSync(folder, { recursive: true }));

function settings(code: string) {
  const result = parseSettings(`status: {address: "::", setUpCode: '${code}'}`);
  if (!('settings' in result)) throw new Error(result.faults.map(({ message }) => message).join());
  return result.settings.status;
}

test('it is the one of the settings; without one the box makes its own', async () => {
  for (const [code, shown] of [
    ['7q2m-4kxw-9zrt', /^7q2m-4kxw-9zrt$/],
    ['', /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/],
  ] as const) {
    let told = '';
    const dataFolder = join(folder, code || 'own');
    const access = new Access({
      world: systemWorld(() => () => {}),
      settings: settings(code),
      dataFolder,
      onSetUpCode: (one) => (told = one),
    });
    await access.start();
    expect(told).toMatch(shown);
    await access.stop();
  }
});

test('one that is easily guessed is refused, and none is shown', () => {
  expect(() => settings('1234')).toThrow(/8 to 64 letters, digits and dashes/);
  expect(JSON.stringify(redact(settings('7q2m-4kxw-9zrt')))).not.toContain('7q2m');
});
