/** The archive is one that tar reads, the same for the same input, and bounded. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { supportBundle, textOctetsMax } from '../../../src/system/support/bundle.ts';
import { tar } from '../../../src/system/support/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));
const same = (text: string): string => text;

test('tar lists and unpacks it, whatever the lengths; the order is by name', () => {
  const texts = { 'b.txt': 'x'.repeat(512), 'a.txt': '', 'c.json': 'ä'.repeat(300) };
  const bundle = supportBundle({ name: 'box', texts, scrub: same, mtimeS: 1_700_000_000 });
  writeFileSync(join(folder, 'b.tar.gz'), bundle);
  const list = execFileSync('tar', ['-tvzf', join(folder, 'b.tar.gz'), '--utc'], { encoding: 'utf8' });
  expect(
    list
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' ')),
  ).toEqual([
    '-rw-r--r-- 0/0 0 2023-11-14 22:13 box/a.txt',
    '-rw-r--r-- 0/0 512 2023-11-14 22:13 box/b.txt',
    '-rw-r--r-- 0/0 600 2023-11-14 22:13 box/c.json',
  ]);
  execFileSync('tar', ['-xzf', join(folder, 'b.tar.gz'), '-C', folder]);
  expect(readFileSync(join(folder, 'box/c.json'), 'utf8')).toBe(texts['c.json']);
  const { 'a.txt': a, ...rest } = texts;
  expect(supportBundle({ name: 'box', texts: { ...rest, 'a.txt': a }, scrub: same, mtimeS: 1_700_000_000 })).toEqual(bundle);
});

test('a long text keeps its end and says so', () => {
  const text = `${'old\n'.repeat(textOctetsMax / 4)}newest line\n`;
  writeFileSync(join(folder, 'long.tar.gz'), supportBundle({ name: 'box', texts: { 'log.txt': text }, scrub: same, mtimeS: 0 }));
  const read = execFileSync('tar', ['-xOzf', join(folder, 'long.tar.gz'), 'box/log.txt'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(read).toMatch(/^\(the first 12 octets are left out\)\n/);
  expect(read.endsWith('newest line\n')).toBe(true);
});

test('a name that does not fit is a bug, and says what fits', () => {
  expect(() => tar([{ path: 'x'.repeat(101), octets: new Uint8Array() }], 0)).toThrow(/allowed: 100 octets/);
});
