/** What an update is judged by: what the program is to blame for makes it unhealthy, what comes from outside does not. */
import { describe, expect, test } from 'vitest';
import type { InterfaceStatus } from '../../src/flow/status_shapes.ts';
import { type DataPlaneFacts, dataPlaneHealth } from '../../src/system/box_health.ts';
import { deadAfterMs } from '../../src/system/supervisor_link.ts';

const port = (up: boolean) => ({ name: 'eth1', up }) as InterfaceStatus;
const nowMs = 1_000_000;
const facts = (over: Partial<DataPlaneFacts> = {}): DataPlaneFacts => ({
  nowMs,
  meter: { source: 'interface', state: 'metering', reason: '', interfaces: [port(true)] },
  pulses: [
    { part: 'meter', name: 'the metering threads', lastMs: () => nowMs - 900 },
    { part: 'pipeline', name: 'the pipeline', lastMs: () => nowMs - 1_000 },
    { part: 'spool', name: 'the spool', lastMs: () => nowMs, deadMs: 60_000 },
  ],
  stores: [
    { name: 'history', state: 'open', reason: '' },
    { name: 'spool', state: 'open', reason: '' },
  ],
  ...over,
});
const bad = (over: Partial<DataPlaneFacts>): string[] =>
  dataPlaneHealth(facts(over))
    .parts.filter(({ healthy }) => !healthy)
    .map(({ part, found }) => `${part}: ${found}`);
const pulse = (part: 'meter' | 'spool', lastMs: number | undefined, deadMs?: number) => ({
  pulses: [{ part, name: `the ${part}`, lastMs: () => lastMs, ...(deadMs === undefined ? {} : { deadMs }) }],
});

describe('the data plane is', () => {
  test('healthy when all of it works, each part named once', () => {
    const { healthy, parts } = dataPlaneHealth(facts());
    expect(healthy).toBe(true);
    expect(parts.map(({ part }) => part)).toEqual(['capture', 'meter', 'pipeline', 'spool', 'history']);
  });

  test('healthy on a line without link, which says so', () => {
    const { healthy, parts } = dataPlaneHealth(facts({ meter: { ...facts().meter, interfaces: [port(false)] } }));
    expect([healthy, parts[0]!.found]).toEqual([true, 'metering eth1; no link on eth1']);
  });

  test('healthy on a box that is to meter nothing yet', () => {
    expect(bad({ meter: { source: 'none', state: 'stopped', reason: '', interfaces: [] }, pulses: [] })).toEqual([]);
  });

  test.each(['waiting', 'failed', 'stopped'] as const)('unhealthy while the meter is %s although it should meter', (state) => {
    const meter = { ...facts().meter, state, reason: 'there is no interface eth1' };
    expect(bad({ meter })).toEqual(['capture: not metering: there is no interface eth1']);
  });

  test.each([
    [
      'a metering thread',
      pulse('meter', nowMs - deadAfterMs - 1),
      /^meter: no sign of life from the meter: the last came 20\.0 s ago/,
    ],
    ['the spool, after its own time', pulse('spool', nowMs - 60_001, 60_000), /^spool: no sign of life/],
  ])('unhealthy without a sign of life from %s', (_, over, words) => {
    expect(bad(over)).toEqual([expect.stringMatching(words)]);
  });

  test('healthy up to the last moment, and where nothing is expected', () => {
    expect(bad(pulse('meter', nowMs - deadAfterMs))).toEqual([]);
    expect(bad(pulse('spool', nowMs - 59_000, 60_000))).toEqual([]);
    expect(bad(pulse('meter', undefined))).toEqual([]);
  });

  test('unhealthy with a store that stopped, also where its service gives signs of life; healthy with one that was repaired', () => {
    const stores = [{ name: 'spool', state: 'stopped', reason: 'the disk is full' }] as const;
    expect(bad({ stores })).toEqual(['spool: the disk is full']);
    expect(bad({ stores: [{ name: 'history', state: 'repaired', reason: 'made anew' }] })).toEqual([]);
    expect(dataPlaneHealth(facts({ stores })).healthy).toBe(false);
  });
});
