/** Mirrors spoiled on purpose, through the real meter: each trouble is recognised as itself, and a sound mirror has none. */
import { afterAll, describe, expect, test } from 'vitest';
import type { MirrorFinding } from '../../src/flow/mirror_findings.ts';
import { writeDemoCapture } from '../../src/meter/demo/demo_capture.ts';
import { captured, later, macs, mirrored, type SitePacket, siteConversations } from '../captures/conversations.ts';
import { ethernet, ipv4, raw, udp } from '../captures/frames.ts';
import { type CapturedPacket, captureStartNs, packetsOf } from '../captures/pcap_writer.ts';
import { captures, MirrorBench } from './mirror_bench.ts';

afterAll(() => captures[Symbol.dispose]());

const sound = (packets: readonly SitePacket[] = siteConversations()): CapturedPacket[] => mirrored(packets, (packet) => [packet]);
const only = (bench: MirrorBench): MirrorFinding => {
  expect(bench.codes).toHaveLength(1);
  return bench.truth.status().findings[0]!;
};

describe('a sound mirror', () => {
  test.each([
    ['untagged', {}],
    ['tagged', { vlan: 20 }],
    ['with jumbo frames', { segmentOctets: 8_948 }],
  ])('%s: no finding, and nothing is said', async (_name, options) => {
    const bench = await new MirrorBench().start();
    await bench.show(sound(siteConversations(options)));
    expect(bench.codes).toEqual([]);
    expect(bench.said).toEqual([]);
    expect(bench.truth.status()).toMatchObject({ tcpConversations: 40, tcpOneWay: 0, tcpUnseenOctets: 0 });
  });

  test('the demo office: no finding', { timeout: 60_000 }, async () => {
    const path = `${captures.path}/demo.pcap`;
    await writeDemoCapture(path, { seed: 17, durationS: 300 });
    const bench = await new MirrorBench().start();
    await bench.showFile(path);
    expect(bench.truth.status().tcpConversations).toBeGreaterThan(100);
    expect(bench.said).toEqual([]);
  });

  test('a scan that nobody answers is no one-way mirror', async () => {
    const bench = await new MirrorBench().start();
    const scan = siteConversations({ conversations: 60 }).filter(({ flags, fromClient }) => fromClient && flags === 2);
    const again = scan.flatMap((packet) => [1n, 2n, 3n].map((n) => later(packet, { identification: 0 }, n * 1_000_000_000n)));
    await bench.show([...sound(), ...sound(again)].sort((a, b) => (a.ns < b.ns ? -1 : 1)));
    expect(bench.codes).toEqual([]);
  });
});

describe('a mirror of one direction', () => {
  test('is recognised, with how many conversations and what to change', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => (packet.fromClient ? [packet] : [])));
    const finding = only(bench);
    expect(finding).toMatchObject({
      code: 'oneWayMirror',
      level: 'error',
      figures: { oneWayConversations: 40, conversations: 40 },
    });
    expect(finding.todo).toMatch(/monitor session to both directions/);
    expect(finding.sinceMs).toBe(1_800_000_000_000 + 10_000);
    expect(bench.said).toMatchObject([{ level: 'error', event: 'oneWayMirror' }]);
    expect(bench.said[0]!.text).toMatch(/40 of 40 TCP conversations/);
  });

  test('the servers’ side alone is recognised as well', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => (packet.fromClient ? [] : [packet])));
    expect(only(bench).code).toBe('oneWayMirror');
  });

  test('of a third of the stations: a warning', async () => {
    const bench = await new MirrorBench().start();
    const hidden = ({ fromClient, source, destination }: SitePacket): boolean =>
      !fromClient && Number((fromClient ? source : destination).split('.')[3]) % 5 < 2;
    await bench.show(mirrored(siteConversations(), (packet) => (hidden(packet) ? [] : [packet])));
    expect(only(bench)).toMatchObject({
      code: 'oneWayMirror',
      level: 'warn',
      figures: { oneWayConversations: 16, conversations: 40 },
    });
  });

  test('of a few conversations only: too little to say so', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations({ conversations: 19 }), (packet) => (packet.fromClient ? [packet] : [])));
    expect(bench.codes).toEqual([]);
  });

  test('sampled rows bear no witness', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(
      mirrored(siteConversations({ segments: 60 }), (packet) => (packet.fromClient ? [packet] : [])),
      {
        sampling: { kind: 'count', interval: 2 },
      },
    );
    expect(bench.truth.status().tcpConversations).toBe(0);
    expect(bench.codes).toEqual([]);
  });
});

