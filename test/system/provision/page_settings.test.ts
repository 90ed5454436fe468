/** Settings from the page on real folders: what is taken and what is not, trial, going back by hand, by time and by a start, and the boot partition. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { formOf, withForm } from '../../../src/config/set_up_form.ts';
import type { SetUpForm } from '../../../src/flow/set_up_shapes.ts';
import { type PageDone, type PageRequest, pageSettings } from '../../../src/system/provision/page_settings.ts';
import { beforePageName, pageMark, provision } from '../../../src/system/provision/provision.ts';

const top = mkdtempSync(join(tmpdir(), 'page-settings-'));
afterAll(() => rmSync(top, { recursive: true }));
let boot: string;
let root: string;
let number = 0;

beforeEach(() => {
  const folder = join(top, String(number++));
  [boot, root] = [join(folder, 'boot'), join(folder, 'root')];
  for (const one of [boot, root]) mkdirSync(one, { recursive: true });
  plug('eth0', 'platform', 'dc:a6:32:01:3f:2a');
  plug('enx001122334455', 'usb', '00:11:22:33:44:55');
  plug('enx001122339999', 'usb', '00:11:22:33:99:99');
  put(root, 'proc/device-tree/serial-number', '100000003d1d1c36\0');
});

function put(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
function plug(name: string, bus: string, mac: string): void {
  const device = join(root, 'sys/devices', name);
  put(root, `sys/class/net/${name}/address`, `${mac}\n`);
  put(root, `sys/class/net/${name}/speed`, '1000\n');
  mkdirSync(device, { recursive: true });
  symlinkSync(device, join(root, `sys/class/net/${name}/device`));
  symlinkSync(`/sys/bus/${bus}`, join(device, 'subsystem'));
}
function certificate(): string {
  const [pem, key] = [join(top, 'ca.pem'), join(top, 'ca.key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=authority', '-out', pem, '-keyout', key], { stdio: 'pipe' });
  return text(pem);
}
const settingsFile = (): string => join(root, 'etc/flowspan/flowspan.yaml');
const text = (path: string): string => readFileSync(path, 'utf8');
const network = (): string => text(join(root, 'run/systemd/network/10-management.network'));
const inForce = () => loadSettings(settingsFile());
const start = () => {
  const page = pageSettings({ own: boot, root, nowMs: undefined, step: 'start', request: '' });
  return { page, plan: provision({ from: [boot], root, nowMs: undefined, dry: false }) };
};
function asked(request: Partial<PageRequest>): PageDone {
  const whole = { id: '0123456789abcdef', do: 'try', who: 'anna', text: '', files: {}, ...request };
  return pageSettings({ own: boot, root, nowMs: undefined, step: 'asked', request: JSON.stringify(whole) });
}
const late = () => pageSettings({ own: boot, root, nowMs: undefined, step: 'late', request: '' });
/** What the page makes of the settings that are kept. */
const changed = (change: (form: SetUpForm) => Partial<SetUpForm>) => {
  const before = text(settingsFile());
  const form = formOf(inForce(), true);
  return withForm(before, { ...form, ...change(form) }, true);
};
const withCollector = () =>
  changed(({ collector }) => ({ site: 'lisbon-02', collector: { ...collector, host: 'collector.example.net' } }));
const withAddress = () => changed(() => ({ ipv4: 'static', addresses: ['192.0.2.7/24'], gateways: ['192.0.2.1'] }));
const trialNames = (): string[] => readdirSync(join(root, 'etc/flowspan')).filter((name) => name.startsWith('former'));

