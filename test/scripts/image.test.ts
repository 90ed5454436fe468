/** What `scripts/image` keeps and what it makes again, and what it makes of a mirror with other versions: with stubs for what takes minutes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const top = mkdtempSync(join(tmpdir(), 'image-'));
afterAll(() => rmSync(top, { recursive: true }));
const at = (...path: string[]): string => join(top, ...path);

function program(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), `#!/bin/sh\n${text}\n`);
  chmodSync(at(path), 0o755);
}

/** Versions that the mirror has stand in the file `mirror`; a base is a copy of it, and a slot's packages are its base's. */
function checkout(): void {
  for (const name of ['image', 'config', 'package.json']) cpSync(join(root, name), at(name), { recursive: true });
  cpSync(join(root, 'scripts/image'), at('scripts/image'));
  for (const name of ['src/main.ts', 'native/CMakeLists.txt', 'package-lock.json', 'tsconfig.json', 'README.md']) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), '');
  }
  for (const name of ['arm64-parts', 'build', 'build-native', 'package_depends.ts']) program(`scripts/${name}`, '');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  program(
    'scripts/package',
    `mkdir -p build; cp src/main.ts build/flowspan_${version}_amd64.deb; echo package >>'${at('made')}'`,
  );
  program('scripts/setup', '');
  program('bin/id', 'echo 0');
  program('bin/dpkg', 'echo amd64');
  program('bin/dpkg-deb', 'cat "$2"');
  program('image/make/base', `cp '${at('mirror')}' "$2"; echo base >>'${at('made')}'`);
  program('image/make/modules', `cp '${at('mirror')}' "$3"; echo modules >>'${at('made')}'`);
  program(
    'image/make/system',
    `echo slot >"$7"; cp "$2" "$7.packages"; echo {} >"$7.spdx.json"; mkdir -p top; tar -c -f "$7.boot.tar" top; echo slot >>'${at('made')}'`,
  );
  program('image/make/in_tools', `for image; do :; done; echo disk >"$image"; echo disk >>'${at('made')}'`);
  program('image/make/test_keys', 'mkdir -p "$1"; echo x | tee "$1/authority.pem" "$1/signer.pem" >"$1/signer.key"');
  writeFileSync(at('flowspan.deb'), '');
  writeFileSync(at('image/lock/amd64'), '# Debian packages\nlibc6=1\n');
}

/** Of the package that lies there; without one, of the checkout's own. */
const image = (...options: string[]): Made => imageOf('--package', at('flowspan.deb'), ...options);

interface Made {
  readonly status: number | null;
  readonly said: string;
  readonly out: string;
  readonly made: readonly string[];
}

function imageOf(...options: string[]): Made {
  rmSync(at('made'), { force: true });
  const env = {
    ...process.env,
    PATH: `${at('bin')}:${dirname(process.execPath)}:${process.env.PATH}`,
    XDG_CACHE_HOME: at('cache'),
    SOURCE_DATE_EPOCH: '1800000000',
  };
  const args = [at('scripts/image'), ...options];
  const { status, stderr, stdout } = spawnSync('sh', args, { encoding: 'utf8', env });
  const made = existsSync(at('made')) ? readFileSync(at('made'), 'utf8').trim().split('\n') : [];
  return { status, said: stderr, out: stdout, made };
}

test('what has not changed is kept; other versions of the mirror are refused until the lock has them, and then are what it has', () => {
  checkout();
  writeFileSync(at('mirror'), 'libc6=1\n');
  // A name from the cache, without which the chroot of tools would be made.
  mkdirSync(at('cache/flowspan/image'), { recursive: true });
  for (const lists of ['image/packages/tools', 'image/packages/tools image/packages/tools.arm64']) {
    const digest = `sha256sum ${lists} image/make/debian.sh | sha256sum | cut -c 1-16`;
    const tools = spawnSync('sh', ['-c', digest], { cwd: top, encoding: 'utf8' });
    writeFileSync(at(`cache/flowspan/image/tools-${tools.stdout.trim()}.done`), '');
  }

  expect(image()).toMatchObject({ status: 0, made: ['base', 'slot', 'disk'] });
  expect(image()).toMatchObject({ status: 0, made: [] });
  expect(readdirSync(at('build/image')).filter((name) => name.endsWith('.img'))).toHaveLength(1);

  // Weeks later. The slot of before is still in the cache.
  writeFileSync(at('mirror'), 'libc6=2\n');
  expect(image('--relock')).toMatchObject({ status: 0, made: ['base', 'slot', 'disk'] });
  expect(readFileSync(at('image/lock/amd64'), 'utf8')).toMatch(/^libc6=2$/m);
  expect(image()).toMatchObject({ status: 0, made: [] });

  // Another checkout, whose lock is of before: its versions are gone from the mirror.
  writeFileSync(at('image/lock/amd64'), '# Debian packages\nlibc6=1\n');
  expect(image()).toMatchObject({ status: 1, said: expect.stringMatching(/< libc6=1\n> libc6=2\n/) });
  expect(image('--unlocked')).toMatchObject({ status: 0, said: expect.stringContaining('> libc6=2') });
});

test('a slot whose list of parts was lost is made again', () => {
  const folder = at('cache/flowspan/image');
  expect(image('--unlocked')).toMatchObject({ status: 0, made: [] });
  for (const name of readdirSync(folder)) if (name.endsWith('.spdx.json')) rmSync(join(folder, name));
  expect(image('--unlocked')).toMatchObject({ status: 0, made: ['slot'] });
});

