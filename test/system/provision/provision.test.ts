/** Provisioning on real folders: what a technician puts on the partition, what the box then holds, and what it says; boot after boot. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { type ProvisionJob, provision } from '../../../src/system/provision/provision.ts';
import { flowspan } from '../../cli/flowspan.ts';

const top = mkdtempSync(join(tmpdir(), 'provision-'));
afterAll(() => rmSync(top, { recursive: true }));
let boot: string;
let stick: string;
let root: string;
let number = 0;

beforeEach(() => {
  const folder = join(top, String(number++));
  [boot, stick, root] = ['boot', 'stick', 'root'].map((name) => join(folder, name)) as [string, string, string];
  for (const one of [boot, stick, root]) mkdirSync(one, { recursive: true });
  plug('eth0', 'platform', 'bcmgenet', 'dc:a6:32:01:3f:2a');
  plug('enx001122334455', 'usb', 'r8152', '00:11:22:33:44:55');
  put(root, 'proc/device-tree/serial-number', '100000003d1d1c36\0');
});

function put(folder: string, path: string, text: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
/** A port as `/sys` shows it. */
function plug(name: string, bus: string, driver: string, mac: string): void {
  const device = join(root, 'sys/devices', name);
  put(root, `sys/class/net/${name}/address`, `${mac}\n`);
  put(root, `sys/class/net/${name}/speed`, '1000\n');
  put(root, `sys/class/net/${name}/carrier`, '1\n');
  put(root, `proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '0');
  mkdirSync(device, { recursive: true });
  symlinkSync(device, join(root, `sys/class/net/${name}/device`));
  symlinkSync(`/sys/bus/${bus}`, join(device, 'subsystem'));
  symlinkSync(`/sys/bus/${bus}/drivers/${driver}`, join(device, 'driver'));
}
const unplug = (name: string): void => rmSync(join(root, `sys/class/net/${name}`), { recursive: true });
const run = (over: Partial<ProvisionJob> = {}) => provision({ from: [boot], root, nowMs: Date.now(), dry: false, ...over });
const kept = (path = 'flowspan.yaml'): string => readFileSync(join(root, 'etc/flowspan', path), 'utf8');
const inForce = () => loadSettings(join(root, 'etc/flowspan/flowspan.yaml'));
/** Every file with its number: one that was replaced by the same has another. */
const everything = (): string[] =>
  execFileSync('find', [root, '-type', 'f', '-printf', '%p %i\\n'], { encoding: 'utf8' }).trim().split('\n').sort();

function certificates(): void {
  const [pem, key] = [join(boot, 'certificates/box.pem'), join(boot, 'certificates/box.key')];
  mkdirSync(join(boot, 'certificates'), { recursive: true });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=box', '-out', pem, '-keyout', key], { stdio: 'pipe' });
}
const withTls = 'status: {certificateFile: certificates/box.pem, keyFile: certificates/box.key}\n';

describe('a box', () => {
  test('without any settings gets a name, an address by DHCP, and meters the port that is not for management', () => {
    const plan = run();
    expect([plan.state, plan.hostName, plan.ports.mirror]).toEqual(['nothing', 'flowspan-1C36', ['enx001122334455']]);
    expect(inForce()).toMatchObject({
      meter: { source: 'interface', interfaces: ['enx001122334455'] },
      status: { address: '::' },
      dataFolder: '/var/lib/flowspan',
    });
    expect(readFileSync(join(root, 'run/systemd/network/10-management.network'), 'utf8')).toContain('Name=eth0');
    expect(readFileSync(join(root, 'run/flowspan/hostname'), 'utf8')).toBe('flowspan-1C36\n');
    expect(readFileSync(join(root, 'proc/sys/net/ipv6/conf/enx001122334455/disable_ipv6'), 'utf8')).toBe('1');
    expect(readdirSync(boot)).toEqual([]);
  });

  test('does nothing at the second boot that it has done at the first', () => {
    certificates();
    put(boot, 'flowspan.yaml', `site: lisbon-02\n${withTls}`);
    run();
    const before = everything();
    const report = statSync(join(boot, 'OK.txt')).ino;
    expect(run().state).toBe('unchanged');
    expect(everything()).toEqual(before);
    expect(statSync(join(boot, 'OK.txt')).ino).toBe(report);
    // Another slot begins with an empty /run.
    rmSync(join(root, 'run'), { recursive: true });
    run({ from: [] });
    expect(readFileSync(join(root, 'run/flowspan/hostname'), 'utf8')).toBe('flowspan-1C36\n');
  });

  test('takes settings and the certificates they name, readable by the service and nobody else', () => {
    certificates();
    put(boot, 'certificates/notes.txt', 'of no use to the box');
    put(
      boot,
      'flowspan.yaml',
      `# Lisbon, second floor\nsite: lisbon-02\n${withTls}device: {hostName: fs-lis-02, sshKeys: [ssh-ed25519 AAAAC3Nz anna]}\n`,
    );
    expect(run()).toMatchObject({ state: 'taken', faults: [], hostName: 'fs-lis-02' });
    expect(inForce()).toMatchObject({ site: 'lisbon-02', status: { certificateFile: '/etc/flowspan/certificates/box.pem' } });
    expect(kept()).toMatch(/^# Lisbon, second floor\n/);
    expect(readdirSync(join(root, 'etc/flowspan/certificates')).sort()).toEqual(['box.key', 'box.pem']);
    expect(statSync(join(root, 'etc/flowspan/certificates/box.key')).mode & 0o777).toBe(0o640);
    expect(kept('authorized_keys')).toBe('ssh-ed25519 AAAAC3Nz anna\n');
    const told = readFileSync(join(boot, 'OK.txt'), 'utf8');
    expect(told).toMatch(/^The settings on this partition are in use\.\r\n/);
    expect(told).toMatch(/fs-lis-02\.local[\s\S]*mirror: enx001122334455/);
    expect(told).toMatch(/status: certificates\/box\.pem is good until \d{4}/);
  });

  test('refuses settings with a fault as a whole, says where and what is allowed, and goes on with what it had', async () => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\n');
    run();
    const before = kept();
    put(boot, 'flowspan.yaml', 'site: porto-01\ndevice:\n  vlan: 5000\n  hostname: x\n');
    const told = await flowspan('provision', '--from', boot, '--root', root);
    expect(told.code).toBe(1);
    expect(told.out).toContain('flowspan.yaml:3: device.vlan: 5000: too large; allowed: at most 4094');
    expect(kept()).toBe(before);
    const file = readFileSync(join(boot, 'ERROR.txt'), 'utf8');
    expect(file).toContain('flowspan.yaml:3: device.vlan: 5000: too large; allowed: at most 4094\r\n');
    expect(file).toMatch(/flowspan\.yaml:4: device\.hostname: .*hostName/);
    expect(existsSync(join(boot, 'OK.txt'))).toBe(false);
    put(boot, 'flowspan.yaml', 'site: porto-01\ndevice: {vlan: 50}\n');
    expect((await flowspan('provision', '--from', boot, '--root', root)).code).toBe(0);
    expect([inForce().site, existsSync(join(boot, 'ERROR.txt')), existsSync(join(boot, 'OK.txt'))]).toEqual([
      'porto-01',
      false,
      true,
    ]);
    expect(existsSync(join(root, 'run/systemd/network/11-management-vlan.netdev'))).toBe(true);
    // And back: what the VLAN needed is gone.
    put(boot, 'flowspan.yaml', 'site: porto-01\n');
    run();
    expect(readdirSync(join(root, 'run/systemd/network')).sort()).toEqual([
      '10-management.network',
      '20-mirror.link',
      '20-mirror.network',
    ]);
  });

  test.each([
    [
      'that is not there',
      withTls.replace('box.key', 'other.key'),
      /status\.keyFile: certificates\/other\.key is missing; files in certificates: box\.key, box\.pem/,
    ],
    [
      'outside of the folder',
      withTls.replace('certificates/box.key', '../box.key'),
      /status\.keyFile: \.\.\/box\.key: not allowed; allowed: certificates\/NAME/,
    ],
    [
      'in the place of the other',
      'status: {certificateFile: certificates/box.key, keyFile: certificates/box.pem}\n',
      /certificates\/box\.key is no certificate/,
    ],
  ])('refuses a file %s', (_, text, words) => {
    certificates();
    put(boot, 'flowspan.yaml', text);
    expect(run()).toMatchObject({ state: 'refused', faults: expect.arrayContaining([expect.stringMatching(words)]) });
  });

  test('reads what editors of Windows save', () => {
    put(boot, 'FLOWSPAN.YAML', Buffer.from('\ufeffsite: porto-01\r\nnode: a\r\n'));
    run();
    expect([inForce().site, inForce().node]).toEqual(['porto-01', 'a']);
    put(boot, 'FLOWSPAN.YAML', Buffer.from('\ufeffsite: porto-02\r\n', 'utf16le'));
    run();
    expect(inForce().site).toBe('porto-02');
  });

  test('takes the stick’s settings before those of its own partition, and keeps them without it', () => {
    put(boot, 'flowspan.yaml', 'site: own\n');
    run();
    put(stick, 'flowspan.yaml', 'site: stick\n');
    expect(run({ from: [boot, stick] }).state).toBe('taken');
    expect(existsSync(join(stick, 'OK.txt'))).toBe(true);
    expect(inForce().site).toBe('stick');
    // Without the stick, what lay on the partition before does not come back.
    expect(run().state).toBe('unchanged');
    expect(inForce().site).toBe('stick');
    expect(run({ from: [boot, stick] }).state).toBe('unchanged');
  });

  test('keeps what was changed by hand since, until something else is offered', () => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\n');
    run();
    writeFileSync(join(root, 'etc/flowspan/flowspan.yaml'), kept().replace('lisbon-02', 'by-hand'));
    run();
    expect(inForce().site).toBe('by-hand');
    put(boot, 'flowspan.yaml', 'site: lisbon-03\n');
    run();
    expect(inForce().site).toBe('lisbon-03');
  });

  test('follows an adapter that was replaced, but not against a choice of its own', () => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\n');
    run();
    unplug('enx001122334455');
    run();
    expect(inForce().meter.interfaces).toEqual(['enx001122334455']);
    plug('enxaabbccddeeff', 'usb', 'ax88179_178a', 'aa:bb:cc:dd:ee:ff');
    run();
    expect(inForce().meter.interfaces).toEqual(['enxaabbccddeeff']);
    put(boot, 'flowspan.yaml', 'meter: {source: interface, interfaces: [eth7]}\n');
    run();
    expect(inForce().meter.interfaces).toEqual(['eth7']);
    put(boot, 'flowspan.yaml', 'meter: {source: none}\n');
    run();
    expect(inForce().meter.source).toBe('none');
  });

  test('whose disk takes nothing any more has its network all the same: as it was, and as is offered where nothing was kept', () => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\ndevice: {ipv4: static, addresses: [192.0.2.7/24]}\n');
    const address = (): string => readFileSync(join(root, 'run/systemd/network/10-management.network'), 'utf8');
    // Cannot be written, for root neither.
    mkdirSync(join(root, 'etc/flowspan/flowspan.yaml.new'), { recursive: true });
    expect(run()).toMatchObject({ state: 'refused', faults: [expect.stringMatching(/cannot keep any settings: .*EISDIR/)] });
    expect(address()).toContain('Address=192.0.2.7/24');
    expect(readFileSync(join(boot, 'ERROR.txt'), 'utf8')).toContain('the box cannot keep any settings');

    rmSync(join(root, 'etc/flowspan/flowspan.yaml.new'), { recursive: true });
    expect(run().state).toBe('taken');
    mkdirSync(join(root, 'etc/flowspan/flowspan.yaml.new'));
    put(boot, 'flowspan.yaml', 'site: porto-01\ndevice: {ipv4: static, addresses: [192.0.2.8/24]}\n');
    expect(run().state).toBe('refused');
    expect(address()).toContain('Address=192.0.2.7/24');
    expect(inForce().site).toBe('lisbon-02');
  });

  test.each([
    ['is a folder', () => mkdirSync(join(boot, 'flowspan.yaml')), /^flowspan\.yaml: cannot be read: EISDIR/],
    [
      'is larger than any settings',
      () => put(boot, 'flowspan.yaml', 'a'.repeat(4 * 1024 * 1024 + 1)),
      /^flowspan\.yaml: has 4194305 octets; allowed: 4194304 at most/,
    ],
  ])('is offered what %s: it goes on with what it kept, its network too, and says so', (_, offer, words) => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\ndevice: {hostName: fs-lis-02}\n');
    run();
    rmSync(join(boot, 'flowspan.yaml'));
    rmSync(join(root, 'run'), { recursive: true });
    offer();
    expect(run()).toMatchObject({ state: 'refused', hostName: 'fs-lis-02', faults: [expect.stringMatching(words)] });
    expect(readFileSync(join(root, 'run/flowspan/hostname'), 'utf8')).toBe('fs-lis-02\n');
    expect(inForce().site).toBe('lisbon-02');
    expect(existsSync(join(boot, 'ERROR.txt'))).toBe(true);
  });

  test('is offered a certificate that cannot be read: it is one that is missing', () => {
    certificates();
    rmSync(join(boot, 'certificates/box.key'));
    symlinkSync('/nowhere', join(boot, 'certificates/box.key'));
    put(boot, 'flowspan.yaml', withTls);
    expect(run()).toMatchObject({ state: 'refused', faults: [expect.stringMatching(/box\.key is missing/)] });
  });

  test('that cannot hold the stick’s settings on its own partition does not take them, until it can', () => {
    put(boot, 'flowspan.yaml', 'site: own\n');
    put(boot, 'certificates/old/one.pem', 'of no use');
    run();
    put(stick, 'flowspan.yaml', 'site: stick\n');
    mkdirSync(join(boot, 'flowspan.yaml.new'));
    const faults = [expect.stringMatching(/^flowspan\.yaml: cannot be kept on the box’s own partition.*EISDIR/)];
    expect(run({ from: [boot, stick] })).toMatchObject({ state: 'refused', faults });
    expect([inForce().site, existsSync(join(stick, 'ERROR.txt'))]).toEqual(['own', true]);
    rmSync(join(boot, 'flowspan.yaml.new'), { recursive: true });
    expect(run({ from: [boot, stick] }).state).toBe('taken');
    expect([run().state, inForce().site, existsSync(join(boot, 'certificates/old'))]).toEqual(['unchanged', 'stick', false]);
  });

  test('that has a value of an older version keeps it, and says so at every start', () => {
    put(root, 'etc/flowspan/flowspan.yaml', 'site: kept\nalerts: {noTrafficAfterS: 60}\n');
    expect(run().remarks[0]).toMatch(/^flowspan\.yaml:2: alerts\.noTrafficAfterS: 60: no longer allowed, and taken as 120/);
    expect([inForce().site, inForce().alerts.noTrafficAfterS]).toEqual(['kept', 120]);
    put(boot, 'flowspan.yaml', 'site: offered\nalerts: {noTrafficAfterS: 90}\n');
    expect(run()).toMatchObject({ state: 'taken', faults: [] });
    expect(readFileSync(join(boot, 'OK.txt'), 'utf8')).toMatch(/noTrafficAfterS: 90/);
  });

  test('that has settings of another version, which it cannot read, can be reached all the same', () => {
    put(root, 'etc/flowspan/authorized_keys', 'ssh-ed25519 AAAAC3Nz anna\n');
    put(root, 'etc/flowspan/flowspan.yaml', 'settingOfTomorrow: 1\n');
    const plan = run();
    expect(kept('authorized_keys')).toBe('ssh-ed25519 AAAAC3Nz anna\n');
    expect(plan.remarks[0]).toMatch(/kept have faults.*settingOfTomorrow/);
    expect(kept()).toBe('settingOfTomorrow: 1\n');
    expect(plan.rendered['run/systemd/network/10-management.network']).toContain('DHCP=yes');
  });
});