describe('settings from the page', () => {
  test('that say nothing of the network are kept at once, and laid on the boot partition; a start changes nothing', () => {
    start();
    const done = asked(withCollector());
    expect(done).toMatchObject({ outcome: 'kept', changed: ['service'], reasons: [] });
    expect(inForce()).toMatchObject({ site: 'lisbon-02', export: { destinations: [{ host: 'collector.example.net' }] } });
    expect(text(join(boot, 'flowspan.yaml')).startsWith(pageMark)).toBe(true);
    const before = text(settingsFile());
    expect(start().plan.state).toBe('unchanged');
    expect(text(settingsFile())).toBe(before);
    // The data partition is gone: they come back.
    rmSync(join(root, 'etc/flowspan'), { recursive: true });
    expect(start().plan.state).toBe('taken');
    expect(inForce().site).toBe('lisbon-02');
  });

  test('with another address are on trial: kept when somebody has reached the page', () => {
    start();
    const former = text(settingsFile());
    expect(asked(withAddress())).toMatchObject({ outcome: 'onTrial', changed: ['network'] });
    expect(network()).toContain('Address=192.0.2.7/24');
    expect(existsSync(join(boot, 'flowspan.yaml'))).toBe(false);
    expect(asked(withCollector())).toMatchObject({ outcome: 'failed', reasons: [expect.stringMatching(/on trial/)] });
    expect(asked({ do: 'keep' }).outcome).toBe('kept');
    expect(trialNames()).toEqual([]);
    expect(late().outcome).toBe('nothing');
    expect(start().plan.state).toBe('unchanged');
    expect([text(settingsFile()) === former, network().includes('192.0.2.7/24')]).toEqual([false, true]);
  });

  test.each([
    ['nobody reaches the page', late, /nobody reached the page/],
    ['somebody goes back', () => asked({ do: 'undo' }), /anna went back/],
  ])('%s: the former settings are back, to the octet, and the network with them', (_, how, why) => {
    start();
    const [former, net] = [text(settingsFile()), network()];
    asked(withAddress());
    const done = how();
    expect(done).toMatchObject({ outcome: 'undone', changed: ['network'], reasons: [expect.stringMatching(why)] });
    expect([text(settingsFile()), network()]).toEqual([former, net]);
    expect([trialNames(), existsSync(join(boot, 'flowspan.yaml'))]).toEqual([[], false]);
  });

  test('the power goes during a trial: the start goes back; ports that change take a start, and only that one', () => {
    start();
    const former = text(settingsFile());
    asked(withAddress());
    expect(start().page).toMatchObject({ outcome: 'undone', who: 'anna' });
    expect([text(settingsFile()), network().includes('192.0.2.7')]).toEqual([former, false]);

    const ports = asked(changed(() => ({ mirrorPorts: ['enx001122339999'] })));
    expect(ports).toMatchObject({ outcome: 'onTrial', changed: expect.arrayContaining(['ports']) });
    expect(text(join(root, 'run/flowspan/ports.env'))).toContain('enx001122334455');
    expect(start().page).toMatchObject({ outcome: 'onTrial', who: 'anna' });
    expect(inForce().meter.interfaces).toEqual(['enx001122339999']);
    expect(text(join(root, 'run/flowspan/ports.env'))).toContain('enx001122339999');
    expect(start().page.outcome).toBe('undone');
    expect(inForce().meter.interfaces).toEqual(['enx001122334455']);
  });

  test('from a service that somebody has taken over change nothing that the form is not about', () => {
    start();
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE thief';
    const done = asked({ text: `${text(settingsFile())}device: { sshKeys: ['${key}'] }\n` });
    expect(done).toMatchObject({ outcome: 'refused', reasons: [expect.stringMatching(/device\.sshKeys/)] });
    expect(text(settingsFile())).not.toContain('ssh-ed25519');
    for (const request of [{ id: '../x' }, { do: 'reboot' }, { files: { '../x.pem': '' } }, { who: 7 }])
      expect(asked(request as Partial<PageRequest>).outcome).toBe('failed');
    const { outcome } = pageSettings({ own: boot, root, nowMs: undefined, step: 'asked', request: '{' });
    expect([outcome, trialNames()]).toEqual(['failed', []]);
  });

  test('with faults, and with certificates that are none, change nothing and say why', () => {
    start();
    const former = text(settingsFile());
    const fault = asked(changed(() => ({ ipv4: 'static', addresses: [] })));
    expect(fault).toMatchObject({ outcome: 'refused', reasons: [expect.stringMatching(/an IPv4 address when ipv4 is static/)] });
    const pem = asked(
      changed(({ collector }) => ({ collector: { ...collector, host: 'c.example', transport: 'tls', ca: 'no PEM' } })),
    );
    expect(pem).toMatchObject({ outcome: 'refused', reasons: [expect.stringMatching(/collector-ca\.pem/)] });
    expect([text(settingsFile()), trialNames()]).toEqual([former, []]);
  });
});

