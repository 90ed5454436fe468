/** Collectors that take their time: one octet at a time, a little now and then. Nothing is lost, nothing grows, nothing comes twice. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { addon } from '../../meter/metering.ts';
import { type Session, TcpCollector, until } from '../collector.ts';
import { type ExportBox, startBox } from '../export_box.ts';
import { anyFamily, blockOf } from '../rows.ts';

const mebibyte = 1_048_576;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A collector that takes what is there as this says. */
async function collectorThat(reads: (socket: Socket, session: () => Session) => void): Promise<TcpCollector> {
  const collector = await TcpCollector.start();
  collector.reads = false;
  collector.onConnection = (socket) => reads(socket, () => collector.sessions.at(-1)!);
  cleanups.push(() => collector.kill());
  return collector;
}
async function boxTo(collector: TcpCollector, settings: object): Promise<ExportBox> {
  const box = await startBox({
    destinations: [{ name: 'a', port: collector.port, profile: 'lean', ...settings }],
    measures: addon,
  });
  cleanups.push(() => box.stop(200));
  return box;
}
/** Forward counts are the rows' numbers plus one. */
const numbers = (collector: TcpCollector): number[] => collector.flows.map(({ values }) => Number(values.packetDeltaCount));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test('one octet at a time: every record, in order, once', async () => {
  const collector = await collectorThat((socket, session) => {
    socket.on('readable', () => {
      for (let octet = socket.read(1) as Buffer | null; octet !== null; octet = socket.read(1) as Buffer | null)
        for (const message of session().stream.push(octet)) session().take(message);
    });
  });
  const box = await boxTo(collector, { messageBytesMax: 1_024 });
  box.spool.append(blockOf(0, 600, { familyOf: anyFamily }));
  await until('all is acknowledged', () => box.arrived());
  await until('all is read', () => collector.flows.length >= 600);
  expect(numbers(collector)).toEqual(upTo(600));
  expect(collector.violations).toEqual([]);
  expect(collector.sessions).toHaveLength(1);
});

test('a little now and then: the box waits with what does not fit, in its spool, and the session lives', async () => {
  const rows = 60_000;
  let hurries = false;
  const collector = await collectorThat((socket, session) => {
    const take = (chunk: Buffer): void => {
      for (const message of session().stream.push(chunk)) session().take(message);
    };
    const next = (): void => {
      if (socket.destroyed) return;
      const chunk = (socket.read(8_192) ?? socket.read()) as Buffer | null;
      if (chunk !== null) take(chunk);
      setTimeout(next, hurries ? 0 : 10);
    };
    socket.on('readable', () => {}); // paused: read when its time comes
    next();
  });
  const box = await boxTo(collector, {});
  for (let first = 0; first < rows; first += 500) box.spool.append(blockOf(first, 500));
  const account = () => box.exporters.accounts()[0]!.account;
  // The kernels on the way hold megabytes; the rest is not acknowledged before it was read.
  await until('it was read for a while', () => collector.flows.length > 2_000);
  expect(box.exporters.statuses()[0]!.state).toBe('up');
  box.balanced();
  hurries = true;
  await until('all is acknowledged', () => box.arrived(), 40_000);
  await until('all is read', () => collector.flows.length >= rows, 40_000);
  expect(numbers(collector)).toEqual(upTo(rows));
  expect(account()).toMatchObject({ acknowledged: rows, dropped: { overBudget: 0 } });
  expect(collector.sessions).toHaveLength(1);
  expect(collector.violations).toEqual([]);
}, 60_000);

test('one that stopped reading: the box holds a mebibyte for it and no more, whatever comes; the rest waits in the spool', async () => {
  let ours: Socket | undefined;
  const noticed = (message: unknown): void => {
    ours = (message as { socket: Socket }).socket;
  };
  subscribe('net.client.socket', noticed);
  const collector = await collectorThat(() => {});
  const box = await boxTo(collector, { profile: 'standard' });
  await until('it is connected', () => collector.sessions.length > 0 && ours?.remotePort === collector.port);
  unsubscribe('net.client.socket', noticed);
  let rows = 0;
  const more = async (): Promise<void> => {
    box.spool.append(blockOf(rows, 500));
    rows += 500;
    await new Promise((resolve) => setTimeout(resolve, 2));
  };
  const waiting = (): number => ours!.writableLength;
  // The kernels on the way take megabytes before anything waits here.
  while (waiting() < mebibyte && rows < 200_000) await more();
  const sentBefore = box.exporters.statuses()[0]!.sentRecords;
  expect(waiting()).toBeGreaterThanOrEqual(mebibyte);
  let most = 0;
  for (const end = rows + 20_000; rows < end; most = Math.max(most, waiting())) await more();
  expect(most).toBeLessThanOrEqual(mebibyte + 65_535);
  expect(box.exporters.statuses()[0]).toMatchObject({ state: 'up' });
  expect(box.exporters.statuses()[0]!.sentRecords - sentBefore).toBeLessThan(1_000);
  box.balanced();
}, 60_000);

test('killed in the middle of a message it was reading slowly: the next one gets what is missing', async () => {
  let taken = 0;
  const slow = await collectorThat((socket, session) => {
    socket.on('readable', () => {
      // Stops reading in the middle of a message.
      if (taken > 20_001) return;
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      const part = chunk.subarray(0, Math.max(0, 20_001 - taken));
      taken += chunk.length;
      for (const message of session().stream.push(part)) session().take(message);
    });
  });
  // As much of a margin as its kernel may have taken for it.
  const box = await boxTo(slow, { messageBytesMax: 2_048, resendMarginBytes: 1_048_576 });
  for (let first = 0; first < 2_000; first += 200) box.spool.append(blockOf(first, 200));
  await until('it stopped reading', () => taken > 20_001);
  const { port } = slow;
  const before = new Set(numbers(slow));
  await slow.kill();
  slow.reads = true;
  slow.onConnection = () => {};
  await slow.listen(port);
  await until('all is acknowledged', () => box.arrived());
  await until('all is read', () => new Set(numbers(slow)).size >= 2_000);
  const second = slow.sessions.at(-1)!.flows.map(({ values }) => Number(values.packetDeltaCount));
  expect(second).toEqual(Array.from({ length: second.length }, (_, i) => second[0]! + i));
  expect(second.at(-1)).toBe(2_000);
  expect(second[0]).toBeLessThanOrEqual(before.size + 1);
  box.balanced();
});
