import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { NameBook } from '../../src/pipeline/name_book.ts';
import { TextFile } from '../../src/system/boot_file.ts';

const signal = new AbortController().signal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowspan-names-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function bookAt(path: string): { book: NameBook; events: string[] } {
  const events: string[] = [];
  const world = {
    clock: new SimulatedClock(0, 1_800_000_000_000),
    random: new SeededRandom(1),
    log: silentLog,
    metrics: createMetrics(),
  };
  const book = new NameBook({ world, file: new TextFile(path), onEvent: (level, event) => events.push(`${level} ${event}`) });
  return { book, events };
}

describe('the book of names', () => {
  test('a number means the same after a restart, whatever is asked first', async () => {
    const path = join(folder, 'kept.json');
    const first = bookAt(path);
    await first.book.start(signal);
    expect([first.book.numberOf('siteLabel', 'a'), first.book.numberOf('siteLabel', 'b')]).toEqual([1, 2]);
    await first.book.save();
    const second = bookAt(path);
    await second.book.start(signal);
    expect([second.book.numberOf('siteLabel', 'c'), second.book.numberOf('siteLabel', 'b'), second.book.nameOf(1)]).toEqual([
      3,
      2,
      'a',
    ]);
    expect([...first.events, ...second.events]).toEqual([]);
  });

  test('a damaged file is said, and no number of before is given again', async () => {
    const path = join(folder, 'damaged.json');
    writeFileSync(path, '{"version":1,"next":7,"nam');
    const { book, events } = bookAt(path);
    await book.start(signal);
    expect(events).toEqual(['warn namesUnreadable']);
    expect(book.numberOf('siteLabel', 'a')).toBeGreaterThan(2 ** 31);
    expect(book.numberOf('siteLabel', 'a')).toBeLessThan(2 ** 32);
    await book.save();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ names: [[expect.any(Number), 'siteLabel', 'a']] });
  });

  test('a disk that refuses is an event, and names go on in memory', async () => {
    const { book, events } = bookAt('/dev/null/names.json');
    await book.start(signal);
    const number = book.numberOf('siteLabel', 'a');
    await book.save();
    expect([book.nameOf(number), events.at(-1)]).toEqual(['a', 'error namesUnwritable']);
  });

  test('without names nothing is written', async () => {
    const { book } = bookAt(join(folder, 'none.json'));
    await book.start(signal);
    await book.stop(0);
    expect(() => readFileSync(join(folder, 'none.json'))).toThrow('ENOENT');
  });
});
