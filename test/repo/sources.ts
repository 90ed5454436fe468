/** The repository's own files, for rules about them: what git tracks or would track, with comments and strings cut out of code. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = new URL('../..', import.meta.url).pathname;

export function repositoryFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const deleted = new Set(execFileSync('git', ['ls-files', '--deleted'], { cwd: root, encoding: 'utf8' }).split('\n'));
  return list.split('\n').filter((file) => file !== '' && !deleted.has(file));
}

export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

export const sourceFiles = (): string[] => repositoryFiles().filter((file) => /^src\/.*\.tsx?$/.test(file));

/** Code without comments, strings and regular expressions: what is left runs. */
export function codeOf(text: string): string {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (match) => (match.startsWith('`') ? templateCode(match) : match.replace(/[^\n]/g, ' ')));
}

/** Only what stands in `${…}` of a template runs. */
function templateCode(template: string): string {
  return [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => ` ${code} `).join('') || ' ';
}

/** Modules a file imports, type imports included: paths in the repository, or package names. */
export function importsOf(file: string, text = read(file)): string[] {
  const found = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ];
  return found.map(([, a, b, c]) => {
    const name = (a ?? b ?? c) as string;
    return name.startsWith('.') ? normalize(join(dirname(file), name)) : name;
  });
}
