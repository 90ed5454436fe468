import { describe, expect, test } from 'vitest';
import { type PageFacts, pageChecks } from '../../src/system/page_checks.ts';

const nowMs = Date.UTC(2026, 5, 1);
const good: PageFacts = {
  place: '0.0.0.0:8480',
  isLoopback: false,
  asksForSignIn: true,
  speaksTls: true,
  users: 2,
  accountsFault: '',
  certificate: null,
};
const loopback: PageFacts = {
  ...good,
  place: '127.0.0.1:8480',
  isLoopback: true,
  asksForSignIn: false,
  speaksTls: false,
  users: 0,
};
const certificate = { file: 'page.crt', fault: '', expiresMs: nowMs + 90 * 86_400_000 };

describe('the page, to doctor', () => {
  test.each<[string, PageFacts, string[], RegExp]>([
    ['closed and with TLS', good, ['ok', 'ok'], /2 users/],
    ['on loopback', loopback, ['ok'], /this box alone/],
    ['open to all', { ...good, asksForSignIn: false }, ['warn', 'ok'], /whoever reaches 0\.0\.0\.0:8480 sees all/],
    ['without a user', { ...good, users: 0 }, ['warn', 'ok'], /nobody has a user yet/],
    ['with damaged users', { ...good, users: null, accountsFault: 'accounts.json is no JSON' }, ['fail', 'ok'], /no JSON/],
    ['in the clear', { ...good, speaksTls: false }, ['ok', 'warn'], /in the clear/],
    ['with a certificate', { ...good, certificate }, ['ok', 'ok'], /good for 90 days/],
    [
      'with one that expires',
      { ...good, certificate: { ...certificate, expiresMs: nowMs + 5 * 86_400_000 } },
      ['ok', 'warn'],
      /expires in 5 days/,
    ],
    ['with one that has', { ...good, certificate: { ...certificate, expiresMs: nowMs - 1 } }, ['ok', 'fail'], /has expired/],
    [
      'with one that is none',
      { ...good, certificate: { ...certificate, fault: 'page.crt holds no certificate' } },
      ['ok', 'fail'],
      /holds no certificate/,
    ],
  ])('%s', (_, facts, verdicts, words) => {
    const checks = pageChecks(facts, nowMs);
    expect(checks.map(({ verdict }) => verdict)).toEqual(verdicts);
    expect(checks.map(({ found }) => found).join('\n')).toMatch(words);
    for (const { verdict, todo } of checks) expect(todo === '').toBe(verdict === 'ok');
  });
});
