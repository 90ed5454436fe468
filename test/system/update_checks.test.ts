/** What doctor says of updates: slots, the last one that was left, the folder as it answers over HTTPS. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatherUpdateFacts } from '../../src/cli/update_facts.ts';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { noUpdates } from '../../src/flow/update_shapes.ts';
import { exampleStatus } from '../../src/forward/mqtt/payload_examples.ts';
import { updateChecks } from '../../src/system/update_checks.ts';
import { UpdateFolder } from './updates/https_folder.ts';

let folder: UpdateFolder;
beforeEach(async () => {
  folder = await new UpdateFolder().listen();
});
afterEach(() => folder.close());
const clock = new SystemClock();
const settings = (more: object = {}) =>
  settingsSchema.parse({ updates: { folder: { url: folder.url, caFile: folder.authority.certificateFile, ...more } } });

test('a folder that answers: its versions; one that does not: why, and what to do', async () => {
  folder.offer('1.2.0', 1_000);
  expect(updateChecks(await gatherUpdateFacts(settings(), exampleStatus, clock))).toEqual([
    { check: 'slots', verdict: 'ok', found: 'A 0.1.0, good, runs; B 0.0.9, good', todo: '' },
    { check: 'updates', verdict: 'ok', found: `${new URL(folder.url).host} has 1.2.0`, todo: '' },
  ]);
  folder.files.set('index.json', Buffer.from('{}'));
  expect(updateChecks(await gatherUpdateFacts(settings(), undefined, clock))).toMatchObject([
    {
      verdict: 'fail',
      found: expect.stringMatching(/index\.json: format: /),
      todo: expect.stringMatching(/updates\.folder\.url/),
    },
  ]);
  expect(updateChecks(await gatherUpdateFacts(settings({ caFile: '' }), undefined, clock))).toMatchObject([{ verdict: 'fail' }]);
});

test('a box that went back is to be looked at; a program among others is asked nothing', async () => {
  const [good] = exampleStatus.updates.past;
  const past = [{ ...good!, outcome: 'wentBack' as const, version: '0.2.0', reason: 'eth1 is missing' }, good!];
  expect(updateChecks({ updates: { ...exampleStatus.updates, past }, folder: undefined })).toMatchObject([
    {
      check: 'slots',
      verdict: 'warn',
      found: expect.stringMatching(/version 0\.2\.0: did not meter, and the box went back: eth1 is missing$/),
    },
  ]);
  const elsewhere = { ...exampleStatus, updates: noUpdates };
  expect(updateChecks(await gatherUpdateFacts(settings(), elsewhere, clock))).toMatchObject([
    { check: 'updates', verdict: 'warn' },
  ]);
  expect(folder.asked).toEqual([]);
  expect(updateChecks(await gatherUpdateFacts(settingsSchema.parse({}), elsewhere, clock))).toEqual([]);
});
