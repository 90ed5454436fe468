/** Live capture through the npm package pcap on a veth pair: the same flows and the same account as the ring gives. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { ApplianceError } from '../../../src/core/errors.ts';
import { presenceBit, rowField } from '../../../src/flow/row_layout.ts';
import { isPcapBuilt, loadPcap } from '../../../src/meter/libpcap/pcap_package.ts';
import { nativeOptions } from '../../../src/meter/native_options.ts';
import { udpFrame } from '../../captures/frames.ts';
import { packetsOf, pcapFile } from '../../captures/pcap_writer.ts';
import { CaptureFolder } from '../metering.ts';
import { networkMissing, VethPair } from '../network.ts';
import { type Refusal, RingDriver, send } from '../ring_driver.ts';
import { conversations, octetsOf } from '../ring_traffic.ts';

const missing = networkMissing() ?? (isPcapBuilt() ? undefined : 'the npm package pcap is not built');
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const capture = folder.write('frames.pcap', pcapFile(packetsOf(conversations)));

describe('settings', () => {
  it('leave the package alone unless asked for, and one thread when it is', () => {
    const meter = (changes: object) =>
      settingsSchema.parse({ meter: { source: 'interface', interfaces: ['x'], ...changes } }).meter;
    const all = { kind: 'none', interval: 1 } as const;
    expect(nativeOptions(meter({ threads: 4 }), all, '', 1n)).toMatchObject({ source: { kind: 'ring' }, threads: 4 });
    const fed = nativeOptions(meter({ threads: 4, captureBy: 'libpcap' }), all, '', 1n);
    expect(fed).toMatchObject({ source: { kind: 'feed', interfaces: ['x'] }, threads: 1 });
  });

  it('say how to get the package when it is not there', () => {
    const absent = (() => {
      throw new Error('no such module');
    }) as unknown as NodeJS.Require;
    expect(() => loadPcap(absent)).toThrow(ApplianceError);
    expect(() => loadPcap(absent)).toThrow(/npm install --include=optional, then .*build-native -DFLOWSPAN_PCAP_PACKAGE=ON/);
  });
});

describe.skipIf(missing !== undefined)(`libpcap${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
  });
  afterAll(() => pair[Symbol.dispose]());
  beforeEach(() => pair.setUp(true));
  const open = { do: 'open', libpcap: true };

  it('meters every packet, both directions in one flow', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask(open);
    await send(pair, capture, 10_000, 50_000);
    const seen = await meter.until(({ counts }) => counts.receivedPackets === 10_000);
    expect(seen.faults).toEqual([]);
    expect(seen.interfaces[0]).toMatchObject({ name: 'mirror0', up: true, receivedPackets: 10_000, droppedByKernelPackets: 0 });
    const stopped = await meter.stop();
    expect(stopped.counts.receivedOctets).toBe(octetsOf(10_000));
    expect(stopped.counts.handedOverPackets).toBe(10_000);
    expect(stopped.counts.filteredPackets).toBe(0);
    expect(stopped.rows).toHaveLength(25);
    expect(stopped.faults).toEqual([]);
  });

  it('has on row time what came, also what the kernel still held when it was stopped', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask(open);
    const before = BigInt((await meter.ask<{ monotonicNs: string }>({ do: 'rows' })).monotonicNs);
    await send(pair, capture, 400);
    const { rows, counts } = await meter.stop();
    expect(counts.handedOverPackets).toBe(400);
    const after = process.hrtime.bigint();
    for (const row of rows.map(Buffer.from)) {
      const start = row.readBigUInt64BE(rowField('flowStart').offset);
      const end = row.readBigUInt64BE(rowField('flowEnd').offset);
      expect(start).toBeGreaterThanOrEqual(before);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(after);
    }
  });

  it('has VLAN tags, long frames and lengths on the wire as they were', async () => {
    const mixed = [
      udpFrame({ vlans: [{ id: 42 }] }),
      udpFrame({ vlans: [{ id: 7, tpid: 0x88a8 }, { id: 8 }] }),
      udpFrame({ payloadOctets: 8_000 }),
    ];
    const path = folder.write('mixed.pcap', pcapFile(packetsOf(mixed)));
    for (const snapLength of [96, 9_000]) {
      await using meter = new RingDriver(pair);
      await meter.ask({ ...open, source: { snapLength } });
      await send(pair, path, 30);
      await meter.until(({ counts }) => counts.receivedPackets === 30);
      const { rows, counts, faults } = await meter.stop();
      expect(faults).toEqual([]);
      expect(counts.receivedOctets).toBe(10 * mixed.reduce((sum, frame) => sum + frame.length, 0));
      const ids = rows.map((row) => {
        const view = new DataView(row.buffer, row.byteOffset);
        const inner = (view.getUint32(4) & presenceBit('customerVlan')) !== 0;
        const outer = view.getUint16(rowField('dot1qVlanId').offset);
        return `${outer}/${inner ? view.getUint16(rowField('dot1qCustomerVlanId').offset) : 0}`;
      });
      expect(ids.sort()).toEqual(['0/0', '42/0', '7/8']);
    }
  });

  it('lets the kernel filter', async () => {
    const path = folder.write(
      'ports.pcap',
      pcapFile(packetsOf([53, 80, 443].map((destinationPort) => udpFrame({ destinationPort })))),
    );
    await using meter = new RingDriver(pair);
    await meter.ask({ ...open, source: { filter: 'port 53 or port 80' } });
    await send(pair, path, 300);
    const wanted = ({ counts }: { counts: { receivedPackets: number; filteredPackets: number } }) =>
      counts.receivedPackets === 200 && counts.filteredPackets === 100;
    const { counts } = await meter.until(wanted);
    expect([counts.receivedPackets, counts.filteredPackets]).toEqual([200, 100]);
  });

  it('loses packets while the event loop is busy, and counts every one', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ ...open, source: { ringBytes: 1 << 20 } });
    const busy = meter.ask({ do: 'busy', ms: 1_500 });
    await send(pair, capture, 30_000);
    await busy;
    const seen = await meter.until(({ counts }) => counts.receivedPackets + counts.droppedByKernelPackets === 30_000);
    expect(seen.counts.droppedByKernelPackets).toBeGreaterThan(0);
    expect(seen.counts.receivedPackets + seen.counts.droppedByKernelPackets).toBe(30_000);
    expect((await meter.stop()).faults).toEqual([]);
  });

  it('goes on after the interface was down, renamed, gone and back', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask(open);
    // The port is up; the session is opened at the next look.
    const opened = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 600));
    let sent = 0;
    const sendAndMeter = async (): Promise<void> => {
      await send(pair, capture, 400);
      sent += 400;
      const { counts } = await meter.until((figures) => figures.counts.receivedPackets === sent);
      expect(counts.receivedPackets).toBe(sent);
    };
    await sendAndMeter();
    const { count } = await meter.ask<{ count: number }>({ do: 'descriptors' });
    for (let round = 0; round < 2; round++) {
      pair.setUp(false);
      const down = await meter.until(({ sourceError }) => sourceError !== '');
      expect(down.sourceError).toBe('ENETDOWN: mirror0 is down; metering goes on when it is up');
      pair.rename('mirror0', 'mirror9');
      await meter.until(({ interfaces }) => interfaces[0]!.name === 'mirror9');
      pair.rename('mirror9', 'mirror0');
      pair.setUp(true);
      await meter.until(({ sourceError }) => sourceError === '');
      await opened();
      await sendAndMeter();
      pair.unplug();
      const gone = await meter.until(({ sourceError }) => sourceError.startsWith('ENODEV'));
      expect(gone.sourceError).toBe('ENODEV: mirror0 is gone; metering goes on when it is back');
      pair.plug();
      await meter.until(({ sourceError }) => sourceError === '');
      await opened();
      await sendAndMeter();
    }
    // What the package cannot let go of: a socket and an event each time the interface was gone.
    expect((await meter.ask<{ count: number }>({ do: 'descriptors' })).count).toBeLessThanOrEqual(count + 2 * 2);
    const stopped = await meter.stop();
    expect(stopped.counts.droppedByKernelPackets).toBe(0);
    expect(stopped.faults).toEqual([]);
  });

  it('says which interface is missing, which filter is wrong and which capability is not there', async () => {
    await using meter = new RingDriver(pair);
    const absent = await meter.ask<Refusal>({ ...open, interfaces: ['nowhere0'] });
    expect(absent.error).toEqual({ code: 'ENODEV', message: 'ENODEV: there is no interface nowhere0' });
    expect((await meter.ask<Refusal>({ ...open, source: { filter: 'porridge 7' } })).error.code).toBe('EBADFILTER');
    await using bare = new RingDriver(pair, ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw']);
    const refused = await bare.ask<Refusal>(open);
    expect(refused.error.code).toBe('EPERM');
    expect(refused.error.message).toContain('CAP_NET_RAW');
  });
});
