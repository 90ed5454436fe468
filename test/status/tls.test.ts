/** The page over TLS on real sockets: the box's own certificate, a user's, and what knocks in the wrong language. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { pageCertificatePath } from '../../src/status/certificate/page_certificate.ts';
import { newKeys, selfSigned } from '../../src/status/certificate/self_signed.ts';
import { password } from './access/visitor.ts';
import { exampleStatus, type Served, type ServedOptions, sendRaw, serve } from './served.ts';

const folder = mkdtempSync(join(tmpdir(), 'tls-'));
const boxes: Served[] = [];
afterAll(async () => {
  for (const box of boxes) await box.stop();
  rmSync(folder, { recursive: true });
});

async function start(settings: Record<string, unknown> = {}, more: ServedOptions = {}): Promise<Served> {
  const box = await serve({ settings: { tls: 'on', signIn: 'on', ...settings }, withAccess: true, ...more });
  box.live.pushStatus(exampleStatus);
  boxes.push(box);
  return box;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

/** Over TLS that is checked against `ca`. */
function ask(box: Served, path: string, ca: string, method = 'GET', body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = httpsRequest(
      {
        host: 'localhost',
        port: box.port,
        path,
        method,
        ca,
        agent: false,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function shownBy(port: number, options: object = {}): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('the box’s own certificate', () => {
  it('is made on first boot, kept, trusted by whoever pins it, and its key is nobody else’s', async () => {
    const box = await start();
    expect(box.url).toMatch(/^https:/);
    const own = await readFile(pageCertificatePath(box.dataFolder), 'utf8');
    expect((await ask(box, '/healthz', own)).text).toBe('ok\n');
    expect((await shownBy(box.port)).fingerprint256).toBe(box.server.fingerprint);
    const key = join(box.dataFolder, 'tls', 'page.key');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect((await stat(join(box.dataFolder, 'tls'))).mode & 0o777).toBe(0o700);
    const again = await start({}, { dataFolder: box.dataFolder });
    expect(again.server.fingerprint).toBe(box.server.fingerprint);
    // A key that a power cut has torn is made again.
    await writeFile(key, '-----BEGIN PRIV');
    const third = await start({}, { dataFolder: box.dataFolder });
    expect(third.server.fingerprint).not.toBe(box.server.fingerprint);
    expect((await shownBy(third.port)).fingerprint256).toBe(third.server.fingerprint);
  });

  it('signs people in with a cookie that only this host over TLS may set', async () => {
    const box = await start();
    const own = await readFile(pageCertificatePath(box.dataFolder), 'utf8');
    const told = await ask(box, '/api/v1/setup', own, 'POST', { code: box.setUpCode(), name: 'anna', password });
    expect(told.headers['set-cookie']?.[0]).toMatch(/^__Host-flowspan=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    // Nobody could click a warning away any more.
    expect(told.headers['strict-transport-security']).toBeUndefined();
  });

  it('old protocols are refused', async () => {
    const box = await start();
    await expect(shownBy(box.port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL@SECLEVEL=0' })).rejects.toThrow();
    expect((await shownBy(box.port, { maxVersion: 'TLSv1.2' })).fingerprint256).toBe(box.server.fingerprint);
  });

  it('that cannot be kept is shown all the same, and said', async () => {
    writeFileSync(join(folder, 'no-folder'), '');
    const box = await start({ signIn: 'off' }, { dataFolder: join(folder, 'no-folder') });
    expect((await shownBy(box.port)).fingerprint256).toBe(box.server.fingerprint);
    expect(box.logged).toContainEqual(expect.objectContaining({ event: 'certificateUnkept' }));
  });
});

describe('plain HTTP to the same port', () => {
  it('sends a browser to HTTPS, nowhere else', async () => {
    const box = await start();
    const raw = (target: string, more = '', method = 'GET', host = `localhost:${box.port}`) =>
      sendRaw(box.port, `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${more}connection: close\r\n\r\n`);
    const told = await raw('/?x=1');
    expect([told.status, /location: (\S+)/i.exec(told.head)?.[1]]).toEqual([308, `https://localhost:${box.port}/?x=1`]);
    expect(/location: (\S+)/i.exec((await raw('//evil.example/x')).head)?.[1]).toBe(
      `https://localhost:${box.port}//evil.example/x`,
    );
    expect((await raw('/', '', 'GET', 'evil.example')).status).toBe(421);
    // A program that has just sent its token in the clear must not go on as if nothing had happened.
    for (const [target, more, method] of [
      ['/api/v1/status', '', 'GET'],
      ['/', 'authorization: Bearer x\r\n', 'GET'],
      ['/', '', 'POST'],
    ] as const)
      expect((await raw(target, more, method)).status, target).toBe(403);
    expect((await raw('http://evil.example/')).status).toBe(421);
    expect((await sendRaw(box.port, 'what is this\r\n\r\n')).status).toBe(400);
  });

  it('and connections that say nothing, never end what they say, or break off, do no harm', { timeout: 30_000 }, async () => {
    const box = await start();
    const silent = tcpConnect(box.port, '127.0.0.1');
    const half = tcpConnect(box.port, '127.0.0.1', () => half.write('GET / HTTP/1.1\r\nhost: loc'));
    const trickling = tcpConnect(box.port, '127.0.0.1', () => trickling.write('POST / HTTP/1.1\r\nhost: localhost\r\n'));
    const trickle = setInterval(() => trickling.writable && trickling.write('x-more: y\r\n'), 300);
    const ended = Promise.all(
      [silent, half, trickling].map((socket) => {
        socket.on('error', () => {}); // a reset is an end as well
        return new Promise((resolve) => socket.once('close', resolve).resume());
      }),
    );
    for (const bytes of ['', '\x16', '\x16\x03\x01\x00\x05hello', 'G']) {
      const socket = tcpConnect(box.port, '127.0.0.1', () => {
        socket.write(Buffer.from(bytes, 'latin1'));
        socket.resetAndDestroy();
      });
      socket.on('error', () => {});
    }
    const own = await readFile(pageCertificatePath(box.dataFolder), 'utf8');
    expect((await ask(box, '/healthz', own)).status).toBe(200);
    await ended;
    clearInterval(trickle);
    expect((await ask(box, '/healthz', own)).status).toBe(200);
  });

  it('one address holds half of the connections at most', async () => {
    const box = await start();
    const sockets = Array.from({ length: 140 }, () =>
      tcpConnect({ port: box.port, host: '127.0.0.1', localAddress: '127.0.0.2' }),
    );
    let closed = 0;
    await new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.on('error', () => {});
        socket.on('close', () => {
          if (++closed === 12) resolve();
        });
      }
    });
    const own = await readFile(pageCertificatePath(box.dataFolder), 'utf8');
    expect((await ask(box, '/healthz', own)).status).toBe(200);
    expect(closed).toBe(12);
    for (const socket of sockets) socket.destroy();
  });
});

describe('a user’s own certificate', () => {
  const make = (name: string): { certificate: string; key: string } =>
    selfSigned({ commonName: name, names: ['localhost'], serial: new Uint8Array(16).fill(7), keys: newKeys() });
  const [first, second] = [make('first'), make('second')];
  const certificateFile = join(folder, 'mine.crt');
  const keyFile = join(folder, 'mine.key');

  it('is shown, and taken up again when its files change; a bad one does not take effect', { timeout: 60_000 }, async () => {
    writeFileSync(certificateFile, first.certificate);
    writeFileSync(keyFile, first.key);
    const box = await start({ tls: 'auto', certificateFile, keyFile });
    expect((await shownBy(box.port)).subject.CN).toBe('first');
    expect(box.server.fingerprint).toBe('');
    writeFileSync(certificateFile, second.certificate);
    await expect
      .poll(() => box.logged.find(({ event }) => event === 'certificateRefused')?.fields.reason, { timeout: 15_000 })
      .toMatch(/mine\.key is not the key of the certificate in .*mine\.crt/);
    expect((await shownBy(box.port)).subject.CN).toBe('first');
    writeFileSync(keyFile, second.key);
    await expect.poll(async () => (await shownBy(box.port)).subject.CN, { timeout: 15_000 }).toBe('second');
  });

  it('that is no good at the start leaves the box’s own in its place, and is said', async () => {
    const bad: [string, RegExp][] = [
      [join(folder, 'absent.crt'), /absent\.crt cannot be read: there is no such file/],
      [keyFile, /mine\.key holds no certificate/],
    ];
    for (const [file, words] of bad) {
      const box = await start({ certificateFile: file, keyFile });
      expect(box.logged.find(({ event }) => event === 'certificateRefused')?.fields.reason).toMatch(words);
      expect((await shownBy(box.port)).fingerprint256).toBe(box.server.fingerprint);
    }
  });

  it('with a chain, made by openssl, is shown whole', async () => {
    const run = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-days',
      '2',
      '-subj',
      '/CN=our authority',
    );
    run(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'leaf.key',
      '-out',
      'leaf.csr',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    );
    run(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
      '-days',
      '2',
      '-out',
      'leaf.crt',
    );
    const [leaf, ca] = await Promise.all(['leaf.crt', 'ca.crt'].map((name) => readFile(join(folder, name), 'utf8')));
    writeFileSync(join(folder, 'chain.crt'), leaf! + ca!);
    const box = await start({ certificateFile: join(folder, 'chain.crt'), keyFile: join(folder, 'leaf.key') });
    expect((await ask(box, '/healthz', ca!)).status).toBe(200);
  });
});