describe('beside the boot partition', () => {
  const own = '# ours\nsite: from-partition\ndevice:\n  # of the site\n  ipv4: static\n  addresses: [198.51.100.7/24]\n';

  test('an older file there does not undo what the page set, nor does one that is edited later lose it: it is the same', () => {
    put(boot, 'flowspan.yaml', own);
    start();
    asked(withCollector());
    expect(start().plan.state).toBe('unchanged');
    expect(inForce()).toMatchObject({ site: 'lisbon-02', device: { addresses: ['198.51.100.7/24'] } });
    const there = text(join(boot, 'flowspan.yaml'));
    expect(there).toContain('# of the site');
    expect(there).toContain('collector.example.net');
    put(boot, 'flowspan.yaml', there.replace('lisbon-02', 'lisbon-03'));
    expect(start().plan.state).toBe('taken');
    expect(inForce()).toMatchObject({ site: 'lisbon-03', export: { destinations: [{ host: 'collector.example.net' }] } });
  });

  test('a file that comes during a trial ends it', () => {
    start();
    asked(withAddress());
    put(boot, 'flowspan.yaml', own);
    expect(start().plan.state).toBe('taken');
    expect([inForce().site, late().outcome, trialNames()]).toEqual(['from-partition', 'nothing', []]);
  });

  test('a factory reset takes away what the page laid there, and brings back what the operator had', () => {
    put(boot, 'flowspan.yaml', own);
    start();
    asked(withCollector());
    asked(changed(() => ({ site: 'lisbon-04' })));
    put(boot, 'factory-reset', '');
    expect(start().plan).toMatchObject({ reset: 'done', state: 'taken' });
    expect([inForce().site, inForce().export.destinations]).toEqual(['from-partition', []]);
    expect(existsSync(join(boot, beforePageName))).toBe(false);
  });

  test('one that takes nothing: they are kept all the same, said, and no start undoes them', () => {
    put(boot, 'flowspan.yaml', own);
    start();
    // A folder of that name is in the way of the file that would be written.
    mkdirSync(join(boot, 'flowspan.yaml.new'));
    const done = asked(withCollector());
    expect(done).toMatchObject({ outcome: 'kept', reasons: [expect.stringMatching(/could not be laid on the boot partition/)] });
    expect(start().plan.state).toBe('unchanged');
    expect(inForce().site).toBe('lisbon-02');
  });

  test('certificates that came with the settings go along, by the names that they have there', () => {
    start();
    put(root, 'etc/flowspan/certificates/collector-ca.pem', 'kept before');
    writeFileSync(
      settingsFile(),
      `${text(settingsFile())}export: {destinations: [{name: c, host: c.example, transport: tls, caFile: /etc/flowspan/certificates/collector-ca.pem}]}\n`,
    );
    const filled = changed(() => ({ site: 'lisbon-02' }));
    expect(asked(filled).outcome).toBe('refused'); // that is no certificate
    const authority = certificate();
    put(root, 'etc/flowspan/certificates/collector-ca.pem', authority);
    expect(asked(filled).outcome).toBe('kept');
    expect(text(join(boot, 'flowspan.yaml'))).toContain('caFile: certificates/collector-ca.pem');
    expect(text(join(boot, 'certificates/collector-ca.pem'))).toBe(authority);
    expect(inForce().export.destinations[0]!.caFile).toBe('/etc/flowspan/certificates/collector-ca.pem');
  });

  test('where the data partition takes nothing, ports are not changed by a start that would forget them', () => {
    start();
    put(root, 'run/flowspan/data_partition', 'in memory\n');
    const done = asked(changed(() => ({ mirrorPorts: ['enx001122339999'] })));
    expect(done).toMatchObject({ outcome: 'failed', reasons: [expect.stringMatching(/takes nothing/)] });
    expect(asked(withCollector()).outcome).toBe('kept');
  });
});
