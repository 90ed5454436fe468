/** The same input gives the same octets: Debian's part, the package, the slot and the disk, made twice, the second time from nothing and elsewhere. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { repository } from './built.ts';

// For arm64 it is the same scripts, for an hour: scripts/image --arch arm64 --check-reproducible.
test('made again in another folder, another time zone and without the cache, all of it is the same', {
  timeout: 3_600_000,
}, () => {
  const args = ['scripts/image', '--unlocked', '--check-reproducible'];
  const { status, stdout, stderr } = spawnSync('sh', args, { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 26 });
  expect(status, `${stdout}${stderr}`).toBe(0);
  expect(stdout.match(/^.*: the same octets$/gm)).toHaveLength(6);
});
