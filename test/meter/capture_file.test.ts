/** Capture files through the addon: every format gives the same flows, and damage is told exactly and never crashes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { rowField } from '../../src/flow/row_layout.ts';
import { writeDemoCapture } from '../../src/meter/demo/demo_capture.ts';
import { joined, udpFrame } from '../captures/frames.ts';
import { captureStartNs, linkTypes, packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { PcapngWriter } from '../captures/pcapng_writer.ts';
import { addon, CaptureFolder, faultsOf, flowTexts, meterFile, optionsFor } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const frames = Array.from({ length: 500 }, (_, i) =>
  udpFrame({
    source: i % 3 === 0 ? `2001:db8::${(i % 40) + 1}` : `10.0.0.${(i % 40) + 1}`,
    destination: i % 3 === 0 ? '2001:db8:1::1' : '10.1.0.1',
    sourcePort: 1024 + (i % 7),
    payloadOctets: i % 200,
    vlans: i % 5 === 0 ? [{ id: 100 + (i % 3) }] : [],
  }),
);
const packets = packetsOf(frames);
const octets = frames.reduce((sum, frame) => sum + frame.length, 0);
const idOffset = rowField('flowId').offset;
const sourcePort = rowField('sourceTransportPort').offset;
const reference = meterFile(folder.write('reference.pcap', pcapFile(packets)));

describe('time', () => {
  /** One packet a second of one flow, for `seconds`, from a time on. */
  const from = (startS: number, seconds: number) =>
    packetsOf(Array<Uint8Array>(seconds).fill(udpFrame({ payloadOctets: 20 })), 1_000_000_000n).map((packet) => ({
      ...packet,
      ns: packet.ns + BigInt(startS) * 1_000_000_000n,
    }));
  const record = (row: Uint8Array): [startS: number, seconds: number, packets: number, reason: number] => {
    const view = new DataView(row.buffer, row.byteOffset);
    const time = (name: string): bigint => view.getBigUint64(rowField(name).offset);
    const start = time('flowStart') - captureStartNs;
    const reason = view.getUint8(rowField('flowEndReason').offset);
    return [Number(start) / 1e9, Number(time('flowEnd') - time('flowStart')) / 1e9, Number(time('packetDeltaCount')), reason];
  };

  it.each([1, 3])('of a clock that was set back begins anew, with %i thread(s)', (threads) => {
    // Captures of tests begin 40 s before a minute's end.
    const path = folder.write(
      'set-back.pcap',
      pcapFile([...from(0, 100), ...from(-3_600, 100), ...from(40 * 86_400, 30), ...from(0, 5)]),
    );
    const { rows, stats } = meterFile(path, { threads });
    expect(rows.map(record).sort(([a], [b]) => a - b)).toEqual([
      [-3_600, 39, 40, 2],
      [-3_560, 59, 60, 2],
      [0, 39, 40, 2],
      [0, 4, 5, 4],
      [40, 59, 60, 4],
      [40 * 86_400, 29, 30, 4],
    ]);
    expect(faultsOf(stats)).toEqual([]);
  });

  it('is the same whatever was set back within a minute, as of packets from several ports', () => {
    const packets = from(0, 200).map((packet, i) => ({ ...packet, ns: packet.ns - (i % 3 === 0 ? 5_000_000_000n : 0n) }));
    const inOrder = [...packets].sort((a, b) => Number(a.ns - b.ns));
    const counted = (list: typeof packets) => {
      const { rows } = meterFile(folder.write('mixed.pcap', pcapFile(list)));
      return rows.reduce((sum, row) => sum + record(row)[2], 0);
    };
    expect(counted(packets)).toBe(200);
    expect(counted(inOrder)).toBe(200);
  });

  it('goes on in a replay', () => {
    const path = folder.write('replayed.pcap', pcapFile([...from(0, 1), ...from(-3_600, 1), ...from(-7_200, 1)]));
    const begun = addon.clocks().monotonicNs;
    const { rows } = meterFile(path, {}, { pace: 'realtime' });
    const ended = addon.clocks().monotonicNs;
    expect(rows).toHaveLength(1);
    const view = new DataView(rows[0]!.buffer, rows[0]!.byteOffset);
    const number = (name: string): bigint => view.getBigUint64(rowField(name).offset);
    expect(number('packetDeltaCount')).toBe(3n);
    expect(number('flowStart') >= begun && number('flowStart') <= number('flowEnd') && number('flowEnd') <= ended).toBe(true);
  });
});

