import { describe, expect, test } from 'vitest';
import { NameDictionary } from '../../src/flow/dictionary.ts';

describe('dictionary of names', () => {
  test('a name has one number for each kind, from 1 on', () => {
    const names = new NameDictionary();
    expect([
      names.numberOf('siteLabel', 'Zürich'),
      names.numberOf('tenantLabel', 'Zürich'),
      names.numberOf('siteLabel', 'Zürich'),
      names.entryOf(2),
      names.entryOf(0),
    ]).toEqual([1, 2, 1, { number: 2, kind: 'tenantLabel', name: 'Zürich' }, undefined]);
  });

  test('what was written is read, and goes on behind it', () => {
    const names = new NameDictionary();
    names.numberOf('siteLabel', 'a "quoted"\nname');
    const read = NameDictionary.read(names.text())!;
    expect([read.numberOf('siteLabel', 'a "quoted"\nname'), read.numberOf('siteLabel', 'b')]).toEqual([1, 2]);
  });

  test('a number is never given twice, also when its name is gone', () => {
    expect(NameDictionary.read('{"version":1,"next":9,"names":[[3,"siteLabel","a"]]}')!.numberOf('siteLabel', 'b')).toBe(9);
  });

  test.each([
    '',
    '{',
    '[]',
    '{"version":2,"next":1,"names":[]}',
    '{"version":1,"next":"1","names":[]}',
    '{"version":1,"next":1,"names":[[1]]}',
  ])('%j is no dictionary', (text) => {
    expect(NameDictionary.read(text)).toBeUndefined();
  });
});
