/**
 * Which port is for management and which hang on the mirror: what the settings name, else by this rule, from what the ports are. Pure.
 *
 * - Management is the first built-in wired port, built-in before USB, then by name: the one that people find. With `device.wifi` it is the
 *   first wireless port.
 * - The mirror is the fastest other wired port, built-in before USB, then by name.
 * - One wired port and no Wi-Fi: it is for management, and nothing is metered.
 * - What was chosen before stays: a mirror port that is not there now keeps its name and is waited for, unless another wired port is free
 *   (an adapter that was replaced).
 */
import type { DeviceSettings } from '../../config/schema.ts';
import type { FoundPort } from '../../flow/set_up_shapes.ts';

export type PortFacts = FoundPort;

export interface PortPlan {
  readonly management: string | undefined;
  readonly mirror: readonly string[];
  /** How it came to that, a line each. */
  readonly why: readonly string[];
  /** What the settings name and is not there. */
  readonly missing: readonly string[];
}

/** By name; kept over boots. */
export interface RememberedPorts {
  readonly management: string;
  readonly mirror: readonly string[];
}

type Wanted = Pick<DeviceSettings, 'managementPort' | 'mirrorPorts'> & { readonly wifi: Pick<DeviceSettings['wifi'], 'ssid'> };

export function portPlan(ports: readonly PortFacts[], wanted: Wanted, remembered?: RememberedPorts): PortPlan {
  const why: string[] = [];
  const missing: string[] = [];
  /** A name that is not there is planned with: the port may come later. A MAC address that is not there has no name. */
  const named = (text: string): string | undefined => {
    const port = ports.find(({ name, mac }) => name === text || mac === text);
    if (port === undefined) missing.push(text);
    return port?.name ?? (text.includes(':') ? undefined : text);
  };
  const present = (name: string): boolean => ports.some((port) => port.name === name);

  // One port may be named twice, by name and by MAC address.
  const mirrorNamed = [...new Set(wanted.mirrorPorts.map(named).filter((name) => name !== undefined))];
  const wired = ports.filter(({ wireless }) => !wireless).sort(byOrder);
  const free = wired.filter(({ name }) => !mirrorNamed.includes(name));

  let management: string | undefined;
  if (wanted.managementPort !== '') {
    management = named(wanted.managementPort);
    why.push(`management: ${wanted.managementPort}, by device.managementPort`);
  } else if (wanted.wifi.ssid !== '') {
    management = ports.filter(({ wireless }) => wireless).sort(byOrder)[0]?.name;
    why.push(
      management === undefined
        ? 'management: device.wifi is set, but there is no wireless port'
        : `management: ${management}, over Wi-Fi`,
    );
  } else if (remembered !== undefined && free.some(({ name }) => name === remembered.management)) {
    management = remembered.management;
    why.push(`management: ${management}, as before`);
  } else {
    const first = free[0];
    management = first?.name;
    why.push(
      first === undefined
        ? 'management: this box has no wired port for it'
        : `management: ${inWords(first)}, the first ${place(first)} port`,
    );
  }

  if (wanted.mirrorPorts.length > 0) {
    why.push(`mirror: ${wanted.mirrorPorts.join(', ')}, by device.mirrorPorts`);
    const mirror = mirrorNamed.filter((name) => name !== management);
    if (mirror.length < mirrorNamed.length) why.push(`mirror: without ${management}, which the box is reached by`);
    return { management, mirror, why, missing };
  }
  const kept = (remembered?.mirror ?? []).filter((name) => name !== management);
  const others = wired.filter(({ name }) => name !== management).sort(bySpeed);
  if (kept.length > 0 && (kept.every(present) || others.length === 0)) {
    const absent = kept.filter((name) => !present(name));
    why.push(`mirror: ${kept.join(', ')}, as before${absent.length === 0 ? '' : `; not there now: ${absent.join(', ')}`}`);
    return { management, mirror: kept, why, missing };
  }
  const mirror = others[0];
  why.push(
    mirror === undefined
      ? 'mirror: none, since the only wired port is for management; a USB Ethernet adapter is a second one, or set device.wifi'
      : `mirror: ${inWords(mirror)}, the fastest of ${others.length === 1 ? 'one other port' : `${others.length} other ports`}`,
  );
  return { management, mirror: mirror === undefined ? [] : [mirror.name], why, missing };
}

const isBuiltIn = ({ bus }: PortFacts): boolean => bus === 'platform' || bus === 'pci';
const place = (port: PortFacts): string => (isBuiltIn(port) ? 'built-in' : port.bus === 'usb' ? 'USB' : 'other');
const inWords = ({ name, driver, mac }: PortFacts): string =>
  `${name} (${[driver, mac].filter((part) => part !== '').join(', ')})`;

/** Built-in before USB before others, then by name as people count (eth2 before eth10). */
function byOrder(a: PortFacts, b: PortFacts): number {
  const rank = (port: PortFacts): number => (isBuiltIn(port) ? 0 : port.bus === 'usb' ? 1 : 2);
  return rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true });
}

/** What is faster can take more of the mirror. A port without link does not tell how fast it is, and comes last. */
function bySpeed(a: PortFacts, b: PortFacts): number {
  return (b.speedMbps ?? 0) - (a.speedMbps ?? 0) || byOrder(a, b);
}
