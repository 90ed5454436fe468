/** Builds the page into `build/page`: one script, one style sheet, one font, each also as `.gz` and `.br` for the server. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

// Whoever builds it, a test too: for development it would be half as large again, and name the folder that it was built in.
process.env.NODE_ENV = 'production';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const outDir = here('../../../build/page');
/** Smaller than this, or compressed already, a file gains nothing. */
const compressFrom = 512;
/** Shared by parts that are loaded later, and by those alone. */
const laterAlone =
  /(access|entrance|explore|live_flows|flow_list|flow_table|flow_cells|filter_box|breakdown|graph_layout|heat_map|topology|field|places|change_words)\w*\.(tsx?|css)/;
const compressible = /\.(html|js|css|svg|webmanifest)$/;

/** A Raspberry Pi should not compress the same files again and again; this machine does it once, as well as it can. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async closeBundle() {
      for (const name of await readdir(outDir, { recursive: true })) {
        if (!compressible.test(name)) continue;
        const path = join(outDir, name);
        const body = await readFile(path);
        if (body.length < compressFrom) continue;
        await writeFile(`${path}.gz`, await promisify(gzip)(body, { level: 9 }));
        await writeFile(
          `${path}.br`,
          await promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
        );
      }
    },
  };
}

export default defineConfig({
  root: here('.'),
  base: '/',
  publicDir: here('public'),
  plugins: [compressed()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // Nothing inline: the content security policy forbids it, data URLs in style sheets included.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What the first view and the parts that are loaded later share is one file: each file costs its headers.
        codeSplitting: { groups: [{ name: 'shared', minShareCount: 2, test: (id: string) => !laterAlone.test(id) }] },
      },
    },
    reportCompressedSize: true,
  },
});
