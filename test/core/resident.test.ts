import { expect, test } from 'vitest';
import { parseResident, residentNow } from '../../src/core/resident.ts';

test('what a Raspberry Pi 4 says of a process', () => {
  const text =
    'Name:\tnode\nVmRSS:\t  247104 kB\nRssAnon:\t  151808 kB\nRssFile:\t   88736 kB\nRssShmem:\t    6560 kB\nVmData:\t  9 kB\n';
  expect(parseResident(text)).toEqual({ anonymous: 151_808 * 1_024, files: 88_736 * 1_024, shared: 6_560 * 1_024 });
});

test('what says less is nothing, not zero', () => {
  expect(parseResident('')).toBeUndefined();
  expect(parseResident('RssAnon:\t 12 kB\nRssFile:\t 12 kB\n')).toBeUndefined();
});

test('this process, which has memory of its own', async () => {
  const before = (await residentNow())!.anonymous;
  const more = new Uint8Array(32 * 1_048_576).fill(1);
  expect((await residentNow())!.anonymous - before).toBeGreaterThan(more.length * 0.9);
});
