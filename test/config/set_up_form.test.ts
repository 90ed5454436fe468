/** The set-up form against settings files: what it shows, what it changes and what it leaves, faults at their fields, and nobody is shown a secret. */
import { describe, expect, test } from 'vitest';
import { defaultSettings, parseSettings } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/schema.ts';
import { asForm, checkForm, formOf, isOfForm, isUnset, withForm } from '../../src/config/set_up_form.ts';
import type { SetUpForm } from '../../src/flow/set_up_shapes.ts';

function settingsOf(text: string): Settings {
  const parsed = parseSettings(text);
  if (!('settings' in parsed)) throw new Error(JSON.stringify(parsed.faults));
  return parsed.settings;
}
const shown = (text: string, isBox = true): SetUpForm => formOf(settingsOf(text), isBox);
const changed = (text: string, change: Partial<SetUpForm>, isBox = true) =>
  withForm(text, { ...shown(text, isBox), ...change }, isBox);
const blank = formOf(defaultSettings(), true);

/** By hand, with all that a form knows nothing of. */
const byHand = `# Our branch in Lisbon
site: lisbon-02   # as in the inventory
device:
  ipv4: static
  addresses: [192.0.2.7/24]
  wired8021x: { method: peap, identity: box, password: s3cret-of-the-switch, caFile: certificates/radius.pem }
export:
  destinations:
    # kept on the box
    - { name: files, transport: file, files: { folder: /var/lib/flowspan/files } }
    - name: hq      # the old one
      host: collector.example.net
      privacy: { addresses: truncate }
mqtt:
  brokers:
    - { name: hq, host: broker.example.net, username: box, password: hunter2 }
history: { topK: 50 }
`;

describe('a form that nobody has changed', () => {
  test.each([
    ['by hand', byHand],
    ['empty', ''],
    ['a comment alone', '# nothing yet\n'],
  ])('%s: the file stays as it is, to the octet', (_, text) => {
    expect(changed(text, {})).toEqual({ text, files: {} });
    expect(checkForm(text, shown(text), true)).toMatchObject({ faults: [], changes: [] });
  });

  test('shows the first collector that it can show, and no password', () => {
    const form = shown(byHand);
    expect(form.collector).toEqual({ host: 'collector.example.net', port: 4739, transport: 'tcp', ca: '' });
    expect(form.broker).toMatchObject({ host: 'broker.example.net', username: 'box', password: '' });
    expect(JSON.stringify(form)).not.toMatch(/hunter2|s3cret/);
    expect(asForm(JSON.parse(JSON.stringify(form)))).toEqual(form);
  });
});

