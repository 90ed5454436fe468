/** What other programs are told, judged by those programs: systemd-networkd and udev read the files and act on them; values cannot break out. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSettings } from '../../../src/config/load.ts';
import type { DeviceSettings } from '../../../src/config/schema.ts';
import { type FileTexts, mirrorSysctls, networkFiles } from '../../../src/system/provision/network_files.ts';
import type { PortPlan } from '../../../src/system/provision/port_plan.ts';
import {
  chronySources,
  firewallPart,
  proxyEnvironment,
  wiredSupplicant,
  wirelessSupplicant,
} from '../../../src/system/provision/service_files.ts';
import { networkMissing } from '../../meter/network.ts';

const folder = mkdtempSync(join(tmpdir(), 'rendered-'));
afterAll(() => rmSync(folder, { recursive: true }));

function device(yaml: string): DeviceSettings {
  const result = parseSettings(`device: ${yaml}`);
  if (!('settings' in result)) throw new Error(JSON.stringify(result.faults));
  return result.settings.device;
}
const plan: PortPlan = { management: 'man0', mirror: ['mir0'], why: [], missing: [] };
const lines = (text: string | undefined): string[] =>
  (text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const faultsOf = (yaml: string): string[] => {
  const result = parseSettings(`device: ${yaml}`);
  return 'faults' in result ? result.faults.map(({ path, message }) => `${path}: ${message}`) : [];
};

describe('the network', () => {
  test('by DHCP and router advertisements: by MAC address the same client in both slots; the site’s DNS and time unless its own are set', () => {
    const files = networkFiles(plan, device('{}'), 'flowspan-3F2A');
    expect(Object.keys(files)).toEqual(
      ['10-management.network', '20-mirror.network', '20-mirror.link'].map((name) => `run/systemd/network/${name}`),
    );
    const management = lines(files['run/systemd/network/10-management.network']);
    expect(management).toEqual(
      expect.arrayContaining([
        'Group=7',
        'DHCP=yes',
        'IPv6AcceptRA=yes',
        'LLMNR=no',
        'ClientIdentifier=mac',
        'Hostname=flowspan-3F2A',
      ]),
    );
    expect(management.filter((line) => /^Use(DNS|NTP)/.test(line))).toEqual([]);
    const own = networkFiles(plan, device('{dnsServers: [192.0.2.53], timeServers: [{host: time.example}]}'), 'a');
    expect(lines(own['run/systemd/network/10-management.network'])).toEqual(
      expect.arrayContaining(['DNS=192.0.2.53', 'UseDNS=no', 'UseNTP=no']),
    );
  });

  test('a mirror port has nothing that speaks', () => {
    const files = networkFiles(plan, device('{}'), 'a');
    expect(lines(files['run/systemd/network/20-mirror.network'])).toEqual([
      ...[
        '[Match]',
        'Name=mir0',
        '[Link]',
        'ARP=no',
        'RequiredForOnline=no',
        'ActivationPolicy=always-up',
        '[Network]',
        'DHCP=no',
      ],
      ...['LinkLocalAddressing=no', 'IPv6AcceptRA=no', 'IPv6SendRA=no', 'LLMNR=no', 'MulticastDNS=no', 'LLDP=no', 'EmitLLDP=no'],
      ...['ConfigureWithoutCarrier=yes', 'IgnoreCarrierLoss=yes'],
    ]);
    expect(mirrorSysctls(['mir0'])['net/ipv6/conf/mir0/disable_ipv6']).toBe('1');
  });

  const missing =
    networkMissing() ?? (existsSync('/lib/systemd/systemd-networkd') ? undefined : 'systemd-networkd is not installed');
  test.skipIf(missing !== undefined)(
    `is what systemd-networkd makes of it, without a complaint${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      const given = device(
        '{ipv4: static, ipv6: static, addresses: [192.0.2.7/24, "2001:db8::7/64"], gateways: [192.0.2.1, "2001:db8::1"], vlan: 0, dnsServers: [192.0.2.53], searchDomains: [branch.example], timeServers: [{host: time.example}]}',
      );
      const log = inNetwork(
        networkFiles(plan, given, 'box'),
        'ip -json addr; echo; ip route; ip -6 route show default; cat /sys/class/net/mir0/flags',
      );
      expect(log.complaints).toEqual([]);
      const [first, ...rest] = log.out.trim().split('\n');
      const links = JSON.parse(first!) as {
        ifname: string;
        group: string;
        flags: string[];
        addr_info: { local: string; scope: string }[];
      }[];
      const [man, mir] = ['man0', 'mir0'].map((name) => links.find(({ ifname }) => ifname === name)!);
      expect(man!.group).toBe('7');
      expect(man!.addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local)).toEqual([
        '192.0.2.7',
        '2001:db8::7',
      ]);
      expect(rest.join('\n')).toMatch(/default via 192\.0\.2\.1 dev man0[\s\S]*default via 2001:db8::1 dev man0/);
      expect(mir!.flags).toEqual(expect.arrayContaining(['UP', 'NOARP']));
      expect(mir!.addr_info).toEqual([]);
    },
  );

  /** Runs networkd with these files, a moment, in a network of its own with two ports. */
  function inNetwork(files: FileTexts, look: string): { out: string; complaints: string[] } {
    const root = join(folder, 'networkd');
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const script = [
      'mount -t tmpfs -o mode=755 none /run; mkdir -p /run/systemd/network',
      // Without a writable /sys it does not wait for udev.
      'mount -t sysfs -o ro none /sys',
      `cp ${root}/run/systemd/network/* /run/systemd/network/`,
      'for name in man0 mir0; do ip link add $name type veth peer name p$name; ip link set p$name up; done',
      'SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-networkd 2>/run/log & daemon=$!',
      'for try in $(seq 60); do ip addr show dev man0 | grep -q "inet6 2001" && ip link show mir0 | grep -q NOARP && break; sleep 0.25; done',
      look,
      'kill $daemon; wait $daemon || true; echo ==; cat /run/log',
    ].join('\n');
    const { stdout, stderr } = spawnSync('unshare', ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const [out = '', log = ''] = stdout.split('\n==\n');
    const complaints = `${log}${stderr}`
      .split('\n')
      .filter(
        (line) =>
          /\.(network|netdev|link):\d+|Unknown (key|section)|Failed to parse|[Ii]gnoring/.test(line) &&
          /run\/systemd\/network/.test(line),
      );
    return { out, complaints };
  }

  test.skipIf(!existsSync('/usr/bin/udevadm'))('links are read by udev without a complaint', () => {
    const text = networkFiles(plan, device('{}'), 'a')['run/systemd/network/20-mirror.link']!;
    const script = `mount -t tmpfs none /run; mkdir -p /run/systemd/network; cat >/run/systemd/network/20-mirror.link; SYSTEMD_LOG_LEVEL=debug udevadm test-builtin net_setup_link /sys/class/net/lo`;
    const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8', input: text });
    expect(`${stdout}${stderr}`).toMatch(/20-mirror\.link|net_setup_link/);
    expect(`${stdout}${stderr}`.split('\n').filter((line) => /20-mirror\.link:\d+/.test(line))).toEqual([]);
  });

  test('a management VLAN has the addresses, the port below it none', () => {
    const files = networkFiles(plan, device('{vlan: 4094}'), 'box');
    const of = (name: string): string[] => lines(files[`run/systemd/network/${name}`]);
    expect(of('11-management-vlan.netdev')).toEqual(['[NetDev]', 'Name=mgmt.4094', 'Kind=vlan', '[VLAN]', 'Id=4094']);
    expect(of('10-management.network')).toEqual(
      expect.arrayContaining(['Name=man0', 'VLAN=mgmt.4094', 'DHCP=no', 'LinkLocalAddressing=no']),
    );
    expect(of('12-management-vlan.network')).toEqual(expect.arrayContaining(['Name=mgmt.4094', 'Group=7', 'DHCP=yes']));
  });
});

