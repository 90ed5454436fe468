/** A box on a machine that has no time for it: what takes long takes long, and is not begun again for that. */
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Box, endBoxes, until } from './box.ts';

afterEach(endBoxes);

/** Asks through the socket that the command line uses; its port is anybody's guess when the greeting came before the page. */
function pageAnswers(box: Box): Promise<boolean> {
  const socketPath = join(box.folder, 'var/access/page.sock');
  return new Promise((resolve) => {
    request({ socketPath, path: '/healthz' }, (response) =>
      response.resume().on('end', () => resolve(response.statusCode === 200)),
    )
      .on('error', () => resolve(false))
      .end();
  });
}

test('a page that takes longer than ten seconds to start comes up all the same', { timeout: 300_000 }, async () => {
  await using box = new Box({ meter: { source: 'none' }, status: { address: '0.0.0.0' } });
  // The page has begun to start: the code is the first that it tells.
  await until(
    () => box.err.includes('"setUpCode"') || !box.running,
    () => `no set-up code: ${box.err}`,
    120_000,
  );
  await box.freeze(11_000);
  await until(
    async () => box.err.includes('pageFailed') || (await pageAnswers(box)),
    () => `neither a page nor its failure: ${box.out} ${box.err}`,
    120_000,
  );
  expect(box.err).not.toMatch(/pageFailed|pageBug/);
  expect(await box.interrupt()).toBe(0);
});
