/** The ports of this box and its serial number, as the kernel tells them below `/sys` and `/proc`. An edge: reads, decides nothing. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PortFacts } from './port_plan.ts';

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', '').trim();
  } catch {
    return ''; // not there, or (speed, carrier) not to be told while the port is down
  }
};
const linked = (path: string): string => {
  try {
    return basename(readlinkSync(path));
  } catch {
    return '';
  }
};

/** Ports with a device behind them: no loopback, VLAN, bridge. @param root of the file system, another one in tests */
export function readPorts(root: string): PortFacts[] {
  const net = join(root, 'sys/class/net');
  return names(net)
    .filter((name) => linked(join(net, name, 'device')) !== '')
    .map((name) => portOf(join(net, name), name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function portOf(folder: string, name: string): PortFacts {
  const bus = linked(join(folder, 'device/subsystem'));
  const speed = Number(text(join(folder, 'speed')) || -1);
  return {
    name,
    mac: text(join(folder, 'address')),
    driver: linked(join(folder, 'device/driver')),
    bus: bus === 'platform' || bus === 'pci' || bus === 'usb' ? bus : bus === 'virtio' ? 'pci' : 'other',
    wireless: names(join(folder, 'wireless')).length > 0 || linked(join(folder, 'phy80211')) !== '',
    speedMbps: speed > 0 ? speed : null,
    carrier: text(join(folder, 'carrier')) === '1',
  };
}

/** Of boards by the device tree, of PCs by DMI. */
export function readSerial(root: string): string | undefined {
  const places = ['proc/device-tree/serial-number', 'sys/class/dmi/id/product_serial', 'sys/class/dmi/id/board_serial'];
  return places.map((place) => text(join(root, place))).find((serial) => serial !== '');
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
