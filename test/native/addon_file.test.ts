/** The addon as a file: the same sources give the same octets, wherever the checkout lies, and compilers left nothing out. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../repo/sources.ts';

const path = join(root, 'build/native/flowspan.node');

test('holds no folder of who built it, in its lines for finding faults neither', () => {
  const addon = readFileSync(path, 'latin1');
  expect(addon).toContain('native/addon/');
  for (const folder of [root, realpathSync(root)]) expect(addon.includes(folder), folder).toBe(false);
});

test('asks for every line of a packet ahead: two of its frame, index, duplicates, and two of its flow', () => {
  // A compiler that thinks a request without effect leaves it out, and nothing but time tells (native/core/prefetch.h).
  const listing = execFileSync('objdump', ['--disassemble', '--no-show-raw-insn', path], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  const functions = listing
    .split(/\n\n(?=[0-9a-f]+ <)/)
    .filter((text) => /^[0-9a-f]+ <_ZN8flowspan9MeterCore(5State)?(7process|10decodePart|16decodeRecentPart)/.test(text));
  const requests = functions.flatMap((text) => text.match(/\t(prefetch|prfm)/g) ?? []);
  expect(functions.length).toBeGreaterThan(0);
  // Each of them twice: while headers of recent packets are looked for, and while they are not (native/core/recent_headers.h).
  expect(requests.length).toBeGreaterThanOrEqual(12);
});
