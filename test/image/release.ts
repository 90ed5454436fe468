/** A release as it is published, its image unpacked beside nothing else. FLOWSPAN_RELEASE is the folder of one that is there already. */
import { execFileSync } from 'node:child_process';
import { globSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuiltImage, buildImage, repository } from './built.ts';

export interface Release extends BuiltImage {
  /** Where it lies as it is published. */
  readonly folder: string;
  /** Its image there. */
  readonly packed: string;
}

export async function releaseImage(): Promise<Release> {
  // Its tools and its test authority's keys.
  const built = await buildImage();
  const given = process.env.FLOWSPAN_RELEASE;
  const keys = join(built.cache, 'test-keys');
  const signing = ['--bundle', '--key', join(keys, 'signer.key'), '--certificate', join(keys, 'signer.pem')];
  const folder = given ?? join(repository, 'build/release');
  if (given === undefined) {
    await buildImage('--release', '--keyring', join(keys, 'authority.pem'), ...signing, '--output', folder);
  }
  const [packed, ...more] = globSync(join(folder, `*_${built.architecture}.img.xz`));
  if (packed === undefined || more.length > 0) throw new Error(`${folder}: one .img.xz for ${built.architecture} is looked for`);
  const image = join(repository, 'build', `released-${basename(packed, '.xz')}`);
  rmSync(image, { force: true });
  execFileSync('sh', ['-euc', 'xz --decompress --stdout "$1" | cp --sparse=always /dev/stdin "$2"', 'unpack', packed, image]);
  return { ...built, image, folder, packed };
}
