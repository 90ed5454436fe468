/**
 * The network of the box as files of systemd-networkd (systemd.network(5), systemd.netdev(5), systemd.link(5)). Pure: settings and
 * a plan of ports in, texts by path out. A mirror port gets no address, asks for none and answers nobody.
 */
import type { DeviceSettings } from '../../config/schema.ts';
import type { PortPlan } from './port_plan.ts';

/** Text by path below the root of the file system. */
export type FileTexts = Readonly<Record<string, string>>;

const head = '# Written by flowspan provision at every boot, from the settings of the box. Changes here are lost.';
const folder = 'run/systemd/network';
/** Of interfaces: the firewall lets something in and out there, and nowhere else. */
const group = 'Group=7';
/** Of the VLAN interface; at most 15 characters. */
export const vlanName = (vlan: number): string => `mgmt.${vlan}`;

type Section = readonly [name: string, lines: readonly (string | undefined)[]];

function text(...sections: readonly Section[]): string {
  const shown = sections.map(([name, lines]) => [`[${name}]`, ...lines.filter((line) => line !== undefined), ''].join('\n'));
  return [head, '', ...shown].join('\n');
}

/** The interface that has the addresses of management. */
export const addressedInterface = (
  { management }: Pick<PortPlan, 'management'>,
  { vlan }: Pick<DeviceSettings, 'vlan'>,
): string | undefined => (management === undefined || vlan === 0 ? management : vlanName(vlan));

export function networkFiles(plan: PortPlan, device: DeviceSettings, hostName: string): FileTexts {
  const files: Record<string, string> = {};
  const { management, mirror } = plan;
  if (management !== undefined) {
    if (device.vlan === 0) files[`${folder}/10-management.network`] = addressed(management, device, hostName);
    else {
      files[`${folder}/10-management.network`] = text(
        ['Match', [`Name=${management}`]],
        ['Link', [group, 'RequiredForOnline=no']],
        [
          'Network',
          [
            `VLAN=${vlanName(device.vlan)}`,
            'DHCP=no',
            'LinkLocalAddressing=no',
            'IPv6AcceptRA=no',
            'LLMNR=no',
            'MulticastDNS=no',
          ],
        ],
      );
      files[`${folder}/11-management-vlan.netdev`] = text(
        ['NetDev', [`Name=${vlanName(device.vlan)}`, 'Kind=vlan']],
        ['VLAN', [`Id=${device.vlan}`]],
      );
      files[`${folder}/12-management-vlan.network`] = addressed(vlanName(device.vlan), device, hostName);
    }
  }
  mirror.forEach((name, index) => {
    files[`${folder}/2${index}-mirror.network`] = mirrorPort(name);
    files[`${folder}/2${index}-mirror.link`] = text(
      ['Match', [`OriginalName=${name}`]],
      // PAUSE frames would hold the switch back; waking up on a mirrored magic packet would be odd.
      [
        'Link',
        [
          'NamePolicy=keep',
          'AutoNegotiationFlowControl=no',
          'RxFlowControl=no',
          'TxFlowControl=no',
          'WakeOnLan=off',
          'RxBufferSize=max',
        ],
      ],
    );
  });
  return files;
}

function addressed(name: string, device: DeviceSettings, hostName: string): string {
  const { ipv4, ipv6, addresses, gateways, dnsServers, searchDomains, timeServers } = device;
  const dhcp = ipv4 === 'dhcp' ? (ipv6 === 'auto' ? 'yes' : 'ipv4') : ipv6 === 'auto' ? 'ipv6' : 'no';
  const ownDns = dnsServers.length > 0 ? 'UseDNS=no' : undefined;
  const ownTime = timeServers.length > 0 ? 'UseNTP=no' : undefined;
  const family = (list: readonly string[]): string[] =>
    list.filter((one) => (one.includes(':') ? ipv6 === 'static' : ipv4 === 'static'));
  return text(
    ['Match', [`Name=${name}`]],
    ['Link', [group, 'RequiredForOnline=routable']],
    [
      'Network',
      [
        `DHCP=${dhcp}`,
        // Without IPv4 from anybody the box is still found by its name: 169.254.0.0/16 (RFC 3927).
        `LinkLocalAddressing=${ipv6 === 'off' ? (ipv4 === 'dhcp' ? 'ipv4' : 'no') : ipv4 === 'dhcp' ? 'yes' : 'ipv6'}`,
        `IPv6AcceptRA=${ipv6 === 'auto' ? 'yes' : 'no'}`,
        'IPv6PrivacyExtensions=no',
        ...family(addresses).map((one) => `Address=${one}`),
        ...family(gateways).map((one) => `Gateway=${one}`),
        ...dnsServers.map((one) => `DNS=${one}`),
        searchDomains.length === 0 ? undefined : `Domains=${searchDomains.join(' ')}`,
        'LLMNR=no',
        // avahi does that.
        'MulticastDNS=no',
        'LLDP=no',
        'EmitLLDP=no',
      ],
    ],
    // The same box is the same client whatever slot it runs from: by MAC address, not by machine-id.
    ['DHCPv4', ['ClientIdentifier=mac', `Hostname=${hostName}`, 'UseHostname=no', ownDns, ownTime]],
    ['DHCPv6', ['DUIDType=link-layer', 'UseHostname=no', ownDns, ownTime]],
    ['IPv6AcceptRA', [ownDns, ipv6 === 'auto' ? 'DHCPv6Client=yes' : undefined]],
  );
}

function mirrorPort(name: string): string {
  return text(
    ['Match', [`Name=${name}`]],
    ['Link', ['ARP=no', 'RequiredForOnline=no', 'ActivationPolicy=always-up']],
    [
      'Network',
      [
        'DHCP=no',
        'LinkLocalAddressing=no',
        'IPv6AcceptRA=no',
        'IPv6SendRA=no',
        'LLMNR=no',
        'MulticastDNS=no',
        'LLDP=no',
        'EmitLLDP=no',
        'ConfigureWithoutCarrier=yes',
        'IgnoreCarrierLoss=yes',
      ],
    ],
  );
}

/** Of the kernel, by path below /proc/sys: what no other file can say. */
export function mirrorSysctls(mirror: readonly string[]): FileTexts {
  const of = (name: string): [string, string][] => [
    [`net/ipv6/conf/${name}/disable_ipv6`, '1'],
    [`net/ipv4/conf/${name}/arp_ignore`, '8'],
    [`net/ipv4/conf/${name}/rp_filter`, '0'],
  ];
  return Object.fromEntries(mirror.flatMap(of));
}
