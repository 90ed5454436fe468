/** What is judged bad, good, or neither, at and around each threshold. */
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { type AlertCode, alertCodes } from '../../../src/flow/alert_shapes.ts';
import type { BoxStatus } from '../../../src/flow/status_shapes.ts';
import type { UpdateOutcome } from '../../../src/flow/update_shapes.ts';
import { exampleStatus } from '../../../src/forward/mqtt/payload_examples.ts';
import { type AlertFacts, judge } from '../../../src/system/alerts/alert_rules.ts';

const settings = settingsSchema.parse({}).alerts;
const host = { ...exampleStatus.host, complaints: [] };
const [uplink] = exampleStatus.uplinks;
const good: BoxStatus = {
  ...exampleStatus,
  host,
  mirror: { ...exampleStatus.mirror, findings: [] },
  uplinks: [{ ...uplink!, state: 'up', reason: '', backlogAgeMs: 0 }],
};
const quiet: AlertFacts = { status: good, drops: { received: 1e6, dropped: 0 }, targets: [] };
const isOf = (code: AlertCode, facts: AlertFacts, subject?: string): string | undefined =>
  judge(facts, settings).find((verdict) => verdict.code === code && (subject === undefined || verdict.subject === subject))?.is;
const withStatus = (change: Partial<BoxStatus>): AlertFacts => ({ ...quiet, status: { ...good, ...change } });
const withSampling = (change: Partial<typeof good.meter.sampling>): AlertFacts =>
  withStatus({ meter: { ...good.meter, sampling: { ...good.meter.sampling, ...change } } });
const withUpdates = (outcome: UpdateOutcome, source: string, agoMs = 60_000): AlertFacts => {
  const record = { ...good.updates.past[0]!, outcome, source, atMs: good.nowMs - agoMs, reason: 'why' };
  const failed = { ...record, outcome: 'failed' as const, atMs: good.nowMs };
  return withStatus({ updates: { ...good.updates, past: [failed, record, ...good.updates.past] } });
};
/** The newest ones, of these bundles, oldest first. */
const withFailed = (source: string, ...bundles: string[]): AlertFacts => {
  const record = { ...good.updates.past[0]!, outcome: 'failed' as const, source, reason: 'No space left on device' };
  const failed = bundles.map((sha256, at) => ({ ...record, sha256, atMs: good.nowMs - 3_600_000 + at }));
  return withStatus({ updates: { ...good.updates, past: [...failed.reverse(), ...good.updates.past] } });
};
const withHost = (change: Partial<BoxStatus['host']>): AlertFacts => withStatus({ host: { ...host, ...change } });

