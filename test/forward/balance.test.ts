/** A balance group over real sockets: each flow at one collector, also while one is dead, and every account adds up. */
import { afterEach, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { TcpCollector, until } from './collector.ts';
import { type BoxOptions, type ExportBox, startBox } from './export_box.ts';
import { blockOf } from './rows.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function collector(): Promise<TcpCollector> {
  const one = await TcpCollector.start();
  cleanups.push(() => one.kill());
  return one;
}
const numbersOf = (records: readonly DecodedRecord[]): number[] => records.map(({ values }) => Number(values.packetDeltaCount));
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i + 1);
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

const group = (collectors: readonly TcpCollector[], more: Record<string, unknown> = {}): Record<string, unknown>[] =>
  collectors.map(({ port }, i) => ({ name: 'abc'[i], port, balanceGroup: 'centre', profile: 'lean', ...more }));

async function start(options: BoxOptions): Promise<ExportBox> {
  const box = await startBox(options);
  cleanups.push(() => box.stop(200));
  return box;
}

test('each flow goes to one member, and what is not a member’s is counted as not selected', async () => {
  const all = [await collector(), await collector(), await collector()];
  const box = await start({ destinations: group(all) });
  for (let first = 0; first < 3_000; first += 100) box.spool.append(blockOf(first, 100));
  await until('all is there', () => box.arrived());
  const came = all.map(({ flows }) => numbersOf(flows));
  expect(ascending(came.flat())).toEqual(numbers(0, 3_000));
  for (const one of came) {
    expect(one.length).toBeGreaterThan(800);
    expect(one).toEqual(ascending(one));
  }
  expect(box.exporters.accounts().map(({ name }) => name)).toEqual(['centre/a', 'centre/b', 'centre/c']);
  box.exporters.accounts().forEach(({ account }, i) => {
    expect(account).toMatchObject({ handedOver: 3_000, acknowledged: came[i]!.length, notSelected: 3_000 - came[i]!.length });
  });
  expect(all.flatMap(({ violations }) => violations)).toEqual([]);
});

test('the share of a dead member goes to the next, that of the others stays, and it returns with the member', async () => {
  const all = [await collector(), await collector(), await collector()];
  const [a, b, c] = all as [TcpCollector, TcpCollector, TcpCollector];
  const box = await start({ destinations: group(all) });
  box.spool.append(blockOf(0, 600));
  await until('all is there', () => box.arrived());
  const [ofA, ofB, ofC] = all.map(({ flows }) => new Set(numbersOf(flows)));
  const { port } = b;
  await b.kill();
  box.spool.append(blockOf(0, 600)); // the same flows again
  await until('all is there', () => box.arrived());
  const twice = (one: TcpCollector, share: ReadonlySet<number> | undefined): boolean =>
    [...share!].every((number) => numbersOf(one.flows).filter((came) => came === number).length >= 2);
  expect(twice(a, ofA)).toBe(true);
  expect(twice(c, ofC)).toBe(true);
  expect([...ofB!].every((number) => numbersOf(c.flows).includes(number))).toBe(true);
  expect(numbersOf(a.flows).some((number) => ofB!.has(number))).toBe(false);

  await b.listen(port);
  const returned = (): boolean => box.heard.some(({ text }) => text.startsWith('centre/b: b is used now'));
  await until('its share is back', returned);
  const before = b.flows.length;
  box.spool.append(blockOf(0, 600));
  await until('all is there', () => box.arrived());
  expect(new Set(numbersOf(b.flows.slice(before)))).toEqual(ofB);
});

test('rows that wait keep the shares they came under, when a member is added', async () => {
  const all = [await collector(), await collector(), await collector()];
  const ports = all.map(({ port }) => port);
  await Promise.all(all.map((one) => one.kill()));
  const kv = new MemoryKv();
  const first = await startBox({ kv, destinations: group(all.slice(0, 2)) });
  first.spool.append(blockOf(0, 1_000));
  await first.stop(200);
  const box = await start({ kv, destinations: group(all) });
  box.spool.append(blockOf(1_000, 1_000));
  await Promise.all(all.map((one, i) => one.listen(ports[i]!)));
  await until('all is there', () => box.arrived());
  const came = all.map(({ flows }) => numbersOf(flows));
  expect(ascending(came.flat())).toEqual(numbers(0, 2_000));
  const accounts = Object.fromEntries(box.exporters.accounts().map(({ name, account }) => [name, account]));
  expect(accounts['centre/c']).toMatchObject({ handedOver: 1_000 });
  expect(accounts['centre/c']!.acknowledged).toBeGreaterThan(200);
  expect(Object.values(accounts).reduce((sum, { acknowledged }) => sum + acknowledged, 0)).toBe(2_000);
});

test('a destination is in one group, and groups have names of their own', () => {
  const parse = (...destinations: object[]): unknown =>
    settingsSchema.parse({ export: { destinations: destinations.map((one) => ({ host: 'c.example', ...one })) } });
  expect(() => parse({ name: 'a', balanceGroup: 'g', failoverGroup: 'h' })).toThrow('not both');
  expect(() => parse({ name: 'a', balanceGroup: 'b' }, { name: 'b' })).toThrow('a balance group needs a name');
  expect(() => parse({ name: 'a', balanceGroup: 'g' }, { name: 'b', failoverGroup: 'g' })).toThrow(
    'a balance group needs a name',
  );
});
