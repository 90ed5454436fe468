/**
 * Management over Wi-Fi: the box with two radios that its kernel emulates (mac80211_hwsim), of which one becomes the site's access point. Air
 * alone is simulated: association, keys and DHCP go between wpa_supplicant, kernel and networkd as on a board.
 */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { branchSettings, ports } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 3_600_000);
afterEach(endMachines, 30_000);

const passPhrase = 'correct horse battery staple';

/** The other radio as the site's access point, with DHCP. It lives in the same kernel, so the firewall is told of it. */
const accessPoint = `
until [ -e /sys/class/net/wlan1 ] && nft list table inet flowspan >/dev/null 2>&1; do sleep 1; done
nft insert rule inet flowspan input iifname wlan1 accept
nft insert rule inet flowspan output oifname wlan1 accept
printf 'country=PT\\nnetwork={\\nmode=2\\nssid="branch office"\\nfrequency=2412\\nkey_mgmt=WPA-PSK\\nproto=RSN\\npairwise=CCMP\\nieee80211w=1\\npsk="%s"\\n}\\n' '${passPhrase}' >/run/air.conf
printf '[Match]\\nName=wlan1\\n[Network]\\nAddress=10.9.0.1/24\\nDHCPServer=yes\\nIPv6AcceptRA=no\\n[DHCPServer]\\nPoolOffset=20\\nPoolSize=1\\n' >/run/systemd/network/05-air.network
networkctl reload
wpa_supplicant -B -D nl80211 -i wlan1 -c /run/air.conf
until wpa_cli -i wlan0 status 2>/dev/null | grep -q '^wpa_state=COMPLETED'; do sleep 2; done
echo "air: $(wpa_cli -i wlan0 status | grep -E '^(ssid|key_mgmt|pairwise_cipher|wpa_state)=' | tr '\\n' ' ')"
until ip -brief -4 address show wlan0 | grep -q 10.9.0; do sleep 2; done
echo "air: $(ip -brief -4 address show wlan0)"
echo "air: $(ip -4 route show default)"
# With this script its access point would end.
exec sleep infinity
`;

test('a box that is managed over Wi-Fi joins the network of its settings, has an address there, and its page', {
  timeout: 1_800_000,
}, async () => {
  using disk = new Disk(built);
  const device = { mirrorPorts: [ports.mirror], wifi: { ssid: 'branch office', password: passPhrase, country: 'PT' } };
  disk.write('flowspan.yaml', branchSettings(4_739, { device }));
  disk.probe('air', accessPoint, 'modules_load=mac80211_hwsim');
  const machine = await disk.boot().start();
  await machine.shows(/settings were taken/, 300);
  const [, joined] = await machine.shows(/air: (\S.*wpa_state=\S+)/, 300);
  expect(joined).toMatch(/ssid=branch office .*pairwise_cipher=CCMP .*key_mgmt=WPA2-PSK.* wpa_state=COMPLETED/);
  const [, address] = await machine.shows(/air: wlan0 +UP +(10\.9\.0\.\d+)\/24/, 120);
  await machine.shows(/air: default via 10\.9\.0\.1 dev wlan0 /, 60);
  await machine.shows(new RegExp(`page {5}https://${address!.replaceAll('.', '\\.')}/\\s`), 300);
  expect(disk.read('OK.txt')).toMatch(/management: wlan0, over Wi-Fi/);
  await machine.shutDown(120);
});
