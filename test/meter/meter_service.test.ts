/** The meter as a service: rows reach the pipeline, operating errors leave it waiting or failed, a stop loses nothing. */
import { afterAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { rowField } from '../../src/flow/row_layout.ts';
import { MeterService } from '../../src/meter/meter_service.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder } from './metering.ts';
import { withDrops } from './pressed_addon.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
const frames = Array.from({ length: 200 }, (_, i) => udpFrame({ source: `10.0.0.${(i % 20) + 1}` }));
const capture = folder.write('service.pcap', pcapFile(packetsOf(frames, 1_000_000n)));

function testWorld(): World & { readonly events: string[] } {
  const clock = new SystemClock();
  const events: string[] = [];
  const log = createLog(clock, (_level, _part, event) => events.push(event));
  return { clock, random: new SeededRandom(1), log, metrics: createMetrics(), events };
}

const meterSettings = (changes: object) => settingsSchema.parse({ meter: changes }).meter;
const replay = { source: 'capture', capture, loop: false } as const;
const signal = new AbortController().signal;

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('meter service', () => {
  it('replays a capture on the monotonic clock, hands every flow over and says that it ended', async () => {
    const world = testWorld();
    const blocks: RowBlock[] = [];
    const startNs = world.clock.monotonicNs();
    const meter = new MeterService(world, meterSettings(replay), {
      bootId: 'boot-1',
      receive: (block) => void blocks.push(block),
    });
    await meter.start(signal);
    expect(meter.status().state).toBe('metering');
    await until(() => meter.status().state === 'stopped');
    expect(meter.status()).toMatchObject({
      source: 'capture',
      state: 'stopped',
      reason: 'the capture has ended',
      code: null,
      cachedFlows: 0,
    });
    expect(blocks.reduce((sum, block) => sum + block.count, 0)).toBe(20);
    expect(blocks[0]).toMatchObject({ bootId: 'boot-1' });
    expect(blocks[0]!.firstStartNs).toBeGreaterThanOrEqual(startNs);
    expect(blocks[0]!.lastEndNs).toBeLessThanOrEqual(world.clock.monotonicNs());
    expect(meter.ledger()).toMatchObject({
      balanced: true,
      received: { packets: 200 },
      handedOver: { packets: 200, records: 20 },
    });
    expect(await world.metrics.render()).toContain('flowspan_meter_received_packets 200');
    await meter.stop(1_000);
    expect(world.events).toEqual(['meterStarted', 'meterEnded']);
  });

  it('hands the cache over when it is stopped, and waits for a slow receiver meanwhile', async () => {
    const world = testWorld();
    let rows = 0;
    let busy = 0;
    const receive = async (block: RowBlock): Promise<void> => {
      expect(++busy).toBe(1);
      await world.clock.sleep(5);
      for (let i = 0; i < block.count; i++) {
        const at = block.firstRow + i * 384 + rowField('packetDeltaCount').offset;
        expect(new DataView(block.bytes.buffer).getBigUint64(at)).toBeGreaterThan(0n);
      }
      rows += block.count;
      busy--;
    };
    const meter = new MeterService(world, meterSettings({ ...replay, loop: true, rowsPerBlock: 16 }), { bootId: 'b', receive });
    await meter.start(signal);
    await until(() => meter.figures().counts.receivedPackets > 100);
    expect(meter.snapshot(5).length).toBe(5 * 384);
    await meter.stop(5_000);
    const { handedOver, received, cached, balanced } = meter.ledger();
    expect({ cached: cached.packets, balanced, handedOver: handedOver.packets }).toEqual({
      cached: 0,
      balanced: true,
      handedOver: received.packets,
    });
    expect(rows).toBe(handedOver.records);
  });

  it('says to the last packet what a stop without enough time leaves behind', async () => {
    const world = testWorld();
    let rows = 0;
    const receive = async (block: RowBlock): Promise<void> => {
      rows += block.count;
      await world.clock.sleep(20);
    };
    const settings = meterSettings({ ...replay, loop: true, rowsPerBlock: 16, blocks: 8, cacheFlows: 4_096, activeTimeoutS: 1 });
    const meter = new MeterService(world, settings, { bootId: 'b', receive });
    await meter.start(signal);
    await until(() => meter.figures().counts.receivedPackets > 100);
    await meter.stop(1);
    expect(meter.untakenRecords() + meter.ledger().cached.packets).toBeGreaterThan(0);
    expect(rows + meter.untakenRecords()).toBe(meter.ledger().handedOver.records);
    expect(meter.ledger().balanced).toBe(true);
    expect(world.events.at(-1)).toBe('meterStoppedEarly');
  });

  it('waits for an interface that is not there', async () => {
    const world = testWorld();
    const settings = meterSettings({ source: 'interface', interfaces: ['nowhere0'] });
    const meter = new MeterService(world, settings, { bootId: 'b', receive: () => {} });
    await meter.start(signal);
    const missing = process.getuid?.() === 0 ? 'waiting' : expect.stringMatching(/waiting|failed/);
    expect(meter.status()).toMatchObject({ state: missing, reason: 'there is no interface nowhere0', code: 'interfaceMissing' });
    await meter.stop(1_000);
  });

  it('fails with how to get it when the package that ports are to be read with is not there', async () => {
    const settings = meterSettings({ source: 'interface', interfaces: ['lo'], captureBy: 'libpcap' });
    const absent = (): never => {
      throw new ApplianceError('addonMissing', 'the npm package pcap is not built here');
    };
    const meter = new MeterService(testWorld(), settings, { bootId: 'b', receive: () => {}, loadPcap: absent });
    await meter.start(signal);
    expect(meter.status()).toMatchObject({
      state: 'failed',
      code: 'addonMissing',
      reason: expect.stringContaining('npm package pcap'),
    });
    await meter.stop(1_000);
  });

  it('fails with the reason when the capture is no capture', async () => {
    const path = folder.write('text.pcap', Buffer.from('not a capture'));
    const world = testWorld();
    const meter = new MeterService(world, meterSettings({ ...replay, capture: path }), { bootId: 'b', receive: () => {} });
    await meter.start(signal);
    expect(meter.status()).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('is no capture'),
      code: 'captureDamaged',
    });
    expect(meter.ledger().balanced).toBe(true);
    await meter.stop(1_000);
  });

  it('ends as failed when the capture is damaged, after metering what is whole', async () => {
    const path = folder.write('short.pcap', pcapFile(packetsOf(frames, 100_000n)).subarray(0, -5));
    const meter = new MeterService(testWorld(), meterSettings({ ...replay, capture: path, loop: true }), {
      bootId: 'b',
      receive: () => {},
    });
    await meter.start(signal);
    await until(() => meter.status().state === 'failed');
    expect(meter.status()).toMatchObject({
      code: 'captureDamaged',
      reason: expect.stringContaining('199 packets read before it'),
    });
    expect(meter.ledger().received.packets).toBe(199);
    await meter.stop(1_000);
  });

  it('changes sampling while metering, under a new selector id', async () => {
    const meter = new MeterService(testWorld(), meterSettings({ ...replay, loop: true }), { bootId: 'b', receive: () => {} });
    await meter.start(signal);
    expect(meter.figures().selectorId).toBe(0);
    meter.configure(meterSettings({ ...replay, loop: true, sampling: { kind: 'count', interval: 10 } }));
    meter.configure(meterSettings({ ...replay, loop: true, idleTimeoutS: 5, sampling: { kind: 'count', interval: 10 } }));
    await until(() => meter.figures().selectorId === 1 && meter.figures().counts.sampledOutPackets > 0);
    expect(meter.figures().selectorId).toBe(1);
    await meter.stop(1_000);
    expect(meter.ledger().balanced).toBe(true);
  });

  it('samples by itself while the kernel drops packets, and says so as an event, a selector and a figure', async () => {
    const world = testWorld();
    const heard: string[] = [];
    const pressed = { packets: 0 };
    const settings = (change: object = {}) =>
      meterSettings({ ...replay, loop: true, sampling: { adaptive: { enabled: true, dwellS: 5, ...change } } });
    const meter = new MeterService(world, settings(), {
      bootId: 'b',
      receive: () => {},
      addon: withDrops(pressed),
      onEvent: (level, event, text) => heard.push(`${level} ${event}: ${text}`),
    });
    await meter.start(signal);
    expect(meter.status().sampling).toMatchObject({ kind: 'none', interval: 1, selectorId: 0, adaptive: true, why: '' });
    await until(() => meter.figures().counts.receivedPackets > 100);
    pressed.packets = 7;
    await until(() => heard.length > 0);
    pressed.packets = 0;
    expect(heard).toEqual([
      expect.stringMatching(
        /^warn samplingChanged: sampling changed from every packet to 1 packet in (2|4|8): the kernel dropped \d+ packets/,
      ),
    ]);
    const { sampling } = meter.status();
    expect(sampling).toMatchObject({ kind: 'random', selectorId: 1, adaptive: true, why: expect.stringContaining('dropped') });
    expect(meter.selectorOf(1)).toMatchObject({ kind: 'random', interval: sampling.interval });
    expect(meter.selectors().map(({ selectorId, kind, interval }) => ({ selectorId, kind, interval }))).toEqual([
      { selectorId: 0, kind: 'none', interval: 1 },
      { selectorId: 1, kind: 'random', interval: sampling.interval },
    ]);
    const text = await world.metrics.render();
    expect(text).toContain(`flowspan_meter_sampling_interval ${sampling.interval}`);
    expect(text).toContain('flowspan_meter_sampling_changes_total{why="kernelDrops"} 1');
    // Switched off, every packet counts again, at once.
    meter.configure(settings({ enabled: false }));
    expect(meter.status().sampling).toMatchObject({ kind: 'none', selectorId: 0, adaptive: false });
    expect(heard.at(-1)).toMatch(/^info samplingChanged: .* to every packet: by the settings$/);
    await meter.stop(5_000);
    expect(meter.ledger().balanced).toBe(true);
    const facts = meter.selectors();
    const sum = (pick: (one: (typeof facts)[number]) => number | undefined) =>
      facts.reduce((all, one) => all + (pick(one) ?? 0), 0);
    const { counts } = meter.figures();
    expect(sum((one) => one.selectedPackets)).toBe(counts.meteredPackets);
    expect(sum((one) => one.observedPackets)).toBe(counts.meteredPackets + counts.sampledOutPackets);
  });

  it('meters nothing when the source is none, and takes the demo from whoever makes it', async () => {
    const idle = new MeterService(testWorld(), meterSettings({ source: 'none' }), { bootId: 'b', receive: () => {} });
    await idle.start(signal);
    expect(idle.status().state).toBe('stopped');
    await idle.stop(10);
    const demo = new MeterService(testWorld(), meterSettings({ source: 'demo' }), {
      bootId: 'b',
      receive: () => {},
      demoCapture: async () => capture,
      addon,
    });
    await demo.start(signal);
    expect(demo.status().state).toBe('metering');
    await demo.stop(1_000);
  });
});
