/** The store against disks that fail: real LevelDB, real files; time is simulated where waiting is not the point. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { GuardedKv, type StoreOpener } from '../../src/store/guarded_kv.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (key: string, value = key) => ({ key: bytes(key), value: bytes(value) });
const signal = new AbortController().signal;
const level = { freeOctetsMin: 0, writeBufferOctets: 64 * 1024 };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowspan-store-'));
  path = join(folder, 'history');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function guarded(open?: StoreOpener) {
  const clock = new SimulatedClock();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const kv = new GuardedKv({ name: 'history', path, octetsMax: 1_000_000, level }, world, open);
  return { kv, clock };
}

/** Lets retries come due until the store is open; LevelDB's own work takes real time in between. */
async function untilOpen(kv: GuardedKv, clock: SimulatedClock): Promise<void> {
  for (let i = 0; i < 400 && kv.status().state === 'stopped'; i++) {
    await clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(kv.status().state).not.toBe('stopped');
}

async function fill(records: number): Promise<void> {
  const kv = await openLevelKv(path, level);
  for (let i = 0; i < records; i += 100) {
    await kv.batch(Array.from({ length: 100 }, (_, j) => put(String(i + j).padStart(6, '0'), `${i + j} `.repeat(100))));
  }
  await kv.close();
}

async function count(kv: Kv): Promise<number> {
  let records = 0;
  for await (const _ of kv.entries({})) records++;
  return records;
}

async function spoil(pattern: RegExp): Promise<number> {
  const names = (await readdir(path)).filter((name) => pattern.test(name));
  for (const name of names) {
    const size = (await readFile(join(path, name))).length;
    await writeFile(join(path, name), Buffer.alloc(Math.max(size, 64), 0xa5));
  }
  return names.length;
}

describe('guarded store', () => {
  test('says what it is: open, its size, its budget', async () => {
    const { kv } = guarded();
    expect(kv.status()).toMatchObject({ state: 'stopped' });
    await kv.start(signal);
    await kv.batch([put('a')], [], { sync: true });
    expect(kv.status()).toMatchObject({ name: 'history', state: 'open', reason: '', octetsMax: 1_000_000 });
    await kv.stop(1_000);
    await expect(kv.get(bytes('a'))).rejects.toMatchObject({ code: 'storeClosed' });
  });

  test.each([/^MANIFEST/, /^CURRENT/])('garbage in %s: repaired at start, records kept, said', async (pattern) => {
    await fill(3_000);
    expect(await spoil(pattern)).toBeGreaterThan(0);
    const { kv } = guarded();
    await kv.start(signal);
    expect(kv.status()).toMatchObject({ state: 'repaired' });
    expect(kv.status().reason).toContain('repaired');
    expect(await count(kv)).toBe(3_000);
    await kv.stop(1_000);
  });

  test('garbage in every table: noticed when it is read, repaired by itself, writes go on', async () => {
    await fill(3_000);
    expect(await spoil(/\.ldb$/)).toBeGreaterThan(0);
    const { kv, clock } = guarded();
    await kv.start(signal);
    await expect(count(kv)).rejects.toMatchObject({ code: 'storeDamaged' });
    await untilOpen(kv, clock);
    expect(kv.status().state).toBe('repaired');
    await kv.batch([put('new')]);
    expect(await count(kv)).toBeGreaterThan(0);
    await kv.stop(1_000);
  });

  test('a store that cannot be repaired is set aside under a dated name, one of them, and a new one begun', async () => {
    await mkdir(`${path}.damaged-20200101T000000Z`);
    await fill(100);
    // A folder where a file must be: repairing cannot replace it.
    await rm(join(path, 'CURRENT'));
    await mkdir(join(path, 'CURRENT', 'in the way'), { recursive: true });
    const { kv, clock } = guarded();
    await kv.start(signal);
    await untilOpen(kv, clock);
    expect(kv.status().reason).toContain('new one was begun');
    expect((await readdir(folder)).sort()).toEqual(['history', 'history.damaged-20231114T221320Z']);
    await kv.batch([put('a')]);
    expect(await count(kv)).toBe(1);
    await kv.stop(1_000);
  });

  test('a file where the folder should be: stopped with words, open once it is gone', async () => {
    await writeFile(path, 'in the way');
    const { kv, clock } = guarded();
    await kv.start(signal);
    expect(kv.status()).toMatchObject({ state: 'stopped' });
    expect(kv.status().reason).toContain('cannot be written');
    await expect(kv.batch([put('a')])).rejects.toMatchObject({ code: 'storeUnwritable', retryable: true });
    await rm(path);
    await untilOpen(kv, clock);
    await kv.batch([put('a')]);
    await kv.stop(1_000);
  });

  test('in use by another process: waits, and opens when that ends', async () => {
    const script = `const { Level } = await import(${JSON.stringify(import.meta.resolve('level'))});
      const db = new Level(${JSON.stringify(path)}); await db.open(); console.log('open'); process.stdin.resume();`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((resolve) => other.stdout.once('data', resolve));
    const { kv, clock } = guarded();
    await kv.start(signal);
    expect(kv.status().reason).toContain('another process');
    await expect(kv.get(bytes('a'))).rejects.toMatchObject({ code: 'storeLocked' });
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await ended;
    await untilOpen(kv, clock);
    await kv.batch([put('a')]);
    await kv.stop(1_000);
  });

  test('a full disk stops it at once for everybody, and it is opened again, with what it had', async () => {
    const memory = new MemoryKv();
    let opened = 0;
    let room = true;
    const { kv, clock } = guarded(async () => {
      if (!room) throw new ApplianceError('storeFull', 'no room');
      opened++;
      memory.reopen();
      return { kv: memory, remedy: 'none', setAsidePath: '' };
    });
    await kv.start(signal);
    await kv.batch([put('a')]);
    memory.full = true;
    room = false;
    const results = await Promise.allSettled([kv.batch([put('b')]), kv.batch([put('c')]), kv.batch([put('d')])]);
    expect(results.map((result) => (result.status === 'rejected' ? (result.reason as ApplianceError).code : 'written'))).toEqual([
      'storeFull',
      'storeFull',
      'storeFull',
    ]);
    await clock.advance(600_000);
    expect(kv.status()).toMatchObject({ state: 'stopped', reason: 'no room' });
    memory.full = false;
    room = true;
    await clock.advance(120_000);
    expect(kv.status()).toMatchObject({ state: 'open' });
    expect(opened).toBe(2);
    expect(await count(kv)).toBe(1);
    await kv.stop(1_000);
  });

  test('a disk that fails again and again is tried less and less often', async () => {
    let tries = 0;
    const { kv, clock } = guarded(async () => {
      tries++;
      throw new ApplianceError('storeUnwritable', 'read-only');
    });
    await kv.start(signal);
    await clock.advance(3_600_000);
    // At most one a minute in the long run, once a second at first; at least one in six minutes.
    expect(tries).toBeGreaterThan(60);
    expect(tries).toBeLessThan(250);
    const before = tries;
    await kv.stop(1_000);
    await clock.advance(3_600_000);
    expect(tries).toBe(before);
  });

  test('a write that fails on a sound disk: opened again at first, repaired the second time', async () => {
    const suspects: boolean[] = [];
    const broken = (): Kv => {
      const kv = new MemoryKv();
      kv.batch = async () => {
        throw new ApplianceError('storeUnwritable', 'failed to write', {
          cause: Object.assign(new Error('?'), { code: 'LEVEL_IO_ERROR' }),
        });
      };
      return kv;
    };
    const { kv, clock } = guarded(async (_, suspect) => {
      suspects.push(suspect);
      return { kv: suspect ? new MemoryKv() : broken(), remedy: suspect ? 'repaired' : 'none', setAsidePath: '' };
    });
    await kv.start(signal);
    for (let i = 0; i < 2; i++) {
      await expect(kv.batch([put('a')])).rejects.toThrow();
      await clock.advance(120_000);
    }
    await kv.batch([put('a')]);
    expect(suspects).toEqual([false, false, true]);
    expect(kv.status().state).toBe('repaired');
    await kv.stop(1_000);
  });

  test('a real full disk, in a mount namespace of its own: stops, keeps what was synced, goes on when there is room', async () => {
    const mount = join(folder, 'small');
    await mkdir(mount);
    const script = new URL('./full_disk_child.ts', import.meta.url).pathname;
    const command = 'mount -t tmpfs -o size=6m tmpfs "$1" && exec "$2" "$3" "$1"';
    const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', command, 'sh', mount, process.execPath, script]);
    const report = JSON.parse(stdout) as {
      failedWith: string[];
      stoppedReason: string;
      written: number;
      kept: number;
      afterRoom: string;
    };
    expect(report.failedWith).toEqual(['storeFull']);
    expect(report.stoppedReason).toContain('no room');
    expect(report.written).toBeGreaterThan(100);
    expect(report.kept).toBeGreaterThanOrEqual(report.written);
    expect(report.afterRoom).toBe('open');
  });

  test('killed in the middle of writing: opens, every synced record is there, batches are whole', async () => {
    const script = new URL('./killed_child.ts', import.meta.url).pathname;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [script, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let acknowledged = -1;
      child.stdout.on('data', (text: Buffer) => {
        acknowledged = Math.max(acknowledged, ...text.toString().trim().split('\n').map(Number));
        if (acknowledged > 30 + round * 17) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.once('close', resolve));
      const { kv } = guarded();
      await kv.start(signal);
      expect(kv.status().state).toBe('open');
      const keys: string[] = [];
      for await (const [key] of kv.entries({ gte: bytes(`${round}/`), lt: bytes(`${round}0`) }))
        keys.push(new TextDecoder().decode(key));
      const batches = new Set(keys.map((key) => key.split('/')[1]));
      expect(batches.size).toBeGreaterThanOrEqual(acknowledged + 1);
      expect(keys.length).toBe(batches.size * 20);
      await kv.stop(1_000);
    }
  });
});
