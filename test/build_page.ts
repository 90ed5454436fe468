/** Once before all tests: the page as it is in the sources. Several files open it at once, so none of them may build it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export default function buildPage(): void {
  const built = statSync(join(root, 'build/page/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = Math.max(...['src/status/page', 'src/flow', 'package.json'].map((path) => newestIn(join(root, path))));
  if (newest > built) execFileSync('npm', ['run', '-s', 'build:page'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

function newestIn(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}
