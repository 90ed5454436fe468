/** Packets that name hosts come out of the addon as they went in; what a full queue leaves out is counted. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Observation } from '../../src/flow/observations.ts';
import type { NativeMeter, NativeObservations } from '../../src/meter/addon.ts';
import { ObservationReader } from '../../src/meter/observation_reader.ts';
import { ethernet, ipv4, ipv6, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { cutHello } from '../captures/hellos.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder, countsOf, optionsFor } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const answer = Uint8Array.from([0, 7, 0x81, 0x80, ...new Uint8Array(8), 1, 2, 3, 4, 5]);
const hello = Uint8Array.from([22, 3, 1, 0, 200, 1, ...new Uint8Array(200)]);
const four = { source: '10.0.0.53', destination: '10.0.0.7' } as const;
const six = { source: '2001:db8::7', destination: '2001:db8::443' } as const;

const answers = (count: number, hosts = 1): Uint8Array[] =>
  Array.from({ length: count }, (_, identification) => {
    const payload = udp({ sourcePort: 53, destinationPort: 4_000, payload: answer });
    const destination = `10.0.0.${7 + (identification % hosts)}`;
    return ethernet({ payload: ipv4({ ...four, destination, identification, payload }) });
  });
const segment = (sequence: number, flags: number, payload: Uint8Array = new Uint8Array()): Uint8Array =>
  ethernet({ payload: ipv6({ ...six, payload: tcp({ sourcePort: 50_000, destinationPort: 443, sequence, flags, payload }) }) });

const every: NativeObservations = { kinds: ['dns', 'dhcp', 'mdns', 'tls'], perSecond: 10_000 };

function metered(frames: readonly Uint8Array[], observations: NativeObservations, threads = 1): NativeMeter {
  const path = folder.write('observed.pcap', pcapFile(packetsOf(frames)));
  const meter = addon.open(optionsFor({ kind: 'file', path }, { threads, observations, blocks: 2 * 8 }));
  meter.start();
  while (!meter.drained()) {
    const block = meter.waitBlock(1_000);
    if (block >= 0) meter.release(block);
  }
  return meter;
}

function shownBy(meter: NativeMeter): Observation[] {
  const shown: Observation[] = [];
  const copied = (one: Observation): Observation => structuredClone(one);
  new ObservationReader().drain(meter, (one) => shown.push(copied(one)));
  meter.close();
  return shown;
}

describe('observations', () => {
  it('come with who sent what to whom, and when', () => {
    const frames = [...answers(1), segment(9, tcpFlags.syn), segment(10, tcpFlags.ack), segment(10, tcpFlags.ack, hello)];
    const [dns, tls, ...rest] = shownBy(metered(frames, every));
    expect(rest).toEqual([]);
    expect(dns).toMatchObject({ kind: 'dns', sourcePort: 53, destinationPort: 4_000, wholeOctets: answer.length });
    expect([...dns!.source]).toEqual([10, 0, 0, 53]);
    expect([...dns!.destination]).toEqual([10, 0, 0, 7]);
    expect([...dns!.payload]).toEqual([...answer]);
    expect(tls).toMatchObject({ kind: 'tls', sourcePort: 50_000, destinationPort: 443, wholeOctets: hello.length });
    expect(tls!.destination[15]).toBe(0x43);
    expect(tls!.source).toHaveLength(16);
    expect([...tls!.payload]).toEqual([...hello]);
    expect(tls!.ns > dns!.ns).toBe(true);
  });

  it('come in pieces where a hello has several segments, each with its place', () => {
    const { first, rest } = cutHello('late.example', 1_400);
    const frames = [
      segment(9, tcpFlags.syn),
      segment(10, tcpFlags.ack),
      segment(10, tcpFlags.ack, first),
      segment(10 + first.length, tcpFlags.ack | tcpFlags.psh, rest),
    ];
    const shown = shownBy(metered(frames, every));
    expect(shown.map(({ streamOffset, payload }) => [streamOffset, payload.length])).toEqual([
      [0, first.length],
      [first.length, rest.length],
    ]);
    expect(Buffer.from(shown[1]!.payload).equals(rest)).toBe(true);
  });

  it('are those of the kinds that are on, and none without', () => {
    expect(shownBy(metered(answers(3), { ...every, kinds: ['tls'] }))).toEqual([]);
    expect(shownBy(metered(answers(3), { ...every, kinds: [] }))).toEqual([]);
  });

  it.each([1, 3])('are counted, taken or not, with %i threads that hold 256 each', (threads) => {
    // Threads share hosts between them: of 30 every one has some.
    const meter = metered(answers(2_400, 30), every, threads);
    const counts = countsOf(meter.stats());
    const shown = shownBy(meter);
    expect(shown).toHaveLength(counts.observedDns);
    expect(counts.observedDns).toBe(threads * 256);
    expect(counts.observationsQueueFull).toBe(2_400 - threads * 256);
    expect(new Set(shown.map(({ destination }) => destination.at(-1))).size).toBe(30);
  });

  it('fit whole into what there is room for', () => {
    const meter = metered(answers(10), every);
    expect(meter.observations(new Uint8Array(63))).toBe(0);
    const room = new Uint8Array(200);
    expect(meter.observations(room)).toBe(2 * 88);
    expect(shownBy(meter)).toHaveLength(8);
  });

  it('are refused with a reason when asked for wrongly', () => {
    const open = (observations: object) => () =>
      addon.open(optionsFor({ kind: 'file', path: folder.write('none.pcap', pcapFile([])) }, { observations } as never));
    expect(open({ kinds: ['quic'], perSecond: 1 })).toThrow(/observations\.kinds/);
    expect(open({ kinds: [], perSecond: 0 })).toThrow(/observations\.perSecond/);
    const meter = metered(answers(1), every);
    expect(() => meter.observations(new Uint16Array(4) as never)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => meter.configure({ observations: { kinds: ['no' as never], perSecond: 1 } })).toThrow(/kinds/);
    meter.close();
  });
});
