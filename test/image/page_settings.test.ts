/**
 * Settings from the page as the box brings them into force: the script and the program itself, with stand-ins for what belongs to the machine
 * (network, services); those write down how they were called.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../src/config/load.ts';
import { formOf, withForm } from '../../src/config/set_up_form.ts';
import { type SetUpForm, trialS } from '../../src/flow/set_up_shapes.ts';
import { provision } from '../../src/system/provision/provision.ts';
import type { ToldState } from '../../src/system/provision/set_up_desk.ts';
import { BoxScripts } from './box_scripts.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let box: BoxScripts;
beforeEach(() => {
  box = new BoxScripts();
  const isOurs = `[ "$1" = provision ] || exit 0`;
  box.program('flowspan', `${isOurs}\nexec '${process.execPath}' '${main}' "$@" --root '${box.at('')}'\n`);
  box.program('networkctl', '');
  box.program('hostname', '[ $# -gt 0 ] || echo flowspan-old\n');
  plug('eth0', 'platform');
  plug('eth1', 'pci');
  provisioned();
});
afterEach(() => box[Symbol.dispose]());

function plug(name: string, bus: string): void {
  const device = box.at(`sys/devices/${name}`);
  for (const folder of [device, box.at(`sys/class/net/${name}`)]) mkdirSync(folder, { recursive: true });
  writeFileSync(box.at(`sys/class/net/${name}/address`), `02:00:00:00:00:0${name.at(-1)}\n`);
  symlinkSync(device, box.at(`sys/class/net/${name}/device`));
  symlinkSync(`/sys/bus/${bus}`, box.at(`sys/devices/${name}/subsystem`));
}
/** As the box does at every start, after it has looked for settings on trial. */
const provisioned = () => provision({ from: [box.at('efi')], root: box.at(''), nowMs: undefined, dry: false });
const file = (): string => box.at('etc/flowspan/flowspan.yaml');
const told = (): ToldState => JSON.parse(readFileSync(box.at('run/flowspan-setup/state'), 'utf8'));
function ask(request: object): { said: string; did: string[] } {
  writeFileSync(
    box.at('data/setup/request'),
    JSON.stringify({ id: '0123456789abcdef', do: 'try', who: 'anna', files: {}, ...request }),
  );
  const done = box.run('page_settings', 'asked');
  for (const gone of ['data/setup/request', 'run/flowspan/asked', 'run/flowspan-setup/state.new'])
    expect(existsSync(box.at(gone)), gone).toBe(false);
  return { ...done, did: done.did.filter((call) => !/^(flowspan|setpriv|grub-editenv)/.test(call)) };
}
const changed = (change: Partial<SetUpForm>) =>
  withForm(readFileSync(file(), 'utf8'), { ...formOf(loadSettings(file()), true), ...change }, true);
const static7 = { ipv4: 'static', addresses: ['192.0.2.7/24'] } as const;

test('a site alone: the service starts anew, the network is left alone', () => {
  const { did } = ask(changed({ site: 'lisbon-02' }));
  expect(did).toEqual([
    'systemctl --no-block start flowspan-settings-late.timer',
    'systemctl --no-block stop flowspan-settings-late.timer',
    'systemctl --quiet is-active flowspan-safe.service',
    'systemctl --no-block start flowspan.service',
  ]);
  expect(told()).toMatchObject({ id: '0123456789abcdef', outcome: 'kept', trial: null });
  expect(loadSettings(file()).site).toBe('lisbon-02');
});

