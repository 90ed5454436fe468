import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { defaultSettings, formatFault, loadSettings, parseSettings, type SettingFault } from '../../src/config/load.ts';
import { narrowed } from '../../src/config/older_files.ts';
import { redact, withoutAddresses } from '../../src/config/redact.ts';
import { schemaPaths, settingsList } from '../../src/config/reference.ts';
import { isSecret, schemaAt, secretKeys, unwrap } from '../../src/config/schema_at.ts';
import { ApplianceError } from '../../src/core/errors.ts';

const faultsOf = (yaml: string): readonly SettingFault[] => {
  const result = parseSettings(yaml);
  return 'faults' in result ? result.faults : [];
};

describe('settings', () => {
  test('an empty file is the defaults', () => {
    expect(parseSettings('')).toEqual({ settings: defaultSettings(), older: [] });
    expect(defaultSettings().meter.activeTimeoutS).toBe(60);
  });

  test.each([
    ['meter: {threads: 99}', 'meter.threads', '99', /at most 16/],
    ['meter: {threads: 1.5}', 'meter.threads', '1.5', /whole number/],
    ['meter: {threads: two}', 'meter.threads', '"two"', /whole number/],
    ['meter: {colour: red}', 'meter.colour', undefined, /unknown setting; allowed here: source, interfaces/],
    ['colour: red', 'colour', undefined, /unknown setting; allowed here: site, node/],
    ['meter: {source: interface}', 'meter.interfaces', undefined, /at least one interface/],
    ['meter: {source: capture}', 'meter.capture', undefined, /a file name/],
    [
      'export: {destinations: [{name: a, host: h, profile: fat}]}',
      'export.destinations[0].profile',
      '"fat"',
      /generic, lean, standard, full/,
    ],
    ['export: {destinations: [{name: a}]}', 'export.destinations[0].host', undefined, /missing/],
    [
      'export: {destinations: [{name: a, host: h, elements: [nope]}]}',
      'export.destinations[0].elements[0]',
      '"nope"',
      /information element/,
    ],
    ['export: {destinations: [{name: a, host: h}, {name: a, host: i}]}', 'export.destinations', undefined, /a name of its own/],
    ['meter: {sampling: {kind: some}}', 'meter.sampling.kind', '"some"', /none, count, random, flowHash/],
    ['meter: {sampling: {interval: 8}}', 'meter.sampling.kind', undefined, /when interval is above 1/],
    ['meter: {sampling: {pools: [{name: a}]}}', 'meter.sampling.pools[0].prefixes', undefined, /at least one of vlans, prefixes/],
    [
      'meter: {sampling: {pools: [{name: a, interval: 2, vlans: [3]}]}}',
      'meter.sampling.pools[0].kind',
      undefined,
      /random or flow/,
    ],
    ['meter: {sampling: {pools: [{name: a, vlans: [4095]}]}}', 'meter.sampling.pools[0].vlans[0]', '4095', /at most 4094/],
    [
      'meter: {sampling: {pools: [{name: a, prefixes: [10.0.0.0]}]}}',
      'meter.sampling.pools[0].prefixes[0]',
      '"10.0.0.0"',
      /prefix such/,
    ],
    ['meter: {sampling: {pools: [{name: a, ports: [99999]}]}}', 'meter.sampling.pools[0].ports[0]', '99999', /at most 65535/],
    ['meter: {sampling: {pools: [{name: a, ports: [9-8]}]}}', 'meter.sampling.pools[0].ports[0]', '"9-8"', /not above the last/],
    [
      'meter: {sampling: {pools: [{name: a, vlans: [1]}, {name: a, vlans: [2]}]}}',
      'meter.sampling.pools',
      undefined,
      /a name of its own/,
    ],
    [
      'meter: {vlanInKey: false, sampling: {pools: [{name: a, ports: [53]}, {name: b, vlans: [2]}]}}',
      'meter.sampling.pools[1].vlans',
      '[2]',
      /none while vlanInKey is false/,
    ],
    ['labels: [{prefixes: [10.0.0.0/8]}]', 'labels[0]', undefined, /names no label: at least one of site, tenant/],
    ['labels: [{vlans: [4095], site: a}]', 'labels[0].vlans[0]', '4095', /up to 4094, a range such as 30-39, or untagged/],
    ['labels: [{vlans: [39-30], site: a}]', 'labels[0].vlans[0]', '"39-30"', /a range such as/],
    ['labels: [{ports: [tcp/99999], site: a}]', 'labels[0].ports[0]', '"tcp/99999"', /such as tcp\/443/],
    ['labels: [{ports: [443], site: a}]', 'labels[0].ports[0]', '443', /type string/],
    ['labels: [{site: "(none)"}]', 'labels[0].site', '"(none)"', /visible characters/],
    ['labels: [{site: a, tenant: b, service: c, costCentre: d}, {site: b}]', 'labels', undefined, /put it last/],
    ['siteNetworks: [10.0.0.0/40]', 'siteNetworks[0]', '"10.0.0.0/40"', /prefix such as/],
    ['site: "a b"', 'site', '"a b"', /letters, digits/],
  ])('%s is refused at %s', (yaml, path, value, message) => {
    const fault = faultsOf(yaml).find((candidate) => candidate.path === path);
    expect(fault, JSON.stringify(faultsOf(yaml))).toBeDefined();
    if (value !== undefined) expect(fault!.value).toBe(value);
    expect(fault!.message).toMatch(message);
  });

  test('all faults are told at once, each with its line', () => {
    const faults = faultsOf('site: ok\nmeter:\n  threads: 99\n  idleTimeoutS: 0\nstatus:\n  port: 70000\n');
    expect(faults.map((fault) => [fault.path, fault.line])).toEqual([
      ['meter.threads', 3],
      ['meter.idleTimeoutS', 4],
      ['status.port', 6],
    ]);
  });

  test('text that is no YAML is refused with its line', () => {
    expect(faultsOf('site: [\nmeter: }')[0]).toMatchObject({ path: '', message: expect.stringMatching(/not valid YAML/) });
    expect(faultsOf('site: a\nsite: b\n')[0]?.message).toMatch(/unique/i);
  });

  test('a fault in a password does not print the password', () => {
    const [fault] = faultsOf('mqtt: {brokers: [{name: a, host: h, password: 12345678}]}');
    expect(fault!.path).toBe('mqtt.brokers[0].password');
    expect(formatFault(fault!, 'f.yaml')).not.toContain('12345678');
  });

  const leak = 'hunter2-0123';
  test.each([
    [
      `mqtt: {brokers: [{name: a, host: h, pasword: ${leak}}]}`,
      'mqtt.brokers[0].pasword: unknown setting; password is near; allowed here: name,',
    ],
    [`mqtt: {brokers: [{name: a, host: h, password:${leak}}]}`, 'mqtt.brokers[0].password…: unknown setting; password is near'],
    [`mqtt: {brokers: {name: a, password: ${leak}}}`, 'mqtt.brokers: wrong type'],
    [`mqtt: {brokers: [${leak}]}`, 'mqtt.brokers[0]: wrong type'],
    [
      `mqtt: {brokers: [{name: a, host: "mqtts://u:${leak}@h"}]}`,
      'mqtt.brokers[0].host: not allowed; allowed: a name or an address alone',
    ],
    [
      `export: {destinations: [{name: a, host: "u:${leak}@h"}]}`,
      'export.destinations[0].host: not allowed; allowed: a name or an address alone',
    ],
    [
      `alerts: {webhooks: [{name: a, url: "ftp://h/${leak}"}]}`,
      'alerts.webhooks[0].url: not allowed; allowed: an address that begins',
    ],
    [`alerts: {webhooks: [{name: a, url: {a: "https://h/${leak}"}}]}`, 'alerts.webhooks[0].url: wrong type'],
    [`alerts: {webhook: "https://h/${leak}"}`, 'alerts.webhook: unknown setting; webhooks is near'],
    [`tokens: ${leak}`, 'tokens: unknown setting; allowed here: site, node'],
    [`site: a\npassword: *${leak}`, 'not valid YAML: Unresolved alias'],
    [`mqtt: {brokers: [{name: a, host: h, password: !${leak} b}]}`, 'not valid YAML: Unresolved tag'],
    [`mqtt: ]${leak}`, 'not valid YAML: Unexpected flow-seq-end token in YAML stream'],
    [`mqtt: |${leak}`, 'not valid YAML: Block scalar header includes extra characters'],
  ])('what may be a secret is not said: %s', (yaml, said) => {
    const faults = faultsOf(yaml);
    const told = faults.map((fault) => formatFault(fault, 'f.yaml')).join('\n');
    expect(told).toContain(said);
    expect(JSON.stringify(faults)).not.toContain(leak);
  });

  test('web addresses are shown by their origin alone, and stay so', () => {
    const webhooks = [
      { name: 'a', url: `https://user:${leak}@hooks.example:8443/services/T0/${leak}?key=${leak}#${leak}` },
      { name: 'b', url: `http://[2001:db8::1]/?${leak}` },
      { name: 'c', url: 'https://plain.example' },
    ];
    const shown = redact({ alerts: { webhooks } });
    expect(shown.alerts.webhooks.map(({ url }) => url)).toEqual([
      'https://hooks.example:8443/…',
      'http://[2001:db8::1]/…',
      'https://plain.example',
    ]);
    expect(redact(shown)).toEqual(shown);
    expect(withoutAddresses(`[{"url":"https://user:${leak}…`)).toBe('[{"url":"https://…');
  });

  test('every key that sounds like a secret is marked as one', () => {
    const sounding = schemaPaths().filter((path) => /(password|secret|token|key|passphrase)$/i.test(path.replace(/^.*\./, '')));
    expect(
      sounding.filter(
        (path) => !isSecret(schemaAt(path.split('.').flatMap((key) => (key.endsWith('[]') ? [key.slice(0, -2), 0] : [key])))),
      ),
    ).toEqual(['meter.vlanInKey']);
    expect(new Set(secretKeys())).toEqual(new Set(['password', 'setUpCode']));
  });

  test('passwords are hidden where settings are shown, everything else is kept', () => {
    const settings = { mqtt: { brokers: [{ password: 'secret', passwordFile: '/etc/p', username: 'u' }, { password: '' }] } };
    expect(redact(settings)).toEqual({
      mqtt: { brokers: [{ password: '(set, not shown)', passwordFile: '/etc/p', username: 'u' }, { password: '' }] },
    });
  });
});