describe('what is changed', () => {
  test('stands in its place; comments and all else stay', () => {
    const { text } = changed(byHand, {
      site: 'lisbon-03',
      addresses: ['192.0.2.8/24'],
      collector: { ...shown(byHand).collector, host: 'new.example.net', port: 4740, transport: 'tls' },
    });
    expect(text).toContain('site: lisbon-03   # as in the inventory'.replace('   #', ' #'));
    expect(text).toMatch(/# Our branch[\s\S]*# kept on the box[\s\S]*name: hq # the old one/);
    expect(settingsOf(text)).toEqual({
      ...settingsOf(byHand),
      site: 'lisbon-03',
      device: { ...settingsOf(byHand).device, addresses: ['192.0.2.8/24'] },
      export: {
        ...settingsOf(byHand).export,
        destinations: [
          settingsOf(byHand).export.destinations[0],
          { ...settingsOf(byHand).export.destinations[1], host: 'new.example.net', port: 4740, transport: 'tls' },
        ],
      },
    });
  });

  test('makes sections where there are none, also where a list is there and empty', () => {
    const collector = { host: 'c.example', port: 4740, transport: 'tls' as const, ca: 'a certificate' };
    for (const text of ['', '# device:\nsite: x\n', 'export: { destinations: [] }\nmqtt: { brokers: [] }\n']) {
      const broker = { ...blank.broker, host: 'b.example', port: 8883, tls: true, username: 'u', password: 'p', ca: 'another' };
      const filled = changed(text, {
        hostName: 'fs-1',
        timeServers: [{ host: 't.example', nts: true }],
        collector,
        broker,
        updateFolder: 'https://u.example/f',
      });
      const settings = settingsOf(filled.text);
      expect(settings.export.destinations[0]).toMatchObject({
        name: 'central',
        host: 'c.example',
        caFile: 'certificates/collector-ca.pem',
      });
      expect(settings.mqtt.brokers[0]).toMatchObject({ host: 'b.example', port: 8883, tls: true, username: 'u', password: 'p' });
      expect(filled.files).toEqual({ 'collector-ca.pem': 'a certificate', 'broker-ca.pem': 'another' });
      expect([settings.device.hostName, settings.updates.folder.url]).toEqual(['fs-1', 'https://u.example/f']);
    }
  });

  test('emptied fields take the setting away; a collector that is emptied goes, the others stay', () => {
    const { text } = changed(byHand, {
      ipv4: 'dhcp',
      addresses: [],
      collector: { ...blank.collector, host: '' },
      broker: { ...blank.broker, host: '' },
    });
    const { device, export: exporting, mqtt } = settingsOf(text);
    expect([device.ipv4, device.addresses, mqtt.brokers]).toEqual(['dhcp', [], []]);
    expect(exporting.destinations.map(({ name }) => name)).toEqual(['files']);
  });

  test('a password goes to the broker that it was given for, and to no other', () => {
    const { broker } = shown(byHand);
    const passwordOf = (change: Partial<SetUpForm['broker']>) =>
      settingsOf(changed(byHand, { broker: { ...broker, ...change } }).text).mqtt.brokers[0]!.password;
    expect([
      passwordOf({ port: 8883 }),
      passwordOf({ host: 'other.example' }),
      passwordOf({ host: 'other.example', password: 'new' }),
    ]).toEqual(['hunter2', '', 'new']);
  });

  test('an address of the web is shown without what may be its key, and stays when it is left alone', () => {
    const text = 'updates: { folder: { url: "https://u.example/secret-path" } }\n';
    expect(shown(text).updateFolder).toBe('https://u.example/…');
    expect(settingsOf(changed(text, { site: 's' }).text).updates.folder.url).toBe('https://u.example/secret-path');
    expect(checkForm(text, { ...shown(text), site: 's' }, true).preview).not.toContain('secret-path');
  });

  test('mirror ports of a box: what somebody had metered by hand gives way; of a program among others they are what is metered', () => {
    const text = 'meter: { source: interface, interfaces: [eth7] }\n';
    expect(settingsOf(changed(text, { mirrorPorts: ['eth1'] }).text)).toMatchObject({
      meter: { interfaces: [] },
      device: { mirrorPorts: ['eth1'] },
    });
    const other = changed(text, { mirrorPorts: ['eth1'] }, false).text;
    expect(settingsOf(other)).toMatchObject({
      meter: { source: 'interface', interfaces: ['eth1'] },
      device: { mirrorPorts: [] },
    });
    expect(settingsOf(changed(text, { hostName: 'no-box' }, false).text).device.hostName).toBe('');
  });
});

describe('what is wrong', () => {
  test.each<[Partial<SetUpForm>, string, number, RegExp]>([
    [{ site: 'a b' }, 'site', -1, /letters, digits/],
    [{ hostName: 'a_b' }, 'hostName', -1, /letters, digits and dashes/],
    [{ ipv4: 'static' }, 'addresses', -1, /an IPv4 address when ipv4 is static/],
    [{ ipv4: 'static', addresses: ['192.0.2.7/24', 'x'] }, 'addresses', 1, /prefix length/],
    [{ ipv4: 'static', addresses: ['192.0.2.7'] }, 'addresses', 0, /prefix length/],
    [{ gateways: ['nobody'] }, 'gateways', 0, /IP address/],
    [{ dnsServers: ['192.0.2.53', '::x'] }, 'dnsServers', 1, /IP address/],
    [{ vlan: 4_095 }, 'vlan', -1, /at most 4094/],
    [{ ipv4: 'off', ipv6: 'off' }, 'ipv6', -1, /nobody could reach/],
    [{ managementPort: 'eth0', mirrorPorts: ['eth0'] }, 'mirrorPorts', -1, /other ports/],
    [{ timeServers: [{ host: 'a b', nts: false }] }, 'timeServers', 0, /a name of letters/],
    [{ collector: { ...blank.collector, host: 'tcp://c.example' } }, 'collector.host', -1, /without a scheme/],
    [{ collector: { ...blank.collector, host: 'c.example', port: 0 } }, 'collector.port', -1, /at least 1/],
    [{ broker: { ...blank.broker, host: 'b.example', port: 1.5 } }, 'broker.port', -1, /whole number/],
    [{ updateFolder: 'http://u.example' }, 'updateFolder', -1, /https/],
  ])('%j: at %s', (change, field, index, message) => {
    expect(checkForm('', { ...blank, ...change }, true).faults).toContainEqual({
      field,
      index,
      message: expect.stringMatching(message),
    });
  });

  test('elsewhere in the file: said with its path', () => {
    const { faults } = checkForm(
      byHand,
      { ...shown(byHand), broker: { ...shown(byHand).broker, password: 'x'.repeat(1_001) } },
      true,
    );
    expect(faults.map(({ field }) => field)).toEqual(['broker.password']);
    expect(JSON.stringify(faults)).not.toContain('xxx');
  });

  test('is no form at all: said, and never repeated', () => {
    for (const [value, why] of [
      [undefined, /form/],
      [{ ...blank, vlan: '7' }, /form\.vlan/],
      [{ ...blank, extra: 1 }, /extra/],
      [{ ...blank, addresses: Array(17).fill('') }, /form\.addresses/],
      [{ ...blank, timeServers: [{ host: 7 }] }, /form\.timeServers\[0\]/],
    ] as const)
      expect(asForm(value)).toMatch(why);
  });

  test('a file that the parser does not take is begun anew; one with an alias in the way is said', () => {
    expect(settingsOf(withForm('site: [', { ...blank, site: 'x' }, true).text).site).toBe('x');
    const aliased = 'x: &a { host: c.example }\nexport: { destinations: [ { <<: *a, name: c } ] }\n';
    expect(() => withForm(aliased, { ...blank, site: 'x' }, true)).not.toThrow();
  });
});

test('the preview has what the form is about, without secrets and comments', () => {
  const { preview } = checkForm(byHand, { ...shown(byHand), broker: { ...shown(byHand).broker, password: 'brand-new' } }, true);
  expect(preview).toContain('host: collector.example.net');
  expect(preview).not.toMatch(/hunter2|s3cret|brand-new|#|topK/);
});

test('a box is unset until somebody says where it stands or where records go', () => {
  expect([isUnset(defaultSettings()), isUnset(settingsOf('site: x')), isUnset(settingsOf(byHand))]).toEqual([true, false, false]);
});

test('keys for ssh, users, folders and what else gives power are not of the form', () => {
  for (const path of [
    'device.sshKeys',
    'device.wired8021x.caFile',
    'dataFolder',
    'status.address',
    'device',
    'export',
    'sites',
    'safeMode',
  ])
    expect(isOfForm(path), path).toBe(false);
  for (const path of ['site', 'device.addresses', 'export.destinations', 'updates.folder.url'])
    expect(isOfForm(path), path).toBe(true);
});
