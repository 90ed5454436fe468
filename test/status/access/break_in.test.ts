/** The page with sign-in, against those who have none, and those who want more than they may. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../src/core/clock.ts';
import { ApplianceError } from '../../../src/core/errors.ts';
import { SystemRandom } from '../../../src/core/random.ts';
import type { AlertAct } from '../../../src/flow/alert_shapes.ts';
import { AccountFile, accountPath } from '../../../src/status/access/account_file.ts';
import { withUser } from '../../../src/status/access/accounts.ts';
import { Passwords } from '../../../src/status/access/passwords.ts';
import { openApi } from '../../../src/status/open_api.ts';
import { officeFlows, searchOver } from '../../store/kept_flows.ts';
import { exampleStatus, getRaw, namedHosts, type Served, type ServedOptions, sendRaw, serve } from '../served.ts';
import { password, Visitor } from './visitor.ts';

const asked = { signIn: 'on' };
const boxes: Served[] = [];
async function start(settings: Record<string, unknown> = asked, more: ServedOptions = {}): Promise<Served> {
  const box = await serve({ settings, withAccess: true, ...more });
  box.live.pushStatus(exampleStatus);
  boxes.push(box);
  return box;
}
afterAll(async () => {
  for (const box of boxes) await box.stop();
});

const privatePaths = [
  '/api/v1/status',
  '/api/v1/traffic/seconds',
  '/api/v1/top',
  '/api/v1/flows',
  '/api/v1/flows/sums',
  '/api/v1/settings/changes',
  '/api/v1/series?last=1h',
  '/api/v1/events',
  '/api/v1/openapi.json',
  '/api/v1/users',
  '/api/v1/tokens',
  '/api/v1/audit',
  '/api/v1/nothing-here',
  '/metrics',
];

describe('before sign-in', () => {
  let box: Served;
  beforeAll(async () => {
    // With all that can be asked for.
    const nothing = async (): Promise<never> => {
      throw new Error('nobody may get here');
    };
    const setUp = { facts: nothing, state: nothing, check: nothing, apply: nothing, keep: nothing, undo: nothing };
    box = await start(asked, { updates: { folder: join(tmpdir(), 'no-updates-here'), act: nothing }, setUp });
  });

  it.each(privatePaths)('%s tells nothing', async (path) => {
    const told = await new Visitor(box.url).get(path);
    expect([told.status, told.body.error.code]).toEqual([401, 'signInNeeded']);
    expect(told.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(told.text).not.toMatch(/branch-17|box-1|192\.0\.2|ledger/);
  });

  it('what the API describes as open is open, and all else it describes is closed', async () => {
    const { paths } = openApi() as { paths: Record<string, Record<string, { security?: unknown[] }>> };
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => method !== 'parameters')
        .map(([method, { security }]) => ({
          method: method.toUpperCase(),
          path: path.replace(/\{\w+\}/, 'abc'),
          isOpen: security !== undefined,
        })),
    );
    expect(calls.length).toBeGreaterThan(25);
    for (const { method, path, isOpen } of calls) {
      const { status } = await new Visitor(box.url).ask(method, path, method === 'GET' || method === 'DELETE' ? undefined : {});
      // Open ones may find the question wrong; closed ones do not look at it.
      expect(status === 401, `${method} ${path}: ${status}`).toBe(!isOpen);
    }
  });

  it('health answers, without reasons; the page’s own files come, the same on every box', async () => {
    const nobody = new Visitor(box.url);
    expect((await nobody.get('/healthz')).text).toBe('ok\n');
    expect((await nobody.get('/readyz')).text).toBe('ready\n');
    box.live.pushStatus({
      ...exampleStatus,
      meter: { ...exampleStatus.meter, state: 'failed', reason: 'eth7 of branch-17 is gone' },
    });
    expect((await nobody.get('/readyz')).text).toBe('not ready\n');
    expect((await nobody.get('/api/v1/health')).text).toBe('{"healthy":true}');
    box.live.pushStatus(exampleStatus);
    expect((await nobody.get('/')).text).toContain('<title>flowspan</title>');
    expect((await nobody.get('/api/v1/session')).body).toEqual({ state: 'setUp' });
  });

  it('other methods, odd paths and odd cookies find no way round', async () => {
    for (const path of [
      '/api/v1/status/',
      '/api/v1//status',
      '/api//v1/status',
      '/API/v1/status',
      '/api/v1/status%2f',
      '/%61pi/v1/status',
      '/./api/v1/status',
      '/api/v1/status;x=1',
      '/metrics/',
      '/metrics?x',
    ]) {
      const { status, body } = await getRaw(box.port, path);
      expect([400, 401, 404], path).toContain(status);
      expect(body, path).not.toContain('ledger');
    }
    expect((await getRaw(box.port, '/api/v1/status', ['cookie: flowspan-session=__proto__'])).status).toBe(401);
    expect((await getRaw(box.port, '/api/v1/status', [`cookie: flowspan-session=${'a'.repeat(43)}`])).status).toBe(401);
    expect((await sendRaw(box.port, 'HEAD /api/v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')).status).toBe(
      401,
    );
    expect(
      (
        await sendRaw(
          box.port,
          'GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\nx-http-method-override: POST\r\nx-original-url: /healthz\r\nconnection: close\r\n\r\n',
        )
      ).status,
    ).toBe(401);
  });
});

describe('the set-up code', () => {
  it('makes the first admin, once, whoever has it', async () => {
    const box = await start();
    const code = box.setUpCode();
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
    const anna = new Visitor(box.url);
    expect((await anna.setUp('0000-0000-0000')).status).toBe(401);
    expect((await anna.ask('POST', '/api/v1/setup', { code, name: 'anna', password: 'short' })).body.error.message).toMatch(
      /at least 12/,
    );
    // As a person types it.
    const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o');
    const told = await anna.setUp(typed);
    expect([told.status, told.body.role]).toEqual([200, 'admin']);
    expect((await anna.get('/api/v1/status')).status).toBe(200);
    expect(box.setUpCode()).toBe('');
    const thief = new Visitor(box.url);
    expect((await thief.setUp(code, 'thief')).status).toBe(401);
    expect((await thief.get('/api/v1/session')).body).toEqual({ state: 'needed' });
    expect((await anna.get('/api/v1/users')).body.users).toHaveLength(1);
  });

  it('used by two at the same moment makes one of them the admin', async () => {
    const box = await start();
    const code = box.setUpCode();
    const told = await Promise.all(['anna', 'bert', 'carl'].map((name) => new Visitor(box.url).setUp(code, name)));
    expect(told.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  });

  it('cannot be guessed: tries are few, whatever address they come from', async () => {
    const box = await start();
    const statuses = [];
    for (let n = 0; n < 14; n++) statuses.push((await new Visitor(box.url).setUp(`AAAA-BBBB-${1_000 + n}`)).status);
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.slice(10)).toEqual(Array(4).fill(429));
    const limited = await new Visitor(box.url).setUp(box.setUpCode());
    expect([limited.status, Number(limited.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
  });

  it('is on no page, in no status, in no metric', async () => {
    const box = await start();
    const code = box.setUpCode();
    for (const path of ['/', '/readyz', '/api/v1/session', '/api/v1/status', '/metrics'])
      expect((await new Visitor(box.url).get(path)).text).not.toContain(code);
  });
});

describe('signed in', () => {
  let box: Served;
  let anna: Visitor;
  beforeAll(async () => {
    box = await start();
    anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
    for (const [name, role] of [
      ['olaf', 'operator'],
      ['vera', 'viewer'],
    ] as const)
      expect((await anna.ask('POST', '/api/v1/users', { name, role, password })).status).toBe(201);
  });
  const as = async (name: string): Promise<Visitor> => {
    const visitor = new Visitor(box.url);
    expect((await visitor.signIn(name)).status).toBe(200);
    return visitor;
  };

  it('the cookie is out of reach of scripts and of other sites', async () => {
    const told = await new Visitor(box.url).signIn('vera');
    expect(told.headers.get('set-cookie')).toMatch(/^flowspan-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(told.text).not.toContain(told.headers.get('set-cookie')!.slice(17, 60));
  });

  it('every sign-in is a new session; one that was planted before is not taken up', async () => {
    const victim = new Visitor(box.url);
    const planted = `flowspan-session=${'p'.repeat(43)}`;
    victim.cookie = planted;
    await victim.signIn('vera');
    expect(victim.cookie).not.toBe(planted);
    const attacker = new Visitor(box.url);
    attacker.cookie = planted;
    expect((await attacker.get('/api/v1/status')).status).toBe(401);
    const before = victim.cookie;
    await victim.signIn('vera');
    expect(victim.cookie).not.toBe(before);
    attacker.cookie = before;
    expect((await attacker.get('/api/v1/status')).status).toBe(401);
    // Two cookies of our name: one of them was planted, and which is not ours to guess.
    attacker.cookie = `${planted}; ${victim.cookie}`;
    expect((await attacker.get('/api/v1/status')).status).toBe(401);
  });

  it('signing out ends the session at the box, not only in the browser', async () => {
    const vera = await as('vera');
    const kept = vera.cookie;
    expect((await vera.ask('DELETE', '/api/v1/session')).status).toBe(204);
    vera.cookie = kept;
    expect((await vera.get('/api/v1/status')).status).toBe(401);
  });

  it.each([
    [
      'vera',
      [
        'GET /api/v1/users',
        'GET /api/v1/tokens',
        'GET /api/v1/audit',
        'POST /api/v1/users',
        'POST /api/v1/tokens',
        'PATCH /api/v1/users/vera',
        'DELETE /api/v1/users/anna',
        'DELETE /api/v1/tokens/000000000000',
      ],
    ],
    [
      'olaf',
      [
        'GET /api/v1/users',
        'GET /api/v1/tokens',
        'GET /api/v1/audit',
        'POST /api/v1/users',
        'POST /api/v1/tokens',
        'PATCH /api/v1/users/olaf',
        'DELETE /api/v1/users/anna',
      ],
    ],
  ])('%s cannot rise above their role', async (name, calls) => {
    const visitor = await as(name);
    for (const call of calls) {
      const [method, path] = call.split(' ') as [string, string];
      const told = await visitor.ask(
        method,
        path,
        method === 'POST' || method === 'PATCH' ? { role: 'admin', name: 'x', password } : undefined,
      );
      expect([told.status, told.body.error.code], call).toEqual([403, 'notAllowed']);
    }
    expect((await visitor.get('/api/v1/session')).body.role).not.toBe('admin');
    // A role in the body, in a header or in an inherited name is nobody's.
    expect(
      (
        await visitor.ask(
          'POST',
          '/api/v1/session',
          '{"name":"vera","password":"correct horse battery","role":"admin","__proto__":{"role":"admin"}}',
        )
      ).status,
    ).not.toBe(500);
    expect((await visitor.get('/api/v1/users')).status).toBe(403);
  });

  it('a request that another site has a browser send changes nothing', async () => {
    const body = { name: 'mallory', role: 'admin', password };
    const forged: Record<string, string>[] = [
      { 'x-csrf-token': '' },
      { 'x-csrf-token': 'guess' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${box.url.replace('127.0.0.1', '127.0.0.1.evil.example')}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of forged) {
      const told = await anna.ask('POST', '/api/v1/users', body, headers);
      expect([told.status, told.body.error.code], JSON.stringify(headers)).toEqual([403, 'forged']);
    }
    const own = { origin: box.url, 'sec-fetch-site': 'same-origin' };
    expect((await anna.ask('POST', '/api/v1/users', { ...body, name: 'mia', role: 'viewer' }, own)).status).toBe(201);
    // What a form can send without asking first is no JSON.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await anna.ask('POST', '/api/v1/users', JSON.stringify(body), { 'content-type': type })).status, type).toBe(400);
    expect((await anna.get('/api/v1/users')).text).not.toContain('mallory');
    expect(
      (await new Visitor(box.url).ask('POST', '/api/v1/session', { name: 'anna', password }, { origin: 'https://evil.example' }))
        .status,
    ).toBe(403);
  });

  it('sessions end with the password, the role and the user', async () => {
    await anna.ask('POST', '/api/v1/users', { name: 'temp', role: 'viewer', password });
    const [first, second] = [await as('temp'), await as('temp')];
    expect((await first.ask('POST', '/api/v1/password', { current: 'wrong one here', next: 'another good horse' })).status).toBe(
      401,
    );
    expect((await first.ask('POST', '/api/v1/password', { current: password, next: 'another good horse' })).status).toBe(204);
    expect((await first.get('/api/v1/status')).status).toBe(200);
    expect((await second.get('/api/v1/status')).status).toBe(401);
    expect((await second.signIn('temp', 'another good horse')).status).toBe(200);
    await anna.ask('PATCH', '/api/v1/users/temp', { role: 'operator' });
    expect((await second.get('/api/v1/status')).status).toBe(401);
    await second.signIn('temp', 'another good horse');
    await anna.ask('DELETE', '/api/v1/users/temp');
    expect((await second.get('/api/v1/status')).status).toBe(401);
    expect((await anna.ask('DELETE', '/api/v1/users/anna')).body.error.message).toMatch(/last admin/);
    expect((await anna.ask('PATCH', '/api/v1/users/anna', { role: 'viewer' })).body.error.message).toMatch(/last admin/);
  });

  it('refuses names and bodies that mean harm, and never repeats a password', async () => {
    for (const name of ['../../etc', 'a b', 'x\r\nset-cookie: a=b', '__proto__', 'a'.repeat(33), '', 'Ä', '<script>'])
      expect((await anna.ask('POST', '/api/v1/users', { name, role: 'viewer', password })).status, JSON.stringify(name)).toBe(
        400,
      );
    for (const body of [
      '{',
      '[]',
      '"x"',
      'null',
      '{"name":{"$gt":""},"password":["x"]}',
      `{"name":"a","password":"${'x'.repeat(2_000)}"}`,
    ])
      expect((await new Visitor(box.url).ask('POST', '/api/v1/session', body)).status, body.slice(0, 30)).toBe(400);
    expect(
      (await new Visitor(box.url).ask('POST', '/api/v1/session', { name: 'anna', password: 'x'.repeat(9_000) })).status,
    ).toBe(413);
    const told = await new Visitor(box.url).ask('POST', '/api/v1/session', { name: 'anna', password: ['my secret words'] });
    expect(told.text).not.toContain('my secret words');
  });

  it('keeps hashes only, where only its owner may read', async () => {
    const path = accountPath(box.dataFolder);
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(password);
    expect(text.match(/\$scrypt\$ln=15,r=8,p=3\$/g)!.length).toBeGreaterThanOrEqual(3);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(box.dataFolder, 'access'))).mode & 0o777).toBe(0o700);
    for (const path of ['/api/v1/users', '/api/v1/tokens', '/api/v1/audit', '/api/v1/session'])
      expect((await anna.get(path)).text).not.toMatch(/\$scrypt|"hash"/);
  });

  it('the audit log tells who did what from where, and cannot be written into', async () => {
    await new Visitor(box.url).signIn('x"}\n{"atMs":1,"who":"anna"', 'wrong');
    const { entries } = (await anna.get('/api/v1/audit')).body;
    expect(entries.map(({ action }: { action: string }) => action)).toEqual(
      expect.arrayContaining([
        'setUp',
        'signIn',
        'userAdded',
        'userChanged',
        'userRemoved',
        'passwordChanged',
        'signOut',
        'refused',
      ]),
    );
    expect(entries[0]).toMatchObject({
      who: 'x"}\n{"atms":1,"who":"anna"',
      action: 'signIn',
      outcome: 'failed',
      from: '127.0.0.1',
    });
    expect(entries.every(({ atMs }: { atMs: number }) => atMs > 1)).toBe(true);
    const log = await readFile(join(box.dataFolder, 'access', 'audit.jsonl'), 'utf8');
    expect(log).not.toContain(password);
    expect((await stat(join(box.dataFolder, 'access', 'audit.jsonl'))).mode & 0o777).toBe(0o600);
  });
});

describe('guessing', () => {
  it('is slowed down, for names that exist and for those that do not, alike', async () => {
    const box = await start();
    const anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
    const tries = async (name: string): Promise<{ statuses: number[]; bodies: Set<string> }> => {
      const told = [];
      for (let n = 0; n < 6; n++) told.push(await new Visitor(box.url).signIn(name, `wrong guess ${n}`));
      return {
        statuses: told.map(({ status }) => status),
        bodies: new Set(told.map(({ text }) => text.replace(/\d+ s|:\d+/g, 'n'))),
      };
    };
    const known = await tries('anna');
    const unknown = await tries('nobody');
    expect([...known.statuses, ...unknown.statuses]).toEqual([...Array(10).fill(401), 429, 429]);
    expect([...unknown.bodies][0]).toBe([...known.bodies][0]);
    // The right password does not get through either while the address is limited, and whoever is in stays in.
    expect((await new Visitor(box.url).signIn('anna')).status).toBe(429);
    expect((await anna.get('/api/v1/status')).status).toBe(200);
  });

  it('tells by its time nothing about who exists', { timeout: 60_000 }, async () => {
    const box = await start();
    await new Visitor(box.url).setUp(box.setUpCode());
    const timed = async (name: string): Promise<number> => {
      const from = performance.now();
      expect((await new Visitor(box.url).signIn(name, 'wrong guess')).status).toBe(401);
      return performance.now() - from;
    };
    const [known, unknown] = [[], []] as [number[], number[]];
    for (let n = 0; n < 4; n++) {
      known.push(await timed('anna'));
      unknown.push(await timed(`nobody${n}`));
    }
    // Without a hash for nobody the one would take a hundred times as long; a machine that does other things as well, some times.
    const ratio = Math.min(...known) / Math.min(...unknown);
    expect(ratio).toBeGreaterThan(0.1);
    expect(ratio).toBeLessThan(10);
  });

  it('at once by many is turned away before it costs memory', { timeout: 60_000 }, async () => {
    const passwords = new Passwords(new SystemRandom());
    const hash = await passwords.hash(password);
    const all = Array.from({ length: 17 }, () => passwords.matches('wrong', hash));
    expect(passwords.hasRoom).toBe(false);
    expect(await Promise.all(all)).not.toContain(true);
    expect(passwords.hasRoom).toBe(true);
  });
});

describe('tokens', () => {
  let box: Served;
  let anna: Visitor;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const make = async (role: string, days = 0): Promise<{ id: string; token: string }> =>
    (await anna.ask('POST', '/api/v1/tokens', { name: `for ${role}`, role, days })).body;
  beforeAll(async () => {
    box = await start();
    anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
  });

  it('open what their role may see, and are shown once', async () => {
    const { token, id } = await make('viewer');
    const program = new Visitor(box.url);
    expect((await program.ask('GET', '/metrics', undefined, bearer(token))).text).toMatch(/flowspan_page_streams/);
    expect((await program.ask('GET', '/api/v1/audit', undefined, bearer(token))).status).toBe(403);
    const listed = (await anna.get('/api/v1/tokens')).text;
    expect(listed).toContain(id);
    expect(listed).not.toContain(token.slice(17));
    expect(await readFile(accountPath(box.dataFolder), 'utf8')).not.toContain(token.slice(17));
  });

  it('make no users and no tokens, whatever their role', async () => {
    const { token } = await make('admin');
    const program = new Visitor(box.url);
    expect((await program.ask('GET', '/api/v1/audit', undefined, bearer(token))).status).toBe(200);
    expect((await program.ask('POST', '/api/v1/users', { name: 'm', role: 'admin', password }, bearer(token))).status).toBe(403);
    expect((await program.ask('POST', '/api/v1/tokens', { name: 'm', role: 'admin' }, bearer(token))).status).toBe(403);
    expect(
      (await program.ask('POST', '/api/v1/password', { current: password, next: 'another good horse' }, bearer(token))).status,
    ).toBe(403);
  });

  it('are no good when cut, altered, misplaced, revoked or expired', async () => {
    const { token, id } = await make('viewer', 1);
    const program = new Visitor(box.url);
    const bad = [
      token.slice(0, -1),
      `${token}x`,
      token.toUpperCase(),
      `fst_${id}_${'A'.repeat(43)}`,
      `fst_${'0'.repeat(12)}${token.slice(16)}`,
      '',
      'null',
    ];
    for (const one of bad) expect((await program.ask('GET', '/api/v1/status', undefined, bearer(one))).status, one).toBe(401);
    expect(
      (await program.ask('GET', '/api/v1/status', undefined, { authorization: `Basic ${btoa(`anna:${password}`)}` })).status,
    ).toBe(401);
    // A bad token is not made good by a good cookie; a token in an address would stand in logs and is not read.
    expect((await anna.ask('GET', '/api/v1/status', undefined, bearer('fst_bad'))).status).toBe(401);
    expect((await program.get(`/metrics?token=${token}`)).status).toBe(401);
    expect((await program.ask('GET', '/api/v1/status', undefined, bearer(token))).status).toBe(200);
    const file = accountPath(box.dataFolder);
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"expiresMs": [1-9]\d+/, '"expiresMs": 1'));
    await expect
      .poll(async () => (await program.ask('GET', '/api/v1/status', undefined, bearer(token))).status, { timeout: 6_000 })
      .toBe(401);
    const other = await make('viewer');
    await anna.ask('DELETE', `/api/v1/tokens/${other.id}`);
    expect((await program.ask('GET', '/api/v1/status', undefined, bearer(other.token))).status).toBe(401);
  });

  it('end a stream too when they are revoked', { timeout: 20_000 }, async () => {
    const { token, id } = await make('viewer');
    const stream = await fetch(`${box.url}/api/v1/events`, { headers: bearer(token) });
    await anna.ask('DELETE', `/api/v1/tokens/${id}`);
    await expect(stream.text()).resolves.toContain('event: status');
  });
});

describe('alerts', () => {
  it('are seen by viewers, tended by operators, and by nobody’s forgery', async () => {
    const acts: AlertAct[] = [];
    const box = await start(asked, {
      onAlertAct: async (act) => {
        if (act.id === 'gone') throw new ApplianceError('usage', 'there is no alert gone');
        acts.push(act);
      },
    });
    const anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
    for (const [name, role] of [
      ['olaf', 'operator'],
      ['vera', 'viewer'],
    ] as const)
      await anna.ask('POST', '/api/v1/users', { name, role, password });
    const [olaf, vera] = [new Visitor(box.url), new Visitor(box.url)];
    await olaf.signIn('olaf');
    await vera.signIn('vera');
    const path = '/api/v1/alerts/uplinkDown.central';
    expect((await vera.get('/api/v1/alerts')).body.alerts).toMatchObject([{ id: 'uplinkDown.central' }]);
    for (const [method, end] of [
      ['POST', 'acknowledge'],
      ['POST', 'mute'],
      ['DELETE', 'mute'],
    ] as const) {
      const body = method === 'POST' ? { hours: 1 } : undefined;
      expect((await vera.ask(method, `${path}/${end}`, body)).status).toBe(403);
      expect((await new Visitor(box.url).ask(method, `${path}/${end}`, body)).status).toBe(401);
      expect((await olaf.ask(method, `${path}/${end}`, body, { 'x-csrf-token': 'x' })).status).toBe(403);
      expect((await olaf.ask(method, `${path}/${end}`, body, { origin: 'https://evil.example' })).status).toBe(403);
    }
    expect(acts).toEqual([]);
    // Who it was is what the box knows, not what the request says.
    expect((await olaf.ask('POST', `${path}/acknowledge`, { who: 'anna' })).status).toBe(204);
    expect((await olaf.ask('POST', `${path}/mute`, { hours: 0.5 })).status).toBe(204);
    expect((await olaf.ask('DELETE', `${path}/mute`)).status).toBe(204);
    expect(acts).toEqual([
      { kind: 'acknowledge', id: 'uplinkDown.central', who: 'olaf' },
      { kind: 'mute', id: 'uplinkDown.central', who: 'olaf', forMs: 1_800_000 },
      { kind: 'unmute', id: 'uplinkDown.central', who: 'olaf' },
    ]);
    for (const hours of [0, -1, 721, '8', null, Number.NaN])
      expect((await olaf.ask('POST', `${path}/mute`, { hours })).status).toBe(400);
    expect((await olaf.ask('POST', '/api/v1/alerts/gone/acknowledge')).body.error).toMatchObject({
      code: 'notFound',
      message: 'There is no alert gone.',
    });
    expect((await anna.get('/api/v1/audit')).text).toMatch(
      /"who":"olaf".*"action":"alertMuted","what":"uplinkDown\.central for 0\.5 h"/,
    );
  });
});

describe('rules of auto', () => {
  it('on loopback is open as it was, for reading and no more than an operator may', async () => {
    const box = await start({});
    const anybody = new Visitor(box.url);
    expect(box.setUpCode()).toBe('');
    expect((await anybody.get('/api/v1/status')).status).toBe(200);
    const session = (await anybody.get('/api/v1/session')).body;
    expect(session).toMatchObject({ state: 'open', role: 'operator' });
    anybody.csrf = session.csrfToken;
    // Nobody who merely reaches an open page becomes admin for the day it is opened to others.
    expect((await anybody.ask('POST', '/api/v1/users', { name: 'm', role: 'admin', password })).status).toBe(403);
    expect((await anybody.ask('POST', '/api/v1/setup', { code: '', name: 'm', password })).status).toBe(401);
    expect((await anybody.get('/api/v1/users')).status).toBe(403);
  });

  it('a user made by the command line closes it at once, also for streams', { timeout: 30_000 }, async () => {
    const box = await start({});
    const stream = await fetch(`${box.url}/api/v1/events`);
    const clock = new SystemClock();
    const hash = await new Passwords(new SystemRandom()).hash(password);
    await new AccountFile(box.dataFolder, clock).change((accounts) =>
      withUser(accounts, { name: 'anna', role: 'admin', createdMs: 1, hash }),
    );
    await expect.poll(async () => (await new Visitor(box.url).get('/api/v1/status')).status, { timeout: 6_000 }).toBe(401);
    await stream.text();
    expect((await new Visitor(box.url).signIn('anna')).status).toBe(200);
  });

  it('one user who opens streams and holds them leaves half for the others', { timeout: 30_000 }, async () => {
    const box = await start({ ...asked, streamsMax: 4 });
    const anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
    await anna.ask('POST', '/api/v1/users', { name: 'vera', role: 'viewer', password });
    const vera = new Visitor(box.url);
    await vera.signIn('vera');
    const stream = (by: Visitor): Promise<Response> => fetch(`${box.url}/api/v1/events`, { headers: { cookie: by.cookie } });
    const held = [await stream(vera), await stream(vera), await stream(vera)];
    expect(held.map(({ status }) => status)).toEqual([200, 200, 503]);
    const own = await stream(anna);
    expect(own.status).toBe(200);
    for (const { body } of [...held, own]) await body?.cancel();
  });

  it('a file of users that cannot be read lets nobody in, rather than everybody', async () => {
    const first = await start({});
    await new AccountFile(first.dataFolder, new SystemClock()).change((accounts) =>
      withUser(accounts, {
        name: 'anna',
        role: 'admin',
        createdMs: 1,
        hash: '$scrypt$ln=15,r=8,p=3$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      }),
    );
    await writeFile(accountPath(first.dataFolder), '{"schema":1,"users":[{"name":"anna","role":"god"}],"tokens":[]}');
    const box = await start({}, { dataFolder: first.dataFolder });
    expect((await new Visitor(box.url).get('/api/v1/status')).status).toBe(401);
    expect(box.setUpCode()).toBe('');
    expect(box.logged).toContainEqual(expect.objectContaining({ event: 'accountsUnread' }));
  });
});

describe('viewers from whom addresses are hidden', () => {
  it('see prefixes everywhere and cannot ask for hosts', async () => {
    const rows = ['10.20.1.14', '10.20.1.15', '10.20.9.1', '2001:db8:1:2::3', '02:00:5e:10:00:01'].map((key, n) => ({
      key,
      outOctets: 10 + n,
      inOctets: 1,
      outPackets: 1,
      inPackets: 1,
      flows: 1,
    }));
    const none = { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 };
    const box = await start(
      { ...asked, viewerAddresses: 'truncated' },
      {
        history: {
          top: async ({ dimension, fromMs, toMs }) => ({ dimension, tier: '1m', fromMs, toMs, rows, other: none, total: none }),
        },
        metrics: async () => 'flowspan_x{address="192.0.2.9"} 1\n',
        flows: searchOver(officeFlows(20)),
        hosts: namedHosts({ '10.20.1.11': 'laptop-of-anna', '10.20.1.14': 'laptop-of-vera' }),
      },
    );
    const anna = new Visitor(box.url);
    await anna.setUp(box.setUpCode());
    await anna.ask('POST', '/api/v1/users', { name: 'vera', role: 'viewer', password });
    const vera = new Visitor(box.url);
    await vera.signIn('vera');
    expect(
      (await vera.get('/api/v1/top?by=host')).body.rows.map(({ key, outOctets }: { key: string; outOctets: number }) => [
        key,
        outOctets,
      ]),
    ).toEqual([
      ['10.20.1.0/24', 21],
      ['02:00:5e:xx:xx:xx', 14],
      ['2001:db8:1::/48', 13],
      ['10.20.9.0/24', 12],
    ]);
    expect((await vera.get('/api/v1/status')).text).toContain('tcp://192.0.2.0/24:4739');
    expect((await vera.get('/metrics')).text).toBe('flowspan_x{address="192.0.2.0/24"} 1\n');
    for (const path of [
      '/api/v1/series?by=host&key=10.20.1.14',
      '/api/v1/series?by=host&key=10.20.1.0%2F25',
      '/api/v1/series?by=conversation&key=10.20.1.14+10.20.1.15',
      '/api/v1/series?by=host&key=2001%3Adb8%3A1%3A2%3A%3A3',
      '/api/v1/series?by=host&key=02:00:5e:10:00:01',
    ])
      expect((await vera.get(path)).body.error.code, path).toBe('addressesHidden');
    for (const path of ['/api/v1/series?by=host&key=%zz10.20.1.14', '/?%e0%a4%a', '/api/v1/status?a=%'])
      expect([path, (await vera.get(path)).status]).toEqual([path, 400]);
    expect((await vera.get('/api/v1/series?by=host&key=10.20.1.0%2F24')).status).toBe(200);
    for (const filter of [
      'hostname laptop-of-anna',
      'not hostname nobody',
      'mac 02:00:5e:10',
      'ip 10.20.1.11..10.20.1.12',
      'sourceIPv4Address 10.20.1.0..10.20.1.127',
    ])
      expect((await vera.get(`/api/v1/flows/sums?${new URLSearchParams({ filter })}`)).body.error.code, filter).toBe(
        'addressesHidden',
      );
    const sums = (await vera.get('/api/v1/flows/sums?by=source&filter=net+10.20.1.0%2F24')).body;
    expect(sums.groups).toMatchObject([{ keys: ['10.20.1.0/24'], records: 20 }]);
    expect((await vera.get('/api/v1/flows?limit=5')).text).not.toMatch(/10\.20\.1\.1\d/);
    const ofOne = (await anna.get('/api/v1/flows/sums?by=source&filter=src+ip+10.20.1.11')).body;
    expect(ofOne.groups).toMatchObject([{ keys: ['10.20.1.11'] }]);
    // Nor are hosts called by their names, which would tell them apart.
    const named = ['/api/v1/top?by=host', '/api/v1/flows?limit=20', '/api/v1/flows/sums?by=source', '/api/v1/names'];
    for (const path of named) expect((await vera.get(path)).text, path).not.toMatch(/laptop|vendor/i);
    expect((await vera.get('/api/v1/names?matching=laptop')).body.error.code).toBe('addressesHidden');
    for (const path of named) expect((await anna.get(path)).text, path).toMatch(/laptop-of-/);
    const events = await fetch(`${box.url}/api/v1/events`, { headers: { cookie: vera.cookie } });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event: status')) text += (await reader.read()).value;
    await reader.cancel();
    expect(text).not.toContain('192.0.2.9');
    expect((await anna.get('/api/v1/status')).text).toContain('192.0.2.9');
    expect((await anna.get('/api/v1/top?by=host')).body.rows).toHaveLength(5);
  });
});
