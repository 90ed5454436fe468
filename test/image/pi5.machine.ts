/**
 * The image for Raspberry Pi 5, as far as a board of virtual devices goes, which none of its chips are on: the kernel of backports starts
 * with the box's system, meters, exports, and ends as planned. What its firmware and U-Boot look for lies on the boot partition.
 */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { bootsAndMeters } from './boot_case.ts';
import { type BuiltImage, buildImage, inTools } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage('--arch', 'arm64', '--board', 'pi5');
}, 3_600_000);
afterEach(endMachines, 30_000);

test('the boot partition has U-Boot and the device trees of both steppings, with RP1 in them, and no firmware of other models', () => {
  using disk = new Disk(built, 0);
  const listed = disk.tool('env', 'MTOOLS_SKIP_CHECK=1', 'mdir', '-b', '-i', `${disk.path}@@1M`, '::/').split('\n');
  const named = listed.map((line) => line.replace('::/', '').trim()).filter((name) => /\.(elf|dat|bin|dtb)$/.test(name));
  expect(named.sort()).toEqual(['bcm2712-d-rpi-5-b.dtb', 'bcm2712-rpi-5-b.dtb', 'u-boot.bin']);
  for (const name of named.filter((name) => name.endsWith('.dtb'))) {
    const tree = disk.read(name)!;
    // Its Ethernet and USB, and the slot that the card is in.
    for (const device of ['raspberrypi,rp1-gem', 'snps,dwc3', 'brcm,bcm2712-sdhci']) expect(tree).toContain(device);
  }
  for (const chip of ['brcm,bcm2712', 'brcm,bcm2712-sdhci']) expect(disk.read('u-boot.bin')).toContain(chip);
  expect(disk.read('config.txt')).toMatch(/^upstream_kernel=1$[\s\S]*^\[pi5\]\nenable_uart=0\n\[all\]$/m);
});

test('is a box of its own for updates: those for others have no driver for its ports', () => {
  const file = ['unsquashfs', '-cat', built.slot, 'etc/rauc/system.conf'];
  const [program, args] = inTools(built.tools, dirname(built.slot), file);
  expect(execFileSync(program, args, { encoding: 'utf8' })).toMatch(/^compatible=flowspan-arm64_pi5$/m);
});

test(
  'on a board with U-Boot and virtual devices: boots the kernel of backports, meters, exports, stops as planned',
  {
    timeout: 3_600_000,
  },
  () =>
    bootsAndMeters(built, (_disk, console) => {
      const [, release] = /stage: kernel (\d+\.\d+)\./.exec(console)!;
      expect(Number(release)).toBeGreaterThanOrEqual(7);
    }),
);
