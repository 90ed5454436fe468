/** What comes with an image: check sums, and a list of parts that leaves out nothing and invents nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { debianParts } from '../../image/make/sbom.ts';
import { type BuiltImage, buildImage, inTools, repository } from './built.ts';
import { missingModules } from './kernel_modules.ts';

interface Document {
  readonly name: string;
  readonly packages: readonly { name: string; versionInfo: string; externalRefs: readonly { referenceLocator: string }[] }[];
}

describe.each(['amd64', 'arm64', 'arm64_pi5'])('an image for %s', (box) => {
  const [architecture, board] = box.split('_') as ['amd64' | 'arm64', 'pi5'?];
  let built: BuiltImage;
  beforeAll(async () => {
    built = await buildImage('--arch', architecture, ...(board === undefined ? [] : ['--board', board]));
  }, 3_600_000);

  const list = join(repository, `image/modules.${architecture}`);
  const madeHere = (existsSync(list) ? readFileSync(list, 'utf8').split('\n') : [])
    .map((line) => basename(line.replace(/ *#.*/, '')))
    .filter((driver) => driver !== '');
  /** A file of the slot. */
  const inSlot = (path: string): string => {
    const [program, args] = inTools(built.tools, dirname(built.slot), ['unsquashfs', '-cat', built.slot, path]);
    return execFileSync(program, args, { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] }).toString('latin1');
  };
  const document = (): Document => JSON.parse(readFileSync(built.image.replace(/\.img$/, '.spdx.json'), 'utf8')) as Document;

  test('comes with check sums of all that lies beside it', () => {
    const folder = dirname(built.image);
    const told = execFileSync('sha256sum', ['--strict', '--check', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
    const name = basename(built.image, '.img');
    expect(told.split('\n').filter((line) => line.startsWith(`${name}.`))).toEqual(
      ['img', 'spdx.json', 'packages'].map((kind) => `${name}.${kind}: OK`),
    );
  });

  test('names every Debian package that is in the slot, of the version that is in it and in the lock', () => {
    const listed = document().packages.filter(({ externalRefs }) => externalRefs[0]!.referenceLocator.startsWith('pkg:deb/'));
    const said = listed.map(({ name, versionInfo }) => `${name}=${versionInfo}`).sort();
    const status = debianParts(inSlot('var/lib/dpkg/status'), architecture, () => []);
    expect(said).toEqual(status.map(({ name, version }) => `${name}=${version}`).sort());
    const lock = readFileSync(join(repository, 'image/lock', box), 'utf8').split('\n');
    // What lies on the boot partition is among them.
    for (const name of architecture === 'arm64'
      ? ['grub-efi-arm64-bin', 'u-boot-rpi', 'raspi-firmware']
      : ['grub-efi-amd64-bin']) {
      expect(said.find((one) => one.startsWith(`${name}=`))).toBe(lock.find((one) => one.startsWith(`${name}=`)));
    }
  });

  test('has the driver of every network chip that the document names', () => {
    const [program, args] = inTools(built.tools, dirname(built.slot), ['unsquashfs', '-l', built.slot]);
    const listed = execFileSync(program, args, { maxBuffer: 1 << 28, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const drivers = driversOf(readFileSync(join(repository, 'image/README.md'), 'utf8'));
    expect(drivers.length).toBeGreaterThan(5);
    expect(drivers.filter((driver) => !listed.includes(`/${driver}.ko`))).toEqual([]);
  });

  test('has the modules of these drivers and of the initramfs, and all that they need themselves', () => {
    const lists = ['', `.${architecture}`, `.${box}`]
      .map((kind) => join(repository, `image/system${kind}/usr/share/initramfs-tools/modules.d`))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')));
    const early = lists.flatMap((list) => list.split('\n').filter((line) => /^\w/.test(line)));
    expect(early.length).toBeGreaterThan(10);
    const own =
      board === 'pi5' ? ['rp1_pci', 'irq-bcm2712-mip', 'clk-rp1', 'pinctrl-rp1', 'macb', 'broadcom', 'dwc3', 'brcmfmac'] : [];
    const drivers = driversOf(readFileSync(join(repository, 'image/README.md'), 'utf8'));
    expect(missingModules(built, [...early, ...drivers, ...own, ...madeHere])).toEqual([]);
  });

  test('drivers made beside Debian’s kernel are of its very source, and on the list', () => {
    const kernels = document().packages.filter(({ name }) => /^linux-image-\d/.test(name));
    const [{ name, versionInfo }] = kernels as [Document['packages'][0]];
    expect(kernels).toHaveLength(1);
    const release = name.replace('linux-image-', '');
    for (const driver of madeHere) {
      const packed = Buffer.from(inSlot(`usr/lib/modules/${release}/updates/${driver}.ko.xz`), 'latin1');
      const module = execFileSync('xz', ['--decompress', '--stdout'], { input: packed });
      // What the kernel compares before it takes one; modprobe(8).
      expect(module.toString('latin1')).toContain(`\0vermagic=${release} `);
      expect(document().packages.find((part) => part.name === driver)?.versionInfo).toBe(versionInfo);
      expect(inSlot(`usr/lib/modules/${release}/modules.alias`)).toMatch(new RegExp(`^alias platform:${driver} `, 'm'));
    }
    expect(madeHere.length).toBe(architecture === 'arm64' ? 1 : 0);
  });

  test('names Node as it is in the slot, the same for every processor, and the libraries that package-lock.json pins', () => {
    const { packages } = document();
    const pinned = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
      packages: Readonly<Record<string, { version: string }>>;
    };
    const node = packages.find(({ externalRefs }) => externalRefs[0]!.referenceLocator.startsWith('pkg:generic/node@'));
    expect(node?.versionInfo).toBe(
      pinned.packages[`node_modules/node-linux-${architecture === 'arm64' ? 'arm64' : 'x64'}`]!.version,
    );
    const program = inSlot('usr/lib/flowspan/bin/node');
    expect(program).toContain(`v${node!.versionInfo}`);
    // elf(5): e_machine, EM_X86_64 or EM_AARCH64.
    expect(Buffer.from(program.slice(0, 20), 'latin1').readUInt16LE(18)).toBe(architecture === 'arm64' ? 183 : 62);
    const libraries = packages.filter(({ externalRefs }) => externalRefs[0]!.referenceLocator.startsWith('pkg:npm/'));
    expect(libraries.length).toBeGreaterThan(20);
    for (const { name, versionInfo } of libraries)
      expect([name, pinned.packages[`node_modules/${name}`]?.version]).toEqual([name, versionInfo]);
  });
});

/** Of the table of adapters. */
function driversOf(readme: string): string[] {
  const [, section = ''] = /## Network adapters\n([\s\S]*?)\n## /.exec(readme) ?? [];
  return [...section.matchAll(/^\|.*\| `(\w+)` \|/gm)].map(([, driver]) => driver!);
}