describe('settings that nobody could reach the box with are refused', () => {
  test.each([
    ['{ipv4: static}', 'device.addresses: not allowed; allowed: an IPv4 address when ipv4 is static'],
    ['{addresses: [192.0.2.7/24]}', 'device.addresses: not allowed; allowed: no IPv4 address while ipv4 is dhcp'],
    [
      '{ipv4: "off", ipv6: "off"}',
      'device.ipv6: not allowed; allowed: auto or static while ipv4 is off: nobody could reach the box',
    ],
    [
      '{managementPort: eth0, mirrorPorts: [eth0]}',
      'device.mirrorPorts: not allowed; allowed: other ports than managementPort: a mirror port has no address',
    ],
    ['{wired8021x: {method: tls, identity: box}}', 'device.wired8021x.caFile: not allowed; allowed: a value when method is tls'],
    ['{wifi: {ssid: office}}', 'device.wifi.ssid: not allowed; allowed: password and country beside ssid'],
    ['{hostName: "a b"}', 'device.hostName: not allowed'],
    ['{hostName: "a\\n[Network]"}', 'device.hostName: not allowed'],
    ['{timeServers: [{host: "a iburst\\nallow"}]}', 'device.timeServers[0].host: not allowed'],
    ['{wired8021x: {identity: "a\\nb"}}', 'device.wired8021x.identity: not allowed'],
    ['{proxy: "http://p:1\\nLD_PRELOAD=x"}', 'device.proxy: not allowed'],
    ['{sshKeys: ["ssh-ed25519 AAAA\\nssh-rsa B"]}', 'device.sshKeys[0]: not allowed'],
  ])('%s', (yaml, fault) => {
    expect(faultsOf(yaml).find((one) => one.startsWith(fault.split(' not allowed')[0]!))).toContain(
      fault
        .split('; allowed: ')
        .at(-1)!
        .replace(/^.*: not allowed$/, ''),
    );
  });
});

