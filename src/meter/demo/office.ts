/**
 * The people and things of the demo's branch office: about 25 hosts in four VLANs behind one router, and the servers they talk to.
 * Inside 10.17.VLAN.x and 2001:db8:17:VLAN::x; outside only documentation addresses (RFC 5737, RFC 3849) and example names
 * (RFC 2606). All MAC addresses are locally administered.
 */

export const vlans = { untagged: 0, office: 10, voice: 20, things: 30, guest: 40 } as const;

export interface Endpoint {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly v4: Uint8Array;
  readonly v6: Uint8Array;
  /** undefined: outside, behind the router. */
  readonly vlan: number | undefined;
  /** To the office and back; a fraction of a millisecond inside. */
  readonly rttS: number;
}

export interface Office {
  readonly desks: readonly Endpoint[];
  readonly phones: readonly Endpoint[];
  readonly guests: readonly Endpoint[];
  readonly printers: readonly Endpoint[];
  readonly sensors: readonly Endpoint[];
  readonly nas: Endpoint;
  readonly router: Endpoint;
  /** The switch and the monitoring box: untagged, as the router's own. */
  readonly switch: Endpoint;
  readonly monitor: Endpoint;
  /** The router as each VLAN sees it: its DNS, DHCP and NTP server. */
  readonly gateways: ReadonlyMap<number, Endpoint>;
}

const insideRttS = 0.000_4;

function inside(name: string, vlan: number, host: number): Endpoint {
  return {
    name,
    vlan,
    mac: Uint8Array.of(0x02, 0x17, 0x00, vlan, 0x00, host),
    v4: Uint8Array.of(10, 17, vlan, host),
    v6: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0x17, 0, bcd(vlan), 0, 0, 0, 0, 0, 0, 0, bcd(host)),
    rttS: insideRttS,
  };
}

/** The decimal digits read as hexadecimal ones, so that VLAN 10 is `:10:` in the text of the address. */
function bcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10);
}

function several(name: string, vlan: number, first: number, count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) => inside(`${name}-${i + 1}`, vlan, first + i));
}

export function branchOffice(): Office {
  const routerMac = Uint8Array.of(0x02, 0x17, 0, 0, 0, 1);
  const asGateway = (vlan: number): Endpoint => ({ ...inside('router', vlan, 1), mac: routerMac });
  return {
    desks: several('desk', vlans.office, 21, 9),
    phones: several('phone', vlans.voice, 11, 3),
    printers: several('printer', vlans.things, 11, 2),
    sensors: several('sensor', vlans.things, 31, 3),
    guests: several('guest', vlans.guest, 51, 4),
    nas: inside('nas', vlans.office, 10),
    router: asGateway(vlans.untagged),
    switch: inside('switch', vlans.untagged, 2),
    monitor: inside('monitor', vlans.untagged, 5),
    gateways: new Map([vlans.office, vlans.voice, vlans.things, vlans.guest].map((vlan) => [vlan, asGateway(vlan)])),
  };
}

function outside(name: string, network: readonly [number, number, number], host: number, rttMs: number): Endpoint {
  return {
    name,
    vlan: undefined,
    mac: Uint8Array.of(0x02, 0x17, 0, 0, 0, 1),
    v4: Uint8Array.of(...network, host),
    v6: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, 0, network[0], 0, 0, 0, 0, 0, 0, 0, bcd(host % 100)),
    rttS: rttMs / 1_000,
  };
}

const near = [192, 0, 2] as const;
const middle = [198, 51, 100] as const;
const far = [203, 0, 113] as const;

/** In order of how often people go there. */
export const sites: readonly Endpoint[] = [
  outside('www.example.com', near, 10, 9),
  outside('cdn.example.net', near, 20, 8),
  outside('search.example.com', middle, 11, 14),
  outside('news.example.org', middle, 25, 18),
  outside('static.example.com', near, 21, 8),
  outside('crm.example.com', middle, 40, 22),
  outside('api.example.net', far, 15, 35),
  outside('wiki.example.org', far, 33, 28),
  outside('shop.example.com', far, 50, 41),
  outside('ads.example.net', middle, 66, 19),
  outside('docs.example.com', near, 30, 12),
  outside('travel.example.org', far, 77, 60),
];

export const services = {
  meetings: outside('meet.example.com', near, 60, 16),
  films: outside('films.example.net', near, 70, 11),
  updates: outside('updates.example.com', middle, 80, 12),
  mail: outside('mail.example.com', middle, 90, 24),
  telephony: outside('sip.example.com', far, 20, 20),
  sensors: outside('mqtt.example.net', far, 88, 38),
  time: outside('ntp.example.org', middle, 12, 15),
  resolver: outside('dns.example.net', near, 53, 8),
} as const;

/** An address of the link alone: multicast or broadcast, with the MAC address that goes with it. */
function group(name: string, mac: readonly number[], v4: readonly number[], v6: readonly number[]): Endpoint {
  return { name, mac: Uint8Array.from(mac), v4: Uint8Array.from(v4), v6: Uint8Array.from(v6), vlan: -1, rttS: 0 };
}

const allNodes = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
export const groups = {
  broadcast: group('broadcast', [255, 255, 255, 255, 255, 255], [255, 255, 255, 255], allNodes),
  // RFC 6762 3: 224.0.0.251 and ff02::fb; the MAC addresses follow from RFC 1112 6.4 and RFC 2464 7.
  mdnsV4: group('mdns', [1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251], allNodes),
  mdnsV6: group('mdns', [0x33, 0x33, 0, 0, 0, 0xfb], [224, 0, 0, 251], [...allNodes.slice(0, 15), 0xfb]),
} as const;
