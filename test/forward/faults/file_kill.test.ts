/**
 * A box that writes files is killed again and again, in the middle of a message, of a rotation, of compressing: what it had
 * acknowledged is in whole files, and little of it twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/core/random.ts';
import { readFile } from '../ipfix/files/reading.ts';
import { seedsOf, withSeed } from '../seeds.ts';

const file = 'test/forward/faults/file_kill.test.ts';
const kills = 4;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Run {
  readonly first: number;
  /** All rows of this run below it were acknowledged. */
  safe: number;
  next: number;
}

async function run(folder: string, first: number, livesMs: number | undefined): Promise<Run> {
  const script = fileURLToPath(new URL('./file_kill_child.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, join(folder, 'spool'), join(folder, 'files'), String(first)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const it: Run = { first, safe: first, next: first };
  const ended = new Promise((resolve) => child.once('close', resolve));
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [what, a = 0, b = 0] = line.split(' ').map((word, index) => (index === 0 ? word : Number(word))) as [
      string,
      number,
      number,
    ];
    if (what === 'ready') ready.resolve();
    if (what === 'rows') it.next = a + b;
    if (what === 'safe') it.safe = Math.max(it.safe, a);
  });
  await Promise.race([ready.promise, ended]);
  await new Promise((resolve) => setTimeout(resolve, livesMs ?? 300));
  if (livesMs === undefined) child.stdin!.write('drain\n');
  else child.kill('SIGKILL');
  await ended;
  if (livesMs === undefined) it.safe = it.next;
  return it;
}

test.each(seedsOf([1]))('what was acknowledged is there: %s', { timeout: 60_000 }, (seed) =>
  withSeed(seed, file, async () => {
    const random = new SeededRandom(seed);
    const folder = mkdtempSync(join(tmpdir(), 'flowspan-file-kill-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const runs: Run[] = [];
    for (let i = 0; i <= kills; i++) {
      const livesMs = i === kills ? undefined : 150 + random.below(900);
      runs.push(await run(folder, runs.at(-1)?.next ?? 0, livesMs));
    }
    const names = readdirSync(join(folder, 'files'));
    // Compressing may not have come to its end in the last run; no part is left of any other.
    const finished = names.filter((name) => !name.endsWith('.part') && !names.includes(`${name}.gz`));
    const seen = new Map<number, number>();
    for (const name of finished) {
      const octets = readFileSync(join(folder, 'files', name));
      const { flows, violations } = readFile(name.endsWith('.gz') ? gunzipSync(octets) : octets);
      expect({ name, violations }).toEqual({ name, violations: [] });
      for (const { values } of flows)
        seen.set(Number(values.packetDeltaCount) - 1, (seen.get(Number(values.packetDeltaCount) - 1) ?? 0) + 1);
    }
    expect(names.filter((name) => /\.ipfix\.part$/.test(name))).toEqual([]);
    const missing = runs.flatMap(({ first, safe }) =>
      Array.from({ length: safe - first }, (_, i) => first + i).filter((row) => !seen.has(row)),
    );
    expect(missing).toEqual([]);
    expect(runs.reduce((sum, { first, safe }) => sum + safe - first, 0)).toBeGreaterThan(200);
    // Twice comes what was synced and whose place in the spool was not on disk yet: the rows of a second or so for each kill.
    const twice = [...seen.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(twice).toBeLessThan(kills * 2 * 5_000);
  }),
);
