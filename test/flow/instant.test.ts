import { describe, expect, test } from 'vitest';
import { hasZone, readInstant } from '../../src/flow/instant.ts';

describe('instants', () => {
  test.each([
    ['2026-11-29T18:45:00Z', Date.UTC(2026, 10, 29, 18, 45)],
    ['2026-11-29T19:45:00.250+01:00', Date.UTC(2026, 10, 29, 18, 45, 0, 250)],
    ['2026-11-29t18:45z', Date.UTC(2026, 10, 29, 18, 45)],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
    // Without a zone: the reader's time, also at midnight, which Date.parse takes for UTC.
    ['2026-11-29 18:45', new Date(2026, 10, 29, 18, 45).getTime()],
    ['2026-11-29', new Date(2026, 10, 29).getTime()],
  ])('%s', (text, ms) => expect(readInstant(text)).toBe(ms));

  test.each([
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-11-31',
    '2026-13-01T00:00:00Z',
    '2026-11-29T25:00:00Z',
    '2026-11-29T18:60:00Z',
    '2026-11-29T18:45:00+25:00',
    '2026-11-29T18',
    'yesterday',
  ])('%s is none', (text) => expect(readInstant(text)).toBeUndefined());

  test('say their zone, or not', () => {
    expect(['2026-11-29T18:45:00Z', '2026-11-29T18:45-05:00', '2026-11-29T18:45', '2026-11-29'].map(hasZone)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
