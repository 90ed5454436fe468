/** `scripts/provision`: from a laptop onto a partition that is mounted or an image that is not; what is wrong is refused here already. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mainPath } from '../cli/flowspan.ts';

const script = fileURLToPath(new URL('../../scripts/provision', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'laptop-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** From sources: whoever tests may not have built yet. */
const program = path('flowspan');
beforeAll(() => {
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`);
  chmodSync(program, 0o755);
  mkdirSync(path('partition'));
  mkdirSync(path('certificates'));
  writeFileSync(path('good.yaml'), 'site: lisbon-02\ndevice: {vlan: 20}\n');
  writeFileSync(path('bad.yaml'), 'site: lisbon-02\ndevice: {vlan: 5000}\n');
});

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync('sh', [script, ...args], {
    encoding: 'utf8',
    env: { ...process.env, FLOWSPAN: program },
  });
  return { code: status, out: stdout, err: stderr };
}

describe('into a folder', () => {
  test('settings are checked as the box will, and written with a report of before taken away', () => {
    writeFileSync(path('partition/ERROR.txt'), 'of before');
    expect(run('--settings', path('good.yaml'), '--to', path('partition'))).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(path('partition/flowspan.yaml'), 'utf8')).toBe('site: lisbon-02\ndevice: {vlan: 20}\n');
    expect(existsSync(path('partition/ERROR.txt'))).toBe(false);
  });

  test('settings with a fault are not written, and what is allowed is said', () => {
    const { code, err } = run('--settings', path('bad.yaml'), '--to', path('partition'));
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('flowspan.yaml:2: device.vlan: 5000: too large; allowed: at most 4094'),
    ]);
    expect(readFileSync(path('partition/flowspan.yaml'), 'utf8')).toContain('vlan: 20');
    writeFileSync(path('tls.yaml'), 'status: {certificateFile: certificates/a.pem, keyFile: certificates/a.key}\n');
    const lacking = run('--settings', path('tls.yaml'), '--certificates', path('certificates'), '--to', path('partition'));
    expect([lacking.code, lacking.err]).toEqual([
      1,
      expect.stringMatching(/certificates\/a\.pem is missing; files in certificates: none/),
    ]);
  });

  test('a reset is asked for by a file; nothing to do, nowhere to go and what is not there are said', () => {
    expect(run('--reset', '--to', path('partition')).code).toBe(0);
    expect(existsSync(path('partition/factory-reset'))).toBe(true);
    expect(run()).toMatchObject({ code: 2, err: expect.stringContaining('nothing to do') });
    expect(run('--reset')).toMatchObject({ code: 2, err: expect.stringContaining('either --to FOLDER or --image FILE') });
    expect(run('--reset', '--to', path('nowhere'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('is the partition mounted?'),
    });
  });
});

const lacks = ['mcopy', 'sfdisk', 'mkfs.vfat'].find(
  (tool) => spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${tool}`]).status !== 0,
);
test.skipIf(lacks !== undefined)(
  `into the first partition of an image${lacks === undefined ? '' : ` (skipped: ${lacks} is missing)`}`,
  () => {
    const image = path('disk.img');
    const sh = (command: string): string =>
      execFileSync('sh', ['-ec', `PATH="$PATH:/usr/sbin:/sbin"; ${command}`], { encoding: 'utf8' });
    sh(
      `truncate -s 48M '${image}'; printf 'label: gpt\\n2048,65536,U\\n,,L\\n' | sfdisk -q '${image}'; mkfs.vfat --offset 2048 '${image}' 32768 >/dev/null`,
    );
    mkdirSync(path('brought'));
    writeFileSync(path('brought/notes.txt'), 'x');
    expect(run('--settings', path('good.yaml'), '--certificates', path('brought'), '--image', image)).toMatchObject({
      code: 0,
      err: '',
    });
    expect(sh(`mtype -i '${image}@@1M' ::flowspan.yaml`)).toContain('vlan: 20');
    expect(sh(`mtype -i '${image}@@1M' ::certificates/notes.txt`)).toBe('x');
  },
);
