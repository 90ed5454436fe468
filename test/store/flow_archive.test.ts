import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withLabelNumbers } from '../../src/flow/filter/filter_names.ts';
import { parseFilter } from '../../src/flow/filter/filter_parser.ts';
import { everyFlow, type Filter, writeFilter } from '../../src/flow/filter/filter_syntax.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { rowField } from '../../src/flow/row_layout.ts';
import { openArchivedFiles } from '../../src/store/archived_files.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { noRecentFlows } from '../../src/store/recent_flows.ts';
import { arbitraryFilter, labelNames, likelyTest } from '../flow/filter/arbitrary_filter.ts';
import { add, always, Boxes, json, list, names, rowsOf } from './archive_box.ts';
import { matchesNaively } from './naive_filter.ts';
import { openSegmentBytes, recentFlows, runOf } from './packed_flows.ts';

const numbered = (filter: Filter): Filter => withLabelNumbers(filter, labelNames).filter!;

let boxes: Boxes;
beforeEach(() => {
  boxes = new Boxes();
});
afterEach(() => boxes.remove());

describe('what is found on disk and in memory together', () => {
  test('is what the filter means, for every row and filter, over files, restarts and pages', async () => {
    const rows = rowsOf(400, 5);
    let box = await boxes.open({ fileOctetsMax: 6_000 });
    await add(box, rows.slice(0, 230));
    await box.archive.stop();
    // A box with memory: the newest are in both places.
    box = await boxes.open({ fileOctetsMax: 6_000 }, openSegmentBytes + 20_000);
    await add(box, rows.slice(230), 7);
    expect(readdirSync(boxes.folder).length).toBeGreaterThan(3);
    await fc.assert(
      fc.asyncProperty(arbitraryFilter(likelyTest), fc.integer({ min: 1, max: 90 }), async (filter, limit) => {
        const wanted = rows.filter(({ bytes }) => matchesNaively(numbered(filter), bytes));
        const first = await box.search.list(list({ filter, limit }));
        expect(first.matched.records, writeFilter(filter)).toBe(wanted.length);
        expect(first.coverage.complete).toBe(true);
        const pages = [first];
        for (let page = first; page.nextBefore !== undefined; pages.push(page))
          page = await box.search.list(list({ filter, limit, before: page.nextBefore }));
        expect(pages.flatMap(({ flows }) => flows)).toEqual(json(wanted));
        // Totals balance: pages add up to what the first one told.
        for (const sum of ['records', 'flows', 'packets', 'octets'] as const)
          expect(pages.reduce((all, { listed }) => all + listed[sum], 0)).toBe(first.matched[sum]);
      }),
      { numRuns: 120 },
    );
    const { flows } = await box.search.list(list({ order: 'bytes', limit: 50 }));
    const octets = (flow: Record<string, unknown>): number =>
      Number(flow.layer2OctetDeltaCount) + Number(flow.reverseLayer2OctetDeltaCount ?? 0);
    const sorted = rows.map(({ bytes }) => octets(rowToJson(bytes, 0))).sort((a, b) => b - a);
    expect(flows.map(octets)).toEqual(sorted.slice(0, 50));
    await box.archive.stop();
  });

  test('sums by any key are those of memory alone', async () => {
    const rows = rowsOf(300, 9);
    const box = await boxes.open();
    await add(box, rows);
    await box.archive.stop();
    const memory = recentFlows(1e9);
    for (const { bytes, interval } of rows) memory.add(runOf(bytes, 0, [interval]));
    const { flowKeys } = await import('../../src/flow/flow_search_shapes.ts');
    for (const key of flowKeys) {
      const question = { filter: everyFlow, ...always, by: [key], order: 'bytes' as const, limit: 1_000 };
      const { coverage: _, ...onDisk } = await box.search.group(question);
      const { coverage: __, ...inMemory } = await new FlowSearch({ flows: memory, clock: boxes.clock, names }).group(question);
      expect(onDisk).toEqual(inMemory);
    }
  });

  test('blocks that cannot hold an address are not read', async () => {
    const one = rowsOf(50, 1).find(({ bytes }) => 'sourceIPv4Address' in rowToJson(bytes, 0))!;
    const rows = Array.from({ length: 200 }, (_, i) => {
      const bytes = one.bytes.slice();
      bytes.set([10, 1, i, 7], rowField('sourceAddress').offset);
      return { bytes, interval: 1 };
    });
    const box = await boxes.open();
    await add(box, rows, 1);
    await box.archive.stop();
    const read = vi.spyOn(box.archive.files, 'read');
    const { filter } = parseFilter('src net 10.1.77.0/24') as { filter: Filter };
    const wanted = rows.filter(({ bytes }) => matchesNaively(filter, bytes)).length;
    expect(wanted).toBeGreaterThan(0);
    expect((await box.search.list(list({ filter }))).matched.records).toBe(wanted);
    expect(read.mock.calls.length).toBeLessThan(20);
  });

  test('a search that has no time for all says how far it came, and goes on there', async () => {
    const rows = rowsOf(100, 3);
    const box = await boxes.open();
    await add(box, rows);
    await box.archive.stop();
    let page = await box.search.list(list({ withinMs: -1 }));
    expect(page.coverage.complete).toBe(false);
    expect(page.coverage.searchedFromMs).toBeGreaterThan(0);
    const found = [...page.flows];
    for (let asked = 0; page.nextBefore !== undefined && asked < 50; asked++) {
      page = await box.search.list(list({ withinMs: -1, before: page.nextBefore }));
      found.push(...page.flows);
    }
    expect(found).toEqual(json(rows));
  });

  test('whoever has gone is not searched for', async () => {
    const box = await boxes.open();
    await add(box, rowsOf(30, 3));
    await box.archive.stop();
    await expect(box.search.list(list({ signal: AbortSignal.abort(new Error('gone')) }))).rejects.toThrow('gone');
    // And keeps nobody waiting.
    expect((await box.search.list(list())).matched.records).toBe(30);
  });
});

