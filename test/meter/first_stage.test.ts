/**
 * The first stage of sampling, in the kernel: it comes and goes while packets flow. Every frame is a flow of its own, so rows
 * tell of each packet sent whether it was metered, and at which rate.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowField } from '../../src/flow/row_layout.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { type Refusal, RingDriver, type RingFigures, send } from './ring_driver.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const frameCount = 24_000;
const perSecond = 6_000;
/**
 * Packet `i` of a series comes from 10.<series>.<i>. Short ones and ones longer than what is kept of them take turns; of 13 and 21
 * octets of payload are frames behind which, cut by an octet, the ring's next header follows without a gap.
 */
const series = (number: number): Uint8Array[] =>
  Array.from({ length: frameCount }, (_, i) =>
    udpFrame({ source: `10.${number}.${i >> 8}.${i & 255}`, payloadOctets: [0, 18, 13, 100, 21, 1_000][i % 6]! }),
  );
const captures = [1, 2].map((number) => folder.write(`series${number}.pcap`, pcapFile(packetsOf(series(number)))));

interface Seen {
  readonly series: number;
  readonly number: number;
  readonly selectorId: number;
  readonly packets: number;
}

const seenIn = (rows: readonly Uint8Array[]): Seen[] =>
  rows
    .map((row) => {
      const view = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
      const address = rowField('sourceAddress').offset;
      return {
        series: row[address + 1]!,
        number: view.readUInt16BE(address + 2),
        selectorId: view.readUInt16BE(rowField('selectorId').offset),
        packets: Number(view.readBigUInt64BE(rowField('packetDeltaCount').offset)),
      };
    })
    .sort((a, b) => a.series - b.series || a.number - b.number);

const every = { kind: 'none', interval: 1 } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends the series and changes the first stage to `interval` and back while they are on their way. */
async function meterWhileChanging(meter: RingDriver, pair: VethPair, peers: readonly string[], interval: number) {
  const sending = Promise.all(peers.map((peer, i) => send(pair, captures[i]!, frameCount, perSecond, peer)));
  await meter.until(({ counts }) => counts.receivedPackets >= 3_000 * peers.length);
  await meter.ask({ do: 'configure', change: { sampling: { ...every, kernelInterval: interval } } });
  await pause(1_700);
  await meter.ask({ do: 'configure', change: { sampling: { ...every, kernelInterval: 1 } } });
  await sending;
  await pause(300);
  return meter.stop();
}

function expectAccount({ counts, faults }: RingFigures, sent: number, interval: number): void {
  expect(faults).toEqual([]);
  expect(counts.droppedByKernelPackets).toBe(0);
  expect(counts.sampledByKernelPackets % (interval - 1)).toBe(0);
  // Binomial: n packets at probability p, n being at most those that were not metered at 1.
  const deviation = Math.sqrt(sent * (interval - 1));
  expect(Math.abs(counts.receivedPackets + counts.sampledByKernelPackets - sent)).toBeLessThan(5 * deviation);
}

