/** `flowspan meter` with sampling: pools of a settings file, selectors in words and in the IPFIX file, before the records that name them. */
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from '../meter/metering.ts';
import { flowspan } from './flowspan.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
// 400 flows of five packets, every other one to the port of the pool.
const frames = Array.from({ length: 2_000 }, (_, i) =>
  udpFrame({ sourcePort: 1_000 + (i % 400), destinationPort: i % 2 === 0 ? 443 : 80, payloadOctets: 10 }),
);
const capture = folder.write('flows.pcap', pcapFile(packetsOf(frames)));
const config = folder.write(
  'pools.yaml',
  Buffer.from('meter: {duplicates: "off", sampling: {kind: count, interval: 100, pools: [{name: web, ports: [443]}]}}\n'),
);

test('pools of the settings apply, also when an option sets another rate for what they do not take', async () => {
  const { code, out } = await flowspan('meter', capture, '--config', config);
  expect(code).toBe(0);
  expect(out).toMatch(/sampled out +990 packets/);
  expect(out).toMatch(/selector \d+ +pool web: every packet, 1,000 of 1,000 packets/);
  expect(out).toMatch(/selector \d+ +outside of pools: count 1 in 100, 10 of 1,000 packets/);
  const other = await flowspan('meter', capture, '--config', config, '--sampling', 'flowHash:4');
  const [, drawn] = /outside of pools: flowHash 1 in 4, (\d+) of 1,000 packets/.exec(other.out)!;
  expect(Number(drawn) % 5).toBe(0);
  expect(Number(drawn)).toBeGreaterThan(100);
  expect(Number(drawn)).toBeLessThan(400);
  expect(other.out).toMatch(/pool web: every packet, 1,000 of 1,000/);
});

test('an IPFIX file tells each selector before its records, and at the end what came of it', async () => {
  const path = `${folder.path}/out.ipfix`;
  const { code } = await flowspan('meter', capture, '--config', config, '--sampling', 'flowHash:4', '--ipfix', path);
  expect(code).toBe(0);
  const decoder = new IpfixDecoder();
  const messages = [...new MessageStream().push(readFileSync(path))].map((message) => decoder.decode(message));
  let sequence = 0;
  for (const message of messages) {
    expect(message.sequence).toBe(sequence);
    sequence += message.records.length;
  }
  const told = new Map<unknown, object>();
  const packets = new Map<unknown, number>();
  for (const { values, scope } of messages.flatMap(({ records }) => records)) {
    if (scope.length > 0 && !scope.includes('selectorId')) continue;
    if (scope.length > 0) told.set(values.selectorId, { ...told.get(values.selectorId), ...values });
    else {
      expect(told.has(values.selectorId)).toBe(true);
      packets.set(values.selectorId, (packets.get(values.selectorId) ?? 0) + Number(values.packetDeltaCount));
    }
  }
  const drawn = packets.get(1)!;
  expect([...told.values()]).toEqual([
    {
      ...{ selectorId: 2, selectorAlgorithm: 1, samplingPacketInterval: 1, samplingPacketSpace: 0, selectorName: 'web' },
      ...{ selectorIdTotalPktsObserved: 1_000, selectorIdTotalPktsSelected: 1_000 },
    },
    {
      ...{ selectorId: 1, flowSelectorAlgorithm: 4, samplingProbability: 0.25 },
      ...{ hashOutputRangeMin: 0, hashOutputRangeMax: '18446744073709551615', hashSelectedRangeMin: 0 },
      hashSelectedRangeMax: '4611686018427387903',
      ...{ selectorIdTotalPktsObserved: 1_000, selectorIdTotalPktsSelected: drawn },
    },
  ]);
  expect(packets.get(2)).toBe(1_000);
});