describe('other programs', () => {
  test('chrony asks who was named, by NTS where it was; without a time, dates of certificates do not count at first', () => {
    expect(lines(chronySources(device('{timeServers: [{host: time.example, nts: true}, {host: 192.0.2.123}]}')))).toEqual([
      'server time.example iburst nts',
      'server 192.0.2.123 iburst',
      'nocerttimecheck 1',
    ]);
    expect(lines(chronySources(device('{}')))).toEqual(['pool 2.debian.pool.ntp.org iburst']);
    if (spawnSync('chronyd', ['-v']).status === 0) {
      const file = join(folder, 'chrony.conf');
      writeFileSync(file, chronySources(device('{timeServers: [{host: time.example, nts: true}]}')));
      expect(execFileSync('chronyd', ['-p', '-f', file], { encoding: 'utf8' })).toContain('server time.example');
    }
  });

  test('the firewall of the image is told of another port of the page: it is open, and 443 and 80 lead there alone', () => {
    expect(firewallPart(8480)).toEqual({});
    const [part] = Object.values(firewallPart(8443));
    expect(lines(part)).toEqual([
      'add element inet flowspan page { 8443 }',
      'flush chain inet flowspan page_address',
      'add rule inet flowspan page_address meta iifgroup 7 tcp dport { 80, 443 } redirect to :8443',
    ]);
    if (process.getuid?.() !== 0) return;
    const image = readFileSync(new URL('../../../image/system/etc/nftables.conf', import.meta.url), 'utf8');
    const loaded = spawnSync('unshare', ['--net', 'sh', '-ec', 'nft -f -; nft list ruleset'], {
      encoding: 'utf8',
      input: image.replace(/^include .*$/m, part!),
    });
    expect([loaded.status, loaded.stderr]).toEqual([0, '']);
    expect(loaded.stdout.match(/redirect to :\d+/g)).toEqual(['redirect to :8443']);
    expect(loaded.stdout).toMatch(/elements = \{ 8443, 8480 \}/);
  });

  test('802.1X: what could end a string is written as digits', () => {
    const given = `{wired8021x: {method: peap, identity: 'box"} network={', password: 'pass#1', caFile: /etc/flowspan/certificates/radius.pem, domain: radius.example, anonymousIdentity: nobody}}`;
    expect(lines(wiredSupplicant(device(given)))).toEqual([
      ...['ctrl_interface=/run/wpa_supplicant', 'ap_scan=0', 'network={', '  key_mgmt=IEEE8021X', '  eap=PEAP'],
      `  identity=${Buffer.from('box"} network={').toString('hex')}`,
      ...[
        '  ca_cert="/etc/flowspan/certificates/radius.pem"',
        '  domain_suffix_match="radius.example"',
        '  anonymous_identity="nobody"',
      ],
      ...['  password="pass#1"', '  phase2="auth=MSCHAPV2"', '  eapol_flags=0', '}'],
    ]);
    const tls = wiredSupplicant(
      device('{wired8021x: {method: tls, identity: box, caFile: /a, certificateFile: /b, keyFile: /c}}'),
    );
    expect(lines(tls)).toEqual(expect.arrayContaining(['  eap=TLS', '  client_cert="/b"', '  private_key="/c"']));
    expect(wiredSupplicant(device('{}'))).toBeUndefined();
  });

  test('Wi-Fi, and the proxy for updates', () => {
    const text = lines(wirelessSupplicant(device(`{wifi: {ssid: 'Büro 2', password: 'say "please"', country: PT}}`)));
    expect(text).toEqual(
      expect.arrayContaining(['country=PT', `  ssid=${Buffer.from('Büro 2').toString('hex')}`, '  psk="say "please""']),
    );
    expect(Object.values(proxyEnvironment(device('{proxy: "http://proxy.example:3128"}')))[0]).toContain(
      'https_proxy=http://proxy.example:3128\n',
    );
  });
});
