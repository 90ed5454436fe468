/**
 * The spool on a disk that goes wrong, with a collector that counts: a store whose files are garbage, a disk that is
 * read-only. The box starts, says so, sends what can be read, and what cannot is on the account.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { GuardedKv } from '../../../src/store/guarded_kv.ts';
import { TcpCollector, until } from '../collector.ts';
import { type ExportBox, startBox, systemTestWorld } from '../export_box.ts';
import { blockOf } from '../rows.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-disk-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Whole {
  readonly box: ExportBox;
  readonly store: GuardedKv;
  end(): Promise<void>;
}

async function boxOn(path: string, port: number): Promise<Whole> {
  const world = systemTestWorld();
  const store = new GuardedKv(
    { name: 'spool', path, octetsMax: 100_000_000, retryFirstMs: 20, retryCapMs: 100, level: { freeOctetsMin: 0 } },
    world,
  );
  await store.start(new AbortController().signal);
  const box = await startBox({
    destinations: [{ name: 'a', port, profile: 'lean', resendMarginBytes: 0 }],
    kv: store,
    wasDamaged: () => store.status().state === 'repaired',
    spool: { persistAfterS: 1 },
    ...{ world },
  });
  const end = async (): Promise<void> => {
    await box.stop(2_000);
    await store.stop(2_000);
  };
  return { box, store, end };
}
const account = ({ box }: Whole) => box.exporters.accounts()[0]!.account;
const numbers = (collector: TcpCollector): number[] => collector.flows.map(({ values }) => Number(values.packetDeltaCount));

/** Every file that matches becomes garbage of its size. */
function spoil(path: string, pattern: RegExp): number {
  const names = readdirSync(path).filter((name) => pattern.test(name) && readFileSync(join(path, name)).length > 0);
  for (const name of names) writeFileSync(join(path, name), Buffer.alloc(readFileSync(join(path, name)).length, 0xa5));
  return names.length;
}

const total = 4_000;
test.each([
  ['CURRENT', /^CURRENT$/, 'all'],
  ['the manifest', /^MANIFEST/, 'all'],
  ['its log', /\.log$/, 'some'],
  ['its tables', /\.ldb$/, 'some'],
])('garbage in %s of the spool: it starts, says so, and what can be read arrives', async (_, pattern, expected) => {
  const path = join(newFolder(), 'spool');
  const collector = await TcpCollector.start();
  cleanups.push(() => collector.kill());
  const { port } = collector;
  await collector.kill();
  // Several runs, so that there are tables and a log.
  for (let run = 0; run < 4; run++) {
    const one = await boxOn(path, port);
    for (let first = 0; first < total / 4; first += 250) one.box.spool.append(blockOf((run * total) / 4 + first, 250));
    await until('it is on disk', () => one.box.spool.status().octetsOnDisk > 0);
    await one.end();
  }
  const spoiled = spoil(path, pattern);
  expect(spoiled).toBeGreaterThan(0);
  const damaged = await boxOn(path, port);
  cleanups.push(() => damaged.end());
  await collector.listen(port);
  damaged.box.spool.append(blockOf(total, 100));
  await until('the new rows arrive, and nothing waits', () => numbers(collector).includes(total + 100) && damaged.box.arrived());
  // What is gone is told, here and to the collector: of a size that nobody knows.
  await until('it is told', () => damaged.box.heard.some(({ event }) => event === 'spoolDamaged'));
  await until('nothing waits', () => damaged.box.arrived());
  const old = numbers(collector).filter((number) => number <= total);
  expect(new Set(old).size).toBe(old.length);
  if (expected === 'all') expect(old).toHaveLength(total);
  expect(damaged.store.status().state).toBe('repaired');
  const gaps = (): Record<string, unknown>[] =>
    collector.sessions.flatMap(({ options }) =>
      options.filter(({ scope }) => scope.includes('flowStartMilliseconds')).map(({ values }) => values),
    );
  await until('the gap is told', () => gaps().length > 0);
  expect(gaps()[0]!.notSentFlowTotalCount).toBe((2n ** 64n - 1n).toString());
  expect(collector.violations).toEqual([]);
  damaged.box.balanced();
});

/** A small disk of its own; undefined where this user may not mount one. */
function smallDisk(options: string): string | undefined {
  const folder = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined; // not allowed here: the test below says that it was skipped
  }
  cleanups.push(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}
const mayMount = smallDisk('size=64k') !== undefined;
for (const cleanup of cleanups.splice(0).reverse()) void cleanup();

describe.skipIf(!mayMount)(`a read-only disk${mayMount ? '' : ' (skipped: this user may not mount)'}`, () => {
  test('stops no export; it is told, and used as soon as it is writable', async () => {
    const disk = smallDisk('size=64m,ro')!;
    const collector = await TcpCollector.start();
    cleanups.push(() => collector.kill());
    const one = await boxOn(join(disk, 'spool'), collector.port);
    cleanups.push(() => one.end());
    for (let first = 0; first < 1_000; first += 250) one.box.spool.append(blockOf(first, 250));
    await until('all is acknowledged', () => one.box.arrived());
    expect(one.store.status().state).toBe('stopped');
    expect(one.store.status().reason).toMatch(/read-only|EROFS/i);
    await collector.kill();
    one.box.spool.append(blockOf(1_000, 500));
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await until('it is open', () => one.store.status().state === 'open');
    await until('what waits is on disk', () => one.box.spool.status().octetsOnDisk > 0);
    await collector.listen(collector.port);
    await until('all is acknowledged', () => one.box.arrived());
    await until('all is read', () => new Set(numbers(collector)).size === 1_500);
    expect(account(one)).toMatchObject({ acknowledged: 1_500, pending: 0 });
  });
});
