/** The index that an operator makes of a folder of bundles is one that boxes read; what is no bundle is named. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chooseBundle, parseIndex } from '../../../src/system/updates/update_index.ts';

const script = fileURLToPath(new URL('../../../scripts/update-folder', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundles-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As RAUC lays one out: payload, signature with the manifest in it, size of that. */
function bundle(name: string, version: string, compatible = 'flowspan-amd64'): Buffer {
  const manifest = `[update]\ncompatible=${compatible}\nversion=${version}\n\n[bundle]\nformat=verity\nverity-hash=ab\n`;
  const signature = Buffer.concat([Buffer.from([0x30, 0x82, 0, 1]), Buffer.from(manifest), Buffer.alloc(700, 7)]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(signature.length));
  const whole = Buffer.concat([Buffer.alloc(5_000, version), signature, size]);
  writeFileSync(join(folder, name), whole);
  return whole;
}
const run = (...args: string[]) => spawnSync('sh', [script, folder, ...args], { encoding: 'utf8' });

test('with the newest version for a share of the fleet, and the older ones for all', () => {
  const newest = bundle('flowspan_1.10.0_amd64.raucb', '1.10.0');
  bundle('flowspan_1.9.0_amd64.raucb', '1.9.0');
  bundle('flowspan_1.10.0_arm64.raucb', '1.10.0', 'flowspan-arm64');
  writeFileSync(join(folder, 'notes.txt'), 'not a bundle');
  const { stdout, status } = run('--share', '10');
  expect([status, stdout.split('\n').slice(0, -1).sort()]).toEqual([
    0,
    [
      '1.10.0 for flowspan-amd64: 10 % of the fleet',
      '1.10.0 for flowspan-arm64: 10 % of the fleet',
      '1.9.0 for flowspan-amd64: 100 % of the fleet',
    ],
  ]);
  const index = parseIndex(readFileSync(join(folder, 'index.json'), 'utf8'));
  const facts = {
    compatible: 'flowspan-amd64',
    running: '1.0.0',
    allowOlder: false,
    site: 's',
    node: 'n',
    isEarly: true,
    past: [],
  };
  const sha256 = createHash('sha256').update(newest).digest('hex');
  expect(chooseBundle(index, facts).bundle).toEqual({
    ...{ compatible: 'flowspan-amd64', version: '1.10.0', file: 'flowspan_1.10.0_amd64.raucb' },
    ...{ octets: newest.length, sha256, sharePercent: 10 },
  });
});

test.each([
  ['cut short', (whole: Buffer) => whole.subarray(0, 3_000), /one\.raucb is no bundle of RAUC/],
  [
    'of another format',
    (whole: Buffer) => Buffer.from(whole.toString('latin1').replace('version=1.0.0', 'elsewhere=yes'), 'latin1'),
    /one\.raucb says no version/,
  ],
  ['empty', () => Buffer.alloc(0), /one\.raucb is no bundle of RAUC/],
])('a bundle that is %s is named, and no index is written', (_, change, words) => {
  writeFileSync(join(folder, 'one.raucb'), change(bundle('one.raucb', '1.0.0')));
  const { stderr, status } = run();
  expect([status, stderr]).toEqual([1, expect.stringMatching(words)]);
  expect(() => readFileSync(join(folder, 'index.json'))).toThrow(/ENOENT/);
});

test('a share that is none is refused', () => {
  expect(run('--share', '150').stderr).toMatch(/--share 150: allowed: a number from 0 to 100/);
});