describe.skipIf(missing !== undefined)(`first stage${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
    pair.plug('mirror1', 'tester1');
  });
  afterAll(() => pair[Symbol.dispose]());

  it.each([16, 65_536])(
    '1 in %i comes and goes between two packets: none is lost, each is known by its rate',
    async (interval) => {
      await using meter = new RingDriver(pair);
      // Packets that name hosts are told from others by the same program.
      await meter.ask({ do: 'open', options: { blocks: 64, observations: { kinds: ['dns', 'tls'], perSecond: 500 } } });
      const stopped = await meterWhileChanging(meter, pair, ['tester0'], interval);
      expectAccount(stopped, frameCount, interval);
      const seen = seenIn(stopped.rows);
      expect(seen.every(({ packets }) => packets === 1)).toBe(true);
      // At 1 in 1: a run from the first packet and one to the last, without a hole, and nothing but drawn packets between.
      const all = seen.filter(({ selectorId }) => selectorId === 0).map(({ number }) => number);
      const drawn = seen.filter(({ selectorId }) => selectorId !== 0).map(({ number }) => number);
      const holes = all.filter((number, i) => i > 0 && number !== all[i - 1]! + 1);
      expect([all[0], all.at(-1), holes.length]).toEqual([0, frameCount - 1, 1]);
      const [from, to] = [all[all.indexOf(holes[0]!) - 1]!, holes[0]!];
      expect(from).toBeGreaterThan(2_000);
      expect(to).toBeGreaterThan(from + 3_000);
      expect(drawn.every((number) => number > from && number < to)).toBe(true);
      const expected = (to - from - 1) / interval;
      expect(Math.abs(drawn.length - expected)).toBeLessThan(5 * Math.sqrt(expected) + 5);
      const selector = stopped.selectors.find((one) => one.kernelInterval === interval);
      expect(selector).toMatchObject({ kind: 'none', inForce: false, selectedPackets: drawn.length });
    },
  );

  it.each([1, 3])('works on two interfaces with %i thread(s)', async (threads) => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', interfaces: ['mirror0', 'mirror1'], options: { blocks: 96, threads } });
    const stopped = await meterWhileChanging(meter, pair, ['tester0', 'tester1'], 8);
    expectAccount(stopped, 2 * frameCount, 8);
    // Each interface has a share of its own.
    for (const one of stopped.interfaces) expect(one.sampledByKernelPackets).toBeGreaterThan(3_000);
    const seen = seenIn(stopped.rows);
    expect(new Set(seen.map(({ series: number }) => number))).toEqual(new Set([1, 2]));
    const estimate = seen.reduce((sum, { selectorId }) => sum + (selectorId === 0 ? 1 : 8), 0);
    expect(Math.abs(estimate - 2 * frameCount)).toBeLessThan(5 * Math.sqrt(2 * frameCount * 7));
  });

  it('leaves the operator’s filter in force', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', source: { filter: 'src net 10.1.0.0/17' }, options: { blocks: 64 } });
    const stopped = await meterWhileChanging(meter, pair, ['tester0'], 4);
    expect(Math.max(...seenIn(stopped.rows).map(({ number }) => number))).toBe(frameCount - 1);
    const { receivedPackets, sampledByKernelPackets, filteredPackets } = stopped.counts;
    // The two are told apart by what the first stage should have passed over: as exact as that.
    expect(filteredPackets).toBeLessThan(5 * Math.sqrt(frameCount * 3));
    expect(receivedPackets).toBeLessThan(frameCount);
    expect(Math.abs(receivedPackets + sampledByKernelPackets - frameCount)).toBeLessThan(5 * Math.sqrt(frameCount * 3));
    await using other = new RingDriver(pair);
    await other.ask({
      do: 'open',
      source: { filter: 'src net 10.2.0.0/16' },
      options: { sampling: { ...every, kernelInterval: 4 } },
    });
    await send(pair, captures[0]!, 4_000);
    await other.until(({ counts }) => counts.filteredPackets === 4_000);
    expect((await other.stop()).counts).toMatchObject({ receivedPackets: 0, filteredPackets: 4_000, sampledByKernelPackets: 0 });
  });

  it('waits with a second change until the first has passed, and takes the last one asked for', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    const ids: number[] = [];
    for (const kernelInterval of [2, 4, 8, 1, 32]) {
      const { selectorId } = await meter.ask<{ selectorId: number }>({
        do: 'configure',
        change: { sampling: { ...every, kernelInterval } },
      });
      ids.push(selectorId);
    }
    expect(ids).toEqual([1, 2, 3, 0, 4]);
    await pause(3_000);
    await send(pair, captures[0]!, frameCount);
    await pause(300);
    const { selectors, counts } = await meter.stop();
    expect(selectors.at(-1)).toMatchObject({ selectorId: 4, kernelInterval: 32, observedPackets: counts.receivedPackets });
    expect(Math.abs(counts.receivedPackets - frameCount / 32)).toBeLessThan(5 * Math.sqrt(frameCount / 32));
  });

  it('is there from the start when the plan has one, and again when an unplugged interface comes back', async () => {
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', options: { sampling: { ...every, kernelInterval: 8 } } });
    pair.unplug();
    await meter.until(({ sourceError }) => sourceError.startsWith('ENODEV'));
    pair.plug();
    await meter.until(({ sourceError }) => sourceError === '');
    await send(pair, captures[0]!, frameCount);
    await pause(300);
    const { counts } = await meter.stop();
    expect(Math.abs(counts.receivedPackets - frameCount / 8)).toBeLessThan(5 * Math.sqrt(frameCount / 8));
  });

  it('refuses one for a capture file', async () => {
    await using meter = new RingDriver(pair);
    const options = { source: { kind: 'file', path: captures[0]! }, sampling: { ...every, kernelInterval: 2 } };
    const refused = await meter.ask<Refusal>({ do: 'open', options });
    expect(refused.error).toMatchObject({ code: 'EINVAL' });
    expect(refused.error.message).toContain('sampling.kernelInterval is 2, allowed is 1: only the ring');
  });
});
