/** Ways to a collector: IPv6, names that come to mean another address, and what the dead cost the living. */
import dns from 'node:dns';
import { afterEach, expect, test, vi } from 'vitest';
import { TcpCollector, UdpCollector, until } from './collector.ts';
import { startBox } from './export_box.ts';
import { blockOf } from './rows.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  vi.restoreAllMocks();
});

async function collector(address = '127.0.0.1', port = 0): Promise<TcpCollector> {
  const one = new TcpCollector();
  one.address = address;
  await one.listen(port);
  cleanups.push(() => one.kill());
  return one;
}
type Box = Awaited<ReturnType<typeof startBox>>;
async function boxTo(...destinations: Record<string, unknown>[]): Promise<Box> {
  const box = await startBox({ destinations: destinations.map((one) => ({ profile: 'lean', ...one })) });
  cleanups.push(() => box.stop(200));
  return box;
}

test('over TCP to an IPv6 address', async () => {
  const one = await collector('::1');
  const { spool, exporters, arrived } = await boxTo({ name: 'a', host: '::1', port: one.port });
  spool.append(blockOf(0, 300));
  await until('all is there', () => arrived() && one.flows.length === 300);
  expect(exporters.statuses()[0]!.address).toBe(`tcp://[::1]:${one.port}`);
  expect(one.violations).toEqual([]);
});

test('over UDP to an IPv6 address, in messages that fit', async () => {
  const one = new UdpCollector();
  one.address = '::1';
  await one.listen(0);
  cleanups.push(() => one.stop());
  const { spool, exporters, arrived } = await boxTo({ name: 'a', host: '::1', port: one.port, transport: 'udp' });
  spool.append(blockOf(0, 300));
  await until('all is there', () => arrived() && one.session.flows.length === 300);
  expect(exporters.statuses()[0]!.address).toBe(`udp://[::1]:${one.port}`);
  expect(Math.max(...one.datagrams)).toBeLessThanOrEqual(1_500 - 48);
  expect(one.session.check.violations).toEqual([]);
});

test('a name that means another address after a reconnect', async () => {
  const first = await collector('127.0.0.1');
  const second = await collector('127.0.0.2', first.port);
  let address = '127.0.0.1';
  const asked = vi.spyOn(dns, 'lookup').mockImplementation(((_name: string, options: unknown, answer: unknown) => {
    const done = answer as (error: null, found: unknown, family?: number) => void;
    if ((options as { all?: boolean }).all === true) done(null, [{ address, family: 4 }]);
    else done(null, address, 4);
  }) as typeof dns.lookup);
  const { spool, arrived } = await boxTo({ name: 'a', host: 'collector.example', port: first.port });
  spool.append(blockOf(0, 100));
  await until('the first has all', () => arrived() && first.flows.length === 100);
  address = '127.0.0.2';
  await first.kill();
  spool.append(blockOf(100, 100));
  await until('the second has the rest', () => arrived() && second.flows.length >= 100);
  expect(asked.mock.calls.length).toBeGreaterThan(1);
  expect(asked.mock.calls.every(([name]) => name === 'collector.example')).toBe(true);
});

test('three dead destinations cost the living one no time, and each of them keeps all of its rows', async () => {
  const refusing = await collector();
  await refusing.kill();
  const deaf = await collector();
  deaf.reads = false;
  const rows = 20_000;
  const deliver = async (box: Box, living: TcpCollector): Promise<{ allMs: number; lateMs: number }> => {
    const start = performance.now();
    for (let at = 0; at < rows; at += 500) {
      box.spool.append(blockOf(at, 500));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the living has all', () => living.flows.length === rows);
    const allMs = performance.now() - start;
    const late: number[] = [];
    for (let i = 0; i < 20; i++) {
      const at = performance.now();
      box.spool.append(blockOf(rows + i, 1));
      await until('one more', () => living.flows.length === rows + i + 1);
      late.push(performance.now() - at);
    }
    return { allMs, lateMs: late.sort((a, b) => a - b)[10]! };
  };
  const alone = await collector();
  const before = await deliver(await boxTo({ name: 'living', port: alone.port }), alone);
  const living = await collector();
  const dead = [
    { name: 'refuses', port: refusing.port },
    { name: 'deaf', port: deaf.port },
    { name: 'unknown', host: 'nowhere.invalid', port: 4739 },
  ];
  const box = await boxTo({ name: 'living', port: living.port }, ...dead);
  const beside = await deliver(box, living);
  // Generous: other work on this machine moves both. A retry's or a time-out's cost would be seconds.
  expect(beside.allMs).toBeLessThan(before.allMs * 3 + 500);
  expect(beside.lateMs).toBeLessThan(before.lateMs * 3 + 100);
  for (const { name, account } of box.exporters.accounts().slice(1)) {
    if (name !== 'deaf') expect(account, name).toMatchObject({ acknowledged: 0, pending: rows + 20 });
    expect(account.acknowledged + account.pending, name).toBe(rows + 20);
  }
  box.balanced();
}, 60_000);
