import { defineConfig } from 'vitest/config';

/** The long tests of the image (scripts/test-image): one machine at a time, since each takes the cores for itself. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/image/*.machine.ts', 'test/image/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 1_800_000 * Number(process.env.PATIENCE ?? 1),
    hookTimeout: 900_000,
  },
});
