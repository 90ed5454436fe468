/** A file as a link: what it proves when it is given up is what stays of it, whatever the disk is doing at that moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '../../../../src/core/clock.ts';
import type { ApplianceError } from '../../../../src/core/errors.ts';
import { FileLink } from '../../../../src/forward/ipfix/files/file_link.ts';
import { slowSync } from './slow_sync.ts';

async function link(): Promise<{ link: FileLink; abandoned: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'file-link-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const abandoned: number[] = [];
  const made = new FileLink({
    clock: new SystemClock(),
    file: await open(join(folder, 'part'), 'wx'),
    messageOctetsMax: 1_400,
    rotateOctets: 1e9,
    rotateMs: 1e6,
    syncMs: 1e6,
    trouble: (error) => error as ApplianceError,
    finish: async () => {},
    abandon: async (octets) => void abandoned.push(octets),
  });
  return { link: made, abandoned };
}

test.each(['destroyed', 'ended late'])('%s amid a sync: it proves no more afterwards, and is cut there', async (how) => {
  const disk = await slowSync();
  onTestFinished(() => disk.restore());
  const { link: one, abandoned } = await link();
  one.send(new Uint8Array(100));
  await one.settled();
  disk.delayMs = 200;
  one.send(new Uint8Array(100));
  const synced = one.settled().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (how === 'destroyed') one.destroy();
  else expect(await one.end(10)).toBe(false);
  expect(one.provenOctets()).toBe(100);
  await synced;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(one.provenOctets()).toBe(100);
  expect(abandoned).toEqual([100]);
});

test('a name that comes late is waited for by nobody: everything is synced, and the end is a good one', async () => {
  const { link: one, abandoned } = await link();
  one.send(new Uint8Array(100));
  await one.settled();
  expect(await one.end(0)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(abandoned).toEqual([]);
});
