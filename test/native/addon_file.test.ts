/** The addon as a file: the same sources give the same octets, wherever the checkout lies. */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../repo/sources.ts';

test('holds no folder of who built it, in its lines for finding faults neither', () => {
  const addon = readFileSync(join(root, 'build/native/flowspan.node'), 'latin1');
  expect(addon).toContain('native/addon/');
  for (const folder of [root, realpathSync(root)]) expect(addon.includes(folder), folder).toBe(false);
});
