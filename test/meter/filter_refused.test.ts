/** The kernel may refuse a new program for a port that is being metered: metering goes on with the former one until it takes it. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NativeObservations } from '../../src/meter/addon.ts';
import { ethernet, ipv4, udp } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { RingDriver, send } from './ring_driver.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const answers: NativeObservations = { kinds: ['dns'], perSecond: 10_000 };
const snapLength = 128;
const answerOctets = 900;

/** A DNS answer of a flow of its own: one that is known is not looked at anew. */
const answerTo = (destinationPort: number): Uint8Array => {
  const payload = new Uint8Array(answerOctets);
  payload.set([0, 7, 0x81, 0x80]);
  return ethernet({
    payload: ipv4({ source: '10.0.0.53', destination: '10.0.0.7', payload: udp({ sourcePort: 53, destinationPort, payload }) }),
  });
};

describe.skipIf(missing !== undefined)(`a program refused${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  const fault = folder.write('fault', new Uint8Array());
  const library = folder.write('filter_fault.so', new Uint8Array());
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
    const source = fileURLToPath(new URL('filter_fault.cc', import.meta.url));
    execFileSync('g++', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  });
  afterAll(() => pair[Symbol.dispose]());
  afterEach(() => refuse(false));
  const refuse = (on: boolean): void => writeFileSync(fault, on ? 'all' : '');

  async function open(observations: NativeObservations): Promise<RingDriver> {
    const meter = new RingDriver(pair, ['env', `LD_PRELOAD=${library}`, `FLOWSPAN_FILTER_FAULT=${fault}`]);
    await meter.ask({ do: 'open', source: { snapLength }, options: { observations } });
    return meter;
  }

  /** How much of an answer is observed. */
  async function observedOctets(meter: RingDriver, port: number): Promise<number[]> {
    const { counts } = await meter.stats();
    await send(pair, folder.write('answer.pcap', pcapFile(packetsOf([answerTo(port)]))), 1);
    await meter.until((now) => now.counts.receivedPackets > counts.receivedPackets);
    const seen = await meter.ask<{ payload: string }[]>({ do: 'observations' });
    return seen.map(({ payload }) => Buffer.from(payload, 'base64').length);
  }

  it('for packets that name hosts, is taken later, and the trouble ends', async () => {
    await using meter = await open({ ...answers, kinds: [] });
    refuse(true);
    await meter.ask({ do: 'configure', change: { observations: answers } });
    const refused = await meter.until(({ sourceError }) => sourceError !== '');
    expect(refused.sourceError).toMatch(/^ENOMEM: attaching the filter: .*former one/);
    expect(await observedOctets(meter, 4_000)).toEqual([snapLength - 42]);
    refuse(false);
    expect((await meter.until(({ sourceError }) => sourceError === '')).sourceError).toBe('');
    expect(await observedOctets(meter, 4_001)).toEqual([answerOctets]);
  });

  it('and not wanted any more, leaves no trouble', async () => {
    await using meter = await open({ ...answers, kinds: [] });
    refuse(true);
    await meter.ask({ do: 'configure', change: { observations: answers } });
    await meter.until(({ sourceError }) => sourceError !== '');
    await meter.ask({ do: 'configure', change: { observations: { ...answers, kinds: [] } } });
    refuse(false);
    expect((await meter.until(({ sourceError }) => sourceError === '')).sourceError).toBe('');
    expect(await observedOctets(meter, 4_002)).toEqual([]);
  });

  it('for a first stage of sampling, is taken later, and the trouble ends', async () => {
    await using meter = await open(answers);
    refuse(true);
    await meter.ask({ do: 'configure', change: { sampling: { kind: 'none', interval: 1, kernelInterval: 4 } } });
    const refused = await meter.until(({ sourceError }) => sourceError !== '');
    expect(refused.sourceError).toMatch(/^ENOMEM: attaching the filter/);
    refuse(false);
    expect((await meter.until(({ sourceError }) => sourceError === '')).sourceError).toBe('');
    // The new stage is in force: what it does not let through is counted.
    const path = folder.write('many.pcap', pcapFile(packetsOf([answerTo(4_003)])));
    await send(pair, path, 400, 4_000);
    const { counts } = await meter.until((now) => now.counts.sampledByKernelPackets > 0);
    expect(counts.sampledByKernelPackets).toBeGreaterThan(0);
    expect(counts.receivedPackets).toBeLessThan(400);
  });
});