test('an address and a name: the network follows without a start, the time for somebody to come runs, and the page may say so', () => {
  const { did, said } = ask(changed({ ...static7, hostName: 'fs-lis-02' }));
  expect(did.slice(0, 7)).toEqual([
    'systemctl --no-block start flowspan-settings-late.timer',
    'hostname ',
    'hostname fs-lis-02',
    'systemctl --no-block try-restart avahi-daemon.service',
    'networkctl reload',
    'networkctl reconfigure eth0',
    'systemctl --no-block restart flowspan-settings-late.timer',
  ]);
  expect(said).toMatch(/settings from the page: onTrial/);
  const { trial } = told();
  const nowS = Number(process.hrtime.bigint() / 1_000_000_000n);
  expect(trial!.who).toBe('anna');
  expect(trial!.untilS - nowS).toBeGreaterThan(500);
  expect(trial!.untilS - nowS).toBeLessThanOrEqual(600);

  expect(ask({ do: 'keep' }).did.slice(1)).toEqual(['systemctl --no-block stop flowspan-settings-late.timer']);
  expect(told()).toMatchObject({ outcome: 'kept', trial: null });
  expect(readFileSync(box.at('efi/flowspan.yaml'), 'utf8')).toContain('192.0.2.7/24');
});

test('nobody comes: the network goes back, and it is told', () => {
  const before = readFileSync(file(), 'utf8');
  ask(changed(static7));
  const { did } = box.run('page_settings', 'late');
  expect(did).toContain('networkctl reconfigure eth0');
  expect(did).toContain('systemctl --no-block stop flowspan-settings-late.timer');
  expect(told()).toMatchObject({ outcome: 'undone', trial: null, reasons: ['nobody reached the page in time'] });
  expect(readFileSync(file(), 'utf8')).toBe(before);
  expect(box.run('page_settings', 'late').did.filter((call) => call.startsWith('networkctl'))).toEqual([]);
});

test('ports: one start of the box belongs to the trial, and the time runs from there; the next one goes back', () => {
  box.variables('A_OK=1', 'A_TRY=1', 'A_GOOD=0');
  expect(ask(changed({ managementPort: 'eth1' })).did).not.toContain('systemctl reboot');
  expect(told()).toMatchObject({ outcome: 'failed', reasons: [expect.stringMatching(/this version is on trial/)] });
  box.variables('A_OK=1', 'A_TRY=0', 'A_GOOD=1');
  const { did } = ask(changed({ managementPort: 'eth1' }));
  expect(did.at(-1)).toBe('systemctl reboot');
  expect(told()).toMatchObject({ outcome: 'onTrial', restarts: true, trial: null });
  rmSync(box.at('run/flowspan-setup'), { recursive: true });
  expect(box.run('page_settings', 'start').did).toContain('systemctl --no-block start flowspan-settings-late.timer');
  provisioned();
  expect(readFileSync(box.at('run/flowspan/ports.env'), 'utf8')).toContain('MANAGEMENT=eth1');
  expect(told()).toMatchObject({ outcome: 'onTrial', trial: { who: 'anna' } });
  box.run('page_settings', 'start');
  provisioned();
  expect(told()).toMatchObject({ outcome: 'undone', trial: null });
  expect(readFileSync(box.at('run/flowspan/ports.env'), 'utf8')).toContain('MANAGEMENT=eth0');
});

test('faults, and what is no request: nothing is done, and the service is told why', () => {
  expect(ask(changed({ vlan: 5_000 })).did).toEqual([
    'systemctl --no-block start flowspan-settings-late.timer',
    'systemctl --no-block stop flowspan-settings-late.timer',
  ]);
  expect(told()).toMatchObject({ outcome: 'refused', reasons: [expect.stringMatching(/device\.vlan: 5000: too large/)] });
  writeFileSync(box.at('data/setup/request'), 'reboot now');
  const { did } = box.run('page_settings', 'asked');
  expect(
    did.filter((call) => /^systemctl (?!--no-block (start|stop) flowspan-settings-late\.timer)|^networkctl/.test(call)),
  ).toEqual([]);
  expect(told()).toMatchObject({ id: '', outcome: 'failed' });
});

test('time servers: chrony starts anew', () => {
  const { did } = ask(changed({ timeServers: [{ host: 'time.example.net', nts: true }] }));
  expect(did).toContain('systemctl --no-block try-restart chrony.service');
});

test('the time that the page tells is the time that the box waits', () => {
  const unit = readFileSync(
    fileURLToPath(new URL('../../image/system/usr/lib/systemd/system/flowspan-settings-late.timer', import.meta.url)),
    'utf8',
  );
  expect(/OnActiveSec=(\d+)s/.exec(unit)![1]).toBe(String(trialS));
});