describe('what a kill or a power cut leaves', () => {
  test.each([
    ['in the middle of a block', (path: string) => truncateSync(path, statSync(path).size - 100), 1],
    ['garbage behind the last block', (path: string) => appendFileSync(path, Buffer.alloc(3_000, 7)), 0],
    ['zeros where the file grew and nothing was written', (path: string) => appendFileSync(path, Buffer.alloc(8_192)), 0],
    ['half a frame', (path: string) => appendFileSync(path, Buffer.from('FLOB')), 0],
  ])('%s: whole blocks are found, the rest is cut and said, and writing goes on', async (_what, tear, blocksLost) => {
    const rows = rowsOf(100, 21);
    const killed = await boxes.open();
    await add(killed, rows);
    const path = join(boxes.folder, readdirSync(boxes.folder)[0]!);
    tear(path);
    const kept = rows.slice(0, 100 - 10 * blocksLost);
    // The command line looks into it without touching it.
    const octets = statSync(path).size;
    const files = await openArchivedFiles(boxes.folder);
    const reading = new FlowSearch({
      flows: noRecentFlows,
      clock: boxes.clock,
      archive: { files, coverage: () => ({ recordsSkipped: 0, trouble: '' }) },
    });
    expect((await reading.list(list())).flows).toEqual(json(kept));
    expect(statSync(path).size).toBe(octets);

    const box = await boxes.open();
    expect(boxes.events).toContain('flowArchiveCut');
    expect(box.archive.nextRow).toBe(kept.length);
    const more = rowsOf(40, 22);
    await add(box, more);
    await box.archive.stop();
    expect((await box.search.list(list())).flows).toEqual(json([...kept, ...more]));
    boxes.events = [];
    await boxes.open();
    expect(boxes.events).toEqual([]);
  });

  test('any octet that turned over costs its block or its file, and nothing more', async () => {
    const rows = rowsOf(60, 31);
    const box = await boxes.open({ fileOctetsMax: 5_000 });
    await add(box, rows);
    await box.archive.stop();
    const names = readdirSync(boxes.folder);
    const path = join(boxes.folder, names[1]!);
    const whole = readFileSync(path);
    const all = json(rows).map((row) => JSON.stringify(row));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(whole);
        damaged[at]! ^= change;
        writeFileSync(path, damaged);
        const files = await openArchivedFiles(boxes.folder);
        const archive = { files, coverage: () => ({ recordsSkipped: 0, trouble: '' }) };
        const search = new FlowSearch({ flows: noRecentFlows, clock: boxes.clock, archive });
        const { flows } = await search.list(list());
        const found = flows.map((row) => JSON.stringify(row));
        expect(found.filter((row) => !all.includes(row))).toEqual([]);
        const others = names.length - 1;
        expect(found.length).toBeGreaterThanOrEqual(Math.floor((60 * others) / names.length) - 20);
      }),
      { numRuns: 80 },
    );
  });

  test('files of another layout are read by the names of their columns', async () => {
    const rows = rowsOf(20, 41);
    const box = await boxes.open();
    await add(box, rows);
    await box.archive.stop();
    const { ownLayout } = await import('../../src/store/flow_layout.ts');
    const { decodeFrame, encodeFrame, frameStart, frameOctets, magics } = await import('../../src/store/flow_file_form.ts');
    const path = join(boxes.folder, readdirSync(boxes.folder)[0]!);
    const file = readFileSync(path);
    const headOctets = frameOctets + frameStart(file)!.headOctets;
    const header = JSON.parse(Buffer.from(decodeFrame(file.subarray(0, headOctets))!.head).toString());
    // Another version that knows VLANs by another name, and has two groups of presence the other way round.
    const place = ownLayout.numbers.findIndex(({ name }) => name.startsWith('dot1qVlanId:'));
    header.layout.numbers[place].name = 'somethingElse:u16';
    const [first, second, ...groups] = header.layout.presence;
    header.layout.presence = [second, first, ...groups];
    const altered = encodeFrame(magics.header, Buffer.from(JSON.stringify(header)));
    // The index says places in the file: without it blocks are looked for.
    const end = file.length - 12 - file.readUInt32BE(file.length - 8) - file.readUInt32BE(file.length - 12);
    writeFileSync(path, Buffer.concat([altered, file.subarray(headOctets, end)]));
    const reopened = await boxes.open();
    const { flows } = await reopened.search.list(list());
    expect(flows).toHaveLength(20);
    const { presenceBit } = await import('../../src/flow/row_layout.ts');
    const swapped = rows.map(({ bytes, interval }) => {
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      const bits = view.getUint32(4);
      const [a, b] = [presenceBit(first), presenceBit(second)];
      view.setUint32(4, ((bits & ~(a | b)) | ((bits & a) !== 0 ? b : 0) | ((bits & b) !== 0 ? a : 0)) >>> 0);
      return { bytes: copy, interval };
    });
    const withoutVlan = (row: Record<string, unknown>): number => Number(row.layer2OctetDeltaCount);
    expect(flows.map(withoutVlan)).toEqual(json(swapped).map((row) => withoutVlan(row as Record<string, unknown>)));
    expect(flows.map((flow) => 'sourceMacAddress' in flow)).toEqual(
      json(swapped).map((row) => 'sourceMacAddress' in (row as object)),
    );
    expect(flows.every((flow) => (flow.dot1qVlanId ?? 0) === 0)).toBe(true);
  });
});

