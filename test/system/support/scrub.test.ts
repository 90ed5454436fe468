/** What nobody else may see does not leave the box, in whatever form and wherever it stands. */
import { describe, expect, test } from 'vitest';
import { scrubber, secretValues } from '../../../src/system/support/scrub.ts';

const scrub = scrubber(['hunter2-0123', 'with "quotes" / and %', 'abc']);

describe('a text', () => {
  test.each([
    ['as it is', 'login with hunter2-0123 failed', 'login with (secret) failed'],
    ['within JSON', JSON.stringify({ text: 'with "quotes" / and %' }), '{"text":"(secret)"}'],
    ['within an address', 'mqtt://box:with%20%22quotes%22%20%2F%20and%20%25@broker:1883', 'mqtt://broker:1883/…'],
    [
      'what follows the host in an address',
      'POST https://hooks.example/services/T0/B1/xyz?k=1 said 500',
      'POST https://hooks.example/… said 500',
    ],
    ['a set-up code on the console', '  set-up     code 4F7K-9QXM-2PLR: enter it', '  set-up     code (secret) enter it'],
    [
      'a set-up code in the log',
      '{"level":"warn","event":"setUpCode","code":"4F7K-9QXM-2PLR"}',
      '{"level":"warn","event":"setUpCode","code":"(secret)"}',
    ],
    [
      'a set-up code in a log for people',
      '12:03:55  warn   page  setUpCode  code=4F7K-9QXM-2PLR',
      '12:03:55  warn   page  setUpCode  code=(secret)',
    ],
    ['a token', 'Bearer fst_ab12cd34_Zm9vYmFyYmF6', 'Bearer (secret)'],
  ])('loses %s', (_, text, left) => {
    expect(scrub(text)).toBe(left);
  });

  test('loses a private key, also one that is cut off', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n';
    expect(scrub(`a\n${key}-----END PRIVATE KEY-----\nb`)).toBe('a\n-----BEGIN PRIVATE KEY----- (secret)\nb');
    expect(scrub(key)).not.toContain('MIGH');
  });

  test('keeps what is no secret: short words, codes of errors, names', () => {
    const text = 'abc {"code":"storeFull"} eth1 10.0.0.1 token bucket';
    expect(scrub(text)).toBe(text);
  });
});

test('secrets of settings are found wherever they stand', () => {
  const settings = {
    mqtt: { brokers: [{ password: 'one', name: 'x' }, { password: '' }] },
    device: { wifi: { password: 'two' } },
    password: ['no'],
  };
  expect(secretValues(settings, (key) => key === 'password')).toEqual(['one', 'two']);
});