describe('settings files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a file that is not there is named', () => {
    const file = join(folder, 'missing.yaml');
    expect(() => loadSettings(file)).toThrow(
      expect.objectContaining({ code: 'settingsUnreadable', message: expect.stringContaining(file) }),
    );
  });

  test('a bad file names file, line, path and what is allowed', () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'meter:\n  threads: 0\n');
    expect(() => loadSettings(file)).toThrow(ApplianceError);
    expect(() => loadSettings(file)).toThrow(`${file}:2: meter.threads: 0: too small; allowed: at least 1`);
  });

  test('the shipped examples are accepted', () => {
    const load = (name: string) => loadSettings(new URL(`../../config/${name}`, import.meta.url).pathname);
    expect(load('example.yaml').site).toBe('branch-17');
    expect(load('example-sampling.yaml').meter.sampling.pools.map(({ name }) => name)).toEqual(['calls', 'guests']);
  });

  test('the shipped defaults are accepted and change nothing', () => {
    expect(loadSettings(new URL('../../config/default.yaml', import.meta.url).pathname)).toEqual(defaultSettings());
  });
});

describe('settings reference', () => {
  const reference = readFileSync(new URL('../../config/settings.md', import.meta.url), 'utf8');

  test('every key of the schema stands in it, with a reason', () => {
    const paths = schemaPaths();
    expect(paths.length).toBeGreaterThan(60);
    for (const path of paths) expect(reference).toContain(`\`${path}\``);
    for (const setting of settingsList()) expect(setting.reason, setting.path).not.toBe('');
  });
});

