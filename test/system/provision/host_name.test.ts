/** Boxes are told apart by their names, also where the maker left the serial number out. */
import { expect, test } from 'vitest';
import { hostNameOf } from '../../../src/system/provision/host_name.ts';

const ports = [
  { mac: '02:00:00:00:be:ef', bus: 'usb' },
  { mac: 'dc:a6:32:01:3f:2a', bus: 'platform' },
] as const;

test.each([
  ['lisbon-02', '100000003d1d1c36', 'lisbon-02'],
  ['', '100000003d1d1c36', 'flowspan-1C36'],
  ['', 'PF2-ab.9z', 'flowspan-AB9Z'],
  ['', 'To be filled by O.E.M.', 'flowspan-3F2A'],
  ['', 'Default string', 'flowspan-3F2A'],
  ['', '0000000000000000', 'flowspan-3F2A'],
  ['', undefined, 'flowspan-3F2A'],
])('settings %j, serial number %j: %s', (given, serial, name) => {
  expect(hostNameOf(given, serial, ports)).toBe(name);
});

test('without anything to tell it by, it is a flowspan', () => {
  expect(hostNameOf('', undefined, [])).toBe('flowspan');
});
