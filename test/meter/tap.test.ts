/** Two halves of a TAP on two interfaces: one observation point, packets in the order in which they were on the wire. */
import { afterAll, describe, expect, it } from 'vitest';
import { rowField } from '../../src/flow/row_layout.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { RingDriver, send } from './ring_driver.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

const questions = Array.from({ length: 20 }, (_, i) => udpFrame({ source: `10.0.0.${i + 1}`, sourcePort: 5_000 }));
const answers = Array.from({ length: 20 }, (_, i) =>
  udpFrame({ source: '10.0.0.2', destination: `10.0.0.${i + 1}`, sourcePort: 53, destinationPort: 5_000 }),
);
const asked = folder.write('asked.pcap', pcapFile(packetsOf(questions)));
const answered = folder.write('answered.pcap', pcapFile(packetsOf(answers)));

describe.skipIf(missing !== undefined)(`tap${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  for (const threads of [1, 2]) {
    it(`joins both halves into biflows whose initiator asked first, ${threads} thread(s)`, async () => {
      using pair = new VethPair();
      const other = { port: 'mirror1', peer: 'tester1' };
      pair.plug(other.port, other.peer);
      await using meter = new RingDriver(pair);
      // The answers' interface is named first: order of interfaces must not decide.
      await meter.ask({ do: 'open', interfaces: [other.port, pair.port], options: { threads } });
      await meter.until(({ counts }) => counts.sourceStateUp === 2);
      await send(pair, asked, 20);
      await send(pair, answered, 20, 0, other.peer);
      await meter.until(({ counts }) => counts.receivedPackets === 40);
      const { rows, counts, faults, interfaces } = await meter.stop();
      expect(faults).toEqual([]);
      expect(interfaces.map((one) => [one.name, one.receivedPackets])).toEqual([
        [other.port, 20],
        [pair.port, 20],
      ]);
      expect(counts.handedOverPackets).toBe(40);
      const ports = rows.map((row) => Buffer.from(row).readUInt16BE(rowField('sourceTransportPort').offset));
      expect(ports).toEqual(new Array(20).fill(5_000));
    });
  }
});
