/** `flowspan health` beside a running box: what it is asked without sign-in, and what it ends with. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { DataPlaneHealth } from '../../src/flow/health_shapes.ts';
import { flowspan, spawnFlowspan } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'health-'));
afterAll(() => rmSync(folder, { recursive: true }));
let box: ChildProcess | undefined;
afterEach(async () => {
  if (box === undefined || box.exitCode !== null) return;
  const ended = once(box, 'exit');
  box.kill('SIGCONT');
  box.kill('SIGTERM');
  await ended;
});

/** Settings of a box that asks for sign-in and sends to a collector that nobody is. */
function settings(name: string, meter: string): string {
  const file = join(folder, `${name}.yaml`);
  const lines = [
    `meter: ${meter}`,
    'status: {port: 0, signIn: on}',
    'export: {destinations: [{name: nobody, host: 127.0.0.1, port: 9, transport: tcp}]}',
    `dataFolder: ${join(folder, name)}`,
  ];
  writeFileSync(file, lines.join('\n'));
  return file;
}

async function run(file: string): Promise<void> {
  box = spawnFlowspan(['run', '--config', file]);
  box.stderr!.resume();
  await once(box.stdout!, 'data');
  box.stdout!.resume();
}

test('a box that meters is healthy although its collector is not there; one that hangs is not', async () => {
  const file = settings('demo', '{source: demo}');
  expect(await flowspan('health', '--config', file)).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^no service answers at /),
  });
  await run(file);
  const good = await flowspan('health', '--config', file, '--for', '2', '--within', '90', '--json');
  expect(good).toMatchObject({ code: 0, err: '' });
  const { healthy, parts } = JSON.parse(good.out) as DataPlaneHealth;
  expect(healthy).toBe(true);
  expect(parts.map(({ part }) => part)).toEqual(['capture', 'meter', 'pipeline', 'spool', 'history', 'report', 'page']);
  expect((await flowspan('health', '--config', file)).out).toMatch(/^ok {4}capture: metering demo$[\s\S]*^healthy$/m);
  box!.kill('SIGSTOP');
  const hung = await flowspan('health', '--config', file);
  expect(hung).toMatchObject({ code: 1, out: expect.stringMatching(/^no service answers at /) });
});

test('a box whose mirror port is not there is not healthy, and says why', async () => {
  const file = settings('portless', '{source: interface, interfaces: [nowhere0]}');
  await run(file);
  const answer = await flowspan('health', '--config', file, '--within', '2');
  expect(answer.code).toBe(1);
  expect(answer.out).toMatch(/^FAIL {2}capture: not metering: .*nowhere0[\s\S]*^not healthy$/m);
});

test('a time that is none is refused', async () => {
  expect(await flowspan('health', '--for', 'ever')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--for ever: allowed: a whole number from 0 to 86400/),
  });
});