describe('formats', () => {
  const pcapng = (bigEndian: boolean): Uint8Array => {
    const writer = new PcapngWriter(bigEndian).interface();
    for (const packet of packets) writer.packet(packet);
    return writer.octets();
  };
  const nanoResolution = new PcapngWriter().interface({ resolution: 9 });
  for (const packet of packets) nanoResolution.packet(packet, 0, packet.ns);
  const oldBlocks = new PcapngWriter().interface();
  for (const packet of packets) oldBlocks.oldPacket(packet);
  const shifted = new PcapngWriter().interface({ resolution: 3, offsetS: 1_600_000_000n });
  for (const packet of packets) shifted.packet(packet, 0, (packet.ns - 1_600_000_000_000_000_000n) / 1_000_000n);
  const withOtherBlocks = new PcapngWriter().interface();
  for (const packet of packets) withOtherBlocks.block(0x0bad, new Uint8Array(40)).packet(packet).statistics(0, 0n, 0n);
  const manySections = new PcapngWriter();
  for (const packet of packets) manySections.section().interface().packet(packet);

  const cases: [string, Uint8Array][] = [
    ['micro-little.pcap', pcapFile(packets)],
    ['micro-big.pcap', pcapFile(packets, { bigEndian: true })],
    ['nano-little.pcap', pcapFile(packets, { nanoseconds: true })],
    ['nano-big.pcap', pcapFile(packets, { nanoseconds: true, bigEndian: true })],
    ['little.pcapng', pcapng(false)],
    ['big.pcapng', pcapng(true)],
    ['nano.pcapng', nanoResolution.octets()],
    ['old-blocks.pcapng', oldBlocks.octets()],
    ['milliseconds-with-offset.pcapng', shifted.octets()],
    ['other-blocks.pcapng', withOtherBlocks.octets()],
    ['many-sections.pcapng', manySections.octets()],
    ['compressed.pcap.gz', gzipSync(pcapFile(packets))],
    ['compressed-without-a-telling-name', gzipSync(pcapng(true))],
    ['two-members.gz', joined(gzipSync(pcapFile(packets.slice(0, 200))), gzipSync(pcapFile(packets.slice(200)).subarray(24)))],
  ];
  it.each(cases)('gives the same flows from %s', (name, content) => {
    const metered = meterFile(folder.write(name, content));
    expect(metered.stats.sourceError).toBe('');
    expect(metered.counts.receivedPackets).toBe(packets.length);
    expect(metered.counts.receivedOctets).toBe(octets);
    expect(faultsOf(metered.stats)).toEqual([]);
    expect(flowTexts(metered.rows, idOffset)).toEqual(flowTexts(reference.rows, idOffset));
  });

  it('gives the same flows from many reads of a file, whatever its records’ lengths and wherever a read ends', () => {
    // Each datagram has a flow of its own, so one wrong octet of a header shows. Some 10 MB, read a megabyte at a time.
    const large = packetsOf(
      Array.from({ length: 3_000 }, (_, i) =>
        udpFrame({
          source: `10.2.${i >> 8}.${i & 255}`,
          sourcePort: 1024 + i,
          payloadOctets: i % 10 === 0 ? (i * 7_919) % 65_000 : (i * 31) % 97,
        }),
      ),
    );
    const wire = large.reduce((sum, { frame }) => sum + frame.length, 0);
    expect(wire).toBeGreaterThan(8 << 20);
    const writer = new PcapngWriter().interface();
    for (const packet of large) writer.packet(packet);
    const classic = pcapFile(large);
    const contents = { 'large.pcap': classic, 'large.pcapng': writer.octets(), 'large.pcap.gz': gzipSync(classic, { level: 1 }) };
    const texts = Object.entries(contents).map(([name, content]) => {
      const metered = meterFile(folder.write(name, content));
      expect(metered.stats.sourceError).toBe('');
      expect(metered.counts.receivedPackets).toBe(large.length);
      expect(metered.counts.meteredOctets).toBe(wire);
      expect(new Set(metered.rows.map((row) => new DataView(row.buffer, row.byteOffset).getUint16(sourcePort))).size).toBe(3_000);
      return flowTexts(metered.rows, idOffset);
    });
    expect(texts[1]).toEqual(texts[0]);
    expect(texts[2]).toEqual(texts[0]);
  });

  it('gives the same flows every time, also with other block sizes', () => {
    const again = meterFile(folder.write('again.pcap', pcapFile(packets)), { rowsPerBlock: 3, blocks: 2 });
    expect(flowTexts(again.rows, idOffset)).toEqual(flowTexts(reference.rows, idOffset));
  });

  it('gives the same set of flows from several threads', () => {
    for (const threads of [2, 3, 4]) {
      const spread = meterFile(folder.write('spread.pcap', pcapFile(packets)), { threads });
      expect(flowTexts(spread.rows, idOffset)).toEqual(flowTexts(reference.rows, idOffset));
      expect(faultsOf(spread.stats)).toEqual([]);
    }
  });

  it('gives the same set of flows of a whole office from several threads', async () => {
    const path = folder.write('office.pcap', new Uint8Array());
    await writeDemoCapture(path, { seed: 17, durationS: 60 });
    const changes = { activeTimeoutMs: 10_000, idleTimeoutMs: 2_000, blocks: 64 };
    const alone = meterFile(path, changes);
    expect(alone.rows.length).toBeGreaterThan(100);
    for (const threads of [2, 4]) {
      const spread = meterFile(path, { ...changes, threads });
      expect(flowTexts(spread.rows, idOffset)).toEqual(flowTexts(alone.rows, idOffset));
      expect(faultsOf(spread.stats)).toEqual([]);
    }
  });

  it('takes the time of simple packets from their neighbours and cuts them at the snap length', () => {
    const writer = new PcapngWriter().interface({ snapLength: 64 });
    writer.packet({ ns: captureStartNs, frame: frames[1]!.subarray(0, 64), wireOctets: frames[1]!.length });
    writer.simplePacket(frames[2]!.subarray(0, 64), frames[2]!.length);
    const metered = meterFile(folder.write('simple.pcapng', writer.octets()));
    expect(metered.counts.receivedOctets).toBe(frames[1]!.length + frames[2]!.length);
    expect(metered.counts.lastPacketNs).toBe(Number(captureStartNs));
  });

  it('counts what the capture itself says was lost', () => {
    const writer = new PcapngWriter().interface().packet(packets[0]!).statistics(0, 7n, 5n).statistics(0, 9n, 6n);
    const { counts } = meterFile(folder.write('lost.pcapng', writer.octets()));
    expect([counts.droppedByNicPackets, counts.droppedByKernelPackets]).toEqual([9, 6]);
  });

  it('counts cut packets by their length on the wire', () => {
    const cut = packets.map(({ ns, frame }) => ({ ns, frame: frame.subarray(0, 60), wireOctets: frame.length }));
    const metered = meterFile(folder.write('cut.pcap', pcapFile(cut)));
    expect(metered.counts.receivedOctets).toBe(octets);
    expect(metered.counts.meteredIpOctets).toBe(reference.counts.meteredIpOctets);
    expect(faultsOf(metered.stats)).toEqual([]);
  });
});