describe('values that only an older version allowed', () => {
  test('are taken as what is allowed now, and told with their place: a box keeps its settings when it updates itself', () => {
    const parsed = parseSettings('site: s\nalerts:\n  noTrafficAfterS: 60\n  coolDownS: 30\n');
    if (!('settings' in parsed)) throw new Error(JSON.stringify(parsed));
    expect(parsed.settings.alerts).toMatchObject({ noTrafficAfterS: 120, coolDownS: 30 });
    expect(parsed.older.map((one) => formatFault(one, 'f.yaml'))).toEqual([
      'f.yaml:3: alerts.noTrafficAfterS: 60: no longer allowed, and taken as 120: silence is told after two minutes, as it was with any shorter time',
    ]);
  });

  test.each([29, -60, 60.5, '"60"', '[60]', 86_401])('what no version allowed is a fault: %s', (value) => {
    expect(parseSettings(`alerts: {noTrafficAfterS: ${value}}`)).toMatchObject({ faults: [{ path: 'alerts.noTrafficAfterS' }] });
  });

  test.each(['alerts: 60', 'alerts: [60]', '[1]', '7', ''])('are looked for where there is nothing of the kind: %s', (text) => {
    const parsed = parseSettings(text);
    expect('settings' in parsed ? parsed.older : []).toEqual([]);
  });

  test('elements that no record ever had are left out of lists, with the destination they stand at', () => {
    const text = `export:
  destinations:
    - {name: a, host: 192.0.2.1, elements: [octetDeltaCount]}
    - {name: b, host: 192.0.2.2, elements: [octetDeltaCount, serverNameId, packetDeltaCount]}
`;
    const parsed = parseSettings(text);
    if (!('settings' in parsed)) throw new Error(JSON.stringify(parsed));
    expect(parsed.settings.export.destinations.map(({ elements }) => elements)).toEqual([
      ['octetDeltaCount'],
      ['octetDeltaCount', 'packetDeltaCount'],
    ]);
    expect(parsed.older.map((one) => formatFault(one, 'f.yaml'))).toEqual([
      'f.yaml:4: export.destinations[1].elements: serverNameId: no longer there, and left out: no record ever had it',
    ]);
  });

  test('are below what is allowed now, or they would be in the list for nothing', () => {
    for (const { path, wasFrom } of narrowed)
      expect([path, (unwrap(schemaAt(path)) as z.ZodNumber).minValue! > wasFrom]).toEqual([path, true]);
  });
});
