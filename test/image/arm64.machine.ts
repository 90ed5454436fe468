/**
 * The image for arm64, through U-Boot and GRUB: on a board of virtual devices all that the one for x86-64 does (boot_case.ts), and on a
 * Raspberry Pi 3 as far as its emulation goes. U-Boot and the device tree of the latter are those that lie on the boot partition.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { branchSettings } from './boot.ts';
import { bootsAndMeters, sinceS } from './boot_case.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage('--arch', 'arm64');
}, 3_600_000);
afterEach(endMachines, 30_000);

/** The older partition table: type, first sector, count of sectors. */
function olderTable(path: string): (number | undefined)[][] {
  const sector = Buffer.alloc(512);
  const file = openSync(path, 'r');
  readSync(file, sector, 0, 512, 0);
  closeSync(file);
  expect([sector[510], sector[511]]).toEqual([0x55, 0xaa]);
  return [446, 462, 478, 494].map((at) => [sector[at + 4], sector.readUInt32LE(at + 8), sector.readUInt32LE(at + 12)]);
}
const bothTables = [
  [0x0c, 2_048, 320 * 2_048],
  // What all that know GPT look for.
  [0xee, 1, 2_047],
  [0, 0, 0],
  [0, 0, 0],
];
const afterGrowing = (disk: Disk): void => {
  const told = JSON.parse(disk.tool('sfdisk', '--json', disk.path)) as { partitiontable: { partitions: { size: number }[] } };
  expect(told.partitiontable.partitions[3]!.size).toBeGreaterThan(2 * 2_097_152);
  // Whoever grew it wrote one partition table, and left the other one alone.
  expect(olderTable(disk.path)).toEqual(bothTables);
};

test('the boot partition stands in both partition tables, as old and new firmware of a Raspberry Pi look for it', () => {
  expect(olderTable(built.image)).toEqual(bothTables);
  using disk = new Disk(built, 0);
  const told = disk.tool('sfdisk', '--json', disk.path);
  const { partitiontable } = JSON.parse(told) as { partitiontable: { label: string; partitions: { name: string }[] } };
  expect(partitiontable.label).toBe('gpt');
  expect(partitiontable.partitions.map(({ name }) => name)).toEqual([
    'flowspan-boot',
    'flowspan-a',
    'flowspan-b',
    'flowspan-data',
  ]);
  expect(disk.read('config.txt')).toMatch(/^kernel=u-boot\.bin$/m);
  const listed = disk.tool('mdir', '-b', '-i', `${disk.path}@@1M`, '::/').split('\n');
  for (const name of [
    'start4.elf',
    'fixup4.dat',
    'start.elf',
    'fixup.dat',
    'bootcode.bin',
    'u-boot.bin',
    'bcm2711-rpi-4-b.dtb',
    'bcm2711-rpi-cm4-io.dtb',
  ])
    expect(listed).toContain(`::/${name}`);
});

test(
  'on a board with U-Boot: boots, provisions, meters, exports, shows the page, and stops as planned',
  { timeout: 3_600_000 },
  () => bootsAndMeters(built, afterGrowing),
);

/** Kernel parameters that have systemd run one more script: systemd.system-credentials(7), systemd-debug-generator(8). */
function alsoRun(name: string, script: string): string[] {
  const unit = `[Service]\nType=oneshot\nExecStart=/bin/sh -euc '${script.replaceAll('%', '%%')}'\n`;
  const encoded = Buffer.from(unit).toString('base64');
  return [`systemd.set_credential_binary=systemd.extra-unit.${name}.service:${encoded}`, `systemd.wants=${name}.service`];
}
/** What the driver says that Debian's kernel lacks, loaded by udev for what the firmware's driver has found. */
const voltageOnConsole = [
  'until grep -qs rpi_volt /sys/class/hwmon/*/name; do sleep 1; done',
  'cd "$(dirname "$(grep -l rpi_volt /sys/class/hwmon/*/name)")"',
  'echo "$(cat name): in0_lcrit_alarm $(cat in0_lcrit_alarm)" >/dev/console',
].join('; ');

test('on a Raspberry Pi 3, whose card QEMU emulates slowly: U-Boot, GRUB, the kernel, systemd, and settings from the card', {
  timeout: 3_600_000,
}, async () => {
  using disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(4_739));
  // QEMU has no timer behind this watchdog: whoever starts it resets the machine at once (hw/misc/bcm2835_powermgt.c).
  const parameters = ['module_blacklist=bcm2835_wdt', ...alsoRun('voltage', voltageOnConsole)];
  disk.write('flowspan/boot.cfg', `set parameters="$parameters ${parameters.join(' ')}"\n`);
  const beganMs = performance.now();
  const machine = await disk.boot({ board: 'raspi3b' }).start();
  const stages: string[] = [];
  for (const [stage, pattern] of [
    // Its first words go to the port that was there before it read the device tree.
    ['U-Boot', /Hit any key to stop autoboot/],
    ['GRUB', /flowspan: starting slot A/],
    ['kernel', /Linux version|\[ +\d+\.\d+\]/],
    ['data partition', /flowspan-data: /],
    ['settings', /settings were taken/],
    // The emulated firmware is asked, and knows no other answer.
    ['voltage', /rpi_volt: in0_lcrit_alarm 0/],
  ] as const) {
    await machine.shows(pattern, 300);
    stages.push(`${stage} ${sinceS(beganMs)}`);
    process.stdout.write(`since power-on: ${stages.at(-1)}\n`);
  }
  await expect.poll(() => disk.read('OK.txt'), { timeout: 60_000 * machine.patience, interval: 2_000 }).toMatch(/in use/);
  await machine.cutPower();
});
