/** IPFIX files as a destination: what is acknowledged is in whole files, once, whatever the disk does. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { settingsSchema } from '../../../../src/config/schema.ts';
import { MemoryKv } from '../../../../src/core/memory_kv.ts';
import { fileName } from '../../../../src/forward/ipfix/files/file_names.ts';
import { FileUpkeep } from '../../../../src/forward/ipfix/files/file_upkeep.ts';
import { until } from '../../collector.ts';
import { type BoxOptions, type ExportBox, startBox } from '../../export_box.ts';
import { anyFamily, blockOf, sumsOf } from '../../rows.ts';
import { type ReadFile, readFile, sumOf } from './reading.ts';
import { type SlowSync, slowSync } from './slow_sync.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ipfix-files-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function box(
  folder: string,
  files: object = {},
  options: Partial<BoxOptions> & { profile?: string } = {},
): Promise<ExportBox> {
  const destination = { name: 'archive', transport: 'file', host: '', profile: options.profile ?? 'standard' };
  const made = await startBox({ ...options, destinations: [{ ...destination, files: { folder, syncMs: 100, ...files } }] });
  cleanups.push(() => made.stop(500));
  return made;
}

const finished = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.ipfix(\.gz|\.zst)?$/.test(name))
    .sort();
const content = (path: string): Buffer => {
  const octets = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(octets) : path.endsWith('.zst') ? zstdDecompressSync(octets) : octets;
};
const filesIn = (folder: string): ReadFile[] => finished(folder).map((name) => readFile(content(join(folder, name))));
const sumIn = (folder: string): ReturnType<typeof sumOf> => sumOf(filesIn(folder).flatMap(({ flows }) => flows));

test('a planned stop leaves one whole file: templates and options first, every row once', async () => {
  const folder = join(newFolder(), 'made', 'by it');
  const one = await box(folder);
  for (let first = 0; first < 2_000; first += 500) one.spool.append(blockOf(first, 500, { familyOf: anyFamily }));
  await until('all is acknowledged', () => one.arrived());
  expect(readdirSync(folder).every((name) => name.endsWith('.part'))).toBe(true);
  expect(one.exporters.statuses()[0]).toMatchObject({ state: 'up', proof: 'written to a file and synced to the disk' });
  await one.stop();
  const [file, ...others] = filesIn(folder);
  expect(others).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(1);
  expect(file!.violations).toEqual([]);
  expect(sumOf(file!.flows)).toEqual(sumsOf(0, 2_000));
  const first = file!.messages.findIndex(({ records }) => records.some(({ scope }) => scope.length === 0));
  const head = file!.messages.slice(0, first);
  expect(head.flatMap(({ templates }) => templates).filter(({ scopeCount }) => scopeCount === 0)).toHaveLength(18);
  const told = head.flatMap(({ records }) => records.flatMap(({ values }) => Object.keys(values)));
  for (const name of ['selectorId', 'interfaceName', 'flowKeyIndicator', 'observationDomainName']) expect(told).toContain(name);
});

test('files are cut by size; each can be read by itself, none misses a row and none repeats one', async () => {
  const folder = newFolder();
  const one = await box(folder, { rotateBytes: 65_536 });
  for (let first = 0; first < 4_000; first += 100) {
    one.spool.append(blockOf(first, 100, { familyOf: anyFamily }));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  const files = filesIn(folder);
  expect(files.length).toBeGreaterThan(4);
  for (const { violations, messages } of files) {
    expect(violations).toEqual([]);
    expect(messages[0]!.sequence).toBe(0);
  }
  expect(sumIn(folder)).toEqual(sumsOf(0, 4_000));
});

test.each(['gzip', 'zstd'])('finished files are compressed by %s, also those that an earlier run left', async (compression) => {
  const folder = newFolder();
  const before = await box(folder);
  before.spool.append(blockOf(0, 300));
  await until('all is acknowledged', () => before.arrived());
  await before.stop();
  const suffix = compression === 'gzip' ? '.gz' : '.zst';
  writeFileSync(join(folder, `${finished(folder)[0]}${suffix}.part`), 'half a compressed copy');
  const one = await box(folder, { compression });
  one.spool.append(blockOf(300, 300));
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  await until('both are compressed', () => readdirSync(folder).filter((name) => name.endsWith(suffix)).length === 2);
  await until('what they were made from is gone', () => readdirSync(folder).length === 2);
  expect(sumIn(folder)).toEqual(sumsOf(0, 600));
});

test('the oldest files are deleted beyond the bound; other files in the folder are not touched', async () => {
  const folder = newFolder();
  const others = [
    'notes.txt',
    'archive-old.ipfix',
    'archive2-00000001-20260101T000000Z.ipfix',
    'other-00000001-20260101T000000Z.ipfix.part',
  ];
  for (const name of others) writeFileSync(join(folder, name), 'not ours');
  const one = await box(folder, { rotateBytes: 65_536, filesMax: 3 });
  for (let first = 0; first < 4_000; first += 100) one.spool.append(blockOf(first, 100));
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  await until('few are left', () => finished(folder).filter((name) => !others.includes(name)).length <= 3);
  for (const name of others) expect(readFileSync(join(folder, name), 'utf8')).toBe('not ours');
  const kept = finished(folder).filter((name) => !others.includes(name));
  expect(readFile(content(join(folder, kept.at(-1)!))).flows.length).toBeGreaterThan(0);
});

test('what a crash left is read up to its last whole message; what was not acknowledged comes again, nothing is missing', async () => {
  const folder = newFolder();
  const kv = new MemoryKv();
  const first = await box(folder, { syncMs: 200 }, { kv });
  first.spool.append(blockOf(0, 500));
  await until('all is acknowledged', () => first.arrived());
  const [part] = readdirSync(folder);
  const path = join(folder, part!);
  const whole = readFileSync(path);
  await first.stop();
  // As the disk would hold it after a cut in the middle of the next message, and after one that left octets never synced.
  for (const tail of [whole.subarray(0, 777), Buffer.alloc(4_096), Buffer.of(0, 10, 0, 20, 0)]) {
    for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
    writeFileSync(path, Buffer.concat([whole, tail]));
    const again = await box(folder);
    await until('the file has its name', () => finished(folder).length === 1);
    const [repaired] = filesIn(folder);
    expect(repaired!.violations).toEqual([]);
    expect(sumOf(repaired!.flows)).toEqual(sumsOf(0, 500));
    await again.stop();
  }
});

test('a file without flows is not kept', async () => {
  const folder = newFolder();
  const one = await box(folder);
  await until('it is up', () => one.exporters.statuses()[0]!.state === 'up');
  const [part] = readdirSync(folder);
  const head = readFileSync(join(folder, part!));
  await one.stop();
  for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
  writeFileSync(join(folder, part!), head);
  const two = await box(folder);
  await until('it is up', () => two.exporters.statuses()[0]!.state === 'up');
  expect(finished(folder)).toEqual([]);
});

test('a folder that is none is told with the setting, and rows wait', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'flows'), '');
  const one = await box(join(folder, 'flows'));
  one.spool.append(blockOf(0, 100));
  await until('it is told', () => one.exporters.statuses()[0]!.state === 'refused');
  expect(one.exporters.statuses()[0]).toMatchObject({ backlogRecords: 100, acknowledgedRecords: 0 });
  expect(one.exporters.statuses()[0]!.reason).toMatch(/flows: is not a folder: change files\.folder/);
  unlinkSync(join(folder, 'flows'));
  await until('all is acknowledged', () => one.arrived());
});

async function slowDisk(): Promise<SlowSync> {
  const disk = await slowSync();
  cleanups.push(() => disk.restore());
  return disk;
}

test('a planned stop amid rows and a slow disk: none is repeated by the next run, none is missing', async () => {
  const folder = newFolder();
  const kv = new MemoryKv();
  const disk = await slowDisk();
  const one = await box(folder, {}, { kv });
  await until('it is up', () => one.exporters.statuses()[0]!.state === 'up');
  disk.delayMs = 150;
  let next = 0;
  const coming = setInterval(() => one.spool.append(blockOf(next++ * 20, 20)), 5);
  await until('rows come', () => next > 20);
  await one.exporters.stop(1_000);
  clearInterval(coming);
  await one.stop(1_000);
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  const again = await box(folder, {}, { kv });
  await until('all is acknowledged', () => again.arrived());
  await again.stop();
  expect(sumIn(folder)).toEqual(sumsOf(0, next * 20));
});

test('a disk too slow for a file’s planned end: what was not synced is in the next file, and in that one only', async () => {
  const folder = newFolder();
  const disk = await slowDisk();
  const one = await box(folder, { rotateBytes: 65_536 });
  await until('it is up', () => one.exporters.statuses()[0]!.state === 'up');
  disk.delayMs = 2_600;
  for (let first = 0; first < 2_000; first += 100) one.spool.append(blockOf(first, 100));
  await until('it is told', () => one.heard.some(({ text }) => /syncing the file to its disk took longer/.test(text)));
  disk.delayMs = 0;
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  await until('the first file has its name', () => readdirSync(folder).every((name) => !name.endsWith('.part')));
  expect(sumIn(folder)).toEqual(sumsOf(0, 2_000));
});

test('a file that cannot get its name is told, at a rotation and at a stop; its rows are not repeated', async () => {
  const folder = newFolder();
  const kv = new MemoryKv();
  const obstacle = (): string => {
    const name = readdirSync(folder).find((one) => one.endsWith('.part'))!;
    const path = join(folder, name.slice(0, -'.part'.length));
    mkdirSync(join(path, 'in the way'), { recursive: true });
    return path;
  };
  const one = await box(folder, { rotateBytes: 65_536 }, { kv });
  await until('it is up', () => one.exporters.statuses()[0]!.state === 'up');
  const first = obstacle();
  one.spool.append(blockOf(0, 1_000));
  await until('it is told', () => one.exporters.statuses()[0]!.reason.includes('EISDIR'));
  rmSync(first, { recursive: true });
  await until('all is acknowledged', () => one.arrived());
  const second = obstacle();
  await one.stop();
  expect(one.heard.at(-1)).toMatchObject({ event: 'uplinkLost', text: expect.stringContaining('EISDIR') });
  rmSync(second, { recursive: true });
  const again = await box(folder, {}, { kv });
  await until('it is up', () => again.exporters.statuses()[0]!.state === 'up');
  await again.stop();
  expect(sumIn(folder)).toEqual(sumsOf(0, 1_000));
});

/** A small disk of its own; undefined where this user may not mount one. */
function smallDisk(octets: number): string | undefined {
  const folder = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${octets}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined; // not allowed here: the tests below say that they were skipped
  }
  cleanups.push(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}
