import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read, repositoryFiles, root, sourceFiles } from './sources.ts';

const files = repositoryFiles();
const generated = new Set(['src/flow/row_cursor.ts', 'src/flow/elements_iana.ts', 'native/generated/row_layout.h']);
const textFile = (file: string): boolean => !/\.(png|jpe?g|ico|woff2?|pcap|gz|bin)$/.test(file) && file !== 'package-lock.json';

describe('files', () => {
  test('no source file holds two ideas: 400 lines at most', () => {
    const long = files
      .filter((file) => /^(src|native)\/.*\.(ts|tsx|cc|h)$/.test(file) && !generated.has(file))
      .map((file) => [file, read(file).split('\n').length - 1] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });

  test('every source file says first what it is', () => {
    const silent = sourceFiles().filter((file) => !file.endsWith('.d.ts') && !/^(#!.*\n)?\/(\*\*|\/)/.test(read(file)));
    expect(silent).toEqual([]);
    const nativeFiles = files.filter((file) => /^native\/.*\.(cc|h)$/.test(file));
    // A .cc whose header stands beside it is told about there.
    const told = (file: string): boolean => files.includes(file.replace(/\.cc$/, '.h'));
    expect(nativeFiles.filter((file) => !/^\/[/*]/.test(read(file)) && !(file.endsWith('.cc') && told(file)))).toEqual([]);
  });

  test('names are snake case, and none says nothing', () => {
    const code = files.filter((file) => /^(src|native|test)\/.*\.(ts|tsx|cc|h)$/.test(file));
    expect(code.filter((file) => !/^[a-z0-9_]+(\.[a-z]+)*$/.test(file.split('/').at(-1)!))).toEqual([]);
    const empty = /(^|[/_.])(utils?|helpers?|managers?|common|misc|data|handlers?)([/_.]|$)/;
    expect(files.filter((file) => /^(src|native)\//.test(file) && empty.test(file))).toEqual([]);
  });

  test('the top of the repository holds what it is meant to hold', () => {
    const tops = new Set(files.map((file) => file.split('/')[0]!));
    const allowed = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'src',
      'native',
      'image',
      'config',
      'test',
      'scripts',
      'README.md',
      'LICENSE',
    ];
    expect([...tops].filter((name) => !name.startsWith('.') && !allowed.includes(name))).toEqual([]);
  });

  test('the repository speaks of the project alone: no path of a machine, no registry host', () => {
    const foreign = [/\/work\//, /\/root\//, /\/home\/(?!pi\b)[a-z]+\//, /registry\.npmjs|deb\.debian\.org|npmjs\.com/];
    const hits = files
      .filter((file) => textFile(file) && file !== 'test/repo/files.test.ts')
      .flatMap((file) => foreign.filter((pattern) => pattern.test(read(file))).map((pattern) => `${file}: ${pattern}`));
    expect(hits).toEqual([]);
    expect(read('package-lock.json')).not.toMatch(/"resolved"/);
  });

  test('no file holds what a merge left behind', () => {
    const marks = /^(<{7} |>{7} |={7}$)/m;
    expect(files.filter((file) => textFile(file) && marks.test(read(file)))).toEqual([]);
    expect('<<<<<<< HEAD\na\n').toMatch(marks);
  });

  test('no test is skipped or alone by accident', () => {
    const tests = files.filter((file) => file.endsWith('.test.ts') && file !== 'test/repo/files.test.ts');
    expect(tests.filter((file) => /\b(test|it|describe)\.(only|skip|todo)\(/.test(read(file)))).toEqual([]);
  });

  test('links in the documentation lead somewhere', () => {
    const dead = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
          .map(([, target]) => target!)
          .filter((target) => !existsSync(join(root, dirname(file), target)))
          .map((target) => `${file}: ${target}`),
      );
    expect(dead).toEqual([]);
  });

  test('every npm script runs something that is there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const missing = Object.entries(scripts).flatMap(([name, command]) =>
      [...command.matchAll(/(?:scripts|test|src)\/[\w./-]+/g)]
        .map(([path]) => path)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${name}: ${path}`),
    );
    expect(missing).toEqual([]);
  });
});
