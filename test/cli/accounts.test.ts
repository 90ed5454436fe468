/** `flowspan user` and `flowspan token` on a stopped box: what they keep, say and refuse. */

import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Finished, finished, mainPath, spawnFlowspan } from './flowspan.ts';

const folders: string[] = [];
let data = '';
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'accounts-'));
  folders.push(data);
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function run(args: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(process.execPath, [mainPath, ...args, '--data', data], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(input);
  return finished(child);
}
const good = 'correct horse battery\n';

describe('on an installed box', () => {
  const installed = (args: readonly string[], input = '', config = join(data, 'flowspan.yaml')): Promise<Finished> => {
    const env = { ...process.env, FLOWSPAN_CONFIG: config };
    const child = spawn(process.execPath, [mainPath, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd: data, env });
    child.stdin.end(input);
    return finished(child);
  };
  const kept = (...names: string[]): string => join(data, 'kept', ...names);
  beforeEach(() => {
    mkdirSync(kept());
    writeFileSync(join(data, 'flowspan.yaml'), `dataFolder: ${kept()}\n`);
  });

  test('commands find its folder by themselves, unless another is named', { timeout: 60_000 }, async () => {
    expect(await installed(['user', 'add', 'anna'], good)).toMatchObject({ code: 0 });
    expect(existsSync(kept('access', 'accounts.json'))).toBe(true);
    expect((await installed(['token', 'make', 'grafana'])).code).toBe(0);
    expect((await installed(['user', 'list', '--data', data])).out).toBe('there are no users\n');
    expect((await installed(['top'])).err).toContain(kept());
    expect(await installed(['user', 'list'], '', join(data, 'gone.yaml'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('gone.yaml'),
    });
    expect(readdirSync(data).sort()).toEqual(['flowspan.yaml', 'kept']);
  });

  // Whoever may become another user can try it.
  test.runIf(process.getuid?.() === 0)(
    'what root does there stays the service’s, and does not reach beyond',
    { timeout: 60_000 },
    async () => {
      const nobody = 65_534;
      const owners = () => readdirSync(kept('access')).map((name) => [name, lstatSync(kept('access', name)).uid]);
      chmodSync(data, 0o755);
      chownSync(kept(), nobody, nobody);
      expect(await installed(['user', 'add', 'anna'], good)).toMatchObject({ code: 0 });
      expect(await installed(['token', 'make', 'grafana'])).toMatchObject({ code: 0 });
      expect([lstatSync(kept('access')).uid, ...owners()]).toEqual([nobody, ['accounts.json', nobody], ['audit.jsonl', nobody]]);
      // Root's files of before are given back.
      for (const name of ['', 'accounts.json', 'audit.jsonl']) chownSync(kept('access', name), 0, 0);
      expect(await installed(['user', 'add', 'vera'], good)).toMatchObject({ code: 0 });
      expect([lstatSync(kept('access')).uid, ...owners()]).toEqual([nobody, ['accounts.json', nobody], ['audit.jsonl', nobody]]);
      // A link that the service's user has laid is not followed with root's rights.
      const target = join(data, 'of-root');
      writeFileSync(target, 'mine', { mode: 0o600 });
      symlinkSync(target, kept('access', 'accounts.json.new'));
      expect(await installed(['user', 'add', 'zoe'], good)).toMatchObject({
        code: 1,
        err: expect.stringContaining('accounts.json'),
      });
      expect([readFileSync(target, 'utf8'), lstatSync(target).uid]).toEqual(['mine', 0]);
    },
  );
});

describe('user', () => {
  test('the first is an admin; further ones have a role; the last admin stays', { timeout: 60_000 }, async () => {
    expect(await run(['user', 'list'])).toMatchObject({ code: 0, out: 'there are no users\n' });
    expect(await run(['user', 'add', 'Anna'], good)).toMatchObject({ code: 0, out: 'anna may sign in as admin\n' });
    expect(await run(['user', 'add', 'vera', '--role', 'operator'], good)).toMatchObject({ code: 0 });
    expect(await run(['user', 'add', 'anna'], good)).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is a user anna already'),
    });
    expect(await run(['user', 'role', 'vera', '--role', 'viewer'])).toMatchObject({ code: 0 });
    expect(await run(['user', 'remove', 'anna'])).toMatchObject({ code: 1, err: expect.stringContaining('last admin') });
    expect(JSON.parse((await run(['user', 'list', '--json'])).out).users).toMatchObject([
      { name: 'anna', role: 'admin' },
      { name: 'vera', role: 'viewer' },
    ]);
    expect((await run(['user', 'log'])).out).toMatch(
      /console {2}- {2}userChanged {2}vera, role viewer\n.*userAdded {2}vera as operator\n.*userAdded {2}anna as admin/,
    );
    expect(readFileSync(join(data, 'access', 'accounts.json'), 'utf8')).not.toContain('horse');
  });

  test('what is wrong is said, with what is allowed', { timeout: 60_000 }, async () => {
    const cases: [string[], string, number, RegExp][] = [
      [['user', 'add'], '', 2, /needs a NAME/],
      [['user', 'dance'], '', 2, /allowed: list, add, password, role, remove, log/],
      [['user', 'add', 'anna'], 'short\n', 1, /at least 12 characters/],
      [['user', 'add', 'anna', '--role', 'viewer'], good, 1, /first user must be an admin/],
      [['user', 'add', 'anna', '--role', 'root'], good, 1, /allowed: viewer, operator, admin/],
      [['user', 'add', 'a b'], good, 1, /small letters, digits/],
      [['user', 'password', 'nobody'], good, 1, /there is no user nobody/],
      [['token', 'make'], '', 2, /needs a NAME/],
      [['token', 'revoke', 'x'], '', 1, /there is no token x/],
      [['token', 'make', 'x', '--days', '-1'], '', 2, /days/],
    ];
    for (const [args, input, code, words] of cases)
      expect(await run(args, input), args.join(' ')).toMatchObject({ code, err: expect.stringMatching(words) });
    writeFileSync(join(data, 'no-folder'), '');
    expect(await finished(spawnFlowspan(['token', 'make', 'x', '--data', join(data, 'no-folder')]))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/accounts\.json cannot be written/),
    });
  });
});

describe('token', () => {
  test('is said once, alone on its line; only its hash is kept', async () => {
    const made = await run(['token', 'make', 'our prometheus', '--days', '30']);
    expect(made.out).toMatch(/^fst_[0-9a-f]{12}_[\w-]{43}\n$/);
    const id = made.out.slice(4, 16);
    expect((await run(['token', 'list'])).out).toMatch(new RegExp(`^${id} {2}viewer .*our prometheus\n$`));
    expect(readFileSync(join(data, 'access', 'accounts.json'), 'utf8')).not.toContain(made.out.slice(17).trim());
    expect(await run(['token', 'revoke', id])).toMatchObject({ code: 0 });
    expect((await run(['token', 'list'])).out).toBe('there are no tokens\n');
  });
});
