/** Time servers that the network tells reach chrony: a real systemd-networkd is told of some by a real DHCP server, another one. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { networkMissing } from '../meter/network.ts';

const script = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/time_servers', import.meta.url));

/** In a network and a /run of its own. */
function inNetwork(look: string): string {
  const set = `
    mount -t tmpfs -o mode=755 none /run; mount -t sysfs -o ro none /sys
    mkdir -p /run/systemd/network /run/bin
    printf '#!/bin/sh\\necho "chronyc $*"\\n' >/run/bin/chronyc; chmod 755 /run/bin/chronyc
    sed 's/>.dev.null 2>&1//' '${script}' >/run/script
    time_servers() { PATH=/run/bin:$PATH sh /run/script; cat /run/chrony-dhcp/*; }
    printf '[Match]\\nName=man0\\n[Network]\\nDHCP=ipv4\\n' >/run/systemd/network/a.network
    # Newer servers (257) wait for a place to keep leases, unless they are not to.
    printf '[Match]\\nName=lan0\\n[Network]\\nAddress=192.0.2.1/24\\nDHCPServer=yes\\n[DHCPServer]\\nNTP=192.0.2.9 192.0.2.10\\nPersistLeases=no\\n' >/run/systemd/network/b.network
    ip link add man0 type veth peer name lan0
    /lib/systemd/systemd-networkd >/run/log 2>&1 & daemon=$!
    for try in $(seq 80); do ! grep -q '^NTP=1' /run/systemd/netif/state 2>/dev/null || break; sleep 0.25; done
    ${look}
    kill $daemon`;
  const isolation = ['--mount', '--net', '--propagation', 'private'];
  const { stdout, stderr } = spawnSync('unshare', [...isolation, 'sh', '-c', set], { encoding: 'utf8', timeout: 60_000 });
  return stdout + stderr;
}

const missing =
  networkMissing() ?? (existsSync('/lib/systemd/systemd-networkd') ? undefined : 'systemd-networkd is not installed');
test.skipIf(missing !== undefined)(
  `by DHCP; told again only when they changed; gone when the network takes them back${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const said = inNetwork(`
    time_servers; echo again; time_servers
    sed -i 's/^NTP=.*/NTP=192.0.2.11 $(reboot) *;x/' /run/systemd/netif/state; echo odd; time_servers
    rm /run/systemd/netif/state; echo gone; time_servers`);
    const two = ['server 192.0.2.9 iburst', 'server 192.0.2.10 iburst'];
    expect(said.trim().split('\n')).toEqual([
      ...['chronyc reload sources', ...two, 'again', ...two],
      ...['odd', 'chronyc reload sources', 'server 192.0.2.11 iburst', 'server reboot iburst', 'server x iburst'],
      ...['gone', 'chronyc reload sources'],
    ]);
  },
);
