/** Exporters over real sockets: what arrives is what was handed over, whatever the collector does. */
import { afterEach, expect, test } from 'vitest';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { TcpCollector, UdpCollector, until } from './collector.ts';
import { startBox, systemTestWorld } from './export_box.ts';
import { anyFamily, blockOf, sumsOf } from './rows.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function tcpCollector(pen = 0): Promise<TcpCollector> {
  const collector = await TcpCollector.start(pen);
  cleanups.push(() => collector.kill());
  return collector;
}
async function udpCollector(): Promise<UdpCollector> {
  const collector = await UdpCollector.start();
  cleanups.push(() => collector.stop());
  return collector;
}
async function box(...args: Parameters<typeof startBox>): ReturnType<typeof startBox> {
  const made = await startBox(...args);
  cleanups.push(() => made.stop(200));
  return made;
}

const total = (records: readonly { values: Readonly<Record<string, unknown>> }[], name: string): number =>
  records.reduce((sum, { values }) => sum + Number(values[name] ?? 0), 0);
const sum = (records: Parameters<typeof total>[0]) => ({
  packets: total(records, 'packetDeltaCount') + total(records, 'reversePacketDeltaCount'),
  octets: total(records, 'octetDeltaCount') + total(records, 'reverseOctetDeltaCount'),
});

test.each(['generic', 'lean', 'standard', 'full'])('over TCP every row of profile %s arrives once, in order', async (profile) => {
  const collector = await tcpCollector();
  const one = await box({ destinations: [{ name: 'a', port: collector.port, profile }] });
  for (let first = 0; first < 4_000; first += 500) one.spool.append(blockOf(first, 500, { familyOf: anyFamily }));
  await until('all is acknowledged', () => one.arrived());
  await one.stop();
  expect(sum(collector.flows)).toEqual(sumsOf(0, 4_000));
  expect(collector.violations).toEqual([]);
  expect(collector.sessions).toHaveLength(1);
  const starts = collector.flows
    .filter(({ templateId }) => templateId === 256)
    .map(({ values }) => values.flowStartMilliseconds as number);
  expect(starts.length).toBeGreaterThan(400);
  if (profile !== 'generic') expect(starts).toEqual([...starts].sort((a, b) => a - b));
});

test('over UDP every row arrives, in messages that fit, with templates before data', async () => {
  const collector = await udpCollector();
  const one = await box({ destinations: [{ name: 'a', transport: 'udp', port: collector.port }] });
  for (let first = 0; first < 2_000; first += 500) one.spool.append(blockOf(first, 500, { familyOf: anyFamily }));
  await until('all is acknowledged', () => one.arrived());
  expect(sum(collector.session.flows)).toEqual(sumsOf(0, 2_000));
  expect(collector.session.check.violations).toEqual([]);
  expect(Math.max(...collector.datagrams)).toBeLessThanOrEqual(512);
  expect(one.exporters.statuses()[0]).toMatchObject({ state: 'up', backlogRecords: 0, acknowledgedRecords: 2_000 });
});

test('how late rows are is told of each destination, in its status and to Prometheus; of none where nothing was sent', async () => {
  const collector = await tcpCollector();
  const gone = await tcpCollector();
  await gone.kill();
  const world = systemTestWorld();
  const ways = [collector, gone].map(({ port }, n) => ({ name: 'ab'[n], port }));
  const one = await box({ destinations: ways, world });
  one.spool.append(blockOf(0, 500));
  await until('all is acknowledged', () => one.arrived('a'));
  const [a, b] = one.exporters.statuses();
  expect(a!.latencyP50Ms).toBeGreaterThan(0);
  expect(a!.latencyP99Ms).toBeGreaterThanOrEqual(a!.latencyP50Ms!);
  expect(b).toMatchObject({ latencyP50Ms: null, latencyP99Ms: null });
  expect((await world.metrics.render()).split('\n').filter((line) => line.startsWith('flowspan_export_latency'))).toEqual([
    `flowspan_export_latency_seconds{destination="a",quantile="0.5"} ${a!.latencyP50Ms! / 1_000}`,
    `flowspan_export_latency_seconds{destination="a",quantile="0.99"} ${a!.latencyP99Ms! / 1_000}`,
  ]);
});

