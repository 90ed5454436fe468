/** When a box may look, fetch and install: windows in local time, trials, clocks that nobody has set, announcements. */
import { describe, expect, test } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { parseSlots, parseUpdateLog } from '../../../src/system/updates/slot_facts.ts';
import {
  announcedApartMs,
  announcedCheckAtMs,
  announcedSpreadMs,
  firstCheckMs,
  keepsFromChecking,
  keepsFromInstalling,
  nextCheckMs,
} from '../../../src/system/updates/update_rules.ts';
import { isWindowOpen, windowWords } from '../../../src/system/updates/update_window.ts';

const windowOf = (window: object) => settingsSchema.parse({ updates: { window } }).updates.window;
const at = (text: string): number => Date.parse(text);

describe('a window', () => {
  test('is open from its first minute to before its last, every day', () => {
    const night = windowOf({});
    expect(['00:59', '01:00', '04:59', '05:00'].map((time) => isWindowOpen(night, at(`2026-06-03T${time}:30Z`)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('over midnight belongs to the day on which it opens', () => {
    const friday = windowOf({ days: ['fri'], from: '22:00', until: '02:00' });
    // 5 June 2026 is a Friday.
    expect(isWindowOpen(friday, at('2026-06-05T23:00Z'))).toBe(true);
    expect(isWindowOpen(friday, at('2026-06-06T01:59Z'))).toBe(true);
    expect(isWindowOpen(friday, at('2026-06-06T22:30Z'))).toBe(false);
    expect(isWindowOpen(friday, at('2026-06-05T01:00Z'))).toBe(false);
  });

  test('is that of the site: its zone, and its summer time', () => {
    const lisbon = windowOf({ from: '01:00', until: '02:00', timeZone: 'Europe/Lisbon' });
    expect(isWindowOpen(lisbon, at('2026-01-10T01:30Z'))).toBe(true);
    expect(isWindowOpen(lisbon, at('2026-07-10T01:30Z'))).toBe(false);
    expect(isWindowOpen(lisbon, at('2026-07-10T00:30Z'))).toBe(true);
    const honolulu = windowOf({ days: ['sun'], from: '20:00', until: '21:00', timeZone: 'Pacific/Honolulu' });
    // Sunday evening there is Monday morning in UTC.
    expect(isWindowOpen(honolulu, at('2026-06-08T06:30Z'))).toBe(true);
  });

  test('of the same time twice is the whole day', () => {
    const sunday = windowOf({ days: ['sun'], from: '03:00', until: '03:00' });
    expect(isWindowOpen(sunday, at('2026-06-07T03:00Z'))).toBe(true);
    expect(isWindowOpen(sunday, at('2026-06-08T02:59Z'))).toBe(true);
    expect(isWindowOpen(sunday, at('2026-06-08T03:00Z'))).toBe(false);
  });

  test('is said as it was set; a zone that there is not is refused', () => {
    expect(windowWords(windowOf({ days: ['sun', 'sat'], timeZone: 'Europe/Lisbon' }))).toBe(
      '01:00 to 05:00 (Europe/Lisbon), sat, sun',
    );
    expect(() => windowOf({ timeZone: 'Mars/Olympus' })).toThrow(/name of a time zone/);
    expect(() => windowOf({ from: '25:00' })).toThrow(/time of day/);
  });
});

describe('what keeps a box', () => {
  const wallMs = at('2026-06-03T12:00Z');
  test('from looking: its own trial, and a clock that is about to be told', () => {
    expect(keepsFromChecking({ onTrial: true, time: 'known' })).toMatch(/on trial/);
    expect(keepsFromChecking({ onTrial: false, time: 'awaited' })).toMatch(/certificate/);
    expect(keepsFromChecking({ onTrial: false, time: 'unknown' })).toBe('');
  });
  test('from installing: a window that is closed, or of which nobody knows', () => {
    expect(keepsFromInstalling(windowOf({}), { onTrial: false, time: 'known', wallMs })).toBe(
      'the window is 01:00 to 05:00 (UTC)',
    );
    expect(keepsFromInstalling(windowOf({}), { onTrial: false, time: 'unknown', wallMs })).toMatch(/time is not known/);
    const always = windowOf({ from: '00:00', until: '00:00' });
    expect(keepsFromInstalling(always, { onTrial: false, time: 'unknown', wallMs })).toBe('');
  });
});

describe('a thousand boxes', () => {
  const random = new SeededRandom(7);
  const spread = (of: (chance: number) => number): [number, number] => {
    const all = Array.from({ length: 1_000 }, () => of(random.float()));
    return [Math.min(...all), Math.max(...all)];
  };
  test('that get their power back, or are told together, do not ask together', () => {
    const [first, last] = spread(firstCheckMs);
    expect(last - first).toBeGreaterThan(80_000);
    const [soonest, latest] = spread((chance) => nextCheckMs(21_600, chance));
    expect([soonest / 21_600_000, latest / 21_600_000].map((part) => part.toFixed(1))).toEqual(['0.8', '1.2']);
    const [at0, at1] = spread((chance) => announcedCheckAtMs(0, Number.NEGATIVE_INFINITY, true, chance));
    expect(at1 - at0).toBeGreaterThan(announcedSpreadMs * 0.9);
    expect(at1).toBeLessThan(announcedSpreadMs);
  });
  test('one of them that is told alone asks at once, and never twice within a minute', () => {
    expect(announcedCheckAtMs(5_000, Number.NEGATIVE_INFINITY, false, 0.9)).toBe(5_000);
    expect(announcedCheckAtMs(6_000, 5_000, false, 0.9)).toBe(5_000 + announcedApartMs);
  });
});

describe('what the scripts tell', () => {
  const log = [
    '1800000000\tfound\t1.0.0\tA\timage\t\t',
    '1800000100\tinstalled\t1.1.0\tB\tpage\tabc\t',
    'torn',
    '\u0000\tx',
    '1800000200\twentBack\t1.1.0\tB\tpage\tabc\tno link',
  ].join('\n');
  test('is read, the newest first; lines that are none are left out', () => {
    expect(
      parseUpdateLog(log).map(({ outcome, version, slot, source, reason }) => [outcome, version, slot, source, reason]),
    ).toEqual([
      ['wentBack', '1.1.0', 'B', 'page', 'no link'],
      ['installed', '1.1.0', 'B', 'page', ''],
      ['found', '1.0.0', 'A', 'image', ''],
    ]);
    expect(parseUpdateLog('')).toEqual([]);
  });
  test.each([
    ['as delivered', 'booted=A\nORDER=A B\nA_OK=1\nA_GOOD=1\nB_OK=1\nB_GOOD=0', '', ['good', 'left'], ['1.0.0', ''], false],
    [
      'after an update that was left',
      'booted=A\nORDER=B A\nA_OK=1\nA_GOOD=1\nB_OK=1\nB_TRY=1\nB_GOOD=0',
      log,
      ['good', 'left'],
      ['1.0.0', '1.1.0'],
      false,
    ],
    [
      'before the restart into another',
      'booted=A\nORDER=B A\nA_OK=1\nA_GOOD=1\nB_OK=1\nB_TRY=0\nB_GOOD=0',
      log,
      ['good', 'next'],
      ['1.0.0', '1.1.0'],
      false,
    ],
    [
      'on trial',
      'booted=B\nORDER=B A\nA_OK=1\nA_GOOD=1\nB_OK=1\nB_TRY=1\nB_GOOD=0',
      log,
      ['good', 'onTrial'],
      ['1.0.0', '1.0.0'],
      true,
    ],
  ])('of slots %s', (_, text, past, states, versions, onTrial) => {
    const facts = parseSlots(`compatible=flowspan-arm64\n${text}`, parseUpdateLog(past), '1.0.0');
    expect(facts.slots.map(({ state }) => state)).toEqual(states);
    expect(facts.slots.map(({ version }) => version)).toEqual(versions);
    expect([facts.onTrial, facts.compatible]).toEqual([onTrial, 'flowspan-arm64']);
  });
});