describe('a mirror that loses packets', () => {
  /** Drops one data segment in twelve for good: the stations got them, the box did not. */
  const lossy = (): CapturedPacket[] =>
    mirrored(siteConversations({ segments: 60 }), (packet, i) => (packet.payloadOctets > 1_000 && i % 12 === 5 ? [] : [packet]));

  test('the estimate is what was left out', async () => {
    const packets = siteConversations({ segments: 60 });
    const dropped = packets.filter((packet, i) => packet.payloadOctets > 1_000 && i % 12 === 5).length;
    const bench = await new MirrorBench().start();
    await bench.show(lossy());
    const finding = only(bench);
    expect(finding).toMatchObject({
      code: 'lossBeforeBox',
      level: 'error',
      figures: { unseenOctets: dropped * 1_448, lostInBoxPackets: 0 },
    });
    // Packets are guessed from their mean length, small ones included: within a factor of two.
    expect(finding.figures.estimatedPackets! / dropped).toBeGreaterThan(0.5);
    expect(finding.figures.estimatedPackets! / dropped).toBeLessThan(2);
    expect(finding.todo).toMatch(/output drops of the mirror port/);
    expect(await bench.metrics.render()).toMatch(/^flowspan_mirror_finding\{code="lossBeforeBox"\} 1$/m);
    expect(await bench.metrics.render()).toMatch(/^flowspan_mirror_tcp_octets\{shown="unseen"\} [1-9]\d+$/m);
  });

  test('packets lost on the line and sent again are no loss of the mirror', async () => {
    const bench = await new MirrorBench().start();
    const packets = siteConversations({ segments: 60 });
    const lost = packets.filter((packet, i) => packet.payloadOctets > 1_000 && i % 12 === 5);
    const sentAgain = 120_000_000n;
    // Until the segment comes again, its receiver acknowledges what lies before it and no more (RFC 9293 3.10.7.4).
    const held = (packet: SitePacket): SitePacket => {
      const holes = lost.filter(
        ({ ns, destinationPort }) => destinationPort === packet.sourcePort && ns < packet.ns && packet.ns < ns + sentAgain,
      );
      return { ...packet, acknowledgement: Math.min(packet.acknowledgement, ...holes.map(({ sequence }) => sequence)) };
    };
    await bench.show(
      mirrored(packets, (packet) => {
        if (!lost.includes(packet)) return [packet.fromClient ? held(packet) : packet];
        return [later(packet, { identification: packet.identification + 1 }, sentAgain)];
      }),
    );
    expect(bench.truth.status().tcpUnseenOctets).toBe(0);
    expect(bench.codes).toEqual([]);
  });

  test('lost by the mirror and behind it at once: what is missing lies between the two bounds, and the words say both', async () => {
    const bench = await new MirrorBench().start();
    const packets = siteConversations({ segments: 60 });
    let missing = 0;
    await bench.show(
      mirrored(packets, (packet, i) => {
        if (packet.payloadOctets < 1_000) return [packet];
        // The mirror loses one, the line behind it another, which is sent again and so seen twice.
        if (i % 12 === 5) missing += packet.payloadOctets;
        if (i % 12 === 5) return [];
        return i % 12 === 8 ? [packet, later(packet, { identification: packet.identification + 1 }, 120_000_000n)] : [packet];
      }),
    );
    const { tcpUnseenOctets, tcpUnseenOctetsMax, findings } = bench.truth.status();
    expect(missing).toBeGreaterThan(100_000);
    expect(tcpUnseenOctets).toBeLessThan(missing);
    expect(tcpUnseenOctetsMax).toBeGreaterThanOrEqual(missing);
    expect(findings.map(({ code }) => code)).toEqual(['lossBeforeBox']);
    expect(findings[0]!.evidence).toMatch(
      /^at least [\d.]+ %, and at most [\d.]+ %, of the TCP octets .* segments were sent again, each of which may hide/,
    );
  });

  test('what the box dropped itself is not put down to the switch', async () => {
    const bench = await new MirrorBench().start();
    const packets = lossy();
    bench.figures = { ...bench.figures, counts: { ...bench.figures.counts, droppedByKernelPackets: 500 } };
    await bench.show(packets);
    expect(bench.codes).toEqual([]);
  });

  test('at line rate: oversubscribed, and not said twice', async () => {
    const bench = await new MirrorBench().start();
    bench.figures = { ...bench.figures, capacityMbps: 10 };
    const part = lossy();
    for (let n = 0; n < 4; n++) await bench.show(part);
    // What was put down to loss alone, before the line was seen busy for long enough, is explained now.
    await bench.clock.advance(30_000);
    expect(only(bench).code).toBe('mirrorOversubscribed');
    expect(only(bench).figures).toMatchObject({ capacityMbps: 10, busyS: 4 });
    expect(only(bench).todo).toMatch(/faster destination port/);
  });

  test('at line rate with nothing missing: no finding', async () => {
    const bench = await new MirrorBench().start();
    bench.figures = { ...bench.figures, capacityMbps: 5 };
    for (let n = 0; n < 4; n++) await bench.show(sound());
    expect(bench.codes).toEqual([]);
  });
});