test('a collector that is not there is told to the technician, and gets everything when it comes', async () => {
  const collector = await tcpCollector();
  const port = collector.port;
  await collector.kill();
  const one = await box({ destinations: [{ name: 'a', port }] });
  one.spool.append(blockOf(0, 300));
  await until('it is refused', () => one.exporters.statuses()[0]!.state === 'refused');
  expect(one.exporters.statuses()[0]!.reason).toContain('is the collector running');
  expect(one.exporters.statuses()[0]).toMatchObject({ backlogRecords: 300, acknowledgedRecords: 0 });
  await collector.listen(port);
  await until('all is acknowledged', () => one.arrived());
  await until('all is read', () => collector.flows.length >= 450);
  expect(sum(collector.flows)).toEqual(sumsOf(0, 300));
});

test('a UDP collector that is not there holds the rows; the session goes on when it comes', async () => {
  const collector = await udpCollector();
  const port = collector.port;
  await collector.stop();
  const one = await box({ destinations: [{ name: 'a', transport: 'udp', port }] });
  one.spool.append(blockOf(0, 300));
  await until('it is refused', () => one.exporters.statuses()[0]!.state === 'refused');
  expect(one.exporters.accounts()[0]!.account).toMatchObject({ pending: 300, acknowledged: 0 });
  await collector.listen(port);
  collector.forget();
  await until('all is acknowledged', () => one.arrived());
  const distinct = new Set(
    collector.session.flows.map(({ values }) => `${values.sourceTransportPort}>${values.destinationTransportPort}`),
  );
  expect(distinct.size).toBe(450);
});

test('a UDP collector that is not there is never told as one that takes records, however often it is tried', async () => {
  const collector = await udpCollector();
  const port = collector.port;
  await collector.stop();
  // Its host answers, a little later than it says that nothing listens there.
  const probe = async (): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return true;
  };
  const one = await box({ destinations: [{ name: 'a', transport: 'udp', port }], probe });
  one.spool.append(blockOf(0, 300));
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(one.exporters.statuses()[0]!.state).toBe('refused');
  expect(one.heard.map(({ event }) => event)).toEqual(['uplinkDown']);
});

test('a dead destination costs the living one nothing', async () => {
  const collector = await tcpCollector();
  const dead = await tcpCollector();
  const deadPort = dead.port;
  await dead.kill();
  const one = await box({
    destinations: [
      { name: 'alive', port: collector.port },
      { name: 'dead', port: deadPort },
    ],
  });
  for (let first = 0; first < 2_000; first += 100) one.spool.append(blockOf(first, 100));
  await until('the living has all', () => one.arrived('alive'));
  expect(one.exporters.accounts().find(({ name }) => name === 'dead')!.account.pending).toBe(2_000);
  await until('all is read', () => sum(collector.flows).packets === sumsOf(0, 2_000).packets);
});

test('a connection reset between messages loses nothing, and sends the margin again', async () => {
  const collector = await tcpCollector();
  const one = await box({
    destinations: [{ name: 'a', port: collector.port, profile: 'lean', resendMarginBytes: 8_192, messageBytesMax: 2_048 }],
  });
  for (let first = 0; first < 1_000; first += 100) one.spool.append(blockOf(first, 100));
  await until('all is acknowledged', () => one.arrived());
  for (const socket of collector.sockets) socket.resetAndDestroy();
  one.spool.append(blockOf(1_000, 100));
  await until('all is acknowledged again', () => one.arrived() && collector.sessions.length === 2);
  await until('the rest is read', () => collector.sessions[1]!.flows.length >= 100);
  const again = collector.sessions[1]!.flows.map(({ values }) => values.packetDeltaCount as number);
  // The margin, whole messages of it, then the new rows: in order, without a hole.
  expect(again[0]).toBeLessThan(1_000);
  expect(again).toEqual(Array.from({ length: again.length }, (_, i) => again[0]! + i));
  expect(again.at(-1)).toBe(1_100);
  const octets = collector.sessions[1]!.messages.filter(({ records }) =>
    records.some(({ values }) => Number(values.packetDeltaCount) <= 1_000),
  );
  expect(octets.reduce((all, { octets: one }) => all + one, 0)).toBeLessThan(8_192 + 3 * 2_048);
  expect(collector.violations).toEqual([]);
  one.balanced();
});

