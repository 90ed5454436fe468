/** Doctor on the box as a whole: each trouble is found, named with its place, and comes with what to do. */
import { expect, test } from 'vitest';
import { type BoxFacts, boxChecks, parseSlots, type UpdateSlot } from '../../src/system/box_checks.ts';

const quiet: BoxFacts = { dataPlane: null, written: null, certificates: [], slots: null, settingsFile: undefined };
const checks = (facts: Partial<BoxFacts>): string[] =>
  boxChecks({ ...quiet, ...facts }, undefined).map(({ check, verdict, found }) => `${verdict} ${check}: ${found}`);
const slot = (name: string, over: Partial<UpdateSlot> = {}): UpdateSlot => ({
  name,
  state: 'inactive',
  bootStatus: 'good',
  bundleVersion: '',
  ...over,
});

test('a box of which nothing is known has nothing to be told about', () => {
  expect(checks({})).toEqual([]);
});

test('parts that do not work fail one by one', () => {
  const parts = [
    { part: 'meter', healthy: true, found: '' },
    { part: 'spool', healthy: false, found: 'the disk is full' },
  ] as const;
  expect(checks({ dataPlane: { healthy: false, parts } })).toEqual(['fail data plane spool: the disk is full']);
  expect(checks({ dataPlane: { healthy: true, parts: parts.slice(0, 1) } })).toEqual(['ok data plane: 1 parts work']);
});

test('a card that is written too much is looked at', () => {
  expect(checks({ written: { lastDayOctets: 104_857_600, by: 'disk', maxOctets: 104_857_600 } })).toEqual([
    'ok wear: 100 MiB written in the last 24 h (the disk’s own count)',
  ]);
  expect(checks({ written: { lastDayOctets: 209_715_200, by: 'program', maxOctets: 104_857_600 } })[0]).toMatch(
    /^warn wear: 200 MiB .*\(by this program\); alerts\.writtenBytesPerDayMax is 100 MiB$/,
  );
});

test('certificates that cannot be read or are none fail', () => {
  expect(checks({ certificates: [{ path: 'mqtt.brokers[0].caFile', file: '/etc/ca.pem', pem: undefined }] })).toEqual([
    'fail certificate mqtt.brokers[0].caFile: /etc/ca.pem cannot be read',
  ]);
  expect(checks({ certificates: [{ path: 'x.caFile', file: '/etc/ca.pem', pem: 'none' }] })).toEqual([
    'fail certificate x.caFile: /etc/ca.pem holds no certificate in PEM',
  ]);
});

test('update slots: what runs, what stands beside it, and whether it is on trial', () => {
  const a = slot('rootfs.0', { state: 'booted', bundleVersion: '1.2.0' });
  expect(checks({ slots: [a, slot('rootfs.1')] })).toEqual([
    'ok updates: running from rootfs.0 (1.2.0) good; beside it rootfs.1 good',
  ]);
  expect(checks({ slots: [{ ...a, bootStatus: 'bad' }, slot('rootfs.1')] })[0]).toMatch(
    /^warn updates: .*on trial, or was found bad$/,
  );
  expect(checks({ slots: [slot('rootfs.1')] })[0]).toMatch(/^warn updates: no slot/);
  expect(checks({ slots: 'no bus' })).toEqual(['warn updates: RAUC does not answer: no bus']);
});

test('RAUC’s own words are read (rauc 1.13, status --detailed --output-format=json)', () => {
  const said = JSON.stringify({
    compatible: 'flowspan',
    booted: 'A',
    slots: [
      {
        'rootfs.0': {
          class: 'rootfs',
          device: '/dev/sda2',
          bootname: 'A',
          state: 'booted',
          boot_status: 'good',
          slot_status: { bundle: { version: '1.2.0' } },
        },
      },
      { 'efi.0': { class: 'efi', state: 'inactive', boot_status: null } },
    ],
  });
  expect(parseSlots(said)).toEqual([
    slot('rootfs.0', { state: 'booted', bundleVersion: '1.2.0' }),
    slot('efi.0', { bootStatus: '' }),
  ]);
});

test('settings with secrets that everybody may read are looked at', () => {
  const file = { path: '/etc/flowspan/flowspan.yaml', othersMayRead: true, holdsSecrets: true };
  expect(checks({ settingsFile: file })[0]).toMatch(/^warn settings: .*everybody on this box may read it$/);
  expect(checks({ settingsFile: { ...file, othersMayRead: false } })[0]).toMatch(
    /^ok settings: .*for the service and root alone$/,
  );
  expect(checks({ settingsFile: { ...file, holdsSecrets: false } })[0]).toMatch(/^ok settings: .*without secrets$/);
});
