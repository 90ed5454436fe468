/**
 * Figures of the whole box on the emulated machine: time to the first metered packet, what start-up waits for, memory, octets written.
 * Printed, for image/README.md; asserted only where a bound holds on any machine. BUSY_S sets how long traffic is metered.
 */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { captured, siteConversations } from '../captures/conversations.ts';
import { answers, branchSettings, sees, signIn } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

const busyS = Number(process.env.BUSY_S ?? 120);

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 1_500_000);
afterEach(endMachines, 30_000);

test('start, memory and wear', async () => {
  using disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(4_739));
  disk.probe(
    'figures',
    `until [ -z "$(systemctl list-jobs --no-legend --plain | grep -v figures)" ]; do sleep 2; done
systemd-analyze time
systemd-analyze critical-chain --no-pager
systemd-analyze blame --no-pager | head -n 12
written() { awk '$3 == "vda4" { print $10 * 512 }' /proc/diskstats; }
before=$(written)
sleep ${busyS}
echo "figures: memory $(awk '/MemTotal/ { t = $2 } /MemAvailable/ { a = $2 } END { print t - a }' /proc/meminfo) kB used of the whole box"
echo "figures: service $(systemctl show --property MemoryCurrent --value flowspan.service) octets"
echo "figures: written $(($(written) - before)) octets to the data partition in ${busyS} s"
echo "figures: security $(systemd-analyze security flowspan.service --no-pager | tail -n 1)"
`,
  );
  const beganMs = performance.now();
  const sinceS = (): number => Math.round((performance.now() - beganMs) / 100) / 10;
  const machine = await disk.boot().start();
  await machine.shows(/flowspan: starting slot A/, 120);
  const grubS = sinceS();
  await answers(machine, '/readyz', 200, 600);
  const readyS = sinceS();
  const cookie = await signIn(machine);
  const frames = siteConversations({ conversations: 20 }).map((packet) => captured(packet).frame);
  await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  await machine.mirror(frames.slice(0, 1), 20);
  await sees(machine, cookie, 'a packet', ({ ledger }) => ledger.received.packets > 0, 60);
  const firstPacketS = sinceS();
  await machine.mirror(frames, 100);
  const [, memoryKb] = await machine.shows(/figures: memory (\d+) kB/, busyS + 600);
  await machine.shows(/figures: security .*/, 120);
  const told = machine.console.split('\n').filter((line) => /\] (figures|sh)\[|figures\[/.test(line));
  process.stdout.write(
    [`GRUB ${grubS} s, ready ${readyS} s, first packet ${firstPacketS} s after power-on`, ...told, ''].join('\n'),
  );
  expect(Number(memoryKb)).toBeLessThan(350 * 1_000);
  await machine.cutPower();
});
