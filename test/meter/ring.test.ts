/** Live capture on a veth pair: what was sent is what is counted, whatever happens to the interface meanwhile. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerFaults } from '../../src/flow/ledger.ts';
import { threadCounters } from '../../src/flow/meter_threads.ts';
import { presenceBit, rowField } from '../../src/flow/row_layout.ts';
import { ethernet, ipv4, ipv6, udp, udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { mpls } from '../golden/layers/link.ts';
import { hopByHop, ipv4Fragments, ipv6Fragments } from '../golden/layers/network.ts';
import { CaptureFolder, meterFile } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { type Refusal, RingDriver, send } from './ring_driver.ts';
import { conversations, octetsOf } from './ring_traffic.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const capture = folder.write('frames.pcap', pcapFile(packetsOf(conversations)));

describe.skipIf(missing !== undefined)(`ring${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
  });
  afterAll(() => pair[Symbol.dispose]());
  beforeEach(() => pair.setUp(true));

  it('meters every packet, both directions in one flow', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    await send(pair, capture, 10_000, 100_000);
    const seen = await meter.until(({ counts }) => counts.receivedPackets === 10_000);
    expect(seen.faults).toEqual([]);
    expect(seen.interfaces[0]).toMatchObject({ name: 'mirror0', up: true, receivedPackets: 10_000, droppedByKernelPackets: 0 });
    const stopped = await meter.stop();
    expect(stopped.counts.receivedOctets).toBe(octetsOf(10_000));
    expect(stopped.counts.handedOverPackets).toBe(10_000);
    expect(stopped.rows).toHaveLength(25);
    expect(stopped.faults).toEqual([]);
  });

  it('restores VLAN tags that the kernel keeps beside the frame', async () => {
    const tagged = [udpFrame({ vlans: [{ id: 42, priority: 5 }] }), udpFrame({ vlans: [{ id: 7, tpid: 0x88a8 }, { id: 8 }] })];
    const path = folder.write('tagged.pcap', pcapFile(packetsOf(tagged)));
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    await send(pair, path, 20);
    await meter.until(({ counts }) => counts.receivedPackets === 20);
    const { rows, counts } = await meter.stop();
    expect(counts.receivedOctets).toBe(10 * (tagged[0]!.length + tagged[1]!.length));
    const ids = rows.map((row) => {
      const view = new DataView(row.buffer, row.byteOffset);
      const inner = (view.getUint32(4) & presenceBit('customerVlan')) !== 0;
      return [view.getUint16(rowField('dot1qVlanId').offset), inner ? view.getUint16(rowField('dot1qCustomerVlanId').offset) : 0];
    });
    expect(ids.sort()).toEqual(
      [
        [42, 0],
        [7, 8],
      ].sort(),
    );
  });

  it('lets the kernel filter, tags included', async () => {
    const mixed = [udpFrame({ vlans: [{ id: 42 }] }), udpFrame({ vlans: [{ id: 43 }] }), udpFrame()];
    const path = folder.write('mixed.pcap', pcapFile(packetsOf(mixed)));
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', source: { filter: 'vlan 42' } });
    await send(pair, path, 300);
    const { counts } = await meter.until(
      (figures) => figures.counts.receivedPackets === 100 && figures.counts.filteredPackets === 200,
    );
    expect(counts.receivedPackets).toBe(100);
    expect(counts.filteredPackets).toBe(200);
  });

  it('goes on after the interface was down, and says so meanwhile', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    await send(pair, capture, 400);
    pair.setUp(false);
    const down = await meter.until(({ sourceError }) => sourceError !== '');
    expect(down.sourceError).toBe('ENETDOWN: mirror0 is down; metering goes on when it is up');
    expect(down.counts.sourceStateUp).toBe(0);
    pair.setUp(true);
    await meter.until(({ sourceError }) => sourceError === '');
    await send(pair, capture, 400);
    const { counts } = await meter.until((figures) => figures.counts.receivedPackets === 800);
    expect(counts.receivedPackets).toBe(800);
  });

  it('starts on an interface that is still down', async () => {
    pair.setUp(false);
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    pair.setUp(true);
    await meter.until(({ sourceError }) => sourceError === '');
    await send(pair, capture, 400);
    expect((await meter.until(({ counts }) => counts.receivedPackets === 400)).counts.receivedPackets).toBe(400);
  });

  it('goes on after the interface was renamed', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    pair.setUp(false);
    pair.rename('mirror0', 'mirror9');
    try {
      await meter.until(({ interfaces }) => interfaces[0]!.name === 'mirror9');
    } finally {
      pair.rename('mirror9', 'mirror0');
      pair.setUp(true);
    }
    await meter.until(({ sourceError }) => sourceError === '');
    await send(pair, capture, 400);
    expect((await meter.until(({ counts }) => counts.receivedPackets === 400)).counts.receivedPackets).toBe(400);
  });

  it('goes on after the interface was unplugged and came back, a new one of the old name', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    await send(pair, capture, 400);
    await meter.until(({ counts }) => counts.receivedPackets === 400);
    pair.unplug();
    const gone = await meter.until(({ sourceError }) => sourceError.startsWith('ENODEV'));
    expect(gone.sourceError).toBe('ENODEV: mirror0 is gone; metering goes on when it is back');
    pair.plug();
    await meter.until(({ sourceError }) => sourceError === '');
    await send(pair, capture, 400);
    const back = await meter.until(({ counts }) => counts.receivedPackets === 800);
    expect(back.counts.receivedPackets).toBe(800);
    expect(back.faults).toEqual([]);
  });

  it('counts what the kernel drops when the ring is full, and loses nothing of the rest', async () => {
    await using meter = new RingDriver(pair, ['nice', '-n', '19']);
    await meter.ask({ do: 'open', source: { ringBytes: 1 << 20, snapLength: 9_000 }, options: { blocks: 8 } });
    const long = folder.write('long.pcap', pcapFile(packetsOf([udpFrame({ payloadOctets: 8_000 })])));
    let sent = 0;
    let figures = await meter.stats();
    for (let round = 0; round < 20 && figures.counts.droppedByKernelPackets === 0; round++) {
      sent += (await send(pair, long, 50_000)).packets;
      figures = await meter.until(({ counts }) => counts.receivedPackets + counts.droppedByKernelPackets >= sent);
    }
    expect(figures.counts.droppedByKernelPackets).toBeGreaterThan(0);
    expect(figures.counts.receivedPackets + figures.counts.droppedByKernelPackets).toBe(sent);
    expect(figures.faults).toEqual([]);
  });

  it('spreads packets over threads so that both directions meet', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { threads: 3, blocks: 12 } });
    await send(pair, capture, 10_000, 100_000);
    const { threads, counts } = await meter.until(({ counts }) => counts.receivedPackets === 10_000);
    for (const name of threadCounters)
      expect([name, threads.reduce((sum, one) => sum + one[name], 0)]).toEqual([name, counts[name]]);
    expect(threads.map((one) => [one.receivedPackets > 0, one.cachedFlows > 0, ledgerFaults(one)])).toEqual(
      new Array(3).fill([true, true, []]),
    );
    const stopped = await meter.stop();
    expect(stopped.counts.receivedPackets).toBe(10_000);
    expect(stopped.rows).toHaveLength(25);
    expect(stopped.faults).toEqual([]);
  });

  it('spreads tagged, labelled and fragmented packets over threads so that directions and fragments meet', async () => {
    const sent: Uint8Array[] = [];
    for (let i = 1; i <= 40; i++) {
      const payload = udp({ sourcePort: 4_000, destinationPort: 53, payload: new Uint8Array(64) });
      const back = udp({ sourcePort: 53, destinationPort: 4_000, payload: new Uint8Array(64) });
      const [a4, b4, a6, b6] = [`10.3.0.${i}`, `10.4.${i}.9`, `2001:db8:3::${i}`, `2001:db8:4:${i}::9`];
      const out4 = { source: a4, destination: b4, payload, identification: i };
      const out6 = { source: a6, destination: b6, payload, identification: i };
      const networks = [
        ...ipv4Fragments(out4, [0, 24, 48]),
        ipv4({ source: b4, destination: a4, payload: back }),
        ...ipv6Fragments(out6, [0, 24, 48]),
        ipv6({ source: b6, destination: a6, payload: hopByHop(back) }),
      ];
      const tags = [[], [{ id: 7 }], [{ id: 8, tpid: 0x88a8 }, { id: 9 }]][i % 3]!;
      // Labels are not looked behind: both directions of a label-switched line have the same pair of MACs.
      for (const payload of networks)
        sent.push(ethernet({ vlans: tags, payload: i % 4 === 0 ? mpls([16], payload.octets) : payload }));
    }
    const path = folder.write('spread.pcap', pcapFile(packetsOf(sent)));
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { threads: 3, blocks: 12 } });
    await send(pair, path, sent.length, 20_000);
    await meter.until(({ counts }) => counts.receivedPackets === sent.length);
    const { rows, faults } = await meter.stop();
    expect(faults).toEqual([]);
    const views = rows.map((row) => new DataView(row.buffer, row.byteOffset));
    expect(views.filter((view) => (view.getUint32(4) & presenceBit('reverse')) === 0)).toEqual([]);
    expect(views.map((view) => view.getUint16(rowField('sourceTransportPort').offset))).not.toContain(0);
    expect(rows).toHaveLength(80);
  });

  it('spreads what claims to be IP and is not by its MACs, as files do: one thread or three, the same flows', async () => {
    const sent: Uint8Array[] = [];
    const spoil = (frame: Uint8Array, change: (octets: Uint8Array) => void): Uint8Array => {
      const octets = frame.slice();
      change(octets);
      return octets;
    };
    for (let i = 0; i < 40; i++) {
      const vlans = [[], [{ id: 7 }], [{ id: 8, tpid: 0x88a8 }, { id: 9 }]][i % 3]!;
      // The outer tag goes into metadata on its way; what is spoilt stands behind all of them.
      const network = 14 + 4 * vlans.length;
      const source = `10.5.${i}.1`;
      const payload = udp({ sourcePort: 4_000, destinationPort: 53, payload: new Uint8Array(64) });
      const v4 = ethernet({ vlans, payload: ipv4({ source, destination: `10.6.${i}.2`, payload }) });
      const v6 = ethernet({ vlans, payload: ipv6({ source: `2001:db8:5::${i}`, destination: `2001:db8:6:${i}::2`, payload }) });
      sent.push(
        v4,
        v6,
        spoil(v4, (octets) => octets.fill(0x44, network, network + 1)), // a header of 16 octets
        spoil(v4, (octets) => octets.fill(0x65, network, network + 1)), // version 6 in IPv4
        spoil(v6, (octets) => octets.fill(0x45, network, network + 1)), // version 4 in IPv6
        v4.slice(0, network + 19),
        v6.slice(0, network + 39),
      );
    }
    const path = folder.write('spoilt.pcap', pcapFile(packetsOf(sent)));
    const flows: number[] = [];
    for (const threads of [1, 3]) {
      await using meter = new RingDriver(pair);
      await meter.ask({ do: 'open', options: { threads, blocks: 12 } });
      await send(pair, path, sent.length, 20_000);
      await meter.until(({ counts }) => counts.receivedPackets === sent.length);
      const { rows, faults } = await meter.stop();
      expect(faults).toEqual([]);
      flows.push(rows.length, meterFile(path, { threads, blocks: 12 }).rows.length);
    }
    // A flow each of 40 IPv4 and 40 IPv6 pairs; by MACs one for each EtherType and way of being tagged.
    expect(flows).toEqual(new Array(4).fill(40 + 40 + 2 * 3));
  });

  it('goes on with several threads after the interface was down, gone and back', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { threads: 3, blocks: 12 } });
    pair.setUp(false);
    await meter.until(({ sourceError }) => sourceError !== '');
    pair.setUp(true);
    await meter.until(({ sourceError }) => sourceError === '');
    pair.unplug();
    await meter.until(({ sourceError }) => sourceError.startsWith('ENODEV'));
    pair.plug();
    await meter.until(({ sourceError }) => sourceError === '');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await send(pair, capture, 4_000, 100_000);
    await meter.until(({ counts }) => counts.receivedPackets === 4_000);
    const stopped = await meter.stop();
    expect(stopped.rows).toHaveLength(25);
    expect(stopped.counts.receivedPackets).toBe(4_000);
  });

  it('turns GRO off while metering and on again afterwards', async () => {
    const gro = (): string => /generic-receive-offload: (\w+)/.exec(pair.ethtool('-k', 'mirror0'))?.[1] ?? '';
    pair.ethtool('-K', 'mirror0', 'gro', 'on');
    const meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    expect((await meter.stats()).interfaces[0]!.offloads).toBe('off (were on)');
    expect(gro()).toBe('off');
    await meter[Symbol.asyncDispose]();
    expect(gro()).toBe('on');
    // Also when the process leaves without closing the meter.
    const leaving = new RingDriver(pair);
    await leaving.ask({ do: 'open' });
    expect(gro()).toBe('off');
    const ended = leaving.exit;
    await leaving.ask({ do: 'exit' }).catch(() => undefined);
    await ended;
    expect(gro()).toBe('on');
  });

  it('turns GRO off again when somebody turns it on meanwhile, and leaves it as that one wanted', async () => {
    const gro = (): string => /generic-receive-offload: (\w+)/.exec(pair.ethtool('-k', 'mirror0'))?.[1] ?? '';
    pair.ethtool('-K', 'mirror0', 'gro', 'off');
    const meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    expect((await meter.stats()).interfaces[0]!.offloads).toBe('off');
    pair.ethtool('-K', 'mirror0', 'gro', 'on');
    expect((await meter.until(({ interfaces }) => interfaces[0]!.offloads !== 'off')).interfaces[0]!.offloads).toBe(
      'off (were on)',
    );
    expect(gro()).toBe('off');
    await meter[Symbol.asyncDispose]();
    expect(gro()).toBe('on');
    pair.ethtool('-K', 'mirror0', 'gro', 'off');
  });

  it('turns on again at its end what a killed process has turned off, in the same boot and on the same device', async () => {
    const gro = (): string => /generic-receive-offload: (\w+)/.exec(pair.ethtool('-k', 'mirror0'))?.[1] ?? '';
    const open = { do: 'open', source: { memoryFolder: folder.path } };
    const kept = (): string[] => readdirSync(folder.path).filter((name) => name.startsWith('offloads-'));
    pair.ethtool('-K', 'mirror0', 'gro', 'on');
    const killed = new RingDriver(pair);
    await killed.ask(open);
    const ended = killed.exit;
    killed.kill();
    await ended;
    expect([gro(), kept().length]).toEqual(['off', 1]);
    const next = new RingDriver(pair);
    await next.ask(open);
    expect((await next.stats()).interfaces[0]!.offloads).toBe('off (were on)');
    await next[Symbol.asyncDispose]();
    expect([gro(), kept().length]).toEqual(['on', 0]);
    // A plugged-in device begins with its driver's defaults: what is kept is not about it.
    const again = new RingDriver(pair);
    await again.ask(open);
    const endedAgain = again.exit;
    again.kill();
    await endedAgain;
    pair.unplug();
    pair.plug();
    const last = new RingDriver(pair);
    await last.ask(open);
    expect((await last.stats()).interfaces[0]!.offloads).toBe('off');
    await last[Symbol.asyncDispose]();
    expect(gro()).toBe('off');
  });

  it('goes on while the MTU changes, and meters jumbo frames whole', async () => {
    const jumbo = udpFrame({ payloadOctets: 8_900 });
    const path = folder.write('jumbo.pcap', pcapFile(packetsOf([jumbo])));
    await using meter = new RingDriver(pair);
    try {
      pair.mtu(1_500);
      await meter.ask({ do: 'open' });
      await send(pair, capture, 400);
      await meter.until(({ counts }) => counts.receivedPackets === 400);
      pair.mtu(9_000);
      await meter.until(({ interfaces }) => interfaces[0]!.mtu === 9_000);
      await send(pair, path, 100);
      const { counts, faults } = await meter.until((figures) => figures.counts.receivedPackets === 500);
      expect(counts.receivedOctets).toBe(octetsOf(400) + 100 * jumbo.length);
      expect(faults).toEqual([]);
    } finally {
      pair.mtu(9_000);
    }
  });

  it('turns off all that merges packets, and afterwards on again only what was on', async () => {
    const merging = (): string[] =>
      ['generic-receive-offload', 'rx-gro-list', 'rx-udp-gro-forwarding'].map(
        (feature) => new RegExp(`^${feature}: (\\w+)`, 'm').exec(pair.ethtool('-k', 'mirror0'))?.[1] ?? 'absent',
      );
    for (const [list, forwarding] of [
      ['on', 'off'],
      ['off', 'on'],
    ] as const) {
      pair.ethtool('-K', 'mirror0', 'gro', 'on', 'rx-gro-list', list, 'rx-udp-gro-forwarding', forwarding);
      expect(merging()).toEqual(['on', list, forwarding]);
      const meter = new RingDriver(pair);
      await meter.ask({ do: 'open' });
      expect((await meter.stats()).interfaces[0]!.offloads).toBe('off (were on)');
      expect(merging()).toEqual(['off', 'off', 'off']);
      await meter[Symbol.asyncDispose]();
      expect(merging()).toEqual(['on', list, forwarding]);
    }
    pair.ethtool('-K', 'mirror0', 'gro', 'off', 'rx-gro-list', 'off', 'rx-udp-gro-forwarding', 'off');
  });

  it('keeps row time monotonic and right when the wall clock is stepped by an hour, to 1970 and back', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { idleTimeoutMs: 300 } });
    const hourNs = 3_600_000_000_000n;
    const to1970Ns = 60_000_000_000n - BigInt(Date.now()) * 1_000_000n;
    for (const testWallOffsetNs of [hourNs, -hourNs, to1970Ns, 0n]) {
      const before = BigInt((await meter.ask<{ monotonicNs: string }>({ do: 'rows' })).monotonicNs);
      await send(pair, capture, 400, 4_000);
      await meter.ask({ do: 'configure', change: { testWallOffsetNs: String(testWallOffsetNs) } });
      await send(pair, capture, 400, 4_000);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const { rows, monotonicNs } = await meter.ask<{ rows: string[]; monotonicNs: string }>({ do: 'rows' });
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows.map((text) => Buffer.from(text, 'base64'))) {
        const start = row.readBigUInt64BE(rowField('flowStart').offset);
        const end = row.readBigUInt64BE(rowField('flowEnd').offset);
        expect(start).toBeGreaterThanOrEqual(before);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(end).toBeLessThanOrEqual(BigInt(monotonicNs));
      }
    }
  });

  it('says which interface is missing and which capability', async () => {
    await using meter = new RingDriver(pair);
    const absent = await meter.ask<Refusal>({ do: 'open', interfaces: ['nowhere0'] });
    expect(absent.error).toEqual({ code: 'ENODEV', message: 'ENODEV: there is no interface nowhere0' });
    await using bare = new RingDriver(pair, ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw']);
    const refused = await bare.ask<Refusal>({ do: 'open' });
    expect(refused.error.code).toBe('EPERM');
    expect(refused.error.message).toContain('CAP_NET_RAW');
    expect(refused.error.message).toContain('setcap');
  });
});
