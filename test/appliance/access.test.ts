/** A whole box that others can reach: who gets in, and how the command line on the box does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { finished, flowspan, mainPath, spawnFlowspan } from '../cli/flowspan.ts';
import { root } from '../repo/sources.ts';
import { Box, endBoxes } from './box.ts';

afterEach(endBoxes);

function askTls(url: string, path: string, ca: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url);
    const asking = request({ host: 'localhost', port, path, ca, headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    asking.on('error', reject).end();
  });
}

test('on all addresses: TLS, set-up code on the console, the command line through the socket, a token for the rest', {
  timeout: 120_000,
}, async () => {
  await using box = await new Box({ meter: { source: 'demo' }, status: { address: '0.0.0.0' } }).ready();
  const url = box.url;
  expect(url).toMatch(/^https:/);
  expect(box.out).toMatch(/set-up {5}code [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}: /);
  expect(box.out).toMatch(/SHA-256\n +([0-9A-F]{2}:){31}[0-9A-F]{2}\n/);
  expect(box.err).toMatch(/"code":"[0-9A-Z-]{14}"/);
  const folder = join(box.folder, 'var');
  const ca = await readFile(join(folder, 'tls', 'page.crt'), 'utf8');
  expect(await askTls(url, '/api/v1/status', ca)).toBe(401);
  expect(await askTls(url, '/healthz', ca)).toBe(200);
  expect(statSync(join(folder, 'access', 'page.sock')).mode & 0o777).toBe(0o600);

  const config = join(box.folder, 'settings.yaml');
  const top = await flowspan('top', '--config', config, '--json');
  expect([top.code, JSON.parse(top.out).dimension]).toEqual([0, 'host']);
  expect(JSON.parse((await flowspan('doctor', '--config', config, '--json')).out).running).toBe(true);

  const far = url.replace('0.0.0.0', 'localhost');
  const crt = join(folder, 'tls', 'page.crt');
  const unsigned = await flowspan('top', '--url', far, '--ca', crt);
  expect([unsigned.code, unsigned.err]).toEqual([1, expect.stringMatching(/Sign in first.*FLOWSPAN_TOKEN/)]);
  expect((await flowspan('top', '--url', far)).err).toMatch(/no flowspan answers at https.*self-signed/);
  const token = (await flowspan('token', 'make', 'a test', '--data', folder)).out.trim();
  const signed = await finished(spawnFlowspan(['top', '--url', far, '--ca', crt, '--json'], { FLOWSPAN_TOKEN: token }));
  expect([signed.code, JSON.parse(signed.out).dimension]).toEqual([0, 'host']);
  expect(await askTls(url, '/metrics', ca, { authorization: `Bearer ${token}` })).toBe(200);

  if (process.getuid?.() === 0) {
    // Somebody else on the box: no socket, no files, no way but a token. The program is found by all, wherever this checkout lies.
    const asOther = (...args: string[]): string => {
      const program = ['/mnt/node_modules/.bin/node', join('/mnt', relative(root, mainPath)), ...args];
      const script = `mount --bind '${root}' /mnt && exec setpriv --reuid=65534 --clear-groups ${program.join(' ')}`;
      return execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
    };
    expect(asOther('--version')).toMatch(/^flowspan /);
    expect(() => asOther('user', 'list', '--data', folder)).toThrow(/flowspan user: \S+ cannot be read: EACCES/);
  }
  expect(await box.interrupt()).toBe(0);
});

test('a kill leaves a socket behind that the next start takes over, and a second box leaves it to the first', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  const first = await new Box({ meter: { source: 'none' } }, folder).ready();
  await first.kill();
  await using box = await new Box({ meter: { source: 'none' } }, folder).ready();
  const data = join(folder, 'var');
  expect((await flowspan('top', '--data', data)).code).toBe(0);
  const second = new Box({ meter: { source: 'none' } }, folder);
  await expect.poll(() => second.err, { timeout: 20_000 }).toMatch(/localSocketMissing.*|another flowspan runs/);
  await second.kill();
  expect((await flowspan('top', '--data', data)).code).toBe(0);
  expect(await box.interrupt()).toBe(0);
});
