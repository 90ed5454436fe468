/** Which port is which: by the settings, else by the rule that the documentation states; the same at every boot. */
import { describe, expect, test } from 'vitest';
import { type PortFacts, portPlan, type RememberedPorts } from '../../../src/system/provision/port_plan.ts';

const port = (name: string, over: Partial<PortFacts> = {}): PortFacts => ({
  name,
  mac: `02:00:00:00:00:${name.slice(-1).charCodeAt(0).toString(16)}`,
  driver: 'e1000e',
  bus: 'pci',
  wireless: false,
  speedMbps: 1_000,
  carrier: true,
  ...over,
});
const usb = (name: string, over: Partial<PortFacts> = {}): PortFacts => port(name, { bus: 'usb', driver: 'r8152', ...over });
const plan = (
  ports: PortFacts[],
  { ssid = '', ...wanted }: { managementPort?: string; mirrorPorts?: string[]; ssid?: string } = {},
  remembered?: RememberedPorts,
) => portPlan(ports, { managementPort: '', mirrorPorts: [], wifi: { ssid }, ...wanted }, remembered);
const roles = (...args: Parameters<typeof plan>): [string | undefined, readonly string[]] => {
  const { management, mirror } = plan(...args);
  return [management, mirror];
};

describe('without settings', () => {
  const pi = port('eth0', { bus: 'platform', driver: 'bcmgenet' });

  test('a Raspberry Pi with a USB adapter is managed by its own port, whichever was found first', () => {
    expect(roles([usb('enx001122334455'), pi])).toEqual(['eth0', ['enx001122334455']]);
    expect(plan([usb('enx001122334455'), pi]).why).toEqual([
      'management: eth0 (bcmgenet, 02:00:00:00:00:30), the first built-in port',
      'mirror: enx001122334455 (r8152, 02:00:00:00:00:35), the fastest of one other port',
    ]);
  });

  test('the mirror gets the fastest other port; one without link is no fast one; names count as people count', () => {
    expect(roles([port('enp10s0'), port('enp2s0'), port('enp3s0', { speedMbps: 2_500 })])).toEqual(['enp2s0', ['enp3s0']]);
    expect(roles([port('enp1s0'), port('enp2s0', { speedMbps: null, carrier: false }), usb('enx1')])).toEqual([
      'enp1s0',
      ['enx1'],
    ]);
    expect(roles([port('enp1s0'), usb('enx1'), port('enp2s0')])).toEqual(['enp1s0', ['enp2s0']]);
  });

  test('a box with one port can be reached, and says what it lacks', () => {
    expect(roles([pi])).toEqual(['eth0', []]);
    expect(plan([pi]).why[1]).toMatch(/^mirror: none, since the only wired port is for management; a USB Ethernet adapter/);
    expect(roles([])).toEqual([undefined, []]);
  });

  test('over Wi-Fi the one wired port is free for the mirror', () => {
    const wlan = port('wlan0', { bus: 'platform', wireless: true });
    expect(roles([pi, wlan])).toEqual(['eth0', []]);
    expect(roles([pi, wlan], { ssid: 'office' })).toEqual(['wlan0', ['eth0']]);
    expect(plan([pi], { ssid: 'office' }).why[0]).toContain('there is no wireless port');
  });

  test('ports keep their roles when one is missing at a boot, and an adapter that was replaced takes the place of the old one', () => {
    const before = { management: 'eth0', mirror: ['enx1'] };
    expect(roles([pi, usb('enx1'), port('eth9', { speedMbps: 10_000 })], {}, before)).toEqual(['eth0', ['enx1']]);
    expect(roles([pi], {}, before)).toEqual(['eth0', ['enx1']]);
    expect(plan([pi], {}, before).why[1]).toBe('mirror: enx1, as before; not there now: enx1');
    expect(roles([pi, usb('enx2')], {}, before)).toEqual(['eth0', ['enx2']]);
    // The management port has died: somebody must be able to reach the box.
    expect(roles([usb('enx1')], {}, before)).toEqual(['enx1', []]);
  });
});

describe('with settings', () => {
  const ports = [port('enp1s0'), port('enp2s0'), port('enp3s0')];

  test('names and MAC addresses win over the rule and over what was before', () => {
    expect(roles(ports, { managementPort: 'enp3s0' })).toEqual(['enp3s0', ['enp1s0']]);
    expect(roles(ports, { mirrorPorts: ['enp1s0', 'enp2s0'] })).toEqual(['enp3s0', ['enp1s0', 'enp2s0']]);
    const byMac = [port('enp1s0', { mac: '02:aa:00:00:00:01' }), port('enp2s0')];
    expect(roles(byMac, { mirrorPorts: ['02:aa:00:00:00:01'] })).toEqual(['enp2s0', ['enp1s0']]);
    expect(roles(ports, { managementPort: 'enp2s0' }, { management: 'enp1s0', mirror: ['enp2s0'] })).toEqual([
      'enp2s0',
      ['enp1s0'],
    ]);
  });

  test('one port named twice, by name and by MAC address, is one; the one that the box is reached by is none of the mirror', () => {
    const twice = [port('eth0', { mac: '02:aa:00:00:00:01' }), port('eth1', { mac: '02:aa:00:00:00:02' })];
    expect(roles(twice, { mirrorPorts: ['eth1', '02:aa:00:00:00:02'] })).toEqual(['eth0', ['eth1']]);
    const both = { managementPort: 'eth0', mirrorPorts: ['02:aa:00:00:00:01', 'eth1'] };
    expect(roles(twice, both)).toEqual(['eth0', ['eth1']]);
    expect(plan(twice, both).why.at(-1)).toBe('mirror: without eth0, which the box is reached by');
  });

  test('what is not there is said; a name is waited for', () => {
    const { mirror, missing } = plan(ports, { mirrorPorts: ['eth7', '02:bb:00:00:00:01'] });
    expect([mirror, missing]).toEqual([['eth7'], ['eth7', '02:bb:00:00:00:01']]);
  });
});
