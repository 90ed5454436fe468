/** What the Debian package depends on comes from the programs in it: none too old is accepted, none is forgotten. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { dependsOf } from '../../scripts/package_depends.ts';

const needs = (...libraries: string[]): string =>
  libraries.map((name) => ` 0x0000000000000001 (NEEDED)             Shared library: [${name}]\n`).join('');
const wants = (name: string): string => `  0x0020:   Name: ${name}  Flags: none  Version: 11\n`;

describe('dependencies of the package', () => {
  it('take the newest interface that any program asks for, as a number', () => {
    const listing =
      needs('libc.so.6', 'libstdc++.so.6') + ['GLIBC_2.9', 'GLIBC_2.34', 'GLIBCXX_3.4.9', 'GLIBCXX_3.4.29'].map(wants).join('');
    expect(dependsOf(listing)).toBe('libc6 (>= 2.34), libstdc++6 (>= 11)');
  });

  it('name each package once, in one order, whatever the order of programs', () => {
    const one = needs('libz.so.1', 'libm.so.6', 'libpcap.so.0.8', 'libc.so.6') + wants('GLIBC_2.36');
    expect(dependsOf(one)).toBe('libc6 (>= 2.36), libpcap0.8 (>= 1.10) | libpcap0.8t64, zlib1g');
    expect(dependsOf(needs('libc.so.6') + one)).toBe(dependsOf(one));
  });

  it('refuse a library that no package is known for, and an interface that is newer than what is known', () => {
    expect(() => dependsOf(needs('libc.so.6', 'libc.musl-x86_64.so.1'))).toThrow(
      /libc\.musl-x86_64\.so\.1; known: .*libz\.so\.1/,
    );
    expect(() => dependsOf(needs('libstdc++.so.6') + wants('GLIBCXX_3.4.99'))).toThrow(/3\.4\.99 is newer/);
    expect(() => dependsOf('')).toThrow(/no program asks/);
  });

  it('are read from a real program', () => {
    const listing = execFileSync('readelf', ['--dynamic', '--version-info', '--wide', process.execPath], { encoding: 'utf8' });
    expect(dependsOf(listing)).toMatch(/^libc6 \(>= 2\.\d+\), libgcc-s1, libstdc\+\+6$/);
  });
});
