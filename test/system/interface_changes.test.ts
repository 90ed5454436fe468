/** What a technician is told when somebody touches a mirror port. */
import { describe, expect, test } from 'vitest';
import type { InterfaceStatus } from '../../src/flow/status_shapes.ts';
import { interfaceChanges } from '../../src/system/interface_changes.ts';

const port: InterfaceStatus = {
  name: 'eth1',
  index: 3,
  present: true,
  up: true,
  mtu: 1_500,
  speedMbps: null,
  receivedPackets: 0,
  droppedByKernelPackets: 0,
  droppedByNicPackets: 0,
  sampledByKernelPackets: 0,
  earlyDrop: 'off',
};
const between = (before: Partial<InterfaceStatus>, now: Partial<InterfaceStatus>): string[] =>
  interfaceChanges([{ ...port, ...before }], [{ ...port, ...now }]).map(({ level, event, text }) => `${level} ${event}: ${text}`);

const gone = { present: false, up: false };

describe('interface changes', () => {
  test.each([
    ['nothing', {}, { receivedPackets: 9 }, []],
    ['down', {}, { up: false }, [/^warn interfaceDown: eth1 is down/]],
    ['up', { up: false }, {}, [/^info interfaceUp: eth1 is up/]],
    ['unplugged: one event, not also down', {}, gone, [/^warn interfaceUnplugged: eth1 was unplugged/]],
    ['still unplugged', gone, gone, []],
    ['plugged, and still down', gone, { index: 9, up: false }, [/^info interfacePlugged/]],
    [
      'plugged and up, with another MTU as a new device may have',
      gone,
      { index: 9, mtu: 9_000 },
      [/^info interfacePlugged/, /^info interfaceUp/],
    ],
    ['out and in between two looks', {}, { index: 9 }, [/^info interfacePlugged: eth1 is back/]],
    ['renamed', {}, { name: 'mirror' }, [/^warn interfaceRenamed: eth1 is now called mirror.*meter\.interfaces/]],
    ['another MTU', {}, { mtu: 9_000 }, [/^info interfaceMtuChanged: the MTU of eth1 is now 9000 \(was 1500\)/]],
  ])('%s', (_, before, now, words) => {
    expect(between(before, now)).toEqual(words.map((pattern) => expect.stringMatching(pattern)));
  });

  test('ports are told apart by their place; a port that was just opened has not changed', () => {
    const other = { ...port, name: 'eth2', index: 4 };
    expect(interfaceChanges([], [port, other])).toEqual([]);
    expect(interfaceChanges([port, other], [port, { ...other, up: false }]).map(({ text }) => text)).toEqual([
      'eth2 is down; metering goes on when it is up',
    ]);
    expect(interfaceChanges([port, other], [])).toEqual([]);
  });

  test('an early drop that cannot be is told once, from the first look on, and when it can', () => {
    const skipped = { earlyDrop: 'skipped: the port has the address 192.0.2.1' };
    const first = interfaceChanges([], [{ ...port, ...skipped }]);
    expect(first.map(({ level, event, text }) => `${level} ${event}: ${text}`)).toEqual([
      'warn earlyDropSkipped: mirrored frames of eth1 are not dropped early: the port has the address 192.0.2.1',
    ]);
    expect(between(skipped, skipped)).toEqual([]);
    expect(between(skipped, { earlyDrop: 'on' })).toEqual(['info earlyDropOn: mirrored frames of eth1 are dropped early now']);
    expect(interfaceChanges([], [{ ...port, earlyDrop: 'on' }])).toEqual([]);
    expect(between({}, { earlyDrop: 'on' })).toEqual([]);
  });
});