test('of a checkout that has not changed not even the package is made again; one that has, in whatever goes into it, is', () => {
  writeFileSync(at('src/main.ts'), 'one');
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: ['package', 'slot', 'disk'] });
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: [] });
  writeFileSync(at('src/main.ts'), 'two');
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: ['package', 'slot', 'disk'] });
  // Back to what was: the slot of before is still there.
  writeFileSync(at('src/main.ts'), 'one');
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: [] });
  // What only looks different gives the same package, and so the same slot.
  writeFileSync(at('README.md'), 'other words, which are in no stub');
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: ['package'] });
  // What GRUB is told lies beside the slot.
  writeFileSync(at('image/boot/grub.cfg'), 'other');
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: ['package', 'disk'] });
  // A package that was made elsewhere is not this checkout's.
  writeFileSync(at('flowspan.deb'), 'three');
  expect(image('--unlocked')).toMatchObject({ status: 0, made: ['slot', 'disk'] });
  expect(imageOf('--unlocked')).toMatchObject({ status: 0, made: [] });
});

test('another architecture: its own lists, lock and tools; what runs its programs is emulated', () => {
  program('image/make/emulated', `echo emulated >>'${at('made')}'; shift; exec "$@"`);
  rmSync(at('image/lock/arm64'), { force: true });
  expect(image('--arch', 'arm64')).toMatchObject({ status: 1, said: expect.stringContaining('there is no image/lock/arm64') });
  expect(image('--arch', 'arm64', '--relock')).toMatchObject({
    status: 0,
    made: ['emulated', 'base', 'modules', 'emulated', 'slot', 'disk'],
  });
  expect(readFileSync(at('image/lock/arm64'), 'utf8')).toMatch(/^libc6=2$/m);
  expect(readdirSync(at('build/image')).filter((name) => name.endsWith('_arm64.img'))).toHaveLength(1);
  const sums = readFileSync(at('build/image/SHA256SUMS'), 'utf8');
  expect([...sums.matchAll(/_(\w+)\.img$/gm)].map(([, name]) => name)).toEqual(['amd64', 'arm64']);
  expect(image('--arch', 'mips')).toMatchObject({ status: 2, said: expect.stringContaining('allowed: amd64, arm64') });
});

test('a board with a kernel of its own: its own lock, parts and names, beside those of its architecture', () => {
  rmSync(at('image/lock/arm64_pi5'), { force: true });
  const board = ['--arch', 'arm64', '--board', 'pi5'];
  expect(image(...board)).toMatchObject({ status: 1, said: expect.stringContaining('there is no image/lock/arm64_pi5') });
  const { status, said, made } = image('--board', 'pi5', '--relock');
  expect([status, made]).toEqual([0, ['emulated', 'base', 'modules', 'emulated', 'slot', 'disk']]);
  expect(said).toContain('untested on a board');
  expect(readFileSync(at('image/lock/arm64_pi5'), 'utf8')).toMatch(/^libc6=2$/m);
  const sums = readFileSync(at('build/image/SHA256SUMS'), 'utf8');
  expect([...sums.matchAll(/ flowspan_[\d.]+_(\w+)\.img$/gm)].map(([, name]) => name)).toEqual(['amd64', 'arm64', 'arm64_pi5']);
  expect(image(...board)).toMatchObject({ status: 0, made: [] });
  // Neither takes the other's from the cache, nor does what is taken of backports go unnoticed.
  expect(image('--arch', 'arm64')).toMatchObject({ status: 0, made: [] });
  writeFileSync(at('image/packages/backports.arm64_pi5'), 'linux-*\nrauc\n');
  expect(image('--arch', 'arm64')).toMatchObject({ status: 0, made: [] });
  expect(image(...board).made).toContain('base');
  expect(image('--arch', 'amd64', '--board', 'pi5')).toMatchObject({
    status: 2,
    said: expect.stringContaining('--board pi5 is of --arch arm64, not amd64'),
  });
  expect(image('--board', 'pi6')).toMatchObject({ status: 2, said: expect.stringContaining('allowed: pi5') });
});

test('made twice: what differs is named, and where', () => {
  spawnSync('git', ['init', '--quiet'], { cwd: top });
  writeFileSync(at('.gitignore'), '/cache\n/build\n');
  program(
    'image/make/base',
    `mkdir -p etc; cp '${at('mirror')}' etc/made; tar -c -f "$2" --mtime=@0 etc; echo base >>'${at('made')}'`,
  );
  program(
    'image/make/system',
    `echo slot >"$7"; cp '${at('mirror')}' "$7.packages"; echo {} >"$7.spdx.json"; mkdir -p top; tar -c -f "$7.boot.tar" --mtime=@0 top`,
  );
  const options = ['--check-reproducible', '--unlocked'];
  const twice = image(...options);
  expect(twice).toMatchObject({ status: 0, made: ['base', 'disk', 'base', 'disk'] });
  expect(twice.out).toMatch(/^Debian's part: the same octets$[\s\S]*^the disk: the same octets$/m);

  // What a program writes down of the time, and where it was called from.
  program('image/make/base', `mkdir -p etc; pwd >etc/made; tar -c -f "$2" --mtime=@0 etc`);
  const odd = image(...options);
  expect(odd).toMatchObject({ status: 1, said: expect.stringContaining('the same input gave other octets') });
  expect(odd.out).toMatch(/^Debian's part: differs, first at octet \d+$/m);
  expect(odd.out).toMatch(/^Files 1\/etc\/made and 2\/etc\/made differ$/m);
  expect(odd.out).toMatch(/^the slot: the same octets$/m);
});