test('a collector that accepts and never reads holds its rows without growing the box', async () => {
  const collector = await tcpCollector();
  collector.onConnection = (socket) => void socket.pause();
  collector.reads = false;
  const one = await box({
    destinations: [{ name: 'deaf', port: collector.port }],
    spool: { memoryBytesMax: 4 * 1024 * 1024, persistAfterS: 1 },
  });
  // Kernels take up to tens of megabytes for a reader that does not read: go on until nothing moves any more.
  const account = () => one.exporters.accounts()[0]!.account;
  let appended = 0;
  let arrived = { rows: 0, atMs: performance.now() };
  await until(
    'nothing more arrives',
    () => {
      if (account().acknowledged !== arrived.rows) arrived = { rows: account().acknowledged, atMs: performance.now() };
      if (account().pending < 40_000 && !one.spool.pressed) {
        one.spool.append(blockOf(appended, 500));
        appended += 500;
      }
      return account().pending >= 40_000 && performance.now() - arrived.atMs > 2_000;
    },
    60_000,
  );
  // More than may be held in memory, all of it waiting, none given up.
  expect(account()).toMatchObject({ pending: appended - arrived.rows, dropped: { overBudget: 0 } });
  expect(account().pending * ROW_BYTES).toBeGreaterThan(4 * 1024 * 1024);
  expect(one.spool.status().octetsOnDisk).toBeGreaterThan(0);
  expect(one.spool.pressed).toBe(false);
  // Nor does it hold up a planned stop: what waits is on disk then.
  await one.stop(500);
  expect(account()).toMatchObject({ dropped: { overBudget: 0, shutdown: 0 } });
});

test('a planned stop sends what waits and then ends the connection in order', async () => {
  const collector = await tcpCollector();
  const one = await startBox({ destinations: [{ name: 'a', port: collector.port }] });
  await until('it is up', () => one.exporters.statuses()[0]!.state === 'up');
  for (let first = 0; first < 5_000; first += 500) one.spool.append(blockOf(first, 500));
  await one.stop();
  expect(one.exporters.accounts()[0]!.account).toMatchObject({ pending: 0, acknowledged: 5_000 });
  expect(sum(collector.flows)).toEqual(sumsOf(0, 5_000));
  expect(collector.sessions[0]!.stream.pendingOctets).toBe(0);
});

test('options tell selectors, interfaces, keys and statistics', async () => {
  const collector = await tcpCollector(99_999);
  const one = await box({ pen: 99_999, destinations: [{ name: 'a', port: collector.port, profile: 'standard' }] });
  one.spool.append(blockOf(0, 10));
  await until('all is acknowledged', () => one.arrived());
  await until('all is read', () => collector.flows.length >= 10);
  const options = collector.sessions[0]!.options.map(({ values }) => ({ ...values }));
  expect(options).toContainEqual({ selectorId: 1, selectorAlgorithm: 1, samplingPacketInterval: 1, samplingPacketSpace: 0 });
  expect(options).toContainEqual({ ingressInterface: 3, interfaceName: 'eth1', interfaceDescription: 'mirror port' });
  expect(options.some((values) => values.informationElementName === 'roundTripTimeMicroseconds')).toBe(true);
  expect(options.some((values) => 'notSentFlowTotalCount' in values)).toBe(true);
  expect(options).toContainEqual({ exportingProcessId: 1, exporterIPv4Address: '127.0.0.1' });
  expect(collector.violations).toEqual([]);
});
