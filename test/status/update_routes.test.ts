/** Updates over HTTP: who may, pieces in their order, bounds, what is handed over, what is written down. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApplianceError, type ErrorCode } from '../../src/core/errors.ts';
import type { UpdateAct, UpdateState } from '../../src/flow/update_shapes.ts';
import { pieceOctetsMax } from '../../src/status/upload_desk.ts';
import { password, type Told, Visitor } from './access/visitor.ts';
import { exampleStatus, type Served, serve } from './served.ts';

let folder: string;
let box: Served;
let anna: Visitor;
let acts: UpdateAct[];
let refusal = '';
let refusalCode: ErrorCode;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uploads-'));
  acts = [];
  refusal = '';
  refusalCode = 'usage';
  const act = async (one: UpdateAct): Promise<void> => {
    if (refusal !== '') throw new ApplianceError(refusalCode, refusal);
    acts.push(one);
  };
  box = await serve({ settings: { signIn: 'on' }, withAccess: true, updates: { folder, act } });
  box.live.pushStatus(exampleStatus);
  anna = new Visitor(box.url);
  await anna.setUp(box.setUpCode());
});
afterEach(async () => {
  await box.stop();
  rmSync(folder, { recursive: true });
});

const path = '/api/v1/updates/upload';
/** Also where the body is binary. */
async function put(visitor: Visitor, from: number, octets: Uint8Array, headers: Record<string, string> = {}): Promise<Told> {
  const response = await fetch(`${box.url}${path}?from=${from}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', cookie: visitor.cookie, 'x-csrf-token': visitor.csrf, ...headers },
    body: octets as Uint8Array<ArrayBuffer>,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}
const bundle = Buffer.alloc(pieceOctetsMax * 2 + 1_000, 'a bundle of sorts ');
const sha256 = createHash('sha256').update(bundle).digest('hex');
/** What this process holds open of the folder; Linux says so of files that are removed as well. */
const held = (): string[] =>
  readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // that of the listing itself
      }
    })
    .filter((target) => target.startsWith(folder));
const pushState = (state: UpdateState): void =>
  box.live.pushStatus({ ...exampleStatus, updates: { ...exampleStatus.updates, state } });
const written = (): Buffer => readFileSync(join(folder, 'upload.part'));

describe('an upload', () => {
  test('that the disk has no room for is given up, so that another one may begin', async () => {
    rmSync(folder, { recursive: true });
    const told = await anna.ask('POST', path, { octets: bundle.length });
    expect([told.status, told.body.error.code]).toEqual([507, 'noRoom']);
    expect(acts.map(({ kind }) => kind)).toEqual(['upload', 'discard']);
    mkdirSync(folder);
  });

  test('piece by piece becomes the file, and is handed over with its digest', async () => {
    const begun = await anna.ask('POST', path, { octets: bundle.length });
    expect([begun.status, begun.body]).toEqual([200, { pieceOctetsMax }]);
    for (let from = 0; from < bundle.length; from += pieceOctetsMax) {
      const told = await put(anna, from, bundle.subarray(from, from + pieceOctetsMax));
      expect(told.body).toEqual({ octets: Math.min(bundle.length, from + pieceOctetsMax) });
    }
    expect((await anna.ask('POST', `${path}/end`)).status).toBe(204);
    expect(written().equals(bundle)).toBe(true);
    expect(acts).toEqual([
      { kind: 'upload', who: 'anna', octets: bundle.length },
      { kind: 'uploaded', who: 'anna', octets: bundle.length, sha256 },
    ]);
    expect((await anna.ask('POST', '/api/v1/updates/install', { version: '1.2.0', who: 'bert' })).status).toBe(204);
    expect(acts.at(-1)).toEqual({ kind: 'install', who: 'anna', version: '1.2.0' });
    const audit = (await anna.get('/api/v1/audit')).text;
    expect(audit).toContain(`"action":"updateUploaded","what":"SHA-256 ${sha256}"`);
    expect(audit).toContain('"action":"updateInstalled","what":"1.2.0"');
  });

  test('a piece out of its order is refused with where the next belongs; one sent twice is not written twice', async () => {
    await anna.ask('POST', path, { octets: 2_000 });
    await put(anna, 0, bundle.subarray(0, 1_000));
    for (const from of [0, 500, 1_001]) {
      expect((await put(anna, from, bundle.subarray(0, 10))).body.error).toMatchObject({
        code: 'badParameter',
        allowed: '1000, where the next piece belongs',
      });
    }
    expect((await put(anna, 1_000, bundle.subarray(1_000, 2_001))).body.error.code).toBe('bodyTooLarge');
    expect((await anna.ask('POST', `${path}/end`)).body.error.message).toBe(
      '1000 of 2000 octets are there; the rest is missing.',
    );
    await put(anna, 1_000, bundle.subarray(1_000, 2_000));
    expect((await anna.ask('POST', `${path}/end`)).status).toBe(204);
    expect(written().equals(bundle.subarray(0, 2_000))).toBe(true);
  });

  test('of nothing, of too much, in pieces that are too large, or without a beginning is refused', async () => {
    for (const octets of [0, -1, 1.5, '8', 544 * 1024 * 1024 + 1, null])
      expect((await anna.ask('POST', path, { octets })).body.error).toMatchObject({ code: 'badParameter', parameter: 'octets' });
    expect((await put(anna, 0, bundle.subarray(0, 8))).body.error.code).toBe('notFound');
    await anna.ask('POST', path, { octets: bundle.length });
    expect((await put(anna, 0, Buffer.alloc(pieceOctetsMax + 1))).status).toBe(413);
    expect((await put(anna, 0, bundle.subarray(0, 8), { 'content-type': 'text/plain' })).status).toBe(400);
    expect(written()).toHaveLength(0);
    // Elsewhere bodies stay what they were.
    const elsewhere = await fetch(`${box.url}/api/v1/updates/install`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', cookie: anna.cookie, 'x-csrf-token': anna.csrf },
      body: 'version',
    });
    expect(elsewhere.status).toBe(400);
  });

  test('that the box does not want now is refused in its words, and no file begins', async () => {
    refusal = 'this slot is on trial';
    const told = await anna.ask('POST', path, { octets: 8 });
    expect([told.status, told.body.error]).toEqual([409, { code: 'notNow', message: 'This slot is on trial.' }]);
    expect(existsSync(join(folder, 'upload.part'))).toBe(false);
  });

  test('that nobody waits for any more is let go: no file is held open, and the next piece is told', async () => {
    await anna.ask('POST', path, { octets: 2_000 });
    pushState('idle'); // still tells of before
    await put(anna, 0, bundle.subarray(0, 1_000));
    pushState('uploading');
    await put(anna, 1_000, bundle.subarray(1_000, 1_500));
    expect(held()).toHaveLength(1);
    pushState('idle');
    await vi.waitFor(() => expect(held()).toEqual([]));
    expect(existsSync(join(folder, 'upload.part'))).toBe(false);
    expect((await put(anna, 1_500, bundle.subarray(1_500, 2_000))).body.error.code).toBe('notFound');
  });

  test('that is whole stays for whoever examines it', async () => {
    await anna.ask('POST', path, { octets: 1_000 });
    pushState('uploading');
    await put(anna, 0, bundle.subarray(0, 1_000));
    expect((await anna.ask('POST', `${path}/end`)).status).toBe(204);
    pushState('examining');
    pushState('toConfirm');
    expect((await anna.get('/api/v1/updates')).body.state).toBe('toConfirm');
    expect(written()).toHaveLength(1_000);
  });

  test('a disk that takes a part at a time gets all of it; one that takes no more is told', async () => {
    await anna.ask('POST', path, { octets: 1_000 });
    const file = await open(join(folder, 'other'), 'w');
    const write = Object.getPrototypeOf(file).write as (...args: unknown[]) => Promise<unknown>;
    await file.close();
    let most = 300;
    const some = vi.spyOn(Object.getPrototypeOf(file), 'write').mockImplementation(function (this: unknown, ...args: unknown[]) {
      const [octets, from, length, at] = args as [Uint8Array, number, number, number];
      return most === 0 ? Promise.resolve({ bytesWritten: 0 }) : write.call(this, octets, from, Math.min(length, most), at);
    });
    try {
      expect((await put(anna, 0, bundle.subarray(0, 700))).body).toEqual({ octets: 700 });
      most = 0;
      const told = await put(anna, 700, bundle.subarray(700, 1_000));
      expect([told.status, told.body.error]).toEqual([
        507,
        { code: 'noRoom', message: 'The disk of the box took 700 octets, and no more.' },
      ]);
      most = 299;
      await put(anna, 700, bundle.subarray(700, 1_000));
    } finally {
      some.mockRestore();
    }
    expect((await anna.ask('POST', `${path}/end`)).status).toBe(204);
    expect(written().equals(bundle.subarray(0, 1_000))).toBe(true);
    const whole = createHash('sha256').update(bundle.subarray(0, 1_000)).digest('hex');
    expect(acts.at(-1)).toMatchObject({ kind: 'uploaded', sha256: whole });
  });

  test('begun again begins anew, and discarded leaves no file', async () => {
    await anna.ask('POST', path, { octets: 2_000 });
    await put(anna, 0, bundle.subarray(0, 1_500));
    await anna.ask('POST', path, { octets: 1_000 });
    await put(anna, 0, bundle.subarray(0, 1_000));
    expect((await anna.ask('POST', `${path}/end`)).status).toBe(204);
    expect(written()).toHaveLength(1_000);
    expect((await anna.ask('DELETE', path)).status).toBe(204);
    expect(existsSync(join(folder, 'upload.part'))).toBe(false);
    expect(acts.at(-1)).toEqual({ kind: 'discard', who: 'anna' });
  });
});

test('what the box does not answer in time is written down, as something that may have been done', async () => {
  refusalCode = 'deadlineExceeded';
  refusal = 'telling of an update took longer than 5000 ms';
  const told = await anna.ask('POST', '/api/v1/updates/install', { version: '1.2.0' });
  expect([told.status, told.body.error.code]).toEqual([503, 'timedOut']);
  expect(told.body.error.message).toMatch(/may do it yet/);
  refusalCode = 'boxUnreachable';
  refusal = 'too much is being changed at once';
  expect((await anna.ask('POST', '/api/v1/updates/install', { version: '1.3.0' })).body.error.code).toBe('notReady');
  const { entries } = (await anna.get('/api/v1/audit')).body;
  const installed = entries.filter(({ action }: { action: string }) => action === 'updateInstalled');
  expect(installed).toMatchObject([{ who: 'anna', what: '1.2.0', outcome: 'unanswered' }]);
});

test('everybody who may look sees the state; only admins upload and install, operators look for one, nobody forges it', async () => {
  for (const [name, role] of [
    ['olaf', 'operator'],
    ['vera', 'viewer'],
  ] as const)
    await anna.ask('POST', '/api/v1/users', { name, role, password });
  const [olaf, vera] = [new Visitor(box.url), new Visitor(box.url)];
  await olaf.signIn('olaf');
  await vera.signIn('vera');
  expect((await vera.get('/api/v1/updates')).body).toEqual(exampleStatus.updates);
  const stranger = new Visitor(box.url);
  for (const [method, end, body] of [
    ['POST', 'install', { version: '1.2.0' }],
    ['POST', 'upload', { octets: 8 }],
    ['POST', 'upload/end', undefined],
    ['DELETE', 'upload', undefined],
  ] as const) {
    for (const [who, status] of [
      [stranger, 401],
      [vera, 403],
      [olaf, 403],
    ] as const)
      expect([end, (await who.ask(method, `/api/v1/updates/${end}`, body)).status]).toEqual([end, status]);
    expect((await anna.ask(method, `/api/v1/updates/${end}`, body, { 'x-csrf-token': 'x' })).status).toBe(403);
    expect((await anna.ask(method, `/api/v1/updates/${end}`, body, { origin: 'https://evil.example' })).status).toBe(403);
  }
  expect((await put(olaf, 0, bundle.subarray(0, 8))).status).toBe(403);
  expect((await put(anna, 0, bundle.subarray(0, 8), { 'x-csrf-token': 'x' })).status).toBe(403);
  expect((await vera.ask('POST', '/api/v1/updates/check')).status).toBe(403);
  expect(acts).toEqual([]);
  expect((await olaf.ask('POST', '/api/v1/updates/check')).status).toBe(204);
  expect(acts).toEqual([{ kind: 'check', who: 'olaf' }]);
});
