/** Certificates are looked at before anything relies on them; made by openssl, as they come in life. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkAuthorities, checkPair } from '../../../src/system/provision/certificate_check.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
afterAll(() => rmSync(folder, { recursive: true }));

function made(name: string): { pem: string; key: string } {
  const [pem, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-subj', `/CN=${name}`, '-out', pem, '-keyout', key], { stdio: 'pipe' });
  return { pem: readFileSync(pem, 'utf8'), key: readFileSync(key, 'utf8') };
}
const [box, other] = [made('box'), made('other')];
const now = Date.now();
const dayMs = 86_400_000;
const pair = (pem: string, key: string) => ({
  path: 'status',
  certificate: { file: 'certificates/box.pem', pem },
  key: { file: 'certificates/box.key', pem: key },
});
const told = (pem: string, key: string, nowMs: number | undefined = now): string[] =>
  checkPair(pair(pem, key), nowMs).map(({ kind, text }) => `${kind}: ${text}`);

describe('a certificate and its key', () => {
  test('that belong together are good, with their last day', () => {
    expect(told(box.pem, box.key)[0]).toMatch(/^remark: status: certificates\/box\.pem is good until \d{4}-\d\d-\d\d$/);
  });

  test('that do not belong together are refused, naming both', () => {
    expect(told(box.pem, other.key)).toEqual([
      'fault: status: certificates/box.key is not the key of certificates/box.pem (CN=box)',
    ]);
  });

  test('in each other’s place, cut off, or under a pass phrase are refused', () => {
    expect(told(box.key, box.pem)[0]).toMatch(/^fault: status: certificates\/box\.pem is no certificate in PEM/);
    expect(told(box.pem, 'no key')[0]).toMatch(/^fault: status: certificates\/box\.key is no private key in PEM/);
    const lock = ['pkcs8', '-topk8', '-passout', 'pass:hunter', '-in', join(folder, 'box.key')];
    expect(told(box.pem, execFileSync('openssl', lock, { encoding: 'utf8' }))[0]).toMatch(
      /it is encrypted; the box has nobody to ask/,
    );
  });

  test('whose time is over are refused once the time is known; before it begins, the clock may be wrong', () => {
    expect(told(box.pem, box.key, now + 400 * dayMs)[0]).toMatch(/^fault: .* has run out: it was good until/);
    expect(told(box.pem, box.key, now + 350 * dayMs)[0]).toMatch(/^remark: .*: renew it soon$/);
    expect(told(box.pem, box.key, 0)[0]).toMatch(/^remark: .* is the clock right\?$/);
    expect(checkPair(pair(box.pem, box.key), undefined)).toEqual([
      { kind: 'remark', text: expect.stringMatching(/what day it is nobody knows yet$/) },
    ]);
  });
});

test('of a file with authorities every one is looked at', () => {
  expect(checkAuthorities('mqtt.brokers[0].caFile', 'certificates/ca.pem', box.pem + other.pem, now)).toHaveLength(2);
  expect(checkAuthorities('x', 'ca.pem', 'empty', now)).toEqual([
    { kind: 'fault', text: 'x: ca.pem holds no certificate in PEM' },
  ]);
  const broken = other.pem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  expect(checkAuthorities('x', 'ca.pem', box.pem + broken, now).map(({ kind }) => kind)).toEqual(['remark', 'fault']);
});
