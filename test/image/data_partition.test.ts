/** The check of the data partition: the script as it is, with a real ext4 on a loop device, sound, damaged, and on a disk that takes nothing any more. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/data_partition', import.meta.url));
const kept = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/kept_folders', import.meta.url));
const trial =
  'mount -t tmpfs none /mnt && truncate -s 16M /mnt/disk && mkfs.ext4 -q /mnt/disk && mkdir /mnt/at && mount -o loop /mnt/disk /mnt/at';
const canLoop = spawnSync('unshare', ['--mount', 'sh', '-c', trial]).status === 0;

/** @param before what becomes of the partition's file; @param options of its loop device */
function checks(before: string, options = ''): string[] {
  const set = `
    mount -t tmpfs none /mnt && cd /mnt && mkdir -p bin run by share data && truncate -s 136M disk
    mkfs.ext4 -q -F -b 4096 -O ^orphan_file disk && mkdir at && mount -o loop disk at && echo before >at/kept && umount at
    ${before}
    loop=$(losetup ${options} --find --show disk) && ln -s "$loop" by/data
    for name in udevadm chown; do printf '#!/bin/sh\\n' >bin/$name; chmod 755 bin/$name; done
    sed 's|/dev/disk/by-partlabel/flowspan-data|/mnt/by/data|; s|/run/flowspan|/mnt/run/flowspan|g' '${script}' >check
    PATH=/mnt/bin:$PATH sh check 2>/dev/null | grep ^flowspan; sh -c 'true'
    echo "report: $(cat run/flowspan/data_partition 2>/dev/null)"
    mount -t ext4 -o noatime by/data data && echo "holds: $(cat data/kept 2>/dev/null)"
    echo 'site: shipped' >share/flowspan.yaml
    sed 's|/data\\b|/mnt/data|g; s|/usr/share/flowspan-box|/mnt/share|; s|/run/flowspan|/mnt/run/flowspan|' '${kept}' >folders
    PATH=/mnt/bin:$PATH sh folders && cat data/settings/flowspan.yaml && stat -f -c %T data
    cd / && umount /mnt/data; losetup -d "$(readlink /mnt/by/data)" "$loop" 2>/dev/null; true`;
  const { stdout, stderr } = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', set], { encoding: 'utf8' });
  expect(stderr).not.toMatch(/sh: |not found/);
  return stdout.trim().split('\n');
}
/** Over the beginning, and over the copy of what stands there: it begins the second group of blocks. */
const noise = 'for at in 0 128; do dd if=/dev/urandom of=disk bs=1M seek=$at count=8 conv=notrunc 2>/dev/null; done';
const usable = ['site: shipped', 'ext2/ext3'];
const damaged = 'flowspan: the data partition is damaged (e2fsck: 8): repairing it';
const anew = 'flowspan: the data partition could not be repaired: it is made anew, history and waiting records are gone';

describe.skipIf(!canLoop)(`the data partition${canLoop ? '' : ' (skipped: no loop device can be mounted here)'}`, () => {
  test('sound: left as it is, and nothing said', () => {
    expect(checks('')).toEqual(['report: ', 'holds: before', ...usable]);
  });

  test('its beginning overwritten: repaired, and what was there is still there', () => {
    const before = 'dd if=/dev/zero of=disk bs=1024 seek=1 count=1 conv=notrunc 2>/dev/null';
    expect(checks(before)).toEqual([damaged, 'report: repaired', 'holds: before', ...usable]);
  });

  test('noise all over: made anew', () => {
    expect(checks(noise)).toEqual([damaged, anew, 'report: made anew', 'holds: ', ...usable]);
  });

  test('noise, on a disk that takes nothing: a disk in memory stands in its place, and the box has all it needs', () => {
    const memory = 'flowspan: the data partition cannot be made anew: until the next start all that is kept lies in memory';
    expect(checks(noise, '--read-only')).toEqual([damaged, anew, memory, 'report: in memory', 'holds: ', ...usable]);
  });
});
