/** The image of this checkout, built or taken from the cache, and the tools beside it. Root, a Debian mirror and minutes are needed once. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export interface BuiltImage {
  readonly image: string;
  readonly architecture: 'amd64' | 'arm64';
  /** Chroot with QEMU, mtools and RAUC; commands run in it through `inTools`. */
  readonly tools: string;
  /** The squashfs that is slot A. */
  readonly slot: string;
  /** Debian's part of it, as a .tar. */
  readonly base: string;
  /** Where the image's scripts keep what they made, test keys among it. */
  readonly cache: string;
}

/** Why no image can be made and booted on this machine; undefined where one can. */
export function imageMissing(): string | undefined {
  if (process.arch !== 'x64') return `the image that is booted is for x86-64, and made there; this is ${process.arch}`;
  if (process.getuid?.() !== 0) return 'not root: nothing can be mounted; run it as root';
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return 'mmdebstrap is missing: scripts/setup image';
  const { status, stderr } = spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--mount-proc', 'mount', '--bind', '/proc', '/proc'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) return `no namespaces and mounts here: ${stderr.trim()}`;
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'flowspan/image');
  mkdirSync(cache, { recursive: true });
  const { bavail, bsize } = statfsSync(cache);
  const freeGb = (bavail * bsize) / 1e9;
  return freeGb < 4 ? `${cache} has ${freeGb.toFixed(1)} GB free; an image and its tools need 4` : undefined;
}

/** Says clearly what was missing: a boot test that did not boot anything must not pass. */
export async function buildImage(...options: string[]): Promise<BuiltImage> {
  if (process.getuid?.() !== 0) throw new Error('the image is built as root: run the tests as root');
  const run = promisify(execFile);
  // A package that is there already saves making one from this checkout.
  const { FLOWSPAN_DEB: deb, FLOWSPAN_ARCH: architecture = 'amd64' } = process.env;
  const { stdout } = await run(
    'sh',
    ['scripts/image', '--unlocked', '--arch', architecture, ...(deb ? ['--package', deb] : []), ...options],
    { cwd: repository, maxBuffer: 1 << 24 },
  ).catch((error: { stderr?: string; stdout?: string }) => {
    throw new Error(`the image could not be built:\n${error.stderr ?? ''}\n${error.stdout ?? ''}`);
  });
  const [, image] = /^(\S+\.img(?:\.xz)?): /m.exec(stdout) ?? [];
  const [, tools] = /^tools: (\S+)$/m.exec(stdout) ?? [];
  const [, slot] = /^slot: (\S+), /m.exec(stdout) ?? [];
  const [, base] = /^base: (\S+)$/m.exec(stdout) ?? [];
  if (image === undefined || tools === undefined || slot === undefined || base === undefined) {
    throw new Error(`scripts/image does not say what it made:\n${stdout}`);
  }
  return { image, architecture: /_arm64(_\w+)?\.img/.test(image) ? 'arm64' : 'amd64', tools, slot, base, cache: dirname(tools) };
}

/** What runs a command among the tools, with these folders (separated by spaces) seen there under the same paths. */
export function inTools(tools: string, folders: string, command: readonly string[]): [string, string[]] {
  return [`${repository}image/make/in_tools`, [tools, ...folders.split(' '), '--', ...command]];
}
