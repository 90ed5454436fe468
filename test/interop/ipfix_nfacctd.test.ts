/**
 * A capture is metered, exported and summed by pmacct's nfacctd: each conversation has the packets and octets of the
 * capture, in both directions, and nfacctd finds no fault.
 */
import { afterAll, afterEach, expect, test } from 'vitest';
import { type RowBlock, WALL_BOOT_ID } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { mirrored, siteConversations } from '../captures/conversations.ts';
import { ethernet, ipv6, udp } from '../captures/frames.ts';
import { type CapturedPacket, captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { until } from '../forward/collector.ts';
import { meteringFacts, startBox } from '../forward/export_box.ts';
import { CaptureFolder, faultsOf, meterFile } from '../meter/metering.ts';
import { DatagramRelay, Nfacctd, type Sum } from './nfacctd.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const keyOf = (source: string, sourcePort: number, destination: string, destinationPort: number, protocol: string): string =>
  `${source} ${sourcePort} ${destination} ${destinationPort} ${protocol}`;

/** Downloads over IPv4, some of them tagged, and questions over IPv6 with twice as long answers. */
function capture(): { packets: CapturedPacket[]; sums: Map<string, { packets: number; octets: number }> } {
  const sums = new Map<string, { packets: number; octets: number }>();
  const count = (key: string, octets: number): void => {
    const before = sums.get(key) ?? { packets: 0, octets: 0 };
    sums.set(key, { packets: before.packets + 1, octets: before.octets + octets });
  };
  const untagged = siteConversations({ conversations: 60, everyNs: 200_000_000n });
  const tagged = siteConversations({ conversations: 120, segments: 4, vlan: 12, everyNs: 100_000_000n }).filter(
    ({ sourcePort, destinationPort }) => sourcePort >= 40_060 || destinationPort >= 40_060,
  );
  const packets = mirrored([...untagged, ...tagged], (packet) => [packet]);
  // IPv4's and TCP's headers are 20 octets each.
  for (const p of [...untagged, ...tagged])
    count(keyOf(p.source, p.sourcePort, p.destination, p.destinationPort, 'tcp'), 40 + p.payloadOctets);
  const [station, server] = ['2001:db8::10', '2001:db8::53'];
  for (let n = 0; n < 50; n++) {
    const frame = (source: string, destination: string, ports: [number, number], payloadOctets: number): Uint8Array => {
      const datagram = udp({ sourcePort: ports[0], destinationPort: ports[1], payload: new Uint8Array(payloadOctets) });
      count(keyOf(source, ports[0], destination, ports[1], 'udp'), 40 + 8 + payloadOctets);
      return ethernet({ payload: ipv6({ source, destination, payload: datagram }), padTo: 60 });
    };
    const ns = captureStartNs + BigInt(n) * 50_000_000n;
    packets.push({ ns, frame: frame(station, server, [50_000 + n, 53], 30 + n) });
    packets.push({ ns: ns + 5_000_000n, frame: frame(server, station, [53, 50_000 + n], 2 * (30 + n)) });
  }
  return { packets: packets.sort((a, b) => (a.ns < b.ns ? -1 : 1)), sums };
}

function blockOfRows(rows: readonly Uint8Array[]): RowBlock {
  const bytes = Uint8Array.from(rows.flatMap((row) => [...row]));
  const row = new RowCursor(bytes);
  const byTime = (pick: () => bigint): bigint[] =>
    rows.map((_, index) => row.at(index) && pick()).sort((a, b) => (a < b ? -1 : 1));
  const firstStartNs = byTime(() => row.flowStartNs)[0]!;
  const lastEndNs = byTime(() => row.flowEndNs).at(-1)!;
  return {
    bytes,
    firstRow: 0,
    count: bytes.length / ROW_BYTES,
    bootId: WALL_BOOT_ID,
    closedAtNs: lastEndNs,
    firstStartNs,
    lastEndNs,
  };
}

const { packets, sums } = capture();
const { rows, stats } = meterFile(folder.write('site.pcap', pcapFile(packets, { nanoseconds: true })));

const packetsOf = (all: ReadonlyMap<string, { packets: number }>): number =>
  [...all.values()].reduce((sum, { packets: one }) => sum + one, 0);
const summed = (all: readonly Sum[]): Map<string, { packets: number; octets: number }> => {
  const result = new Map<string, { packets: number; octets: number }>();
  for (const one of all) {
    const key = keyOf(one.ip_src, one.port_src, one.ip_dst, one.port_dst, one.ip_proto);
    const before = result.get(key) ?? { packets: 0, octets: 0 };
    result.set(key, { packets: before.packets + one.packets, octets: before.octets + one.bytes });
  }
  return result;
};

async function collector(settings: readonly string[] = []): Promise<Nfacctd> {
  const nfacctd = await Nfacctd.start(settings);
  cleanups.push(async () => {
    await nfacctd.stop();
    nfacctd.remove();
  });
  return nfacctd;
}

async function send(destination: object, those = rows, facts = meteringFacts): Promise<void> {
  const destinations = [{ name: 'a', messageBytesMax: 1_400, ...destination }];
  const box = await startBox({ destinations, facts: () => facts });
  cleanups.push(() => box.stop(100));
  box.spool.append(blockOfRows(those));
  await until('all is acknowledged', () => box.arrived());
  await box.stop();
}

test('the meter saw what the capture holds', () => {
  expect(faultsOf(stats)).toEqual([]);
  expect(rows.length).toBeGreaterThan(150);
});

test('over UDP nfacctd sums each conversation as the capture has it', async () => {
  const nfacctd = await collector();
  await send({ transport: 'udp', port: nfacctd.port });
  expect(summed(await nfacctd.sums(packetsOf(sums)))).toEqual(sums);
  expect(nfacctd.complaints).toEqual([]);
});

test('the messages of a TCP session are summed alike', async () => {
  const nfacctd = await collector();
  const relay = await DatagramRelay.start(nfacctd.port);
  cleanups.push(() => relay.close());
  await send({ transport: 'tcp', port: relay.port });
  expect(relay.messages).toBeGreaterThan(5);
  expect(summed(await nfacctd.sums(packetsOf(sums)))).toEqual(sums);
  expect(nfacctd.complaints).toEqual([]);
});

test('nfacctd notices by the sequence numbers that a message is missing, so its silence means something', async () => {
  const nfacctd = await collector();
  const relay = await DatagramRelay.start(nfacctd.port);
  cleanups.push(() => relay.close());
  relay.loses = 4;
  await send({ transport: 'tcp', port: relay.port });
  await until('it complains', () => nfacctd.complaints.length > 0);
  expect(nfacctd.complaints).toEqual([expect.stringContaining('expecting flow')]);
});

test('sampled counts are scaled up by the rate that the options tell', async () => {
  const nfacctd = await collector(['nfacctd_renormalize: true']);
  const sampled = rows.map((bytes) => bytes.slice());
  for (const bytes of sampled) new RowCursor(bytes).selectorId = 2;
  const facts = { ...meteringFacts, selectors: [{ selectorId: 2, kind: 'count' as const, interval: 8 }] };
  await send({ transport: 'udp', port: nfacctd.port }, sampled, facts);
  const scaled = new Map([...sums].map(([key, one]) => [key, { packets: 8 * one.packets, octets: 8 * one.octets }]));
  expect(summed(await nfacctd.sums(packetsOf(scaled)))).toEqual(scaled);
  expect(nfacctd.complaints).toEqual([]);
});

test.each(['lean', 'full'])(
  'of profile %s nfacctd sums the forward directions: it passes over RFC 5103’s reverse elements',
  async (profile) => {
    const nfacctd = await collector();
    await send({ transport: 'udp', port: nfacctd.port, profile });
    const forward = new Map([...sums].filter(([key]) => !/^\S+ (443|53) /.test(key)));
    expect(forward.size).toBe(sums.size / 2);
    expect(summed(await nfacctd.sums(packetsOf(forward)))).toEqual(forward);
    expect(nfacctd.complaints).toEqual([]);
  },
);
