/** Names of IP protocols and EtherTypes that a reader knows (IANA protocol numbers, IEEE EtherTypes). Pure. */

const protocolNames: Readonly<Record<number, string>> = {
  0: 'hopopt',
  1: 'icmp',
  2: 'igmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  27: 'rdp',
  33: 'dccp',
  41: 'ipv6',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  88: 'eigrp',
  89: 'ospf',
  94: 'ipip',
  97: 'etherip',
  103: 'pim',
  108: 'ipcomp',
  112: 'vrrp',
  115: 'l2tp',
  132: 'sctp',
  136: 'udplite',
  137: 'mpls',
};

const etherTypeNames: Readonly<Record<number, string>> = {
  2048: 'ipv4',
  2054: 'arp',
  8947: 'trill',
  32821: 'rarp',
  32923: 'appletalk',
  33024: 'vlan',
  33079: 'ipx',
  34525: 'ipv6',
  34824: 'ethernet-control',
  34825: 'slow-protocols',
  34887: 'mpls',
  34888: 'mpls-multicast',
  34915: 'pppoe-discovery',
  34916: 'pppoe',
  34958: '802.1x',
  34984: '802.1ad',
  35020: 'lldp',
  35045: 'macsec',
  35063: 'ptp',
  35074: 'cfm',
  36864: 'loopback',
};

/** The same by name; of two numbers with one name the lower. */
export const protocolNumbers: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(protocolNames)
    .reverse()
    .map(([number, name]) => [name, Number(number)]),
);

/** `tcp`, or `proto-143` for a number without a common name. */
export function protocolName(number: number): string {
  return protocolNames[number] ?? `proto-${number}`;
}

/** Number of a protocol named as `protocolName` does, or undefined. */
export function protocolNumber(name: string): number | undefined {
  const own = /^proto-(\d{1,3})$/.exec(name);
  if (own !== null) return Number(own[1]) <= 255 ? Number(own[1]) : undefined;
  const found = Object.entries(protocolNames).find(([, value]) => value === name.toLowerCase());
  return found === undefined ? undefined : Number(found[0]);
}

/** `arp`, or `ethertype-88b5`; values up to 1500 are 802.3 lengths, whose payload is LLC. */
export function etherTypeName(type: number): string {
  if (type <= 1500) return 'llc';
  return etherTypeNames[type] ?? `ethertype-${type.toString(16).padStart(4, '0')}`;
}

/** What a record carries: its protocol, or its EtherType where it is not IP; empty where neither is known. */
export function protocolText(flow: Readonly<Record<string, string | number>>): string {
  if (flow.protocolIdentifier !== undefined) return protocolName(Number(flow.protocolIdentifier));
  return flow.ethernetType === undefined ? '' : etherTypeName(Number(flow.ethernetType));
}
