/** What a disk does to flow records on it: files that cannot be read, that go, that cannot be made; and what age and wear allow. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openArchivedFiles } from '../../src/store/archived_files.ts';
import { readFlowFile } from '../../src/store/flow_file.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { noRecentFlows } from '../../src/store/recent_flows.ts';
import { add, Boxes, json, list, rowsOf } from './archive_box.ts';
import { baseMs } from './flow_rows.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, statfs: vi.fn(real.statfs), open: vi.fn(real.open) };
});

let boxes: Boxes;
let nowMs = 0;
beforeEach(() => {
  boxes = new Boxes();
  nowMs = 0;
  boxes.clock.monotonicMs = () => nowMs;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await boxes.remove();
});

const files = (): string[] => readdirSync(boxes.folder).sort();
const pathOf = (name: string): string => join(boxes.folder, name);
const searchOnDisk = async (): Promise<FlowSearch> =>
  new FlowSearch({
    flows: noRecentFlows,
    clock: boxes.clock,
    archive: { files: await openArchivedFiles(boxes.folder), coverage: () => ({ recordsSkipped: 0, trouble: '' }) },
  });

describe('what cannot be read is said with the answer', () => {
  test('a file that does not even say how it lies', async () => {
    const box = await boxes.open({ fileOctetsMax: 6_000 });
    await add(box, rowsOf(120, 3));
    await box.archive.stop();
    writeFileSync(pathOf(files()[1]!), Buffer.alloc(5_000, 7));
    const { matched, coverage } = await (await searchOnDisk()).list(list());
    expect(matched.records).toBeLessThan(120);
    expect(coverage.archive!.blocksUnreadable).toBeGreaterThan(0);
  });

  test('what only whole records need: those that are not listed are not passed over in silence', async () => {
    const rows = rowsOf(20, 4);
    const box = await boxes.open();
    await add(box, rows);
    await box.archive.stop();
    const path = pathOf(files()[0]!);
    const { at, headOctets, packed } = (await readFlowFile(path))!.entries[0]!;
    const octets = readFileSync(path);
    octets[at + headOctets + packed[0]! + packed[1]! + 20]! ^= 1;
    writeFileSync(path, octets);
    const { matched, listed, coverage } = await (await searchOnDisk()).list(list());
    expect([matched.records, listed.records]).toEqual([20, 10]);
    expect(coverage.archive!.blocksUnreadable).toBe(1);
  });

  test('a file that makes room while the folder is looked through', async () => {
    const box = await boxes.open({ fileOctetsMax: 6_000 });
    await add(box, rowsOf(120, 5));
    await box.archive.stop();
    const [oldest, ...rest] = files();
    writeFileSync(pathOf(oldest!), 'not yet written');
    await box.archive.files.scan(async (path, file) => {
      rmSync(path);
      return file;
    });
    expect(box.archive.files.facts).toHaveLength(rest.length);
  });

  test('who searches while the folder is looked through again goes by what was known', async () => {
    const rows = rowsOf(60, 6);
    mkdirSync(boxes.folder);
    writeFileSync(pathOf('0000000000000000.flows'), 'none of ours');
    const box = await boxes.open({ fileOctetsMax: 6_000 });
    await add(box, rows);
    await box.archive.stop();
    const found: unknown[] = [];
    await box.archive.files.scan(async (_path, file) => {
      found.push(...(await box.search.list(list())).flows);
      return file;
    });
    expect(found).toEqual(json(rows));
  });

  test('until what was kept has been found, answers say that it has not', async () => {
    const box = await boxes.open();
    await add(box, rowsOf(10, 6));
    await box.archive.stop();
    const { FlowArchive } = await import('../../src/store/flow_archive.ts');
    const parts = { clock: boxes.clock, clockTrusted: () => true, onEvent: () => {} };
    const options = { folder: boxes.folder, bytesMax: 2 ** 30, forS: 1e9, writtenBytesPerDayMax: 2 ** 40 };
    const archive = new FlowArchive(options, parts);
    const opened = archive.open();
    expect(archive.trouble).toMatch(/looked through/);
    await opened;
    expect(archive.trouble).toBe('');
  });
});

test('what a search has read of a block does not stay until the last row is unpacked', async () => {
  const box = await boxes.open();
  await add(box, rowsOf(200, 7));
  await box.archive.stop();
  const load = vi.spyOn(box.archive.files, 'load');
  await box.search.list(list({ order: 'bytes' }));
  expect(load).toHaveBeenCalledTimes(20);
  for (const [found] of load.mock.calls) expect(Object.keys(found)).not.toContain('block');
});

describe('a disk that fails', () => {
  test('too little room: said once, not again with every attempt, and once more when there is room', async () => {
    const box = await boxes.open({}, 1e9);
    vi.mocked(statfs).mockResolvedValue({ bavail: 1, bsize: 4_096 } as never);
    for (let minute = 0; minute < 10; minute++, nowMs += 61_000) await add(box, rowsOf(10, minute));
    expect(boxes.events).toEqual(['flowArchiveStopped']);
    vi.mocked(statfs).mockRestore();
    vi.mocked(statfs).mockResolvedValue({ bavail: 1e9, bsize: 4_096 } as never);
    await add(box, rowsOf(10, 11));
    expect(boxes.events).toEqual(['flowArchiveStopped', 'flowArchiveStarted']);
    expect(box.archive.files.rowsBefore(1e9)).toBe(10);
    expect(box.archive.skippedRows.disk).toBe(100);
    await box.archive.stop();
  });

  test('a folder that somebody removed is made again', async () => {
    const box = await boxes.open({ fileOctetsMax: 3_000 }, 1e9);
    await add(box, rowsOf(60, 12));
    rmSync(boxes.folder, { recursive: true });
    for (let minute = 0; minute < 4; minute++, nowMs += 61_000) await add(box, rowsOf(60, 13 + minute));
    expect(box.archive.trouble).toBe('');
    expect(files().length).toBeGreaterThan(0);
    await box.archive.stop();
  });

  test('files that cannot be begun leave nothing behind', async () => {
    const real = vi.mocked(open).getMockImplementation()!;
    vi.mocked(open).mockImplementation(async (...args) => {
      const handle = await real(...args);
      return Object.assign(handle, { appendFile: () => Promise.reject(Object.assign(new Error('quota'), { code: 'EDQUOT' })) });
    });
    const box = await boxes.open({}, 1e9);
    for (let minute = 0; minute < 5; minute++, nowMs += 61_000) await add(box, rowsOf(10, minute));
    expect(box.archive.skippedRows.disk).toBe(50);
    expect(files()).toEqual([]);
    vi.mocked(open).mockImplementation(real);
  });

  test('records that were written are not counted as left out where only what follows fails', async () => {
    const box = await boxes.open({}, 1e9);
    vi.spyOn(box.archive, 'retain').mockRejectedValueOnce(Object.assign(new Error('no'), { code: 'EACCES' }));
    await add(box, rowsOf(10, 1));
    expect([box.archive.files.rowsBefore(1e9), box.archive.skippedRows.disk]).toEqual([10, 0]);
    await box.archive.stop();
  });

  test('a file of which nothing reached the disk before the power went is no file', async () => {
    mkdirSync(boxes.folder);
    writeFileSync(pathOf('0000000000000000.flows'), '');
    await boxes.open();
    expect([boxes.events, files()]).toEqual([[], []]);
  });
});

describe('age', () => {
  const fileOctetsMax = 6_000;
  beforeEach(() => {
    boxes.clock.ms = baseMs + 600_000;
  });

  test('files that cannot be read keep no others from going, and go with them', async () => {
    const writing = await boxes.open({ fileOctetsMax });
    await add(writing, rowsOf(200, 61));
    await writing.archive.stop();
    writeFileSync(pathOf(files()[0]!), Buffer.alloc(5_000, 7));
    writeFileSync(pathOf(files()[2]!), Buffer.alloc(5_000, 7));
    boxes.clock.ms += 7_200_000;
    const box = await boxes.open({ fileOctetsMax, forS: 3_600 });
    expect([files(), box.archive.files.facts]).toEqual([[], []]);
  });

  test('where the budget of writing is spent', async () => {
    const writtenBytesPerDayMax = 300_000;
    const box = await boxes.open({ fileOctetsMax, forS: 3_600, writtenBytesPerDayMax });
    await add(box, rowsOf(600, 62));
    expect(box.archive.skippedRows.budget).toBeGreaterThan(0);
    expect(box.archive.files.rowsBefore(1e9)).toBeGreaterThan(100);
    boxes.clock.ms += 7_200_000;
    await add(box, rowsOf(10, 63));
    expect(box.archive.files.rowsBefore(1e9)).toBe(0);
  });

  test('where no record comes any more, and the file is not full', async () => {
    const box = await boxes.open({ forS: 3_600 });
    await add(box, rowsOf(100, 64));
    boxes.clock.ms += 4_800_000;
    box.archive.tend();
    await box.archive.settled();
    expect([files(), box.archive.files.rowsBefore(1e9)]).toEqual([[], 0]);
  });

  test('where so few come that no file is ever full', async () => {
    const box = await boxes.open({ forS: 3_600 });
    const oldest = [];
    for (let i = 0; i < 40; i++, boxes.clock.ms += 300_000) {
      const [{ bytes, interval }] = rowsOf(1, 65 + i) as never as [{ bytes: Uint8Array; interval: number }];
      const view = new DataView(bytes.buffer);
      const { rowField } = await import('../../src/flow/row_layout.ts');
      view.setBigUint64(rowField('flowStart').offset, BigInt(boxes.clock.ms) * 1_000_000n);
      view.setBigUint64(rowField('flowEnd').offset, BigInt(boxes.clock.ms) * 1_000_000n);
      await add(box, [{ bytes, interval }]);
      oldest.push(boxes.clock.ms - (box.archive.files.oldestMs ?? 0));
    }
    expect(Math.max(...oldest)).toBeLessThan(1.3 * 3_600_000);
    expect(Math.max(...oldest)).toBeGreaterThan(0.9 * 3_600_000);
    await box.archive.stop();
  });
});

describe('wear', () => {
  test('whatever is written counts, over any number of stops and kills', async () => {
    const writtenBytesPerDayMax = 1_000_000;
    let written = 0;
    let kept = 0;
    for (let run = 0; run < 80; run++) {
      const box = await boxes.open({ writtenBytesPerDayMax });
      await add(box, rowsOf(10, run), 1);
      if (run % 3 !== 0) await box.archive.stop();
      written += box.archive.writtenOctets;
      kept = box.archive.files.rowsBefore(1e9);
      expect(box.archive.writtenLastDay, `run ${run}`).toBeGreaterThanOrEqual(0.98 * written);
      expect(written, `run ${run}`).toBeLessThanOrEqual(writtenBytesPerDayMax);
    }
    expect(kept).toBeGreaterThan(50);
    expect(written).toBeGreaterThan(0.8 * writtenBytesPerDayMax);
    expect(files().length).toBeLessThan(10);
    expect(statSync(pathOf(files()[0]!)).size).toBeGreaterThan(0);
  });
});
