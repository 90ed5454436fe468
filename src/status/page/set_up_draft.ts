/**
 * The set-up form as somebody types it: texts, an address family at a time. To and from what the box takes, and its faults at the fields that
 * are wrong. Pure.
 */
import type { SetUpFault, SetUpForm } from '../../flow/set_up_shapes.ts';

export interface SetUpDraft {
  readonly site: string;
  readonly hostName: string;
  /** Empty: by the rule. */
  readonly managementPort: string;
  /** Names with commas between them; empty: by the rule. */
  readonly mirrorPorts: string;
  readonly ipv4: SetUpForm['ipv4'];
  readonly ipv4Addresses: string;
  readonly ipv4Gateways: string;
  readonly ipv6: SetUpForm['ipv6'];
  readonly ipv6Addresses: string;
  readonly ipv6Gateways: string;
  readonly dnsServers: string;
  /** Empty: untagged. */
  readonly vlan: string;
  /** `name` or `name nts`, with commas between them. */
  readonly timeServers: string;
  readonly collectorHost: string;
  readonly collectorPort: string;
  readonly collectorTransport: SetUpForm['collector']['transport'];
  readonly collectorCa: string;
  readonly brokerHost: string;
  readonly brokerPort: string;
  readonly brokerTls: boolean;
  readonly brokerUsername: string;
  readonly brokerPassword: string;
  readonly brokerCa: string;
  readonly updateFolder: string;
}

export type DraftFaults = Partial<Record<keyof SetUpDraft | '', string>>;

const isV6 = (text: string): boolean => text.includes(':');
const joined = (list: readonly string[]): string => list.join(', ');
const words = (text: string): string[] => text.split(/[\s,;]+/).filter((word) => word !== '');

export function draftOf(form: SetUpForm): SetUpDraft {
  const { site, hostName, managementPort, mirrorPorts, ipv4, ipv6, addresses, gateways, collector, broker } = form;
  return {
    ...{ site, hostName, managementPort, ipv4, ipv6, mirrorPorts: joined(mirrorPorts), updateFolder: form.updateFolder },
    ipv4Addresses: joined(addresses.filter((one) => !isV6(one))),
    ipv4Gateways: joined(gateways.filter((one) => !isV6(one))),
    ipv6Addresses: joined(addresses.filter(isV6)),
    ipv6Gateways: joined(gateways.filter(isV6)),
    dnsServers: joined(form.dnsServers),
    vlan: form.vlan === 0 ? '' : String(form.vlan),
    timeServers: joined(form.timeServers.map(({ host, nts }) => (nts ? `${host} nts` : host))),
    collectorHost: collector.host,
    collectorPort: String(collector.port),
    collectorTransport: collector.transport,
    collectorCa: '',
    brokerHost: broker.host,
    brokerPort: String(broker.port),
    brokerTls: broker.tls,
    brokerUsername: broker.username,
    ...{ brokerPassword: '', brokerCa: '' },
  };
}

/** What is hidden while an address comes by itself is not sent. */
export function formOfDraft(draft: SetUpDraft): SetUpForm {
  const ofV4 = (text: string): string[] => (draft.ipv4 === 'static' ? words(text) : []);
  const ofV6 = (text: string): string[] => (draft.ipv6 === 'static' ? words(text) : []);
  return {
    ...{ site: draft.site.trim(), hostName: draft.hostName.trim(), managementPort: draft.managementPort },
    ...{ mirrorPorts: words(draft.mirrorPorts), ipv4: draft.ipv4, ipv6: draft.ipv6 },
    addresses: [...ofV4(draft.ipv4Addresses), ...ofV6(draft.ipv6Addresses)],
    gateways: [...ofV4(draft.ipv4Gateways), ...ofV6(draft.ipv6Gateways)],
    dnsServers: words(draft.dnsServers),
    vlan: numberOf(draft.vlan, 0),
    timeServers: draft.timeServers
      .split(/[,;\n]+/)
      .map((one) => words(one))
      .filter((one) => one.length > 0)
      .map((one) => ({
        host: one.filter((word, at) => at === 0 || word !== 'nts').join(' '),
        nts: one.length > 1 && one.at(-1) === 'nts',
      })),
    collector: {
      host: draft.collectorHost.trim(),
      port: numberOf(draft.collectorPort, 4739),
      transport: draft.collectorTransport,
      ca: draft.collectorCa,
    },
    broker: {
      host: draft.brokerHost.trim(),
      port: numberOf(draft.brokerPort, 1883),
      tls: draft.brokerTls,
      username: draft.brokerUsername,
      password: draft.brokerPassword,
      ca: draft.brokerCa,
    },
    updateFolder: draft.updateFolder.trim(),
  };
}

/** What is no number is one that is allowed nowhere: the box says what is. */
function numberOf(text: string, empty: number): number {
  const plain = text.trim();
  return plain === '' ? empty : /^\d{1,9}$/.test(plain) ? Number(plain) : -1;
}

/** The first at each field, in the box's words; what no field shows stands under the empty one. */
export function draftFaults(faults: readonly SetUpFault[], form: SetUpForm): DraftFaults {
  const found: DraftFaults = {};
  for (const fault of faults) {
    const field = draftField(fault, form);
    found[field] ??= fault.message;
  }
  return found;
}

function draftField({ field, index, message }: SetUpFault, form: SetUpForm): keyof SetUpDraft | '' {
  if (field === 'addresses' || field === 'gateways') {
    const isOfV6 = index < 0 ? message.includes('IPv6') || form.ipv4 !== 'static' : index >= countOfV4(form, field);
    const family = isOfV6 ? 'ipv6' : 'ipv4';
    return `${family}${field === 'addresses' ? 'Addresses' : 'Gateways'}`;
  }
  const [part, inner] = field.split('.');
  if (inner !== undefined) return `${part}${inner.charAt(0).toUpperCase()}${inner.slice(1)}` as keyof SetUpDraft;
  return part === 'collector' || part === 'broker' ? `${part}Host` : (part as keyof SetUpDraft | '');
}

/** They come first; one that cannot be told by its form is of the family that is asked for. */
function countOfV4(form: SetUpForm, field: 'addresses' | 'gateways'): number {
  if (form.ipv4 !== 'static') return 0;
  return form.ipv6 === 'static' ? form[field].filter((one) => !isV6(one)).length : form[field].length;
}

/** Where the page will be: by its own address, else by its name. Undefined where nobody can tell beforehand. */
export function addressAfter(form: SetUpForm): string | undefined {
  const [first] = form.addresses;
  if (first !== undefined) {
    const address = first.split('/')[0]!;
    return isV6(address) ? `https://[${address}]/` : `https://${address}/`;
  }
  return form.hostName === '' ? undefined : `https://${form.hostName}.local/`;
}
