/**
 * Of packets that name hosts the ring holds more than `snapLength`, of all others no more, and none is lost to the program that tells
 * them apart: on a veth pair, through the kernel.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import type { NativeObservations } from '../../src/meter/addon.ts';
import { serverNameOf } from '../../src/pipeline/names/client_hello.ts';
import { ethernet, ipv4, ipv6, joined, raw, tcp, tcpFlags, udp, type VlanTag } from '../captures/frames.ts';
import { clientHelloOf, cutHello } from '../captures/hellos.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { RingDriver, send } from './ring_driver.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
const random = new SeededRandom(5);

const every: NativeObservations = { kinds: ['dns', 'dhcp', 'mdns', 'tls'], perSecond: 10_000 };
const four = { source: '10.0.0.53', destination: '10.0.0.7' } as const;
const six = { source: '2001:db8::7', destination: '2001:db8::443' } as const;
const options = new Uint8Array(40).fill(1);

type Network = (payload: ReturnType<typeof udp>) => Parameters<typeof ethernet>[0]['payload'];
/** TCP with options, as most segments have: time stamps, and something else. */
const withOptions = (words: number): ReturnType<typeof tcp> => {
  const plain = tcp({ sourcePort: 50_000, destinationPort: 443, sequence: 10, flags: tcpFlags.ack });
  const octets = joined(plain.octets, new Uint8Array(4 * words).fill(1), hello);
  octets[12] = (5 + words) << 4;
  return { ...plain, octets };
};

const networks: Readonly<Record<string, Network>> = {
  ipv4: (payload) => ipv4({ ...four, payload }),
  ipv4WithOptions: (payload) => ipv4({ ...four, options, payload }),
  ipv6: (payload) => ipv6({ ...six, payload }),
};
/** The kernel keeps the outer tag beside the frame; the inner one stays within. */
const tags: Readonly<Record<string, readonly VlanTag[]>> = {
  untagged: [],
  tagged: [{ id: 20 }],
  twice: [{ id: 7, tpid: 0x88a8 }, { id: 8 }],
};

const dns = (octets: number): Uint8Array => joined(Uint8Array.of(0, 7, 0x81, 0x80), new Uint8Array(8), random.bytes(octets - 12));
const dhcp = (octets: number): Uint8Array => joined(Uint8Array.of(2, 1, 6, 0), random.bytes(octets - 4));
const hello = clientHelloOf('permutedWithoutMlKem', 'www.example.com', random);

interface Seen {
  readonly kind: string;
  readonly payload: string;
}

/** What is observed of these frames, sent one after the other. */
async function observed(
  pair: VethPair,
  frames: readonly Uint8Array[],
  source: object,
  observations: NativeObservations | undefined,
) {
  const path = folder.write('names.pcap', pcapFile(packetsOf(frames)));
  await using meter = new RingDriver(pair);
  await meter.ask({ do: 'open', source, options: { ...(observations === undefined ? {} : { observations }) } });
  await send(pair, path, frames.length, 20_000);
  const { counts, faults } = await meter.until((now) => now.counts.receivedPackets >= frames.length);
  expect([counts.receivedPackets, counts.droppedByKernelPackets, faults]).toEqual([frames.length, 0, []]);
  expect(counts.receivedOctets).toBe(frames.reduce((sum, { length }) => sum + length, 0));
  const seen = await meter.ask<Seen[]>({ do: 'observations' });
  return seen.map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload, 'base64') }));
}

