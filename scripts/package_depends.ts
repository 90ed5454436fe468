/**
 * The Debian packages that programs need, from what `readelf --dynamic --version-info --wide` tells of them: names of libraries, and the
 * newest version of each library's interface. A library that no package is known for is an error: the package would not start.
 *
 *   readelf --dynamic --version-info --wide PROGRAM… | node scripts/package_depends.ts
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** By the name that programs ask for; on every architecture. `|` where Debian 13 renamed it (64-bit time). */
const packageOf: Readonly<Record<string, string>> = {
  'libc.so.6': 'libc6',
  'libm.so.6': 'libc6',
  'libdl.so.2': 'libc6',
  'libpthread.so.0': 'libc6',
  'librt.so.1': 'libc6',
  'ld-linux-x86-64.so.2': 'libc6',
  'ld-linux-aarch64.so.1': 'libc6',
  'libgcc_s.so.1': 'libgcc-s1',
  'libstdc++.so.6': 'libstdc++6',
  'libatomic.so.1': 'libatomic1',
  'libz.so.1': 'zlib1g',
  'libpcap.so.0.8': 'libpcap0.8 (>= 1.10) | libpcap0.8t64',
};

/** GCC that brought the interface, https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html. Older ones are in every Debian with systemd. */
const compilerOf: Readonly<Record<number, string>> = { 28: '10', 29: '11', 30: '12', 31: '13', 32: '13.2', 33: '14', 34: '15' };
const newestKnown = Math.max(...Object.keys(compilerOf).map(Number));

/** The value of `Depends`. @throws Error when a library or an interface is not known here */
export function dependsOf(listing: string): string {
  const libraries = [...listing.matchAll(/\(NEEDED\)\s+Shared library: \[(.+?)\]/g)].map((match) => match[1]!);
  if (libraries.length === 0) throw new Error('no program asks for any library: is this the output of readelf --dynamic?');
  const unknown = [...new Set(libraries.filter((library) => packageOf[library] === undefined))];
  if (unknown.length > 0)
    throw new Error(`no package is known for ${unknown.join(', ')}; known: ${Object.keys(packageOf).join(', ')}`);
  const needed = new Set(libraries.map((library) => packageOf[library]!));
  const glibc = newest(listing, /\bGLIBC_2\.(\d+)/g);
  const cxx = newest(listing, /\bGLIBCXX_3\.4\.(\d+)/g);
  if (cxx > newestKnown) throw new Error(`GLIBCXX_3.4.${cxx} is newer than what is known; known: up to 3.4.${newestKnown}`);
  const withVersion: Readonly<Record<string, string | undefined>> = {
    libc6: `libc6 (>= 2.${glibc})`,
    'libstdc++6': compilerOf[cxx] === undefined ? undefined : `libstdc++6 (>= ${compilerOf[cxx]})`,
  };
  return [...needed]
    .map((name) => withVersion[name] ?? name)
    .sort()
    .join(', ');
}

function newest(listing: string, interfaces: RegExp): number {
  return Math.max(0, ...[...listing.matchAll(interfaces)].map((match) => Number(match[1])));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(dependsOf(readFileSync(0, 'utf8')));
}
