/** What the image is made of, as far as it can be checked without making it: scripts, units, firewall, lock, list of parts. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { debianParts, driverParts, licencesOfCopyright, spdx } from '../../image/make/sbom.ts';
import { parseSettings } from '../../src/config/load.ts';
import { provisionPlan } from '../../src/system/provision/provision_plan.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../image/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(path(name), 'utf8');
const names = (list: string): string[] =>
  read(list)
    .split('\n')
    .map((line) => line.replace(/ *#.*/, ''))
    .filter((line) => line !== '');
const below = (folder: string): string[] => readdirSync(path(folder)).map((name) => `${folder}/${name}`);

describe('scripts', () => {
  const scripts = [...below('make'), ...below('system/usr/lib/flowspan-box')].filter((name) => !/\.(ts|sh)$/.test(name));

  test.each(scripts)('%s can be run, and read by a plain shell', (name) => {
    expect(read(name)).toMatch(/^#!\/bin\/sh\n# /);
    expect(statSync(path(name)).mode & 0o111).toBe(0o111);
    execFileSync('sh', ['-n', path(name)]);
  });

  test('all that makes the image is in the repository: none of it has a name that git passes over', () => {
    const repository = path('..');
    const listed = execFileSync('git', ['-C', repository, 'status', '--short', '--ignored', '--', 'image'], { encoding: 'utf8' });
    expect(listed.split('\n').filter((line) => line.startsWith('!!'))).toEqual([]);
  });

  test('a root file system made for this machine does not change for which one the caller makes an image', () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowspan-bootstrap-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    for (const command of ['mmdebstrap', 'arch-test']) writeFileSync(join(folder, command), '#!/bin/sh\n', { mode: 0o755 });
    const script = `. ${path('make/debian.sh')}; architecture=arm64 target=mine; bootstrap amd64 make ${folder}/tree; echo $architecture $target`;
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, FLOWSPAN_MIRROR: 'http://mirror.example/debian' };
    expect(execFileSync('sh', ['-euc', script], { encoding: 'utf8', env })).toBe('arm64 mine\n');
  });

  test('what units call is there', () => {
    const units = readdirSync(path('system/usr/lib/systemd/system'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(service|conf)$/.test(name))
      .map((name) => read(`system/usr/lib/systemd/system/${name}`));
    const called = units.flatMap((unit) => [...unit.matchAll(/\/usr\/lib\/flowspan-box\/(\w+)/g)].map(([, name]) => name!));
    expect(called.length).toBeGreaterThan(5);
    const there = readdirSync(path('system/usr/lib/flowspan-box'));
    expect(called.filter((name) => !there.includes(name))).toEqual([]);
  });
});

test('the firewall is one that nft takes', () => {
  execFileSync('unshare', ['--net', 'nft', '--check', '--file', path('system/etc/nftables.conf')]);
});

test('the example on the boot partition is one that a box takes, as it is and with all that stands there for choice', () => {
  const example = read('boot/flowspan.example.yaml');
  const chosen = example.replace(
    /^( *)# ((?:status|managementPort|mirrorPorts|ipv4|addresses|gateways|dnsServers|timeServers): .*)$/gm,
    '$1$2',
  );
  expect(chosen.match(/^ {2}\w+: /gm)).toHaveLength(8);
  for (const text of [example, chosen.replaceAll('XXXX', '7Q2M')]) {
    const { state, faults, settingsText } = provisionPlan({
      offered: { file: 'flowspan.yaml', text: text.replaceAll('\n', '\r\n'), files: {} },
      kept: { text: undefined, memory: undefined },
      ports: [],
      serial: undefined,
      nowMs: undefined,
    });
    expect([state, faults]).toEqual(['taken', []]);
    // The page of a box is for others than the box.
    expect(parseSettings(settingsText!)).toMatchObject({ settings: { site: 'lisbon-02', status: { address: '::' } } });
  }
  expect(readFileSync(path('../scripts/image'), 'utf8')).toContain(
    'image/boot/flowspan.example.yaml >"$boot/top/flowspan.example.yaml"',
  );
});

describe('the lock', () => {
  test.each(['amd64', 'arm64', 'arm64_pi5'])('%s names every package that is asked for, each once', (box) => {
    const [architecture] = box.split('_');
    const locked = names(`lock/${box}`).map((line) => line.split('=') as [string, string]);
    expect(locked.every(([name, version]) => name !== '' && version !== undefined && version !== '')).toBe(true);
    const lockedNames = locked.map(([name]) => name);
    expect(new Set(lockedNames).size).toBe(lockedNames.length);
    const asked = [...names('packages/system'), ...names(`packages/system.${architecture}`)];
    expect(asked.filter((name) => !lockedNames.includes(name))).toEqual([]);
  });
});

