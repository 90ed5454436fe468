/**
 * GRUB's variables are changed in place: the box's script as it is, with its places moved into a folder, and a stand-in for GRUB's tool that
 * empties the file before it writes it, as that does. `power_cuts.machine.ts` has the real ones.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';

const script = readFileSync(fileURLToPath(new URL('../../image/system/usr/local/sbin/grub-editenv', import.meta.url)), 'utf8');
const box = mkdtempSync(join(tmpdir(), 'editenv-'));
afterAll(() => rmSync(box, { recursive: true }));
const environment = join(box, 'grubenv');
const block = (lines: string): string => `# GRUB Environment Block\n${lines}`.padEnd(1_024, '#');

function program(path: string, text: string): void {
  writeFileSync(join(box, path), text);
  chmodSync(join(box, path), 0o755);
}

/** GRUB's tool, which meets its end before it has written where it is told so. */
function grubs(ending = ''): void {
  const write = `printf '%s\\n' '# GRUB Environment Block' "$@" | head -c -1 | { cat; printf '\\n%1024s' '' | tr ' ' '#'; } | head -c 1024`;
  program(
    'usr/bin/grub-editenv',
    `#!/bin/sh\nset -e\nfile=$1 what=$2\nshift 2\n[ $what != list ] || { cat "$file"; exit; }\n[ -s "$file" ] || { echo 'invalid environment block' >&2; exit 1; }\n: >"$file"\n${ending}\n${write} >"$file"\n`,
  );
}

function edit(...args: string[]): { code: number | null; said: string; dd: string } {
  rmSync(join(box, 'dd'), { force: true });
  const { status, stdout, stderr } = spawnSync(join(box, 'editenv'), [environment, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(box, 'bin')}:${process.env.PATH}` },
  });
  return {
    code: status,
    said: stdout + stderr,
    dd: readdirSync(box).includes('dd') ? readFileSync(join(box, 'dd'), 'utf8') : '',
  };
}

beforeEach(() => {
  for (const folder of ['run', 'usr/bin', 'bin']) mkdirSync(join(box, folder), { recursive: true });
  program('editenv', script.replaceAll(/(?<=[ =])\/(?=(run|usr\/bin)\/)/g, `${box}/`));
  // What the file holds when it is written over is what counts.
  program('bin/dd', `#!/bin/sh\ncat '${environment}' >'${box}/dd'\nexec /usr/bin/dd "$@"\n`);
  writeFileSync(environment, block('A_GOOD=1\n'));
  grubs();
});

test('new variables come over the old ones in place, which are there until then', () => {
  const held = openSync(environment, 'r');
  try {
    expect(edit('set', 'A_GOOD=0', 'B_TRY=1')).toEqual({ code: 0, said: '', dd: block('A_GOOD=1\n') });
    expect(readFileSync(environment, 'utf8')).toBe(block('A_GOOD=0\nB_TRY=1\n'));
    expect(fstatSync(held).nlink).toBe(1); // the same file, at the same place of the disk
  } finally {
    closeSync(held);
  }
  expect(readdirSync(join(box, 'run'))).toEqual([]);
});

test('GRUB’s tool that ends between emptying and writing leaves the old variables', () => {
  grubs('exit 137');
  const { code, dd } = edit('set', 'A_GOOD=0');
  expect([code, dd]).toEqual([137, '']);
  expect(readFileSync(environment, 'utf8')).toBe(block('A_GOOD=1\n'));
  expect(readdirSync(join(box, 'run'))).toEqual([]);
});

test('what is no block stays as it is, with the complaint; the rest goes to GRUB’s tool', () => {
  writeFileSync(environment, '');
  expect(edit('set', 'A_GOOD=0')).toEqual({ code: 1, said: 'invalid environment block\n', dd: '' });
  writeFileSync(environment, block('A_GOOD=1\n'));
  expect(edit('list')).toEqual({ code: 0, said: block('A_GOOD=1\n'), dd: '' });
});
