/** Figures that people misread: rounded up to what is not true, in the wrong unit, jumping in width. */
import { describe, expect, it } from 'vitest';
import { changeWords } from '../../../src/status/page/change_words.ts';
import {
  bitRate,
  bitRateUnit,
  bytes,
  count,
  dayAndTime,
  digits,
  duration,
  moment,
  momentOfList,
  percent,
  shortCount,
} from '../../../src/status/page/format.ts';

/** Thin spaces as plain ones, to be read here. */
const plain = (text: string): string => text.replaceAll(/[\u202f\u00a0]/g, ' ');

describe('rates and sizes', () => {
  it.each([
    [0, '0 kbit/s'],
    [0.3, '< 1 bit/s'],
    [4, '4 bit/s'],
    [9.6, '10 bit/s'],
    [10, '0.01 kbit/s'],
    [84_312_000, '84.3 Mbit/s'],
    [999_400, '999 kbit/s'],
    [999_700, '1.00 Mbit/s'],
    [9_996_000, '10.0 Mbit/s'],
    [2_480_000_000, '2.48 Gbit/s'],
  ])('%d bit/s is %s', (value, text) => expect(plain(bitRate(value))).toBe(text));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.00 kB'],
    [196_083_712, '196 MB'],
    [999_950_000, '1.00 GB'],
    [3e15, '3.00 PB'],
  ])('%d octets are %s', (value, text) => expect(plain(bytes(value))).toBe(text));

  it('keep one unit for a whole column', () => {
    const unit = bitRateUnit(52e6);
    expect([52e6, 1.25e6, 30e3].map((value) => digits(value, unit))).toEqual(['52.0', '1.25', '0.03']);
  });
});

describe('changes', () => {
  it.each([
    [0.124, '12 % more than a week before'],
    [-0.034, '3.4 % less than a week before'],
    [0.004, 'as a week before'],
    [2, '200 % more than a week before'],
  ])('%d is %s', (change, text) => expect(plain(changeWords(change, 'a week before'))).toBe(text));
});

describe('times', () => {
  const at = (day: string): number => new Date(`${day}T14:03:12`).getTime();
  const nowMs = at('2026-11-29');

  it('have their date when it is not of today, and their year when it is another one', () => {
    expect(moment(nowMs - 1_000, nowMs)).toBe('14:03:11');
    expect(moment(at('2026-11-23'), nowMs)).toBe('Mon 23 Nov, 14:03');
    expect(moment(at('2025-11-29'), nowMs)).toBe('Sat 29 Nov 2025, 14:03');
    expect(dayAndTime(at('2025-11-29'), nowMs)).toBe('Sat 29 Nov 2025, 14:03');
    expect([nowMs, at('2026-11-23'), at('2025-11-29')].map((ms) => momentOfList(ms, nowMs))).toEqual([
      '14:03:12',
      '23 Nov 14:03:12',
      '29 Nov 2025 14:03:12',
    ]);
  });
});

describe('counts', () => {
  it('group thousands in a way nobody reads as a decimal', () => {
    expect(plain(count(1_234_567))).toBe('1 234 567');
    expect(count(1_234)).toBe('1234');
    expect(plain(shortCount(2_812_000_000))).toBe('2.81 G');
    expect(shortCount(9_999)).toBe('9999');
    expect(plain(shortCount(999_999))).toBe('1.00 M');
  });
});

describe('percent', () => {
  it('never says all, nor nothing, of what is almost so', () => {
    expect(plain(percent(1, 1))).toBe('100 %');
    expect(plain(percent(0, 7))).toBe('0 %');
    expect(plain(percent(3, 0))).toBe('0 %');
    expect(plain(percent(1, 1e9))).toBe('< 0.1 %');
    expect(plain(percent(999, 1_000))).not.toBe('100 %');
    expect(plain(percent(999_999, 1_000_000))).not.toBe('100 %');
    expect(plain(percent(31, 100))).toBe('31 %');
    expect(plain(percent(4, 1_000))).toBe('0.4 %');
  });
});

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [-5_000, '0 s'],
    [59_600, '1 min'],
    [95_000, '1 min 35 s'],
    [3_599_400, '59 min'],
    [7_260_000, '2 h 1 min'],
    [86_400_000, '1 d'],
    [270_000_000, '3 d 3 h'],
  ])('%d ms is %s', (ms, text) => expect(plain(duration(ms))).toBe(text));
});
