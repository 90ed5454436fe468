/** Folders that outlast updates, on a data partition that takes them and on one that takes nothing: the script as it is, in mounts of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/kept_folders', import.meta.url));
const canMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** @param data what becomes of the data partition before, in its folder; it has sixteen pages */
function keeps(data: string): string[] {
  const set = `
    mount -t tmpfs none /mnt && cd /mnt && mkdir bin data share run
    mount -t tmpfs -o size=64k none data
    printf '#!/bin/sh\\n' >bin/chown; chmod 755 bin/chown
    echo 'site: shipped' >share/flowspan.yaml
    sed 's|/data\\b|/mnt/data|g; s|/usr/share/flowspan-box|/mnt/share|; s|/run/flowspan|/mnt/run/flowspan|' '${script}' >kept
    (cd data && ${data})
    PATH=/mnt/bin:$PATH sh kept; echo "status $?"
    cat run/flowspan/data_partition 2>/dev/null
    ls data; cat data/settings/flowspan.yaml; stat -f -c %T data`;
  const { stdout, stderr } = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', set], { encoding: 'utf8' });
  expect(stderr).not.toMatch(/sh: |not found/);
  return stdout.trim().split('\n');
}
const folders = ['cache', 'chrony', 'flowspan', 'rauc', 'settings', 'setup', 'ssh', 'update'];
const inMemory = [
  'flowspan: the data partition takes nothing: until the next start all that is kept lies in memory',
  'status 0',
  'in memory',
];

describe.skipIf(!canMount)(`folders that outlast updates${canMount ? '' : ' (skipped: nothing can be mounted here)'}`, () => {
  test('a new partition: made on it, with the settings as shipped', () => {
    expect(keeps('true')).toEqual(['status 0', ...folders, 'site: shipped', 'tmpfs']);
  });

  test('one that has them, and is full: left as it is', () => {
    const before = `mkdir ${folders.join(' ')}; echo 'site: own' >settings/flowspan.yaml; head -c 1M /dev/zero >filler 2>/dev/null; true`;
    expect(keeps(before)).toEqual(['status 0', ...folders.toSpliced(2, 0, 'filler').sort(), 'site: own', 'tmpfs']);
  });

  test('full, with room for the folders and not for the settings: in memory, not with half of them', () => {
    const said = keeps(`mkdir ${folders.join(' ')}; head -c 1M /dev/zero >filler 2>/dev/null; true`);
    expect(said).toEqual([...inMemory, ...folders, 'site: shipped', 'tmpfs']);
  });

  test('read-only: in memory', () => {
    expect(keeps('mount -o remount,ro /mnt/data')).toEqual([...inMemory, ...folders, 'site: shipped', 'tmpfs']);
  });
});
