/**
 * After an outage: live records first, the backlog behind them in a session and a domain of its own, at its pace. Real
 * sockets, a real LevelDB where it matters, records counted at a collector that checks every message.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import type { Kv } from '../../src/core/kv.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { CertificateFolder } from './certificates.ts';
import { type Session, TcpCollector, TlsCollector, UdpCollector, until } from './collector.ts';
import { type ExportBox, startBox } from './export_box.ts';
import { blockOf, startNs } from './rows.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const liveDomain = 1;
const backlogDomain = 2_147_483_649;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const numbersOf = (records: readonly DecodedRecord[]): number[] => records.map(({ values }) => Number(values.packetDeltaCount));
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i + 1);
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const domainOf = ({ messages }: Session): number | undefined => messages[0]?.observationDomainId;

async function collector(): Promise<TcpCollector> {
  const one = await TcpCollector.start();
  cleanups.push(() => one.kill());
  return one;
}

function box(port: number, catchUp: Record<string, unknown>, more: { kv?: Kv; destination?: object } = {}): Promise<ExportBox> {
  return startBox({
    destinations: [{ name: 'a', port, profile: 'lean', ...more.destination }],
    catchUp: { afterS: 1, uplinkPercentMax: 100, ...catchUp },
    ...(more.kv === undefined ? {} : { kv: more.kv }),
    spool: { persistAfterS: 1 },
  });
}

const domainsAt = (one: TcpCollector): (number | undefined)[] => one.sessions.map(domainOf);
const flowsIn = (one: TcpCollector, domain: number): number[] =>
  one.sessions.filter((session) => domainOf(session) === domain).flatMap(({ flows }) => numbersOf(flows));

test('live records are there at once while the backlog drains at its cap, in order, with its own times; nothing is lost', async () => {
  const one = await collector();
  const { port } = one;
  await one.kill();
  const folder = await mkdtemp(join(tmpdir(), 'flowspan-catch-up-'));
  const kv = await openLevelKv(folder);
  cleanups.push(async () => {
    await kv.close();
    await rm(folder, { recursive: true });
  });
  const perSecond = 2_000;
  const { spool, exporters, balanced, stop, heard } = await box(port, { recordsPerSecondMax: perSecond }, { kv });
  for (let first = 0; first < 6_000; first += 200) spool.append(blockOf(first, 200));
  await pause(2_500); // longer than afterS: these are backlog when the collector is back
  expect(spool.status().octetsOnDisk).toBeGreaterThan(0);
  const back = performance.now();
  await one.listen(port);
  await until('the backlog is on its way', () => exporters.statuses()[0]!.catchUp?.state === 'sending');

  // One live row every 20 ms; how long it takes to the collector's decoder.
  const late: number[] = [];
  let next = 6_000;
  while (exporters.statuses()[0]!.catchUp !== null) {
    const at = performance.now();
    const number = next++;
    spool.append(blockOf(number, 1));
    await until('the live record is there', () => flowsIn(one, liveDomain).at(-1) === number + 1, 2_000);
    late.push(performance.now() - at);
    await pause(20);
    if (late.length === 40) {
      const { catchUp } = exporters.statuses()[0]!;
      expect(catchUp).toMatchObject({ state: 'sending', observationDomainId: backlogDomain });
      expect(catchUp!.recordsDone + catchUp!.recordsLeft).toBe(6_000);
      expect(catchUp!.recordsPerSecond).toBeGreaterThan(perSecond * 0.6);
      expect(catchUp!.recordsPerSecond).toBeLessThan(perSecond * 1.4);
      expect(Math.abs(catchUp!.remainingMs! - (catchUp!.recordsLeft / perSecond) * 1_000)).toBeLessThan(1_500);
    }
  }
  const drainedMs = performance.now() - back;
  expect(late.length).toBeGreaterThan(40);
  expect(ascending(late)[Math.floor(late.length / 2)]).toBeLessThan(100);
  // 6,000 rows at 2,000 a second, less what the bucket lets through at once.
  expect(drainedMs).toBeGreaterThan(2_700);
  expect(drainedMs).toBeLessThan(12_000);
  await until('everything arrived', () => exporters.accounts()[0]!.account.pending === 0);
  balanced();
  // The kernel's word comes before the collector has read it.
  await until('the collector has read everything', () => flowsIn(one, backlogDomain).length >= 6_000);

  expect(domainsAt(one)).toEqual([liveDomain, backlogDomain]);
  expect(flowsIn(one, backlogDomain)).toEqual(numbers(0, 6_000)); // each once, in order
  expect(flowsIn(one, liveDomain)).toEqual(numbers(6_000, next));
  const oldest = one.sessions[1]!.flows[0]!;
  expect(oldest.values.flowStartMilliseconds).toBe(Number(startNs / 1_000_000n));
  expect(heard.map(({ event }) => event)).toEqual(expect.arrayContaining(['catchUpStarted']));
  await stop();
  for (const session of one.sessions) expect(session.options.length, 'options in each session').toBeGreaterThan(0);
  expect(one.violations).toEqual([]);
}, 60_000);

test('a short outage makes no backlog: records of seconds ago are live, in one session, in order', async () => {
  const one = await collector();
  const { port } = one;
  await one.kill();
  const { spool, arrived, stop } = await box(port, { afterS: 30 });
  spool.append(blockOf(0, 500));
  await pause(300);
  await one.listen(port);
  await until('all is there', () => arrived());
  spool.append(blockOf(500, 100));
  await until('all is there', () => arrived());
  await stop();
  expect(domainsAt(one)).toEqual([liveDomain]);
  expect(numbersOf(one.flows)).toEqual(numbers(0, 600));
});

test('the collector falls twice while it catches up, and the box restarts: every record comes, few come twice', async () => {
  const one = await collector();
  const { port } = one;
  await one.kill();
  const kv = new MemoryKv();
  const marginOctets = 4_000;
  const more = { kv, destination: { resendMarginBytes: marginOctets } };
  const first = await box(port, { recordsPerSecondMax: 3_000 }, more);
  for (let at = 0; at < 6_000; at += 200) first.spool.append(blockOf(at, 200));
  await pause(2_300);
  await one.listen(port);
  await until('a part is there', () => one.flows.length > 1_000);
  // Sender and reader share a thread here: on a busy machine more than the margin may come between two turns of it.
  await new Promise((resolve) => setImmediate(resolve));
  await one.kill();
  for (let at = 6_000; at < 7_000; at += 200) first.spool.append(blockOf(at, 200));
  await pause(2_300);
  await one.listen(port);
  await until('more is there', () => one.flows.length > 2_500);
  await first.stop();
  const left = first.exporters.accounts()[0]!.account.pending;
  expect(left).toBeGreaterThan(500);
  await pause(1_200);

  const second = await box(port, {}, more);
  expect(second.exporters.accounts()[0]!.account.pending).toBeGreaterThanOrEqual(left);
  second.spool.append(blockOf(7_000, 100));
  await until('all is there', () => second.arrived());
  await second.stop();
  const came = numbersOf(one.flows);
  expect(ascending([...new Set(came)])).toEqual(numbers(0, 7_100));
  // Each break sends at most the margin and what was on its way again; lean records take some 60 octets.
  expect(came.length - 7_100).toBeLessThan(3 * (marginOctets / 40 + 1_500));
  for (const { flows } of one.sessions) expect(numbersOf(flows), 'order in a session').toEqual(ascending(numbersOf(flows)));
  const last = one.sessions.slice(-2);
  expect(last.map(domainOf).sort()).toEqual([liveDomain, backlogDomain]);
  expect(numbersOf(last.find((session) => domainOf(session) === liveDomain)!.flows)).toEqual(numbers(7_000, 7_100));
  expect(one.violations).toEqual([]);
}, 60_000);

test('a collector too slow for what comes: the newest records stay fresh, older ones become backlog', async () => {
  const one = await collector();
  one.reads = false;
  const { spool, exporters, balanced, stop } = await box(one.port, { recordsPerSecondMax: 1 });
  await until('it is up', () => exporters.statuses()[0]!.state === 'up');
  // More than the sockets between take.
  for (let at = 0; at < 150_000; at += 10_000) {
    spool.append(blockOf(at, 10_000, { familyOf: () => 'ipv6' }));
    while (spool.pressed) await pause(5);
  }
  await pause(2_500);
  expect(exporters.statuses()[0]!.backlogRecords).toBeGreaterThan(50_000);
  spool.append(blockOf(150_000, 100));
  for (const socket of one.sockets) socket.resume();
  await until(
    'the newest is there',
    () => exporters.statuses()[0]!.backlogRecords === exporters.statuses()[0]!.catchUp?.recordsLeft,
  );
  expect(exporters.statuses()[0]!.backlogRecords).toBeGreaterThan(50_000);
  balanced();
  await stop(100);
}, 60_000);

test('over UDP the backlog has a socket and a domain of its own too', async () => {
  const one = await UdpCollector.start();
  const { port } = one;
  await one.stop();
  const answers = await collector(); // what the probe asks
  const { port: probePort } = answers;
  const destination = { transport: 'udp', probe: 'tcp', probePort };
  await answers.kill();
  const { spool, exporters, arrived, stop } = await box(port, { recordsPerSecondMax: 5_000 }, { destination });
  spool.append(blockOf(0, 1_000));
  await pause(2_300);
  await one.listen(port);
  await answers.listen(probePort);
  await until('the backlog is on its way', () => exporters.statuses()[0]!.catchUp?.state === 'sending');
  spool.append(blockOf(1_000, 50));
  await until('all is there', () => arrived());
  await stop();
  const flows = (domain: number): number[] =>
    numbersOf(
      one.session.messages
        .filter(({ observationDomainId }) => observationDomainId === domain)
        .flatMap(({ records }) => records.filter(({ scope }) => scope.length === 0)),
    );
  expect(flows(backlogDomain)).toEqual(numbers(0, 1_000));
  expect(flows(liveDomain)).toEqual(numbers(1_000, 1_050));
}, 60_000);

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'over %s the backlog has a connection and a domain of its own too',
  async (version) => {
    const folder = new CertificateFolder();
    cleanups.push(() => folder.remove());
    const authority = folder.authority('authority');
    const { certificateFile, keyFile } = folder.signed(authority, 'collector', ['IP:127.0.0.1']);
    const shown = { cert: readFileSync(certificateFile), key: readFileSync(keyFile), minVersion: version, maxVersion: version };
    const one = new TlsCollector(shown);
    await one.listen(0);
    cleanups.push(() => one.kill());
    const { port } = one;
    await one.kill();
    const destination = { transport: 'tls', caFile: authority.certificateFile };
    const { spool, exporters, arrived, stop } = await box(port, { recordsPerSecondMax: 5_000 }, { destination });
    for (let at = 0; at < 2_000; at += 200) spool.append(blockOf(at, 200));
    await pause(2_300);
    await one.listen(port);
    await until('the backlog is on its way', () => exporters.statuses()[0]!.catchUp?.state === 'sending');
    spool.append(blockOf(2_000, 50));
    await until('all is there', () => arrived());
    await stop();
    expect(flowsIn(one, backlogDomain)).toEqual(numbers(0, 2_000));
    expect(flowsIn(one, liveDomain)).toEqual(numbers(2_000, 2_050));
    expect(one.violations).toEqual([]);
  },
  60_000,
);

test('in a failover group the backlog goes where live records go', async () => {
  const [first, second] = [await collector(), await collector()];
  const [a, b] = [first.port, second.port];
  await Promise.all([first.kill(), second.kill()]);
  const group = { failoverGroup: 'centre', profile: 'lean' };
  const { spool, arrived, stop } = await startBox({
    destinations: [
      { name: 'a', port: a, ...group },
      { name: 'b', port: b, ...group },
    ],
    catchUp: { afterS: 1 },
    spool: { persistAfterS: 1 },
  });
  for (let at = 0; at < 1_000; at += 100) spool.append(blockOf(at, 100));
  await pause(2_300);
  await second.listen(b);
  spool.append(blockOf(1_000, 10));
  await until('all is there', () => arrived());
  await stop();
  expect(flowsIn(second, backlogDomain)).toEqual(numbers(0, 1_000));
  expect(flowsIn(second, liveDomain)).toEqual(numbers(1_000, 1_010));
}, 60_000);

test('the domain of the backlog is settable, and never the box’s own', () => {
  const parse = (catchUp: object): unknown => settingsSchema.parse({ export: { observationDomainId: 7, catchUp } });
  expect(parse({ observationDomainId: 8 })).toMatchObject({ export: { catchUp: { observationDomainId: 8 } } });
  expect(() => parse({ observationDomainId: 7 })).toThrow('another number than observationDomainId');
});