describe('filter', () => {
  it('counts exactly what it leaves out', () => {
    const metered = meterFile(folder.write('filter.pcap', pcapFile(packets)), {}, { filter: 'ip6 or (vlan and ip6)' });
    const kept = frames.filter((_, i) => i % 3 === 0);
    expect(metered.counts.receivedPackets).toBe(kept.length);
    expect(metered.counts.filteredPackets).toBe(packets.length - kept.length);
    expect(metered.counts.filteredOctets + metered.counts.receivedOctets).toBe(octets);
    expect(faultsOf(metered.stats)).toEqual([]);
  });

  it('is refused with the words of its compiler', () => {
    const path = folder.write('filter.pcap', pcapFile(packets));
    expect(() => addon.open(optionsFor({ kind: 'file', path, filter: 'tcp prot 80' }))).toThrow(
      expect.objectContaining({ code: 'EBADFILTER', message: expect.stringContaining('"tcp prot 80"') }),
    );
  });
});

describe('damage', () => {
  const whole = pcapFile(packets);
  it('meters what is whole when the file ends inside a packet', () => {
    const offset = 24 + packets.slice(0, 499).reduce((sum, { frame }) => sum + 16 + frame.length, 0);
    const metered = meterFile(folder.write('short.pcap', whole.subarray(0, whole.length - 1)));
    expect(metered.counts.receivedPackets).toBe(499);
    expect(metered.stats.sourceError).toMatch(
      new RegExp(`^EBADCAPTURE: .*short.pcap is damaged at offset ${offset} .*, 499 packets read before it$`),
    );
    expect(faultsOf(metered.stats)).toEqual([]);
  });

  it('tells a length that cannot be', () => {
    const damaged = whole.slice();
    new DataView(damaged.buffer).setUint32(24 + 8, 0x7fff_ffff, true);
    const metered = meterFile(folder.write('length.pcap', damaged));
    expect(metered.stats.sourceError).toContain('is damaged at offset 24 (a packet claims 2147483647 octets), 0 packets read');
  });

  it('tells a compressed file that ends early, or is broken inside', () => {
    const packed = gzipSync(whole);
    expect(meterFile(folder.write('early.gz', packed.subarray(0, packed.length >> 1))).stats.sourceError).toMatch(/^EBADCAPTURE/);
    const broken = packed.slice();
    broken.fill(0xff, packed.length >> 1, (packed.length >> 1) + 50);
    expect(meterFile(folder.write('broken.gz', broken)).stats.sourceError).toMatch(/^EBADCAPTURE/);
  });

  it('survives every cut of a pcapng file', () => {
    const writer = new PcapngWriter().interface({ resolution: 9 });
    for (const packet of packets.slice(0, 3)) writer.packet(packet);
    const octetsOf = writer.octets();
    for (let length = 1; length < octetsOf.length; length++) {
      const path = folder.write('cut.pcapng', octetsOf.subarray(0, length));
      try {
        const metered = meterFile(path);
        expect(faultsOf(metered.stats)).toEqual([]);
        expect(metered.counts.receivedPackets).toBeLessThanOrEqual(3);
      } catch (error) {
        expect(error).toMatchObject({ code: 'EBADCAPTURE' });
      }
    }
  });

  it('survives any octet of a pcapng file being wrong', () => {
    const writer = new PcapngWriter().interface({ resolution: 9, offsetS: 0n });
    for (const packet of packets.slice(0, 2)) writer.packet(packet);
    const octetsOf = writer.octets();
    for (let at = 0; at < octetsOf.length; at++) {
      const wrong = octetsOf.slice();
      wrong[at] = wrong[at]! ^ 0xff;
      try {
        expect(faultsOf(meterFile(folder.write('wrong.pcapng', wrong)).stats)).toEqual([]);
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^(EBADCAPTURE|ELINKTYPE)$/);
      }
    }
  });
});

