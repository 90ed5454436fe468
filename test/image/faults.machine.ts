/**
 * What goes wrong with a box that nobody visits: GRUB's variables, the data partition, a service that hangs, a kernel that hangs, power
 * that goes away at any moment. Each ends with a box that meters again by itself.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { answers, branchSettings, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 1_500_000);
afterEach(endMachines, 30_000);

function branchDisk(sizeGib = 4): Disk {
  const disk = new Disk(built, sizeGib);
  disk.write('flowspan.yaml', branchSettings(4_739));
  return disk;
}

describe('GRUB’s variables', () => {
  test.each([
    ['empty', ''],
    ['random', Array.from({ length: 1_024 }, (_, i) => String.fromCharCode(33 + ((i * 7_919) % 90))).join('')],
  ])('%s: the box starts slot A and writes them anew', async (_name, text) => {
    using disk = branchDisk();
    disk.write('flowspan/grubenv', text);
    const machine = await disk.boot().start();
    await machine.shows(/flowspan: starting slot A/, 120);
    await machine.shows(/flowspan: GRUB's variables were unreadable; they are new, beginning with slot A/, 300);
    await answers(machine, '/readyz', 200, 400);
    await machine.cutPower();
    expect(disk.read('flowspan/grubenv')).toMatch(/^# GRUB Environment Block\n[\s\S]*ORDER=A B\n/);
  });
});

describe('the data partition', () => {
  test('full: the box starts, shows its page, meters, and exports every packet', async () => {
    const collector = await new Collector().listen();
    using disk = branchDisk(0);
    disk.write('flowspan.yaml', branchSettings(collector.port));
    const { file, offset } = disk.dataPartition;
    const filler = `${disk.folder}/filler`;
    // Not zeros, of which debugfs makes a hole; more than there is room for, which ends its writing.
    execFileSync('sh', ['-c', `yes filled | head -c 128M >${filler}`]);
    disk.tool('debugfs', '-w', '-R', `write ${filler} filler`, `${file}?offset=${offset}`);
    rmSync(filler);
    const told = disk.tool('debugfs', '-R', 'stats -h', `${file}?offset=${offset}`);
    expect(Number(/^Free blocks: +(\d+)$/m.exec(told)?.[1])).toBeLessThan(10);
    const machine = await disk.boot().start();
    await machine.shows(/flowspan: the data partition takes nothing/, 300);
    await answers(machine, '/readyz', 200, 600);
    await machine.shows(/page +https:[\s\S]*state +metering/, 240);
    // Whoever is far away is told as well.
    const { events } = await statusOf(machine, await signIn(machine));
    expect(events.map(({ event }) => event)).toContain('dataPartitionUnused');
    const frames = siteConversations({ conversations: 10, segments: 10 }).map((packet) => captured(packet).frame);
    await machine.mirror(frames, 100);
    await expect.poll(() => collector.packets, { timeout: 120_000 }).toBe(frames.length);
    await collector.vanish();
    await machine.cutPower();
  });

  test.each([
    [
      'damaged beyond repair',
      (disk: Disk) => {
        const { file, offset } = disk.dataPartition;
        const handle = openSync(file, 'r+');
        writeSync(handle, Buffer.alloc(100 * 1024 ** 2, 0xa5), 0, 100 * 1024 ** 2, offset);
        closeSync(handle);
      },
    ],
    ['deleted', (disk: Disk) => void disk.tool('sfdisk', '--no-reread', '--delete', disk.path, '4')],
  ])('%s: made anew, said so, and the settings come from the boot partition again', async (_what, harm) => {
    using disk = branchDisk();
    harm(disk);
    const machine = await disk.boot().start();
    await machine.shows(/flowspan: the data partition could not be repaired: it is made anew/, 300);
    await machine.shows(/settings were taken/, 300);
    await answers(machine, '/readyz', 200, 400);
    // Whoever is far away is told as well.
    const { events, stores } = await statusOf(machine, await signIn(machine));
    expect(events.map(({ event }) => event)).toContain('dataPartitionMadeAnew');
    expect(stores.map(({ name, state }) => [name, state])).toEqual([
      ['history', 'open'],
      ['spool', 'open'],
    ]);
    await machine.cutPower();
  });
});

describe('what hangs', () => {
  test('the service: systemd’s watchdog ends it and starts it again', async () => {
    using disk = branchDisk();
    disk.probe(
      'hang',
      `until systemctl --quiet is-active flowspan.service; do sleep 1; done
pid=$(systemctl show --property MainPID --value flowspan.service)
echo "probe: stopping $pid"
kill -STOP $pid
until [ "$(systemctl show --property NRestarts --value flowspan.service)" = 1 ]; do sleep 1; done
echo "probe: started again after $(systemctl show --property Result --value flowspan.service)"
echo "probe: safe mode began at $(systemctl show --property ExecMainStartTimestampMonotonic --value flowspan-safe.service) us"
`,
    );
    const machine = await disk.boot().start();
    await machine.shows(/probe: stopping \d+/, 500);
    await machine.shows(/probe: started again/, 300);
    // Never: one failure does not make a box a mere page.
    await machine.shows(/probe: safe mode began at 0 us/, 30);
    await answers(machine, '/readyz', 200, 400);
    await machine.cutPower();
  });

  test('the kernel: the hardware’s watchdog resets the machine', async () => {
    using disk = branchDisk();
    // Only once: the second time the file on the data partition says that it was done.
    disk.probe(
      'crash',
      '[ ! -e /data/crashed ] || exit 0; until systemctl --quiet is-active flowspan.service; do sleep 1; done; touch /data/crashed; sync; echo "probe: the kernel stops here"; sysctl -qw kernel.panic=0; echo c >/proc/sysrq-trigger\n',
      'panic=0',
    );
    const machine = await disk.boot({ watchdog: true }).start();
    await machine.shows(/probe: the kernel stops here/, 500);
    await machine.shows(/the kernel stops here[\s\S]*flowspan: starting slot A/, 180);
    await answers(machine, '/readyz', 200, 500);
    await machine.cutPower();
  });
});

test('a service that cannot stay up: its page alone follows, says so, and the console too', async () => {
  using disk = branchDisk();
  disk.dropIn('flowspan.service', '[Service]\nExecStartPre=/bin/sh -c "echo this version cannot run; exit 1"\n');
  disk.probe('log', 'exec journalctl --follow --lines=all --unit=flowspan.service --unit=flowspan-safe.service --output=cat\n');
  const machine = await disk.boot().start();
  await answers(machine, '/', 200, 600);
  // Ten starts that failed, no more, and then the other service; nobody restarts the box.
  await machine.shows(/page +https:[\s\S]*state +not metering/, 120);
  expect(machine.console.match(/this version cannot run/g)).toHaveLength(10);
  expect(machine.console.match(/flowspan: starting slot/g)).toHaveLength(1);
  const cookie = await signIn(machine);
  const status = await statusOf(machine, cookie);
  expect([status.meter.source, status.notConfigured.join()]).toEqual(['none', expect.stringContaining('Safe mode')]);
  await machine.shutDown(180);
});