describe.skipIf(missing !== undefined)(`snapshots of names${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
  });
  afterAll(() => pair[Symbol.dispose]());

  const shapes = Object.keys(networks).flatMap((network) => Object.keys(tags).map((tag) => [network, tag] as const));
  it.each(shapes)('are whole: %s, %s', async (network, tag) => {
    const framed = (payload: ReturnType<typeof udp>): Uint8Array =>
      ethernet({ vlans: tags[tag]!, payload: networks[network]!(payload) });
    const asked = { sourcePort: 50_000, destinationPort: 443 };
    const segments = [tcpFlags.syn, tcpFlags.ack].map((flags, i) => tcp({ ...asked, sequence: 9 + i, flags }));
    const frames = [
      udp({ sourcePort: 53, destinationPort: 4_000, payload: dns(900) }),
      udp({ sourcePort: 67, destinationPort: 68, payload: dhcp(548) }),
      udp({ sourcePort: 68, destinationPort: 67, payload: dhcp(300) }),
      udp({ sourcePort: 5_353, destinationPort: 5_353, payload: dns(1_400) }),
      ...segments,
      tcp({ ...asked, sequence: 10, flags: tcpFlags.ack, payload: hello }),
    ].map(framed);
    const seen = await observed(pair, frames, {}, every);
    expect(seen.map(({ kind, payload }) => [kind, payload.length])).toEqual([
      ['dns', 900],
      ['dhcp', 548],
      ['dhcp', 300],
      ['mdns', 1_400],
      ['tls', hello.length],
    ]);
    expect(serverNameOf(seen.at(-1)!.payload)).toBe('www.example.com');
  });

  it.each([0, 1, 3, 10])('are whole behind %i words of TCP options', async (words) => {
    const [from, to] = [{ sourcePort: 50_000, destinationPort: 443 }, [tcpFlags.syn, tcpFlags.ack]] as const;
    for (const network of Object.values(networks)) {
      const frames = [...to.map((flags, i) => tcp({ ...from, sequence: 9 + i, flags })), withOptions(words)];
      const seen = await observed(
        pair,
        frames.map((payload) => ethernet({ payload: network(payload) })),
        {},
        every,
      );
      expect(seen.map(({ payload }) => payload.length)).toEqual([hello.length]);
    }
  });

  it.each(shapes)('are whole in two segments: %s, %s', async (network, tag) => {
    const asked = { sourcePort: 50_000, destinationPort: 443 };
    const { first, rest } = cutHello('www.example.com', 1_380);
    const segments = [
      tcp({ ...asked, sequence: 9, flags: tcpFlags.syn }),
      tcp({ ...asked, sequence: 10, flags: tcpFlags.ack }),
      tcp({ ...asked, sequence: 10, flags: tcpFlags.ack, payload: first }),
      tcp({ ...asked, sequence: 10 + first.length, flags: tcpFlags.ack | tcpFlags.psh, payload: rest }),
    ];
    const frames = segments.map((payload) => ethernet({ vlans: tags[tag]!, payload: networks[network]!(payload) }));
    const seen = await observed(pair, frames, {}, every);
    expect(seen.map(({ payload }) => payload.length)).toEqual([first.length, rest.length]);
    expect(serverNameOf(joined(...seen.map(({ payload }) => payload)))).toBe('www.example.com');
  });

  it('are cut as ever where nothing is observed, and whole again once something is', async () => {
    const answer = (destinationPort: number): Uint8Array =>
      ethernet({ payload: ipv4({ ...four, payload: udp({ sourcePort: 53, destinationPort, payload: dns(900) }) }) });
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', source: { snapLength: 128 }, options: { observations: { ...every, kinds: [] } } });
    /** Of a flow of its own: one that is known is not looked at anew. */
    const lengths = async (port: number): Promise<number[]> => {
      const { counts } = await meter.stats();
      await send(pair, folder.write('answer.pcap', pcapFile(packetsOf([answer(port)]))), 1);
      await meter.until((now) => now.counts.receivedPackets > counts.receivedPackets);
      return (await meter.ask<Seen[]>({ do: 'observations' })).map(({ payload }) => Buffer.from(payload, 'base64').length);
    };
    expect(await lengths(4_000)).toEqual([]);
    await meter.ask({ do: 'configure', change: { observations: every } });
    expect(await lengths(4_001)).toEqual([900]);
    await meter.ask({ do: 'configure', change: { observations: { ...every, kinds: [] } } });
    expect(await lengths(4_002)).toEqual([]);
  });

  it('keep the operator’s filter', async () => {
    const wanted = ethernet({
      payload: ipv4({ ...four, payload: udp({ sourcePort: 53, destinationPort: 4_000, payload: dns(700) }) }),
    });
    const other = ethernet({
      payload: ipv4({ ...four, payload: udp({ sourcePort: 53, destinationPort: 4_001, payload: dns(700) }) }),
    });
    const path = folder.write('both.pcap', pcapFile(packetsOf([wanted, other])));
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', source: { filter: 'dst port 4000' }, options: { observations: every } });
    await send(pair, path, 20, 1_000);
    await meter.until(({ counts }) => counts.receivedPackets >= 10);
    expect((await meter.stats()).counts.receivedPackets).toBe(10);
    const seen = await meter.ask<Seen[]>({ do: 'observations' });
    expect(seen.map(({ payload }) => Buffer.from(payload, 'base64').length)).toEqual(Array.from({ length: 10 }, () => 700));
  });

  it('whatever a frame holds, it arrives: headers by chance, lengths from 60 octets on', async () => {
    const chance = <T>(...list: readonly T[]): T => list[random.below(list.length)]!;
    const frames = Array.from({ length: 4_000 }, () => {
      const octets = random.bytes(60 + random.below(chance(10, 60, 300, 1_400)));
      octets.set(random.below(4) === 0 ? random.bytes(2) : chance([8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8]), 12);
      const at = octets[12] === 0x81 || octets[12] === 0x88 ? 18 : 14;
      if (at === 18 && random.below(3) > 0) octets.set(chance([8, 0], [0x86, 0xdd]), 16);
      if (random.below(3) > 0) octets[at] = chance(0x45, 0x4f, 0x40, 0x60);
      if (random.below(3) > 0) octets[at + 9] = chance(6, 17);
      if (random.below(3) > 0) octets[at + 6] = chance(0, 6, 17);
      return octets;
    });
    await observed(pair, frames, { snapLength: 64 }, every);
    await observed(pair, frames, {}, every);
  });

  it('what is no name is cut: a transport header that lies deeper than `snapLength` is not reached', async () => {
    const deep = joined(
      Uint8Array.of(17, 28),
      new Uint8Array(230),
      udp({ sourcePort: 53, destinationPort: 9, payload: dns(400) }).octets,
    );
    const frame = ethernet({ payload: ipv6({ ...six, payload: raw(60, deep) }) });
    const path = folder.write('deep.pcap', pcapFile(packetsOf([frame])));
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { observations: every } });
    await send(pair, path, 3, 1_000);
    const { counts } = await meter.until((now) => now.counts.receivedPackets >= 3);
    expect([counts.receivedPackets, counts.observedDns]).toEqual([3, 0]);
  });
});
