/**
 * Bundles the program: the command line and the page's thread, each with what it always needs in few files, and what a command loads on
 * demand beside them. Finding and linking some 400 modules costs more CPU than running them. Packages stay outside, but for those that are many small
 * modules: zod and yaml.
 *
 *   node scripts/bundle.ts [FOLDER]    into build/src, or that folder, which is emptied
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'vite';

/**
 * V8 keeps the source of what runs, and in two octets a character where a single one is not in Latin-1: a quotation mark of a message doubles
 * its file. Escaped it means the same, in strings, templates and expressions.
 */
const oneOctetEach: Plugin = {
  name: 'one-octet-each',
  // When all else is done: whoever prints code again prints characters.
  generateBundle(_options, bundle) {
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    for (const file of Object.values(bundle)) {
      if (file.type === 'chunk') file.code = file.code.replace(/[\u0100-\uffff]/g, escaped);
    }
  },
};

const root = fileURLToPath(new URL('..', import.meta.url));

// As the page's is: whoever builds it.
process.env.NODE_ENV = 'production';
await build({
  root,
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  // Comments name files by their place below the root: that of a link is where it is, not where it leads.
  resolve: { preserveSymlinks: true },
  plugins: [oneOctetEach],
  ssr: { noExternal: [/^zod($|\/)/, /^yaml($|\/)/] },
  build: {
    ssr: true,
    // As tsconfig.json says: nothing is rewritten that Node knows.
    target: 'es2024',
    outDir: resolve(process.argv[2] ?? `${root}/build/src`),
    emptyOutDir: true,
    // Whoever reads a stack trace of a box wants names.
    minify: false,
    rolldownOptions: {
      // Not where it was called from.
      cwd: root,
      input: { main: 'src/main.ts', status_thread: 'src/status_thread.ts' },
      // Beside each other: modules find the addon, the page and the thread's program from where they are.
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      checks: { pluginTimings: false },
    },
  },
});