describe('a factory reset', () => {
  test.each(['factory-reset', 'FACTORY-RESET.TXT'])('by a file %s takes everything, once', (name) => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\n');
    run();
    put(root, 'var/lib/flowspan/access/accounts.json', '{}');
    put(root, 'data/ssh/authorized_keys', 'ssh-ed25519 AAAAC3Nz anna\n');
    put(boot, name, '');
    rmSync(join(boot, 'flowspan.yaml'));
    expect(run().reset).toBe('done');
    expect(existsSync(join(root, 'var/lib/flowspan/access'))).toBe(false);
    expect(readdirSync(join(root, 'data/ssh'))).toEqual([]);
    expect(inForce().site).toBe('site');
    expect(readdirSync(boot).filter((one) => /reset/i.test(one))).toEqual([]);
    expect(run().reset).toBe('no');
  });

  test('by a stick is done at the next start: what runs now would write down what it knows as it stops', async () => {
    put(boot, 'flowspan.yaml', 'site: own\n');
    run();
    put(stick, 'Factory reset.txt', '');
    put(stick, 'flowspan.yaml', 'site: stick\n');
    const told = await flowspan('provision', '--from', boot, '--from', stick, '--root', root);
    expect([told.code, told.out]).toEqual([0, expect.stringMatching(/^the box forgets everything at its next start\n/)]);
    expect(readdirSync(stick).sort()).toEqual(['OK.txt', 'flowspan.yaml']);
    put(root, 'var/lib/flowspan/host_names.json', '{}');
    expect([run().reset, existsSync(join(root, 'var/lib/flowspan/host_names.json'))]).toEqual(['done', false]);
    expect([inForce().site, run({ from: [boot, stick] }).reset]).toEqual(['stick', 'no']);
  });

  test('that a power cut ended goes on', () => {
    put(root, 'var/lib/flowspan/history/CURRENT', '');
    put(boot, 'factory-reset.running', '');
    expect([run().reset, existsSync(join(root, 'var/lib/flowspan/history'))]).toEqual(['done', false]);
  });

  test('is asked for by a folder as well', () => {
    put(root, 'var/lib/flowspan/history/CURRENT', '');
    put(boot, 'factory-reset/anything.txt', '');
    expect([run().reset, existsSync(join(root, 'var/lib/flowspan/history')), readdirSync(boot)]).toEqual(['done', false, []]);
    expect(existsSync(join(root, 'run/flowspan/hostname'))).toBe(true);
  });

  test('that would never end is not begun, says why, and keeps the box from nothing', () => {
    put(boot, 'flowspan.yaml', 'site: lisbon-02\n');
    put(root, 'var/lib/flowspan/history/CURRENT', '');
    put(boot, 'factory-reset', '');
    put(boot, 'factory-reset.running/in-the-way', '');
    const plan = run();
    expect([plan.reset, plan.state, inForce().site]).toEqual(['no', 'taken', 'lisbon-02']);
    expect(plan.remarks[0]).toMatch(/factory-reset: this cannot be renamed, so nothing is reset/);
    expect(existsSync(join(root, 'var/lib/flowspan/history'))).toBe(true);
    for (const name of ['factory-reset', 'factory-reset.running']) rmSync(join(boot, name), { recursive: true });
    put(stick, 'factory-reset', '');
    mkdirSync(join(boot, 'factory-reset.new'));
    const byStick = run({ from: [boot, stick] });
    expect([byStick.reset, byStick.remarks[0]]).toEqual([
      'no',
      expect.stringMatching(/cannot be moved to the box’s own partition/),
    ]);
    expect(readdirSync(boot).filter((one) => one === 'factory-reset')).toEqual([]);
  });

  test('is not done by a look', () => {
    put(boot, 'factory-reset', '');
    put(stick, 'factory-reset', '');
    put(root, 'var/lib/flowspan/history/CURRENT', '');
    expect(run({ dry: true, from: [boot, stick] }).reset).toBe('no');
    expect([existsSync(join(boot, 'factory-reset')), existsSync(join(root, 'var/lib/flowspan/history'))]).toEqual([true, true]);
    expect(existsSync(join(root, 'etc'))).toBe(false);
  });
});
