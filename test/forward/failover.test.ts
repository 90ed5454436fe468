/** A failover group over real sockets: each record reaches one of its collectors, whichever of them lives. */
import { afterEach, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { TcpCollector, until } from './collector.ts';
import { startBox } from './export_box.ts';
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

/** Rows, by the packets that each carries: its number and one. Each row of these is one record. */
const numbersOf = (records: readonly DecodedRecord[]): number[] => records.map(({ values }) => Number(values.packetDeltaCount));
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i + 1);

async function group(first: TcpCollector, second: TcpCollector, more: Record<string, unknown>[] = []) {
  const box = await startBox({
    destinations: [
      { name: 'a', port: first.port, failoverGroup: 'centre', profile: 'lean' },
      { name: 'b', port: second.port, failoverGroup: 'centre', profile: 'lean' },
      ...more,
    ],
  });
  cleanups.push(() => box.stop(200));
  const changes = (): string[] => box.heard.filter(({ event }) => event === 'uplinkFailover').map(({ text }) => text);
  return { box, changes };
}

test('while the first lives it gets everything; when it dies the second goes on; when it is back it gets the rest', async () => {
  const [first, second] = [await collector(), await collector()];
  const { box, changes } = await group(first, second);
  box.spool.append(blockOf(0, 100));
  await until('the first has all', () => box.arrived() && first.flows.length === 100);
  expect(second.sessions).toEqual([]);

  const port = first.port;
  const before = numbersOf(first.flows);
  await first.kill();
  box.spool.append(blockOf(100, 100));
  await until('the second has the rest', () => box.arrived() && new Set(numbersOf(second.flows)).has(200));
  expect(changes()[0]).toMatch(/^centre: b is used now: /);
  expect(box.exporters.statuses()).toHaveLength(1);
  expect(box.exporters.statuses()[0]).toMatchObject({ name: 'centre', state: 'up', address: `tcp://127.0.0.1:${second.port}` });

  await first.listen(port);
  await until('it is used again', () => changes().length === 2);
  box.spool.append(blockOf(200, 100));
  await until('the first has what came then', () => box.arrived() && numbersOf(first.flows).includes(300));
  expect(changes()[1]).toContain('a is used now: it takes records again');
  expect(new Set([...before, ...numbersOf(second.flows), ...numbersOf(first.flows)])).toEqual(new Set(numbers(0, 300)));
  expect(numbersOf(second.flows).some((number) => number > 200)).toBe(false);
  expect([...first.violations, ...second.violations]).toEqual([]);
});

test('a planned return sends nothing twice', async () => {
  const [first, second] = [await collector(), await collector()];
  const port = first.port;
  await first.kill();
  const { box, changes } = await group(first, second);
  box.spool.append(blockOf(0, 100));
  await until('the second has all', () => box.arrived() && second.flows.length === 100);
  await first.listen(port);
  await until('the first is used', () => changes().length === 2);
  box.spool.append(blockOf(100, 50));
  await until('the first has the rest', () => box.arrived() && first.flows.length === 50);
  expect(numbersOf(second.flows)).toEqual(numbers(0, 100));
  expect(numbersOf(first.flows)).toEqual(numbers(100, 150));
});

test('with all of them dead the group waits, in the spool, and the first that comes back gets everything', async () => {
  const [first, second] = [await collector(), await collector()];
  const port = second.port;
  await Promise.all([first.kill(), second.kill()]);
  const { box } = await group(first, second);
  box.spool.append(blockOf(0, 100));
  await until('it waits', () => box.exporters.statuses()[0]!.state === 'refused');
  expect(box.exporters.accounts()[0]).toMatchObject({ name: 'centre', account: { pending: 100, acknowledged: 0 } });
  await second.listen(port);
  await until('the second has all', () => box.arrived() && second.flows.length === 100);
  expect(numbersOf(second.flows)).toEqual(numbers(0, 100));
});

test('a destination beside the group gets everything for itself', async () => {
  const [first, second, own] = [await collector(), await collector(), await collector()];
  const { box } = await group(first, second, [{ name: 'own', port: own.port, profile: 'lean' }]);
  box.spool.append(blockOf(0, 80));
  await until('both have all', () => box.arrived() && own.flows.length === 80 && first.flows.length === 80);
  expect(second.sessions).toEqual([]);
  expect(box.exporters.accounts().map(({ name }) => name)).toEqual(['centre', 'own']);
});

test('a group and a destination of one name are refused', () => {
  const destinations = [
    { name: 'a', host: 'a.example' },
    { name: 'b', host: 'b.example', failoverGroup: 'a' },
  ];
  expect(() => settingsSchema.parse({ export: { destinations } })).toThrow('a name that no destination has');
});
