/** The kernel's modules as they lie in a slot: whether those that a box cannot do without are there, with all that they need themselves. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BuiltImage, inTools } from './built.ts';

/** Names are told apart without regard to `-` and `_`, as modprobe(8) does. */
const named = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');

/** What is not there; `NAME of OTHER` where another one needs it. */
export function missingModules(built: BuiltImage, wanted: readonly string[]): string[] {
  const folder = mkdtempSync(join(built.cache, 'modules-'));
  try {
    const tree = join(folder, 'tree');
    const unpack = ['unsquashfs', '-quiet', '-no-progress', '-dest', tree, built.slot, 'usr/lib/modules'];
    const [program, args] = inTools(built.tools, `${folder} ${dirname(built.slot)}`, unpack);
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const modules = join(tree, 'usr/lib/modules');
    const [version] = readdirSync(modules);
    const at = (name: string): string => join(modules, version!, name);
    const files = new Map(
      readdirSync(at(''), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.ko(\.xz)?$/.test(name))
        .map((name) => [named(name), at(name)]),
    );
    const builtIn = new Set(readFileSync(at('modules.builtin'), 'utf8').split('\n').map(named));
    const missing = new Set<string>();
    const seen = new Set<string>();
    const look = (name: string, by: string): void => {
      if (seen.has(name) || builtIn.has(name)) return;
      const file = files.get(name);
      if (file === undefined) return void missing.add(by === '' ? name : `${name} of ${by}`);
      seen.add(name);
      for (const needed of dependsOf(file)) look(needed, name);
    };
    for (const name of wanted) look(named(name), '');
    return [...missing];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As modinfo(8) prints it: each entry of `.modinfo` ends with a zero. */
function dependsOf(file: string): string[] {
  const content = file.endsWith('.xz')
    ? execFileSync('xz', ['--decompress', '--stdout', file], { maxBuffer: 1 << 28 })
    : readFileSync(file);
  const [, depends = ''] = /\0depends=([^\0]*)\0/.exec(content.toString('latin1')) ?? [];
  return depends
    .split(',')
    .filter((name) => name !== '')
    .map(named);
}
