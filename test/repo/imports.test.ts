import { describe, expect, test } from 'vitest';
import { importsOf, read, sourceFiles } from './sources.ts';

/** What each part may import beside itself; the map in src/README.md. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  flow: ['core'],
  config: ['core', 'flow'],
  meter: ['core', 'flow', 'config'],
  pipeline: ['core', 'flow', 'config'],
  store: ['core', 'flow', 'config'],
  forward: ['core', 'flow', 'config'],
  status: ['core', 'flow', 'config'],
  system: ['core', 'flow', 'config'],
};
const everything = Object.keys(allowed);
/** What the composition root takes of the machine: a root of its own, which only the composition root imports. */
const machine = 'src/machine.ts';
const top: Record<string, readonly string[]> = {
  [machine]: everything,
  'src/appliance.ts': everything,
  'src/status_thread.ts': ['core', 'flow', 'config', 'meter', 'store', 'status', 'system'],
  'src/main.ts': ['core', 'flow', 'cli'],
};

const partOf = (file: string): string => file.split('/')[1] as string;

/** Sentences about imports that must not be; empty for a good file. */
function faults(file: string, text = read(file)): string[] {
  const part = partOf(file);
  return importsOf(file, text).flatMap((target) => {
    if (!target.startsWith('src/')) {
      const level = (target === 'level' || target === 'classic-level') && part !== 'store';
      return level ? [`${file} imports ${target}: only store/ may`] : [];
    }
    const to = partOf(target);
    if (file.startsWith('src/status/page/')) {
      const good = target.startsWith('src/status/page/') || target.startsWith('src/flow/');
      return good ? [] : [`${file} imports ${target}: the page may import itself and flow/`];
    }
    if (target.startsWith('src/status/page/')) return [`${file} imports ${target}: the page is for browsers`];
    if (part === 'cli') return target === 'src/main.ts' ? [`${file} imports ${target}`] : [];
    if (target === machine)
      return file === 'src/appliance.ts' ? [] : [`${file} imports ${target}: only the composition root may`];
    if (to === part || target in top) return to === part ? [] : [`${file} imports ${target}: nothing imports a root`];
    const may = top[file] ?? allowed[part];
    if (may === undefined) return [`${file}: no rule for this place`];
    return may.includes(to) ? [] : [`${file} imports ${target}: ${part} may import ${may.join(', ') || 'nothing'}`];
  });
}

describe('imports point one way', () => {
  test('no file imports what it must not', () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => faults(file))).toEqual([]);
  });

  test('nothing loads all of fetch with HTTP', () => {
    const loads = (text: string): boolean => /^import (?!type )[^;]*from 'node:https?';/m.test(text);
    expect(loads("import { request } from 'node:http';")).toBe(true);
    expect(sourceFiles().filter((file) => loads(read(file)))).toEqual([]);
  });

  // The rule must be able to fail.
  test.each([
    ['src/core/clock.ts', "import { x } from '../flow/elements.ts';"],
    ['src/meter/offline.ts', "import type { x } from '../store/history.ts';"],
    ['src/forward/spool.ts', "import { Level } from 'level';"],
    ['src/status/page/app.tsx', "import { x } from '../status_server.ts';"],
    ['src/status/status_server.ts', "import { x } from './page/app.tsx';"],
    ['src/flow/ledger.ts', "export { x } from '../config/load.ts';"],
    ['src/store/history.ts', "const x = await import('../pipeline/rollup.ts');"],
    ['src/system/clock_state.ts', "import type { Machine } from '../machine.ts';"],
    ['src/pipeline/rollup.ts', "import { Appliance } from '../appliance.ts';"],
  ])('%s with %s is noticed', (file, text) => {
    expect(faults(file, text)).toHaveLength(1);
  });
});
