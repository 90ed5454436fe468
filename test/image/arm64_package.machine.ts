/**
 * The Debian package for arm64 on the Debian that the image is made of, as far as a processor that emulates its programs one by one goes:
 * checked by lintian, installed, run on captures beside this machine's program, purged. Capturing a port takes a machine or a board.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeDemoCapture } from '../../src/meter/demo/demo_capture.ts';
import { type BuiltImage, buildImage, repository } from './built.ts';

let built: BuiltImage;
let folder: string;
let tree: string;
let deb: string;
let said: string;
beforeAll(async () => {
  built = await buildImage('--arch', 'arm64');
  folder = mkdtempSync(join(built.cache, 'package-'));
  tree = join(folder, 'tree');
  mkdirSync(tree);
  execFileSync('tar', ['-x', '-f', built.base, '-C', tree, '--numeric-owner']);
  const args = ['scripts/package', '--arch', 'arm64', '--fast', '--check', '--output', folder];
  said = execFileSync('sh', ['-c', 'exec sh "$@" 2>&1', 'sh', ...args], { cwd: repository, encoding: 'utf8' });
  deb = /^(\S+_arm64\.deb): /m.exec(said)![1]!;
  copyFileSync(deb, join(tree, 'flowspan.deb'));
}, 3_600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Inside of that Debian. */
function inside(...command: string[]): string {
  const make = (name: string): string => join(repository, 'image/make', name);
  const { status, stdout, stderr } = spawnSync(make('emulated'), [built.tools, make('in_tools'), tree, '--', ...command], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: exit code ${status}: ${stdout.slice(-2_000)}${stderr}`);
  return stdout;
}

describe('the package for arm64', () => {
  test('has nothing that lintian warns of, and no program of another processor', () => {
    expect(said).not.toMatch(/^[EW]: /m);
    expect(execFileSync('dpkg-deb', ['--field', deb, 'Architecture'], { encoding: 'utf8' }).trim()).toBe('arm64');
    const content = join(folder, 'content');
    execFileSync('dpkg-deb', ['-x', deb, content]);
    const files = execFileSync('find', [content, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
    const programs = files
      .map((file) => ({ file, head: readFileSync(file).subarray(0, 20) }))
      .filter(({ head }) => head.toString('latin1', 0, 4) === '\x7fELF');
    // Node, the addon and LevelDB's at least.
    expect(programs.length).toBeGreaterThanOrEqual(3);
    // elf(5): e_machine, EM_AARCH64.
    expect(programs.filter(({ head }) => head.readUInt16LE(18) !== 183).map(({ file }) => file)).toEqual([]);
  });

  test('installs with what the box has, and is enabled', { timeout: 900_000 }, () => {
    inside('dpkg', '--install', '/flowspan.deb');
    expect(inside('dpkg', '--status', 'flowspan')).toMatch(/^Status: install ok installed\n[\s\S]*^Architecture: arm64$/m);
    expect(inside('readlink', '/etc/systemd/system/multi-user.target.wants/flowspan.service').trim()).toBe(
      '/usr/lib/systemd/system/flowspan.service',
    );
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(inside('flowspan', '--version').trim()).toBe(`flowspan ${version}`);
    expect(inside('/usr/lib/flowspan/bin/node', '--print', 'process.version + process.arch').trim()).toBe(
      `${process.version}arm64`,
    );
    expect(inside('flowspan', 'check-config', '/etc/flowspan/flowspan.yaml')).toMatch(/: good$/m);
  });

  test('meters a capture and reads what was exported, as this machine does', { timeout: 900_000 }, async () => {
    const capture = join(folder, 'office.pcap');
    await writeDemoCapture(capture, { seed: 17, durationS: 30 });
    copyFileSync(capture, join(tree, 'office.pcap'));
    const here = (...args: string[]): string =>
      execFileSync(process.execPath, [join(repository, 'src/main.ts'), ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
    const rows = inside('flowspan', 'meter', '/office.pcap', '--json', '--ledger');
    expect(rows.split('\n').length).toBeGreaterThan(100);
    expect(rows).toBe(here('meter', capture, '--json', '--ledger'));
    inside('flowspan', 'meter', '/office.pcap', '--ipfix', '/office.ipfix');
    writeFileSync(join(folder, 'office.ipfix'), readFileSync(join(tree, 'office.ipfix')));
    expect(inside('flowspan', 'decode', '/office.ipfix', '--json')).toBe(here('decode', join(folder, 'office.ipfix'), '--json'));
  });

  test('purged, nothing of it stays', { timeout: 900_000 }, () => {
    inside('dpkg', '--purge', 'flowspan');
    expect(
      inside('sh', '-c', 'ls -d /usr/lib/flowspan /etc/flowspan /usr/bin/flowspan /var/lib/flowspan 2>/dev/null || true'),
    ).toBe('');
  });
});
