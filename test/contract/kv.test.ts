/** The contract of `Kv`, tried on every implementation there is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareKeys, type Kv, type KvPut, type KvRange } from '../../src/core/kv.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);
const put = (key: string, value = key): KvPut => ({ key: bytes(key), value: bytes(value) });

async function keysOf(kv: Kv, range: KvRange = {}): Promise<string> {
  const keys: string[] = [];
  for await (const [key] of kv.entries(range)) keys.push(text(key));
  return keys.join(' ');
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowspan-kv-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const implementations: Readonly<Record<string, () => Promise<Kv>>> = {
  MemoryKv: async () => new MemoryKv(),
  LevelKv: () => openLevelKv(join(folder, 'store'), { freeOctetsMin: 0 }),
};

describe.each(Object.entries(implementations))('%s', (_, open) => {
  test('a missing key is undefined, an empty value is a value', async () => {
    const kv = await open();
    await kv.batch([put('empty', '')]);
    expect(await kv.get(bytes('missing'))).toBeUndefined();
    expect(await kv.get(bytes('empty'))).toHaveLength(0);
    await kv.close();
  });

  test('every bound, backwards, and a limit', async () => {
    const kv = await open();
    await kv.batch(['d', 'b', 'a', 'c', 'e'].map((key) => put(key)));
    expect(await keysOf(kv)).toBe('a b c d e');
    expect(await keysOf(kv, { gte: bytes('b'), lt: bytes('d') })).toBe('b c');
    expect(await keysOf(kv, { gt: bytes('b'), lte: bytes('d') })).toBe('c d');
    expect(await keysOf(kv, { reverse: true, limit: 2 })).toBe('e d');
    expect(await keysOf(kv, { gte: bytes('c'), limit: 1 })).toBe('c');
    expect(await keysOf(kv, { gt: bytes('e') })).toBe('');
    await kv.close();
  });

  test('keys order by their octets, not as text or signed numbers', async () => {
    const kv = await open();
    const keys = [[0x80], [0x7f], [0x7f, 0x00], [0xff, 0x01], [0x00]].map((key) => Uint8Array.from(key));
    await kv.batch(keys.map((key) => ({ key, value: key })));
    const seen: Uint8Array[] = [];
    for await (const [key] of kv.entries({})) seen.push(Uint8Array.from(key));
    expect(seen).toEqual([...keys].sort(compareKeys));
    await kv.close();
  });

  test('a batch replaces and deletes together, and a put wins over a delete of the same key', async () => {
    const kv = await open();
    await kv.batch([put('a', '1'), put('b', '1')]);
    await kv.batch([put('b', '2'), put('c', '2')], [bytes('a'), bytes('b')], { sync: true });
    expect(await keysOf(kv)).toBe('b c');
    expect(text((await kv.get(bytes('b')))!)).toBe('2');
    await kv.close();
  });

  test('clear deletes its range and nothing beside it, at most `limit`', async () => {
    const kv = await open();
    await kv.batch(['a', 'b', 'c', 'd', 'e'].map((key) => put(key)));
    await kv.clear({ gte: bytes('b'), lt: bytes('e'), limit: 2 });
    expect(await keysOf(kv)).toBe('a d e');
    await kv.clear({ gte: bytes('b'), lt: bytes('e') });
    expect(await keysOf(kv)).toBe('a e');
    await kv.close();
  });

  test('a scan shows the store as it was when the scan began', async () => {
    const kv = await open();
    await kv.batch(['a', 'b', 'c'].map((key) => put(key)));
    const seen: string[] = [];
    for await (const [key] of kv.entries({})) {
      if (seen.length === 0) await kv.batch([put('d')], [bytes('c')]);
      seen.push(text(key));
    }
    expect(seen.join(' ')).toBe('a b c');
    await kv.close();
  });

  test('what was written is not changed by writing into the caller’s memory afterwards', async () => {
    const kv = await open();
    const value = bytes('before');
    await kv.batch([{ key: bytes('k'), value }]);
    value.fill(0);
    expect(text((await kv.get(bytes('k')))!)).toBe('before');
    await kv.close();
  });

  test('a closed store says so with its code', async () => {
    const kv = await open();
    await kv.close();
    await expect(kv.get(bytes('a'))).rejects.toMatchObject({ code: 'storeClosed' });
    await expect(kv.batch([put('a')])).rejects.toMatchObject({ code: 'storeClosed' });
    await expect(kv.clear({})).rejects.toMatchObject({ code: 'storeClosed' });
    await expect(keysOf(kv)).rejects.toMatchObject({ code: 'storeClosed' });
    await kv.close(); // twice is once
  });

  test('the size of everything grows with what is put', async () => {
    const kv = await open();
    const before = await kv.approximateSize({});
    await kv.batch(Array.from({ length: 50 }, (_, i) => put(`key ${i}`, 'x'.repeat(1_000))));
    expect((await kv.approximateSize({})) - before).toBeGreaterThan(40_000);
    expect(await kv.approximateSize({ gte: bytes('y'), lt: bytes('z') })).toBe(0);
    await kv.close();
  });

  test('random actions leave what a sorted map would hold', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const action = fc.oneof(
      fc.record({
        puts: fc.array(fc.tuple(key, fc.string({ maxLength: 3 })), { maxLength: 4 }),
        deletes: fc.array(key, { maxLength: 2 }),
      }),
      fc.record({ from: key, to: key, limit: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }) }),
    );
    const kv = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
        await kv.clear({});
        const model = new Map<string, string>();
        for (const step of actions) {
          if ('puts' in step) {
            await kv.batch(
              step.puts.map(([k, v]) => put(k, v)),
              step.deletes.map(bytes),
            );
            for (const k of step.deletes) model.delete(k);
            for (const [k, v] of step.puts) model.set(k, v);
          } else {
            const range = {
              gte: bytes(step.from),
              lte: bytes(step.to),
              ...(step.limit === undefined ? {} : { limit: step.limit }),
            };
            await kv.clear(range);
            const doomed = [...model.keys()].sort().filter((k) => k >= step.from && k <= step.to);
            for (const k of doomed.slice(0, step.limit ?? doomed.length)) model.delete(k);
          }
        }
        const held: [string, string][] = [];
        for await (const [k, v] of kv.entries({})) held.push([text(k), text(v)]);
        expect(held).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
      }),
      { numRuns: 40 },
    );
    await kv.close();
  });
});
