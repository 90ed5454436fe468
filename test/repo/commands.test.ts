/** Commands in the READMEs and in the heads of programs: they work as they are written, on a machine with Debian's Node alone. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const documents = ['README.md', ...globSync('{src,native,test,config,image}/**/README.md', { cwd: root })];
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Spans of code, and lines that stand indented as code. */
const commands = (text: string): string[] => [
  ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string),
  ...text.split('\n').flatMap((line) => /^ {4}(\S.*)$/.exec(line)?.[1] ?? []),
];

test('no document asks for a Node that only node_modules has', () => {
  const bare = documents.flatMap((path) =>
    commands(read(path)).flatMap((line) => (/^node /.test(line) ? [`${path}: ${line}`] : [])),
  );
  expect(bare).toEqual([]);
  expect(documents.length).toBeGreaterThan(3);
});

test('scripts and programs that documents name are there', () => {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
  const missing: string[] = [];
  for (const path of documents)
    for (const line of commands(read(path))) {
      const script = /^(?:sudo )?(?:sh )?(?:\.\/)?(scripts\/[\w-]+)/.exec(line)?.[1];
      if (script !== undefined && !existsSync(join(root, script))) missing.push(`${path}: ${line}`);
      const named = /^npm run ([\w:-]+)/.exec(line)?.[1];
      if (named !== undefined && !scripts.includes(named)) missing.push(`${path}: ${line}`);
      const bench = /^(?:\.\/)?scripts\/bench ([a-z_]+)/.exec(line)?.[1];
      if (bench !== undefined && !['', '_bench'].some((end) => existsSync(join(root, `test/bench/${bench}${end}.ts`))))
        missing.push(`${path}: ${line}`);
    }
  expect(missing).toEqual([]);
});
