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

test('asks for every line of a packet ahead', () => {
  // A compiler that thinks a request without effect leaves it out, and nothing but time tells (native/core/prefetch.h).
  const listing = execFileSync('objdump', ['--disassemble', '--no-show-raw-insn', path], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  const requests = new Map<string, number>();
  for (const text of listing.split(/\n\n(?=[0-9a-f]+ <)/)) {
    const name = /^[0-9a-f]+ <_ZN8flowspan(?:9MeterCore5State)?\d+(\w+?)E/.exec(text)?.[1];
    if (name !== undefined) requests.set(name, (requests.get(name) ?? 0) + (text.match(/\t(prefetch|prfm)/g) ?? []).length);
  }
  // The least of those that have such a name; none where nobody has.
  const asked = (name: RegExp): number => {
    const counts = [...requests].filter(([of]) => name.test(of)).map(([, count]) => count);
    return counts.length === 0 ? -1 : Math.min(...counts);
  };
  // Two of its frame, index, duplicates, two of its flow, and perhaps the other direction's.
  expect(asked(/^processInParts$/)).toBeGreaterThanOrEqual(7);
  // The frame, index and duplicates, where headers that came lately are looked for; duplicates alone, where most have.
  expect(asked(/^decodeRecentPart/)).toBeGreaterThanOrEqual(4);
  expect(asked(/^processRecent$/)).toBeGreaterThanOrEqual(1);
  // A capture's record, both lines, before its place is known.
  for (const reader of [/^PcapReader9takeWhole/, /^PcapngReader9readBlock/])
    expect(asked(reader), `${reader}`).toBeGreaterThanOrEqual(2);
});