const mayMount = smallDisk(65_536) !== undefined;
for (const cleanup of cleanups.splice(0).reverse()) void cleanup();

describe.skipIf(!mayMount)(`on a disk of its own${mayMount ? '' : ' (skipped: this user may not mount)'}`, () => {
  test('a full disk is told, rows wait, and each is in the files once when there is room again', async () => {
    const folder = smallDisk(512 * 1_024)!;
    mkdirSync(join(folder, 'flows'));
    writeFileSync(join(folder, 'filler'), Buffer.alloc(380 * 1_024));
    const one = await box(join(folder, 'flows'));
    for (let first = 0; first < 2_000; first += 100) {
      one.spool.append(blockOf(first, 100, { familyOf: anyFamily }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until('it is told', () => one.exporters.statuses()[0]!.state === 'refused');
    const { reason, backlogRecords } = one.exporters.statuses()[0]!;
    expect(reason).toContain('the disk is full: make room there');
    expect(backlogRecords).toBeGreaterThan(0);
    one.balanced();
    unlinkSync(join(folder, 'filler'));
    await until('all is acknowledged', () => one.arrived());
    await one.stop();
    expect(sumIn(join(folder, 'flows'))).toEqual(sumsOf(0, 2_000));
    expect(filesIn(join(folder, 'flows')).flatMap(({ violations }) => violations)).toEqual([]);
  });

  test.each(['gzip', 'zstd'])(
    'a disk too full for %s: the oldest are deleted all the same, and half a copy is not left',
    async (by) => {
      const folder = smallDisk(512 * 1_024)!;
      for (const number of [1, 2, 3, 4])
        writeFileSync(join(folder, fileName('archive', number, number * 1_000)), randomBytes(120 * 1_024));
      const { files } = settingsSchema.parse({
        export: {
          destinations: [{ name: 'archive', transport: 'file', host: '', files: { folder, compression: by, filesMax: 2 } }],
        },
      }).export.destinations[0]!;
      const upkeep = new FileUpkeep('archive', files);
      await expect(upkeep.tidy(Date.now())).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(upkeep.deletedFiles).toBe(2);
      expect(finished(folder)).toEqual([3, 4].map((number) => fileName('archive', number, number * 1_000)));
      expect(readdirSync(folder)).toHaveLength(2);
      // There is room now.
      await upkeep.tidy(Date.now());
      expect(finished(folder).every((name) => name.endsWith(by === 'gzip' ? '.gz' : '.zst'))).toBe(true);
    },
  );

  test('a disk that became read-only is told, and served again when it is writable', async () => {
    const folder = smallDisk(4 * 1_024 * 1_024)!;
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const one = await box(folder);
    one.spool.append(blockOf(0, 300));
    await until('it is told', () => one.exporters.statuses()[0]!.state === 'refused');
    expect(one.exporters.statuses()[0]!.reason).toContain('mounted read-only');
    execFileSync('mount', ['-o', 'remount,rw', folder]);
    await until('all is acknowledged', () => one.arrived());
    await one.stop();
    expect(sumIn(folder)).toEqual(sumsOf(0, 300));
  });
});

test('tshark reads a file as it is, and as many records as were written', async () => {
  const folder = newFolder();
  const one = await box(folder, { compression: 'gzip' }, { profile: 'lean' });
  one.spool.append(blockOf(0, 400, { familyOf: anyFamily }));
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  await until('it is compressed', () => finished(folder)[0]?.endsWith('.gz') === true && readdirSync(folder).length === 1);
  const path = join(folder, finished(folder)[0]!);
  expect(statSync(path).size).toBeGreaterThan(0);
  const shown = execFileSync(
    'tshark',
    ['-r', path, '-T', 'fields', '-e', 'cflow.packets', '-e', '_ws.malformed', '-E', 'separator=;'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const packets = shown.split('\n').flatMap((line) => (line.split(';')[0] ?? '').split(',').filter(Boolean));
  expect(shown).not.toContain('Malformed');
  expect(packets).toHaveLength(400 + 200);
  expect(packets.reduce((sum, one) => sum + Number(one), 0)).toBe(sumsOf(0, 400).packets);
});
