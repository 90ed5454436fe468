/** Other versions of the slot, for updates: the same tree with something changed, packed, and signed as a bundle. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../src/core/random.ts';
import { type BuiltImage, inTools, repository } from './built.ts';

export interface Variant {
  /** What of the tree is changed; paths as in the slot. Without it, the same octets as in slot A. */
  readonly change?: (path: (inSlot: string) => string) => void;
  /** What its manifest says; without it the bundle's name. */
  readonly version?: string;
  /** Some octets, which do not compress, instead of a slot: for what is looked at and never installed. */
  readonly isEmpty?: boolean;
  /** Whose signature; the image trusts the first. */
  readonly signer?: 'signer' | 'forger';
}

/** Makes the bundle `NAME.raucb` in the folder; gives its path. */
export function bundleOf(
  built: BuiltImage,
  folder: string,
  name: string,
  { change, version = name, isEmpty = false, signer = 'signer' }: Variant,
): string {
  const tree = join(folder, 'tree');
  const slot = join(folder, `${name}.squashfs`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (...command: string[]): void => {
    const [program, args] = inTools(built.tools, `${folder} ${built.cache}`, command);
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  if (isEmpty) writeFileSync(slot, new SeededRandom(1).bytes(1_000_000));
  else if (change === undefined) copyFileSync(built.slot, slot);
  else {
    run('unsquashfs', '-quiet', '-no-progress', '-dest', tree, built.slot);
    change((inSlot) => join(tree, inSlot));
    run('mksquashfs', tree, slot, '-noappend', '-quiet', '-no-progress', '-comp', 'gzip', '-Xcompression-level', '1');
    rmSync(tree, { recursive: true });
  }
  const bundle = join(folder, `${name}.raucb`);
  const keys = join(built.cache, 'test-keys');
  const args = [built.architecture, version, slot, join(keys, `${signer}.key`), join(keys, `${signer}.pem`), built.tools, bundle];
  execFileSync(join(repository, 'image/make/bundle'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  rmSync(slot);
  return bundle;
}

/** A USB stick (FAT32) with these files. */
export function stickOf(built: BuiltImage, path: string, files: readonly string[]): string {
  const folder = join(path, '..');
  const run = (...command: string[]): void => {
    const [program, args] = inTools(built.tools, `${folder} ${built.cache}`, command);
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  rmSync(path, { force: true });
  execFileSync('truncate', ['-s', '600M', path]);
  run('mkfs.vfat', '-F', '32', '-n', 'STICK', path);
  for (const file of files) run('mcopy', '-i', path, file, '::/');
  return path;
}
