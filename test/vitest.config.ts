import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: new URL('build_page.ts', import.meta.url).pathname,
    pool: 'forks',
    // Most tests wait for sockets, processes and time, not for a core: one file a core would leave both idle half the time.
    maxWorkers: Math.max(3, availableParallelism()),
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