describe('VLAN tags', () => {
  test('of one direction only: said as that, not as a one-way mirror', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => [{ ...packet, vlans: packet.fromClient ? [{ id: 20 }] : [] }]));
    expect(only(bench)).toMatchObject({ code: 'vlanTagsStripped', figures: { splitConversations: 40, conversations: 40 } });
  });

  test('directions in two VLANs, both tagged: both halves are there', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => [{ ...packet, vlans: [{ id: packet.fromClient ? 20 : 30 }] }]));
    expect(bench.codes).toEqual([]);
  });

  test('stripped: stations under their own MAC and under a router’s', async () => {
    const bench = await new MirrorBench().start();
    const routerSide = (packet: SitePacket): boolean => packet.sourcePort % 2 === 1 || packet.destinationPort % 2 === 1;
    const behind = (packet: SitePacket): SitePacket =>
      packet.fromClient ? { ...packet, sourceMac: macs.uplink } : { ...packet, destinationMac: macs.uplink };
    // Ten stations that talk to both sides of the router, one after the other.
    const packets = siteConversations({ conversations: 120 }).map((packet) => {
      const station = `10.0.0.${10 + (Math.floor(Math.max(packet.sourcePort, packet.destinationPort) / 2) % 10)}`;
      return packet.fromClient ? { ...packet, source: station } : { ...packet, destination: station };
    });
    await bench.show(
      mirrored(packets, (packet) => [
        routerSide({ ...packet, sourcePort: 0, destinationPort: packet.fromClient ? packet.sourcePort : packet.destinationPort })
          ? behind(packet)
          : packet,
      ]),
    );
    const finding = only(bench);
    expect(finding.code).toBe('vlanTagsStripped');
    expect(finding.figures.changedAddresses).toBe(10);
    expect(finding.todo).toMatch(/keep 802\.1Q tags/);
  });

  test('stripped: broadcasts of two subnets on one wire; of one subnet it is no finding', async () => {
    const shout = (subnet: number): Uint8Array =>
      ethernet({
        destination: 'ff:ff:ff:ff:ff:ff',
        payload: ipv4({
          source: `10.0.${subnet}.7`,
          destination: `10.0.${subnet}.255`,
          payload: udp({ sourcePort: 138, destinationPort: 138, payload: new Uint8Array(100) }),
        }),
      });
    const bench = await new MirrorBench().start();
    await bench.show([...sound(), ...packetsOf([shout(1), shout(1)])].sort((a, b) => (a.ns < b.ns ? -1 : 1)));
    expect(bench.codes).toEqual([]);
    await bench.show([...sound(), ...packetsOf([shout(1), shout(2)])].sort((a, b) => (a.ns < b.ns ? -1 : 1)));
    expect(only(bench)).toMatchObject({ code: 'vlanTagsStripped', figures: { subnets: 2 } });
  });
});

describe('the same packets twice', () => {
  test('copies of one VLAN', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => [packet, later(packet)]));
    const packets = siteConversations().length;
    expect(only(bench)).toMatchObject({ code: 'copies', figures: { copies: packets, packets: packets * 2 } });
  });

  test('copies in another VLAN', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations({ vlan: 10 }), (packet) => [packet, later(packet, { vlans: [{ id: 11 }] })]));
    expect(only(bench)).toMatchObject({ code: 'copies', figures: { recordsInTwoVlans: 40 } });
  });

  test('removed by the meter: nothing left to say', async () => {
    const bench = await new MirrorBench({ duplicates: 'remove' }).start();
    await bench.show(
      mirrored(siteConversations(), (packet) => [packet, later(packet)]),
      { duplicates: 'remove' },
    );
    expect(bench.codes).toEqual([]);
  });

  const routedTo = (packet: SitePacket): Partial<SitePacket> => ({
    ttl: packet.ttl - 1,
    sourceMac: macs.uplink,
    destinationMac: '02:00:00:00:02:01',
  });

  test('before and after a router, in two VLANs: TTL and MACs tell', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(
      mirrored(siteConversations({ vlan: 10 }), (packet) => [
        packet,
        later(packet, { ...routedTo(packet), vlans: [{ id: 11 }] }),
      ]),
    );
    const finding = only(bench);
    expect(finding).toMatchObject({
      code: 'routedDuplicates',
      figures: { routedCopies: siteConversations().length, records: 40 },
    });
    expect(finding.todo).toMatch(/one side of the router/);
  });

  test('before and after a router, no VLANs: the TTLs of one record span the hop', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet) => [packet, later(packet, routedTo(packet))]));
    expect(only(bench)).toMatchObject({ code: 'routedDuplicates', figures: { records: 40 } });
  });

  test('TTLs that change with the path are no copies', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(mirrored(siteConversations(), (packet, i) => [{ ...packet, ttl: packet.ttl - (i % 2) }]));
    expect(bench.codes).toEqual([]);
  });
});

