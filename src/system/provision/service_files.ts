/**
 * What other programs of the box are told: firewall, time service, 802.1X, Wi-Fi, SSH, proxy, the console. Pure: settings in, texts by path
 * out. Everything lies below /run, made anew at every boot.
 */
import type { DeviceSettings } from '../../config/schema.ts';
import type { FileTexts } from './network_files.ts';

const head = '# Written by flowspan provision at every boot, from the settings of the box. Changes here are lost.';
const file = (...lines: readonly string[]): string => [head, ...lines, ''].join('\n');

/** chrony.conf(5): sources, for a `confdir` of the image's chrony.conf. */
export function chronySources({ timeServers }: Pick<DeviceSettings, 'timeServers'>): string {
  if (timeServers.length === 0) return file('# What DHCP tells is in /run/chrony-dhcp.', 'pool 2.debian.pool.ntp.org iburst');
  const hasNts = timeServers.some(({ nts }) => nts);
  return file(
    ...timeServers.map(({ host, nts }) => `server ${host} iburst${nts ? ' nts' : ''}`),
    // A box that does not know the time cannot judge a certificate's dates: the first time they are not looked at.
    ...(hasNts ? ['nocerttimecheck 1'] : []),
  );
}

/** The firewall is the image's and goes by groups of interfaces (nft(8)); only another port of the page has to be told: that it is open, and where 443 and 80 lead. */
export function firewallPart(pagePort: number): FileTexts {
  if (pagePort === 8480 || pagePort === 0) return {};
  const rules = [
    `add element inet flowspan page { ${pagePort} }`,
    'flush chain inet flowspan page_address',
    `add rule inet flowspan page_address meta iifgroup 7 tcp dport { 80, 443 } redirect to :${pagePort}`,
  ];
  return { 'run/flowspan/nftables.d/10-page.nft': file(...rules) };
}

/** wpa_supplicant.conf(5): quoted where a value has nothing that ends a string, else as hexadecimal digits. */
const wpaText = (value: string): string => (/^[ !#-[\]-~]*$/.test(value) ? `"${value}"` : Buffer.from(value).toString('hex'));
const network = (lines: readonly (readonly [string, string])[]): string[] => [
  'network={',
  ...lines.map(([key, value]) => `  ${key}=${value}`),
  '}',
];

/** Wired 802.1X (IEEE 802.1X-2020) for the port below the VLAN; undefined where it is off. */
export function wiredSupplicant({ wired8021x: one }: Pick<DeviceSettings, 'wired8021x'>): string | undefined {
  if (one.method === 'off') return undefined;
  const server: [string, string][] = [
    ['ca_cert', wpaText(one.caFile)],
    ...(one.domain === '' ? [] : [['domain_suffix_match', wpaText(one.domain)] as [string, string]]),
    ...(one.anonymousIdentity === '' ? [] : [['anonymous_identity', wpaText(one.anonymousIdentity)] as [string, string]]),
  ];
  const ours: [string, string][] =
    one.method === 'tls'
      ? [
          ['client_cert', wpaText(one.certificateFile)],
          ['private_key', wpaText(one.keyFile)],
        ]
      : [
          ['password', wpaText(one.password)],
          ['phase2', wpaText(one.method === 'peap' ? 'auth=MSCHAPV2' : 'auth=PAP')],
        ];
  const what: [string, string][] = [
    ['key_mgmt', 'IEEE8021X'],
    ['eap', one.method.toUpperCase()],
    ['identity', wpaText(one.identity)],
    ...server,
    ...ours,
    // No dynamic WEP keys on a wire.
    ['eapol_flags', '0'],
  ];
  return file('ctrl_interface=/run/wpa_supplicant', 'ap_scan=0', ...network(what));
}

/** Undefined where none is to be used. */
export function wirelessSupplicant({ wifi }: Pick<DeviceSettings, 'wifi'>): string | undefined {
  if (wifi.ssid === '') return undefined;
  const what: [string, string][] = [
    ['ssid', wpaText(wifi.ssid)],
    ['key_mgmt', 'WPA-PSK SAE'],
    ['ieee80211w', '1'],
    // A pass phrase is text by its quotes: hexadecimal digits would be the key itself.
    ['psk', `"${wifi.password}"`],
  ];
  return file('ctrl_interface=/run/wpa_supplicant', `country=${wifi.country}`, ...network(what));
}

/** For `EnvironmentFile=` of what fetches updates. */
export function proxyEnvironment({ proxy }: Pick<DeviceSettings, 'proxy'>): FileTexts {
  if (proxy === '') return {};
  return { 'run/flowspan/proxy.env': file(`http_proxy=${proxy}`, `https_proxy=${proxy}`) };
}
