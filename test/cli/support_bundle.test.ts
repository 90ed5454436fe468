/** `flowspan support-bundle` of a real box with secrets planted wherever it has some: all of it is there, and none of them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finished, flowspan, spawnFlowspan } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'support-'));
const path = (name: string): string => join(folder, name);
const planted = {
  password: 'planted-password-1',
  passwordFile: 'planted-password-2',
  secretFile: 'planted-hmac-key-3',
  tokenFile: 'planted-bearer-token-9',
  setUpCode: 'PLAN-TED4-CODE',
  wifi: 'planted "wifi" phrase 5',
  keyFile: '0123456789abcdef'.repeat(4),
  hook: 'planted/hook/path/7',
};
const settings = path('settings.yaml');
let bundle = '';
let list: string[] = [];
const read = (name: string): string =>
  execFileSync('tar', ['-xOzf', bundle, `flowspan-support-box7/${name}`], { encoding: 'utf8', maxBuffer: 1 << 26 });

beforeAll(async () => {
  for (const name of ['passwordFile', 'secretFile', 'keyFile', 'tokenFile'] as const)
    writeFileSync(path(name), `${planted[name]}\n`);
  const lines = [
    'site: lisbon',
    'node: box7',
    `dataFolder: ${path('var')}`,
    'meter: {source: demo}',
    `status: {port: 0, address: 127.0.0.1, signIn: on, setUpCode: ${planted.setUpCode}}`,
    `mqtt: {brokers: [{name: one, host: 127.0.0.1, port: 9, username: box, password: ${planted.password}}, {name: two, host: 127.0.0.1, port: 9, username: box, passwordFile: ${path('passwordFile')}}]}`,
    `updates: {folder: {url: 'https://127.0.0.1:9/updates', tokenFile: ${path('tokenFile')}}}`,
    `alerts: {webhooks: [{name: hook, url: 'http://127.0.0.1:9/${planted.hook}', secretFile: ${path('secretFile')}}]}`,
    `export: {destinations: [{name: far, host: 127.0.0.1, port: 9, transport: tcp, privacy: {addresses: pseudonymise, keyFile: ${path('keyFile')}}}]}`,
    `device: {wifi: {ssid: office, country: PT, password: '${planted.wifi}'}}`,
  ];
  writeFileSync(settings, lines.join('\n'), { mode: 0o644 });
  const box = spawnFlowspan(['run', '--config', settings]);
  box.stderr!.resume();
  await once(box.stdout!, 'data');
  box.stdout!.resume();
  try {
    expect((await flowspan('health', '--config', settings, '--within', '90')).code).toBe(0);
    bundle = path('bundle.tar.gz');
    const made = await finished(spawnFlowspan(['support-bundle', '--config', settings, '--output', bundle]));
    expect(made, made.err).toMatchObject({ code: 0, out: '' });
    expect(made.err).toContain('look into it before you hand it on');
  } finally {
    const ended = once(box, 'exit');
    box.kill('SIGTERM');
    await ended;
  }
  list = execFileSync('tar', ['-tzf', bundle], { encoding: 'utf8' }).trim().split('\n');
}, 200_000);
afterAll(() => rmSync(folder, { recursive: true }));

test('it holds settings, state, ledger, figures, log and checks, in one order', () => {
  const names = list.map((name) => name.replace('flowspan-support-box7/', ''));
  expect(names).toEqual([...names].sort());
  expect(names).toEqual(
    expect.arrayContaining([
      'about.txt',
      'settings.json',
      'status.json',
      'health.json',
      'changes.json',
      'totals_last_day.json',
      'doctor.txt',
      'kernel_version.txt',
    ]),
  );
  expect(JSON.parse(read('status.json'))).toMatchObject({ node: 'box7', ledger: { balanced: true } });
  expect(JSON.parse(read('settings.json'))).toMatchObject({ site: 'lisbon', status: { setUpCode: '(set, not shown)' } });
  expect(read('doctor.txt')).toMatch(/settings: .*holds secrets, and everybody on this box may read it/);
  expect(read('about.txt')).toMatch(/^flowspan .*, site lisbon, node box7, /);
});

test('none of the planted secrets is in it, in any file', () => {
  const all = execFileSync('tar', ['-xOzf', bundle], { encoding: 'utf8', maxBuffer: 1 << 27 });
  for (const [name, secret] of Object.entries(planted)) {
    for (const form of [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
    ])
      expect(all.includes(form), `${name}: ${form}`).toBe(false);
  }
  // The test would find them where they are.
  expect(all).toContain('(set, not shown)');
});

test('it is for its owner alone, and no larger than a mail may be', () => {
  expect(statSync(bundle).mode & 0o777).toBe(0o600);
  expect(statSync(bundle).size).toBeLessThan(8 * 1024 * 1024);
});

test('of a stopped box it holds what there is, and says what is missing', async () => {
  const other = path('stopped.tar.gz');
  expect((await flowspan('support-bundle', '--config', settings, '--output', other)).code).toBe(0);
  const about = execFileSync('tar', ['-xOzf', other, 'flowspan-support-box7/about.txt'], { encoding: 'utf8' });
  expect(about).toMatch(/^missing: status\.json: no service answers at /m);
  expect(await flowspan('support-bundle', '--config', settings, '--output', '/dev/null/x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('cannot be written'),
  });
});

test('with --data it is about the box of that folder, as doctor is', async () => {
  const data = path('another');
  mkdirSync(data);
  writeFileSync(join(data, 'alerts.json'), '{"kept": "of another box"}');
  const other = path('another.tar.gz');
  expect((await flowspan('support-bundle', '--data', data, '--output', other)).code).toBe(0);
  const all = execFileSync('tar', ['-xOzf', other], { encoding: 'utf8', maxBuffer: 1 << 26 });
  expect(all).toContain('of another box');
  for (const told of [all, (await flowspan('doctor', '--data', data)).out])
    expect(told).toContain(`no service answers at ${join(data, 'access/page.sock')}\n`);
});