describe('packets that no wire carries', () => {
  test.each([
    ['merged segments', 2_896],
    ['longer than any jumbo frame', 30_000],
  ])('%s', async (_name, segmentOctets) => {
    const bench = await new MirrorBench().start();
    const timestamped = siteConversations({ segmentOctets: segmentOctets === 2_896 ? 1_460 * 3 : segmentOctets });
    await bench.show(sound(timestamped));
    expect(only(bench)).toMatchObject({ code: 'superPackets', figures: { superRecords: 40, tcpRecords: 40 } });
  });
});

describe('no mirror at all', () => {
  const chatter = (count: number): CapturedPacket[] =>
    packetsOf(
      Array.from({ length: count }, (_, n) =>
        ethernet({
          source: `02:00:00:00:03:${(n % 20).toString(16).padStart(2, '0')}`,
          destination: n % 3 === 0 ? '01:80:c2:00:00:00' : 'ff:ff:ff:ff:ff:ff',
          payload: raw(n % 3 === 0 ? 0x88cc : 0x0806, new Uint8Array(46)),
        }),
      ),
      100_000_000n,
    );

  test('broadcast and multicast alone: an ordinary port', async () => {
    const bench = await new MirrorBench().start();
    for (let n = 0; n < 8; n++) await bench.show(chatter(30));
    expect(only(bench)).toMatchObject({ code: 'notAMirror', level: 'error' });
    expect(only(bench).todo).toMatch(/destination of a monitor session/);
  });

  test('a quiet site at night is still a mirror', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(sound());
    for (let n = 0; n < 40; n++) await bench.show(chatter(30));
    expect(bench.codes).toEqual([]);
  });

  test('nothing at all: after two minutes, and cleared by the first traffic that comes back', async () => {
    const bench = await new MirrorBench().start();
    await bench.clock.advance(100_000);
    expect(bench.codes).toEqual([]);
    await bench.clock.advance(60_000);
    expect(only(bench)).toMatchObject({ code: 'nothingSeen', level: 'error' });
    await bench.clock.advance(60_000);
    await bench.show(sound());
    expect(bench.codes).toEqual([]);
    expect(bench.said.map(({ event }) => event)).toEqual(['nothingSeen', 'nothingSeenCleared']);
  });

  test('a meter that waits for its interface has nothing to say about the mirror', async () => {
    const bench = await new MirrorBench().start();
    bench.figures = { ...bench.figures, metering: false };
    await bench.clock.advance(600_000);
    expect(bench.codes).toEqual([]);
  });
});

describe('raised and cleared', () => {
  const half = (): CapturedPacket[] => mirrored(siteConversations(), (packet) => (packet.fromClient ? [packet] : []));

  test('stays while there is too little traffic to judge, and goes when the mirror is repaired', async () => {
    const bench = await new MirrorBench().start();
    await bench.show(half());
    await bench.clock.advance(1_200_000);
    expect(bench.codes).toEqual(['nothingSeen', 'oneWayMirror']);
    for (let n = 0; n < 8; n++) await bench.show(sound());
    expect(bench.codes).toEqual([]);
    expect(bench.said.map(({ event }) => event)).toContain('oneWayMirrorCleared');
  });

  test('does not flutter between its two thresholds', async () => {
    const bench = await new MirrorBench().start();
    const some = (part: number): CapturedPacket[] =>
      mirrored(siteConversations(), (packet) => {
        const station = Number((packet.fromClient ? packet.source : packet.destination).split('.')[3]) - 10;
        return !packet.fromClient && station < part ? [] : [packet];
      });
    for (let n = 0; n < 30; n++) await bench.show(some(14));
    for (let n = 0; n < 60; n++) await bench.show(some(n % 2 === 0 ? 11 : 6));
    expect(bench.said.map(({ event }) => event)).toEqual(['oneWayMirror']);
    for (let n = 0; n < 30; n++) await bench.show(some(1));
    expect(bench.said.map(({ event }) => event)).toEqual(['oneWayMirror', 'oneWayMirrorCleared']);
  });

  test('a frame of the capture is what the meter counts', () => {
    expect(captured(siteConversations()[0]!)).toMatchObject({ ns: captureStartNs });
  });
});