describe('rules', () => {
  it('find nothing wrong with a good box', () => {
    expect(judge(quiet, settings).filter(({ is }) => is !== 'good')).toEqual([]);
  });

  it.each<[AlertCode, string, AlertFacts, string]>([
    ['meterDown', 'waiting', withStatus({ meter: { ...good.meter, state: 'waiting' } }), 'bad'],
    [
      'meterDown',
      'stopped, but nothing is meant to be metered',
      withStatus({ meter: { ...good.meter, source: 'none', state: 'stopped' } }),
      'good',
    ],
    [
      'linkDown',
      'down',
      withStatus({ meter: { ...good.meter, interfaces: good.meter.interfaces.map((port) => ({ ...port, up: false })) } }),
      'bad',
    ],
    [
      'linkDown',
      'gone',
      withStatus({ meter: { ...good.meter, interfaces: good.meter.interfaces.map((port) => ({ ...port, present: false })) } }),
      'bad',
    ],
    ['ledgerUnbalanced', 'unbalanced', withStatus({ ledger: { ...good.ledger, balanced: false } }), 'bad'],
    ['mirror', 'a finding', withStatus({ mirror: exampleStatus.mirror }), 'bad'],
    [
      'noTraffic',
      'nothing seen',
      withStatus({ mirror: { ...good.mirror, findings: [{ ...exampleStatus.mirror.findings[0]!, code: 'nothingSeen' }] } }),
      'bad',
    ],
    ['drops', 'over a thousandth', { ...quiet, drops: { received: 999_000, dropped: 1_000 } }, 'bad'],
    ['drops', 'between', { ...quiet, drops: { received: 999_400, dropped: 600 } }, 'between'],
    ['drops', 'half of it', { ...quiet, drops: { received: 999_600, dropped: 400 } }, 'good'],
    ['sampledUnderPressure', 'by the settings', withSampling({ kind: 'random', interval: 8 }), 'good'],
    ['sampledUnderPressure', 'by the box', withSampling({ adaptive: true, factor: 2 }), 'bad'],
    ['sampledUnderPressure', 'in the kernel', withSampling({ adaptive: true, kernelInterval: 2 }), 'bad'],
    ['uplinkDown', 'connecting', withStatus({ uplinks: [{ ...good.uplinks[0]!, state: 'connecting' }] }), 'bad'],
    ['backlogOld', 'an hour', withStatus({ uplinks: [{ ...good.uplinks[0]!, backlogAgeMs: 3_600_000 }] }), 'bad'],
    ['backlogOld', '40 min', withStatus({ uplinks: [{ ...good.uplinks[0]!, backlogAgeMs: 2_400_000 }] }), 'between'],
    ['backlogFilling', '60 %', withStatus({ stores: [{ ...good.stores[0]!, octetsOnDisk: 60, octetsMax: 100 }] }), 'bad'],
    ['backlogFilling', '50 %', withStatus({ stores: [{ ...good.stores[0]!, octetsOnDisk: 50, octetsMax: 100 }] }), 'between'],
    ['storeStopped', 'stopped', withStatus({ stores: [{ ...good.stores[0]!, state: 'stopped' }] }), 'bad'],
    ['diskLow', '9 % free', withHost({ diskTotalOctets: 100, diskFreeOctets: 9 }), 'bad'],
    ['diskLow', '11 % free', withHost({ diskTotalOctets: 100, diskFreeOctets: 11 }), 'between'],
    ['diskFull', '9 % free', withHost({ diskTotalOctets: 100, diskFreeOctets: 9 }), 'good'],
    ['diskFull', '3 % free', withHost({ diskTotalOctets: 100, diskFreeOctets: 3 }), 'bad'],
    ['wear', '5 GiB a day by the disk’s own count', withHost({ wearBy: 'disk', diskWrittenOctetsPerDay: 5 * 2 ** 30 }), 'bad'],
    ['wear', '5 GiB a day by the program', withHost({ wearBy: 'program', writtenOctetsPerDay: 5 * 2 ** 30 }), 'bad'],
    [
      'wear',
      '5 GiB a day by others on their disk',
      withHost({ wearBy: 'program', diskWrittenOctetsPerDay: 5 * 2 ** 30 }),
      'good',
    ],
    ['updateLeft', 'it went back', withUpdates('wentBack', 'folder'), 'bad'],
    ['updateLeft', 'it was never judged', withUpdates('notJudged', 'stick'), 'bad'],
    ['updateLeft', 'what the folder had was refused', withUpdates('refused', 'folder'), 'bad'],
    ['updateLeft', 'what somebody uploaded was refused, who was told', withUpdates('refused', 'page'), 'good'],
    ['updateLeft', 'it is on trial', withUpdates('installed', 'folder'), 'good'],
    ['updateLeft', 'long ago', withUpdates('wentBack', 'folder', 8 * 86_400_000), 'good'],
    ['updateLeft', 'it was given up after five failures', withFailed('folder', 'a', 'a', 'b', 'a', 'a', 'a'), 'bad'],
    ['updateLeft', 'it failed four times, and is tried again', withFailed('folder', 'a', 'a', 'b', 'a', 'a'), 'good'],
    ['updateLeft', 'somebody was told five times', withFailed('page', 'a', 'a', 'a', 'a', 'a'), 'good'],
    ['updatesUnreachable', 'no answer', withStatus({ updates: { ...good.updates, checkFault: 'no answer' } }), 'bad'],
    [
      'updatesUnreachable',
      'nothing is fetched',
      withStatus({ updates: { ...good.updates, isFetching: false, checkFault: 'no answer' } }),
      'good',
    ],
    ['clockUnsynchronised', 'not', withHost({ clockSynchronised: false }), 'bad'],
    ['clockUnsynchronised', 'nobody knows', withHost({ clockSynchronised: null }), 'good'],
    ['hot', '80 °C', withHost({ temperatureC: 80 }), 'bad'],
    ['hot', '76 °C', withHost({ temperatureC: 76 }), 'between'],
    ['hot', 'not told', withHost({ temperatureC: null }), 'good'],
    ['boardComplains', 'voltage', withHost({ complaints: ['the supply voltage is too low'] }), 'bad'],
    ['memoryLow', '5 %', withHost({ memoryTotalOctets: 100, memoryAvailableOctets: 5 }), 'bad'],
    ['targetMissed', 'missed', { ...quiet, targets: [{ name: 'cpu', title: 't', text: 'x', runbook: 'r', met: false }] }, 'bad'],
  ])('%s: %s', (code, _, facts, is) => expect(isOf(code, facts)).toBe(is));

  it('say of an update that was given up how often it was tried, and why it failed', () => {
    const verdict = judge(withFailed('folder', 'a', 'a', 'a', 'a', 'a'), settings).find(({ code }) => code === 'updateLeft')!;
    expect(verdict.text).toMatch(/could not be installed, 5 times: No space left on device\./);
  });

  it.each([1, 10, 50, 84, 90])('can all clear, whose least free disk is %s percent', (diskFreePercentMin) => {
    const facts = (free: number): AlertFacts => withHost({ diskTotalOctets: 100, diskFreeOctets: free });
    const isAt = (free: number): string =>
      judge(facts(free), { ...settings, diskFreePercentMin }).find(({ code }) => code === 'diskLow')!.is;
    expect([isAt(99), isAt(diskFreePercentMin + 0.1), isAt(diskFreePercentMin)]).toEqual(['good', 'between', 'bad']);
  });

  it('cover every code, and say for each what to do', () => {
    const everything: AlertFacts = {
      ...withStatus({ mirror: exampleStatus.mirror, stores: good.stores }),
      targets: [{ name: 'cpu', title: 'Too busy', text: 'Busy.', runbook: 'Do less.', met: false }],
    };
    const verdicts = judge(everything, settings);
    expect([...new Set(verdicts.map(({ code }) => code))].sort()).toEqual([...alertCodes].sort());
    for (const { code, title, text, runbook } of verdicts) {
      expect(title.length, code).toBeGreaterThan(5);
      expect(text, code).toMatch(/\.$/);
      expect(runbook.length, code).toBeGreaterThan(5);
    }
  });
});