describe('the image for Raspberry Pi 5', () => {
  const lock = (box: string): string[][] => names(`lock/${box}`).map((line) => line.split('='));

  test('differs from the one for others by its kernel, which is of backports, and by nothing else', () => {
    const patterns = names('packages/backports.arm64_pi5').map((name) => new RegExp(`^${name.replaceAll('*', '.*')}$`));
    const isOf = (name: string): boolean => patterns.some((pattern) => pattern.test(name));
    const others = (box: string): string[] =>
      lock(box)
        .filter(([name]) => !isOf(name!))
        .map((line) => line.join('='));
    expect(others('arm64_pi5')).toEqual(others('arm64'));
    const kernels = lock('arm64_pi5').filter(([name]) => isOf(name!));
    expect(kernels.map(([name]) => name)).toContain('linux-image-arm64');
    expect(kernels.filter(([, version]) => !/~bpo13\+\d+$/.test(version!))).toEqual([]);
    // The release's, 6.12, has no driver for RP1.
    const [, version] = kernels.find(([name]) => name === 'linux-image-arm64')!;
    expect(Number.parseInt(version!, 10)).toBeGreaterThanOrEqual(7);
  });

  test('its settings for the firmware are those of the others, and the serial port, which noise must not reach', () => {
    const settings = `${read('boot/config.txt')}${read('boot/config.arm64_pi5.txt')}`
      .split('\n')
      .filter((line) => /^[[\w]/.test(line));
    expect(settings).toContain('kernel=u-boot.bin');
    expect(settings.slice(settings.indexOf('[pi5]'))).toEqual(['[pi5]', 'enable_uart=0', '[all]']);
    expect(settings).toContain('upstream_kernel=1');
  });

  test('has drivers of its card in the initramfs, and is a box of its own for updates', () => {
    const modules = read('system.arm64_pi5/usr/share/initramfs-tools/modules.d/flowspan-raspberry-pi-5');
    expect(modules).toMatch(/^sdhci_brcmstb$/m);
    expect(read('system/etc/rauc/system.conf')).toMatch(/^compatible=flowspan-@BOX@$/m);
    expect(read('make/bundle')).toMatch(/^compatible=flowspan-\$box$/m);
  });
});

describe('the list of parts', () => {
  const status = `Package: libc6
Status: install ok installed
Maintainer: GNU Libc Maintainers
Architecture: amd64
Version: 2.41-12
Description: C library
 Version: not this one

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2026a-0+deb13u1
`;

  test('installed packages alone, with what scanners look them up by', () => {
    expect(debianParts(status, 'amd64', (name) => [`of ${name}`])).toEqual([
      {
        name: 'libc6',
        version: '2.41-12',
        licences: ['of libc6'],
        supplier: 'GNU Libc Maintainers',
        purl: 'pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie',
      },
      expect.objectContaining({ purl: 'pkg:deb/debian/tzdata@2026a-0%2Bdeb13u1?arch=all&distro=trixie' }),
    ]);
  });

  test('licences as the copyright file says them for programs, none from prose', () => {
    const text =
      'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: LGPL-2.1+\n\nFiles: x\nLicense: GPL-2+\n text\n\nLicense: LGPL-2.1+\n';
    expect(licencesOfCopyright(text)).toEqual(['GPL-2+', 'LGPL-2.1+']);
    expect(licencesOfCopyright('This is free.\nLicense: of sorts\n')).toEqual([]);
  });

  test('drivers that are made beside Debian’s kernel, of the version of its source', () => {
    expect(driverParts('raspberrypi-hwmon 6.12.118-1 GPL-2.0 WITH Linux-syscall-note\n')).toEqual([
      {
        name: 'raspberrypi-hwmon',
        version: '6.12.118-1',
        licences: ['GPL-2.0 WITH Linux-syscall-note'],
        supplier: 'Debian Kernel Team',
        purl: 'pkg:generic/raspberrypi-hwmon@6.12.118-1',
      },
    ]);
  });

  test('the same parts in any order give the same document, and every id is of SPDX form and unique', () => {
    const parts = debianParts(status, 'amd64', () => []);
    const one = JSON.stringify(spdx('box', parts, 1_800_000_000));
    expect(JSON.stringify(spdx('box', [...parts].reverse(), 1_800_000_000))).toBe(one);
    const ids = [...one.matchAll(/"SPDXID":"(SPDXRef-[^"]*)"/g)].map(([, id]) => id!);
    expect(ids.every((id) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(one).toContain('"created":"2027-01-15T08:00:00Z"');
  });
});
