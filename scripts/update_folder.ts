/** Makes the index of a folder of bundles. What each is for, and which version, its manifest says, which RAUC's verity format keeps in the signature at its end. */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/core/errors.ts';
import { type IndexedBundle, indexName, parseIndex } from '../src/system/updates/update_index.ts';
import { compareVersions } from '../src/system/updates/version_rule.ts';

const signatureOctetsMax = 1024 * 1024;

/** @throws Error in words */
async function entryOf(folder: string, file: string): Promise<Omit<IndexedBundle, 'sharePercent'>> {
  const bundle = await open(join(folder, file));
  try {
    const { size: octets } = await bundle.stat();
    // RAUC reference, bundle formats: the signature's size stands at the very end, 64 bits in network byte order.
    const { buffer: tail } = await bundle.read(Buffer.alloc(8), 0, 8, Math.max(0, octets - 8));
    const size = Number(tail.readBigUInt64BE());
    if (octets < 8 || size > Math.min(signatureOctetsMax, octets - 8)) throw new Error('is no bundle of RAUC');
    const { buffer: signature } = await bundle.read(Buffer.alloc(size), 0, size, octets - 8 - size);
    const manifest = signature.toString('latin1');
    const value = (key: string): string | undefined => new RegExp(`^${key}=([A-Za-z0-9._+~-]+)$`, 'm').exec(manifest)?.[1];
    const [compatible, version] = [value('compatible'), value('version')];
    if (compatible === undefined || version === undefined) throw new Error('says no version: it is not of the verity format');
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, file))) hash.update(chunk as Buffer);
    return { compatible, version, file, octets, sha256: hash.digest('hex') };
  } finally {
    await bundle.close();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { share: { type: 'string' } }, allowPositionals: true });
  const [folder] = positionals;
  if (folder === undefined) throw new Error('name a folder');
  const share = Number(values.share ?? 100);
  if (!(share >= 0 && share <= 100)) throw new Error(`--share ${values.share}: allowed: a number from 0 to 100`);
  const bundles: IndexedBundle[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.raucb'))) {
    try {
      bundles.push({ ...(await entryOf(folder, file)), sharePercent: 100 });
    } catch (error) {
      throw new Error(`${file} ${messageOf(error)}`, { cause: error });
    }
  }
  bundles.sort((a, b) => compareVersions(b.version, a.version) ?? 0);
  const newest = bundles[0]?.version;
  const staged = bundles.map((one) => (one.version === newest ? { ...one, sharePercent: share } : one));
  const text = `${JSON.stringify({ format: 1, bundles: staged }, null, 2)}\n`;
  // As boxes will read it.
  parseIndex(text);
  writeFileSync(join(folder, `${indexName}.new`), text);
  renameSync(join(folder, `${indexName}.new`), join(folder, indexName));
  for (const { version, compatible, sharePercent } of staged)
    process.stdout.write(`${version} for ${compatible}: ${sharePercent} % of the fleet\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`update-folder: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