describe('what cannot be opened', () => {
  const refusal = (path: string): unknown => {
    try {
      addon.open(optionsFor({ kind: 'file', path })).close();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  it('says so with a code', () => {
    expect(refusal('/nowhere/at.pcap')).toMatchObject({ code: 'ENOENT' });
    expect(refusal(folder.path)).toMatchObject({ code: 'EBADCAPTURE' });
    expect(refusal(folder.write('empty.pcap', new Uint8Array()))).toMatchObject({ code: 'EBADCAPTURE' });
    expect(refusal(folder.write('text.pcap', Buffer.from('not a capture at all')))).toMatchObject({ code: 'EBADCAPTURE' });
    expect(refusal(folder.write('header.pcap', pcapFile(packets).subarray(0, 20)))).toMatchObject({ code: 'EBADCAPTURE' });
    expect(refusal(folder.write('radio.pcap', pcapFile(packets, { linkType: linkTypes.radiotap })))).toMatchObject({
      code: 'ELINKTYPE',
      message: expect.stringContaining('127 (IEEE802_11_RADIO)'),
    });
    const radio = new PcapngWriter().interface({ linkType: linkTypes.radiotap }).packet(packets[0]!);
    expect(refusal(folder.write('radio.pcapng', radio.octets()))).toMatchObject({ code: 'ELINKTYPE' });
  });

  it('tells a link type that only a later interface has, after metering what came before', () => {
    const writer = new PcapngWriter().interface().interface({ linkType: linkTypes.radiotap });
    writer.packet(packets[0]!).packet(packets[1]!, 1).packet(packets[2]!);
    const metered = meterFile(folder.write('mixed.pcapng', writer.octets()));
    expect(metered.counts.receivedPackets).toBe(1);
    expect(metered.stats.sourceError).toMatch(/^ELINKTYPE: .*127 \(IEEE802_11_RADIO\) on interface 1/);
  });

  it('meters an empty capture without flows', () => {
    const metered = meterFile(folder.write('none.pcap', pcapFile([])));
    expect(metered.rows).toEqual([]);
    expect(metered.stats.sourceError).toBe('');
  });

  it('says EACCES for a file it may not read', () => {
    const path = folder.write('secret.pcap', pcapFile(packets));
    chmodSync(path, 0);
    if (process.getuid?.() !== 0) {
      expect(refusal(path)).toMatchObject({ code: 'EACCES' });
      return;
    }
    // Root reads everything: without the capabilities that let it, it is somebody else's file.
    chownSync(path, 65_534, 65_534);
    const drop = '-dac_override,-dac_read_search';
    const child = new URL('../native/lifecycle_child.ts', import.meta.url).pathname;
    const args = [`--bounding-set=${drop}`, `--inh-caps=${drop}`, process.execPath, child, 'openOnly', path];
    expect(spawnSync('setpriv', args, { encoding: 'utf8' }).stderr).toContain('EACCES: cannot open the capture');
  });
});
