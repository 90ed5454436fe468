/** The same input gives the same octets: Debian's part, the slot and the disk, made twice, the second time from nothing. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { buildImage } from './built.ts';

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

test('made again without the cache, the image is the same', async () => {
  const built = await buildImage();
  const first = await digestOf(built.image);
  const elsewhere = join(built.cache, `again-${process.pid}`);
  try {
    // Tools and keys are input; all else is made.
    const cache = join(elsewhere, 'flowspan/image');
    mkdirSync(cache, { recursive: true });
    for (const name of readdirSync(built.cache)) {
      if (/^(tools-|test-keys$)/.test(name)) symlinkSync(join(built.cache, name), join(cache, name));
    }
    process.env.XDG_CACHE_HOME = elsewhere;
    const again = await buildImage('--output', join(elsewhere, 'out'));
    expect(await digestOf(again.image)).toBe(first);
    expect(again.slot).not.toBe(built.slot);
  } finally {
    delete process.env.XDG_CACHE_HOME;
    rmSync(elsewhere, { recursive: true, force: true });
  }
});
