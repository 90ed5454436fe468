import { describe, expect, test } from 'vitest';
import { changesBetween, type SettingsRefusal } from '../../src/config/changes.ts';
import { type Settings, settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { SettingsInForce } from '../../src/system/settings_in_force.ts';
import { SettingsLog } from '../../src/system/settings_log.ts';

const T0 = 1_800_000_000_000;
const signal = new AbortController().signal;
const settings = (input: object): Settings => settingsSchema.parse(input);

function diskOf(text?: string) {
  const disk = { text, refuses: false };
  const file = {
    read: async () => disk.text,
    replace: async (next: string) => {
      if (disk.refuses) throw new Error('no room');
      disk.text = next;
    },
  };
  return { disk, file };
}

function logOf(of: Settings, file: ReturnType<typeof diskOf>['file']) {
  const clock = new SimulatedClock(0, T0);
  const events: string[] = [];
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const onEvent = (level: string, event: string, text: string): void => void events.push(`${level} ${event}: ${text}`);
  return { log: new SettingsLog({ world, file, settings: of, onEvent }), clock, events, onEvent };
}

describe('the log of settings', () => {
  test('what changed between two runs is in it, with both values', async () => {
    const { file } = diskOf();
    const first = logOf(settings({ site: 'a' }), file);
    await first.log.start(signal);
    expect(first.log.entries).toEqual([]);
    const second = logOf(settings({ site: 'b' }), file);
    await second.log.start(signal);
    expect(second.log.entries).toEqual([{ atMs: T0, by: 'restart', path: 'site', before: '"a"', after: '"b"', inForce: true }]);
    expect(second.events).toEqual(['info settingsChanged: settings changed since the last run: site']);
    const third = logOf(settings({ site: 'b' }), file);
    await third.log.start(signal);
    expect([third.log.entries.length, third.events]).toEqual([1, []]);
  });

  test('secrets are not on the disk', async () => {
    const { disk, file } = diskOf();
    const { log } = logOf(
      settings({ mqtt: { brokers: [{ name: 'a', host: 'h', username: 'u', password: 'hush-hush' }] } }),
      file,
    );
    await log.start(signal);
    expect(disk.text).toContain('"username":"u"');
    expect(disk.text).not.toContain('hush-hush');
  });

  test('nor is the key in a webhook’s address, not even one that an older version wrote', async () => {
    const { disk, file } = diskOf();
    const webhook = (key: string) =>
      settings({ alerts: { webhooks: [{ name: 'a', url: `https://u:${key}@h.example/${key}?${key}` }] } });
    const { log } = logOf(webhook('hush-hush'), file);
    await log.start(signal);
    log.changed(changesBetween(webhook('hush-hush'), webhook('hush-more')), webhook('hush-more'));
    await log.stop(0);
    expect(log.entries).toMatchObject([{ path: 'alerts.webhooks', before: expect.stringContaining('https://h.example/…') }]);
    expect(disk.text).not.toContain('hush');
    const old = JSON.parse(disk.text!);
    old.settings.alerts.webhooks[0].url = 'https://h.example/hush-old';
    old.changes[0].after = '[{"name":"a","url":"https://h.example/hush-old","severity":"all"}]';
    disk.text = JSON.stringify(old);
    const later = logOf(webhook('hush-more'), file);
    await later.log.start(signal);
    expect(later.log.entries).toHaveLength(1);
    expect(JSON.stringify(later.log.entries)).toContain('https://h.example/…');
    expect(disk.text).not.toContain('hush');
  });

  test('a setting that came with a new version is nobody’s change', async () => {
    const { disk, file } = diskOf();
    await logOf(settings({}), file).log.start(signal);
    const kept = JSON.parse(disk.text!);
    delete kept.settings.meter.idleTimeoutS;
    disk.text = JSON.stringify(kept);
    const { log } = logOf(settings({}), file);
    await log.start(signal);
    expect(log.entries).toEqual([]);
  });

  test('a damaged file is said and begun anew; a disk that refuses is said', async () => {
    const damaged = diskOf('{"version":1,"settings');
    const one = logOf(settings({}), damaged.file);
    await one.log.start(signal);
    expect(one.events).toEqual([expect.stringMatching(/^warn settingsLogUnreadable/)]);
    expect(JSON.parse(damaged.disk.text!)).toMatchObject({ version: 1, changes: [] });
    const full = diskOf();
    full.disk.refuses = true;
    const other = logOf(settings({}), full.file);
    await other.log.start(signal);
    expect(other.events).toEqual(['error settingsLogUnwritable: The log of settings cannot be written: no room']);
  });

  test('it stays bounded', async () => {
    const { log } = logOf(settings({}), diskOf().file);
    await log.start(signal);
    for (let i = 0; i < 600; i++) {
      const next = settings({ meter: { idleTimeoutS: 1 + i } });
      log.changed(changesBetween(settings({}), next), next);
    }
    expect(log.entries).toHaveLength(500);
    expect(log.entries.at(-1)!.after).toBe('600');
  });
});

describe('settings in force', () => {
  function box(of: Settings) {
    const { log, events, onEvent } = logOf(of, diskOf().file);
    const applied: Settings[] = [];
    const refusals: SettingsRefusal[] = [];
    const apply = (next: Settings): readonly SettingsRefusal[] => {
      applied.push(next);
      return refusals;
    };
    return {
      inForce: new SettingsInForce({ settings: of, log, apply, onEvent }),
      refusals,
      log,
      events,
      applied,
    };
  }

  test('what may change while running does, the rest waits', () => {
    const { inForce, log, events, applied } = box(settings({}));
    inForce.take(settings({ site: 'b', meter: { idleTimeoutS: 20 } }));
    expect(applied.map(({ site, meter }) => [site, meter.idleTimeoutS])).toEqual([['site', 20]]);
    expect([inForce.current.site, inForce.waiting()]).toEqual(['site', ['site']]);
    expect(events).toEqual([
      'info settingsChanged: settings taken up: meter.idleTimeoutS',
      'info settingsNeedRestart: settings changed, and in force after a restart: site',
    ]);
    expect(log.entries.map(({ path, inForce: now }) => [path, now])).toEqual([
      ['site', false],
      ['meter.idleTimeoutS', true],
    ]);
  });

  test('what is the box’s own waits for no restart of the service: provisioning brings it into force', () => {
    const { inForce, events } = box(settings({}));
    inForce.take(settings({ device: { hostName: 'lisbon', proxy: 'http://proxy.example:3128' } }));
    expect(inForce.waiting()).toEqual(['device.proxy']);
    expect(events).toEqual([
      'info settingsChanged: settings changed for the box itself, by provisioning, at once when they come from the page or a stick, else as it starts: device.hostName',
      'info settingsNeedRestart: settings changed, and in force after a restart: device.proxy',
    ]);
  });

  test('taken back, nothing waits, and nobody is told that it did', () => {
    const { inForce, applied, events, log } = box(settings({}));
    inForce.take(settings({ site: 'b', node: 'n' }));
    inForce.take(settings({ node: 'n', meter: { threads: 2 } }));
    expect([inForce.waiting(), applied]).toEqual([['node', 'meter.threads'], []]);
    expect(events.slice(1)).toEqual([
      'info settingsChanged: settings taken back before they were in force: site',
      'info settingsNeedRestart: settings changed, and in force after a restart: meter.threads',
    ]);
    expect(log.entries.slice(2)).toMatchObject([
      { path: 'site', before: '"b"', after: '"site"', inForce: true },
      { path: 'meter.threads', inForce: false },
    ]);
    inForce.take(settings({}));
    expect([inForce.waiting(), inForce.current]).toEqual([[], settings({})]);
  });

  test('what a service refuses waits for a restart, is said with its reason, and keeps nothing else from being taken up', () => {
    const { inForce, log, events, applied, refusals } = box(settings({}));
    refusals.push({ path: 'meter.sampling', why: 'it may not' });
    const sampling = { kind: 'count', interval: 4 };
    inForce.take(settings({ meter: { idleTimeoutS: 20, sampling } }));
    const { meter } = inForce.current;
    expect([meter.idleTimeoutS, meter.sampling.kind, meter.sampling.interval]).toEqual([20, 'none', 1]);
    expect(inForce.waiting()).toEqual(['meter.sampling.kind', 'meter.sampling.interval']);
    expect(events).toEqual([
      'info settingsChanged: settings taken up: meter.idleTimeoutS',
      'error settingsRefused: settings wait for a restart: meter.sampling.kind, meter.sampling.interval: it may not',
    ]);
    expect(log.entries.map(({ path, inForce: now }) => [path, now])).toEqual([
      ['meter.idleTimeoutS', true],
      ['meter.sampling.kind', false],
      ['meter.sampling.interval', false],
    ]);
    // With the next change all of it is tried again, never a part of it.
    refusals.pop();
    inForce.take(settings({ meter: { idleTimeoutS: 20, sampling: { ...sampling, interval: 8 } } }));
    expect(applied.at(-1)!.meter.sampling).toMatchObject({ kind: 'count', interval: 8 });
    expect([inForce.waiting(), events.at(-1)]).toEqual([
      [],
      'info settingsChanged: settings taken up: meter.sampling.interval, meter.sampling.kind',
    ]);
    expect(log.entries.slice(3).map(({ path, inForce: now }) => [path, now])).toEqual([
      ['meter.sampling.interval', true],
      ['meter.sampling.kind', true],
    ]);
  });

  test('what was refused and is taken back waits no more', () => {
    const { inForce, refusals, events } = box(settings({}));
    refusals.push({ path: 'meter.sampling', why: 'it may not' });
    inForce.take(settings({ meter: { sampling: { kind: 'count', interval: 4 } } }));
    inForce.take(settings({}));
    expect([inForce.waiting(), inForce.current]).toEqual([[], settings({})]);
    expect(events.slice(1)).toEqual([
      'info settingsChanged: settings taken back before they were in force: meter.sampling.kind, meter.sampling.interval',
    ]);
  });

  test('a file that is not allowed is said once, until it is another one', () => {
    const { inForce, events } = box(settings({}));
    for (const why of ['line 3', 'line 3', 'line 4']) inForce.refuse(why);
    inForce.take(settings({}));
    inForce.refuse('line 4');
    expect(events.map((text) => text.slice(-6))).toEqual(['line 3', 'line 4', 'line 4']);
  });
});