describe('budgets', () => {
  test('octets: the oldest files go, and what is found is the newest', async () => {
    const rows = rowsOf(600, 51);
    const box = await boxes.open({ fileOctetsMax: 6_000, bytesMax: 30_000 });
    await add(box, rows);
    await box.archive.stop();
    const octets = readdirSync(boxes.folder).reduce((sum, name) => sum + statSync(join(boxes.folder, name)).size, 0);
    expect(octets).toBeLessThan(42_000);
    expect(box.archive.files.octets).toBe(octets);
    const { flows, coverage } = await box.search.list(list());
    expect(flows.length).toBeGreaterThan(20);
    expect(coverage.recordsKept).toBe(flows.length);
    expect(flows).toEqual(json(rows.slice(-flows.length)));
  });

  test('age: only where the clock is trusted', async () => {
    boxes.clock.ms = 1_767_264_060_000 + 600_000;
    boxes.clockTrusted = false;
    const box = await boxes.open({ forS: 3_600, fileOctetsMax: 6_000 });
    const { archive } = box;
    await add(box, rowsOf(200, 61));
    expect(archive.files.rowsBefore(1e9)).toBe(200);
    boxes.clock.ms += 7_200_000;
    await archive.retain();
    expect(archive.files.rowsBefore(1e9)).toBe(200);
    boxes.clockTrusted = true;
    await archive.retain();
    expect(archive.files.rowsBefore(1e9)).toBeLessThan(60);
    await archive.stop();
  });

  test('writing: when the day’s octets are spent records stay in memory, which is said once, over restarts', async () => {
    const budget = 200_000;
    let box = await boxes.open({ writtenBytesPerDayMax: budget, fileOctetsMax: 40_000 }, 1e9);
    await add(box, rowsOf(1_500, 71));
    expect(box.archive.writtenLastDay).toBeLessThanOrEqual(budget);
    expect(box.archive.skippedRows.budget).toBeGreaterThan(0);
    expect(boxes.events.filter((event) => event === 'flowArchiveBudgetSpent')).toHaveLength(1);
    // All of them are found while they are in memory.
    const { matched, coverage } = await box.search.list(list());
    expect(matched.records).toBe(1_500);
    expect(coverage.archive).toMatchObject({ recordsSkipped: box.archive.skippedRows.budget });
    expect(coverage.archive!.trouble).toMatch(/writtenBytesPerDayMax/);
    const onDisk = box.archive.files.rowsBefore(1e9);
    const spent = box.archive.writtenLastDay;
    await box.archive.stop();

    box = await boxes.open({ writtenBytesPerDayMax: budget, fileOctetsMax: 40_000 });
    expect(box.archive.writtenLastDay).toBeGreaterThan(0.9 * spent);
    await add(box, rowsOf(500, 72));
    expect(box.archive.files.rowsBefore(1e9) - onDisk).toBeLessThan(100);
    boxes.clock.ms += 25 * 3_600_000;
    expect(box.archive.writtenLastDay).toBe(0);
    await add(box, rowsOf(50, 73));
    expect(box.archive.trouble).toBe('');
    expect(boxes.events).toContain('flowArchiveWithinBudget');
    await box.archive.stop();
  });

  test('a disk that takes nothing stops this and nothing else, and is tried again', async () => {
    let nowMs = 0;
    boxes.clock.monotonicMs = () => nowMs;
    const box = await boxes.open({ folder: '/dev/null/flows' }, 1e9);
    expect(boxes.events).toEqual(['flowArchiveStopped']);
    await add(box, rowsOf(40, 81));
    nowMs += 61_000;
    await add(box, rowsOf(40, 82));
    expect(boxes.events).toEqual(['flowArchiveStopped']);
    expect(box.archive.skippedRows.disk).toBe(80);
    expect((await box.search.list(list())).matched.records).toBe(80);
    await box.archive.stop();
  });
});
