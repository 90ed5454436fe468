/** What is published: small enough, with check sums of all, an update that its own boxes take, and an image that boots and meters. */
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { bootsAndMeters } from './boot_case.ts';
import { buildImage, inTools } from './built.ts';
import { Disk, endMachines, slotAt } from './machine.ts';
import { type Release, releaseImage } from './release.ts';

let release: Release;
beforeAll(async () => {
  release = await releaseImage();
}, 3_600_000);
afterEach(endMachines, 30_000);

const largestOctets = { amd64: 200e6, arm64: 260e6 };

test('its image is small enough, and unpacks to the disk as it is', () => {
  const octets = statSync(release.packed).size;
  process.stdout.write(
    `${basename(release.packed)}: ${(octets / 1e6).toFixed(1)} MB, unpacked ${statSync(release.image).size}\n`,
  );
  expect(octets).toBeLessThanOrEqual(largestOctets[release.architecture]);
});

test('everything that lies there has its check sum', () => {
  const told = execFileSync('sha256sum', ['--strict', '--check', 'SHA256SUMS'], { cwd: release.folder, encoding: 'utf8' });
  const name = basename(release.packed, '.img.xz');
  expect(told.split('\n').filter((line) => line.startsWith(`${name}.`))).toEqual(
    ['img.xz', 'spdx.json', 'packages', 'raucb'].map((kind) => `${name}.${kind}: OK`),
  );
});

test('boxes with this image take the update that comes with it, by the authority that they were given', () => {
  using disk = new Disk(release, 0);
  const keyring = disk.tool('unsquashfs', '-offset', String(slotAt.A), '-cat', disk.path, 'etc/rauc/keyring.pem');
  writeFileSync(join(disk.folder, 'keyring.pem'), keyring);
  const bundle = `${release.packed.slice(0, -'.img.xz'.length)}.raucb`;
  const [program, args] = inTools(release.tools, `${disk.folder} ${release.folder}`, [
    ...['rauc', 'info', '--output-format=shell', `--keyring=${disk.folder}/keyring.pem`, bundle],
  ]);
  const told = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  expect(told).toContain(`RAUC_MF_COMPATIBLE='flowspan-${release.architecture}'`);
});

test('a signer that its boxes do not know is refused before anything is made', async () => {
  const keys = join(release.cache, 'test-keys');
  const signer = ['--key', join(keys, 'forger.key'), '--certificate', join(keys, 'forger.pem')];
  const made = buildImage('--keyring', join(keys, 'authority.pem'), '--bundle', ...signer, '--output', 'build/refused');
  await expect(made).rejects.toThrow(/boxes with \S+authority\.pem would refuse bundles that \S+forger\.pem signs: .*issuer/);
});

test('boots from the packed form, takes settings from the FAT, meters and exports', { timeout: 1_500_000 }, () =>
  bootsAndMeters(release),
);
