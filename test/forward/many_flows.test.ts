/**
 * Records of many flows (RFC 7015), made by the meter under pressure and by the spool above its budget: they tell what is known, and
 * have no element that they could only fill with zeros, since a collector cannot tell an unknown value from 0.
 */
import { describe, expect, test } from 'vitest';
import { profileNames, profileSpec } from '../../src/flow/profiles.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { rowFromJson } from '../../src/flow/row_from_json.ts';
import { type RowJson, rowToJson } from '../../src/flow/row_json.ts';
import { ROW_BYTES, rowFamilies } from '../../src/flow/row_layout.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import { Netflow9Decoder } from '../../src/forward/netflow/decode/netflow9_decoder.ts';
import { Netflow9Session } from '../../src/forward/netflow/netflow9.ts';
import { RowMerge } from '../../src/forward/row_merge.ts';
import { addonProjector } from '../../src/meter/projector.ts';
import { ethernet, ipv4, ipv6, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder, meterFile } from '../meter/metering.ts';

const aggregate = rowFamilies.indexOf('aggregate');
const flags = tcpFlags.ack;

/** Short flows of two protocols, both IP versions and a neighbour's LLDP; the second half of them goes between the same two hosts. */
function frames(): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let i = 0; i < 4_000; i++) {
    const [client, v6] = [i < 2_000 ? `10.1.${i >> 8}.${i & 255}` : '10.2.0.1', `2001:db8::${(i < 2_000 ? i : 1).toString(16)}`];
    const ports = { sourcePort: 20_000 + i, destinationPort: 443 };
    const tos = i % 3 === 0 ? 0x28 : 0;
    const segment = tcp({ ...ports, flags, sequence: i, payload: new Uint8Array(10) });
    if (i % 4 === 0) made.push(ethernet({ payload: ipv4({ source: client, destination: '192.0.2.1', tos, payload: segment }) }));
    if (i % 4 === 1) made.push(ethernet({ payload: ipv4({ source: client, destination: '192.0.2.1', payload: udp(ports) }) }));
    if (i % 4 === 2) made.push(ethernet({ payload: ipv6({ source: v6, destination: '2001:db8::ffff', payload: segment }) }));
    if (i % 4 === 3) made.push(ethernet({ payload: { kind: 0x88cc, octets: new Uint8Array(46) }, source: macOf(i) }));
    // The same once more: every TCP segment is sent again, and answered.
    if (i % 4 === 0) {
      made.push(made.at(-1)!);
      const answer = tcp({ sourcePort: 443, destinationPort: ports.sourcePort, flags, sequence: 9, acknowledgement: i + 10 });
      made.push(ethernet({ payload: ipv4({ source: '192.0.2.1', destination: client, payload: answer }) }));
    }
  }
  return made;
}
const macOf = (i: number): string =>
  `02:00:00:01:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;

function metered(cacheFlows: number): Uint8Array[] {
  using folder = new CaptureFolder();
  const packets = frames().map((frame, i) => ({ ns: captureStartNs + BigInt(i) * 10_000n, frame }));
  return meterFile(folder.write('short.pcap', pcapFile(packets, { nanoseconds: true })), { cacheFlows, duplicates: 'off' }).rows;
}
const pressed = metered(1_024);
const single = metered(65_536);
const mergedBy = (span: 'minute' | 'hour', rows: readonly Uint8Array[]): Uint8Array[] => {
  const merge = new RowMerge(span, 0n);
  merge.add(Buffer.concat(rows), 0, rows.length);
  const octets = merge.finish();
  return Array.from({ length: merge.count }, (_, i) => octets.slice(i * ROW_BYTES, (i + 1) * ROW_BYTES));
};
const cases: Readonly<Record<string, readonly Uint8Array[]>> = {
  'by the meter': pressed,
  'by minute': mergedBy('minute', single),
  'by hour': mergedBy('hour', mergedBy('minute', single)),
  'by the meter, then by hour': mergedBy('hour', pressed),
};
const ofMany = (rows: readonly Uint8Array[]): Uint8Array[] => rows.filter((row) => new RowCursor(row).family === aggregate);

/** Elements that say none by 0, as they do in a record of one flow: a tag that is not there, a round trip that was not measured. */
const saysNone = /vlanId|VlanId|RoundTripTime|roundTripTime/;
/** The protocol tells that these mean nothing: they stand in every record of its kind. */
const ofOtherProtocol = (name: string, protocol: unknown): boolean =>
  /icmpTypeCode/.test(name) || (protocol !== 6 && /tcp|Tcp|etransmitted|utOfOrder|eroWindow|nseenAck/.test(name));

describe.each(Object.entries(cases))('many flows in one record, %s', (_, rows) => {
  test('there are some, and each has its number of flows', () => {
    expect(ofMany(rows).length).toBeGreaterThan(2);
    expect(rows.reduce((sum, row) => sum + new RowCursor(row).deltaFlowCount, 0)).toBe(single.length);
  });

  test('counters of each kind are those of the same flows one by one', () => {
    const sum = (of: readonly Uint8Array[], name: string): number =>
      of.reduce((total, row) => total + Number(rowToJson(row, 0)[name] ?? 0), 0);
    for (const name of ['packetDeltaCount', 'octetDeltaCount', 'reversePacketDeltaCount', 'retransmittedPacketDeltaCount'])
      expect([name, sum(rows, name)]).toEqual([name, sum(single, name)]);
    expect(sum(single, 'retransmittedPacketDeltaCount')).toBe(1_000);
  });

  test('as JSON no key stands for what is not known', () => {
    for (const row of ofMany(rows)) {
      const json = rowToJson(row, 0);
      for (const name of ['flowId', 'sourceTransportPort', 'tcpSequenceNumber', 'dot1qPriority'])
        expect(json).not.toHaveProperty(name);
      if (json.protocolIdentifier !== undefined) expect([4, 6]).toContain(json.ipVersion);
      // Code points differ among the IPv4 segments, and all of them are in the set.
      if (json.protocolIdentifier === 6 && json.ipVersion === 4 && Number(json.deltaFlowCount) > 30) {
        expect(json).not.toHaveProperty('ipClassOfService');
        expect(json.diffServCodePointSet).toBe(2 ** 10 + 1);
      }
    }
  });

  test.each(profileNames)('profile %s: a record has no element that its row does not know', (profile) => {
    const projector = addonProjector(addon);
    const session = new IpfixSession({
      ...{ projector, profile: profileSpec(profile), privatePen: 99_999, observationDomainId: 1, messageOctetsMax: 16_384 },
    });
    const decoder = new IpfixDecoder(99_999);
    for (const message of session.templateMessages(1_700_000_100)) decoder.decode(message);
    for (const row of ofMany(rows)) {
      const json = rowToJson(row, 0);
      const { message, records: count } = session.dataMessage(row, 0, 1, 0n, 1_700_000_100);
      const { records } = decoder.decode(message);
      expect(records).toHaveLength(count);
      const isReversed = records.length === 2;
      for (const [index, { values }] of records.entries())
        for (const name of Object.keys(values)) {
          if (saysNone.test(name) || ofOtherProtocol(name, json.protocolIdentifier) || zeroMeansNone.test(name)) continue;
          expect(json, `${name} in a record by ${profile}`).toHaveProperty(
            isReversed && index === 1 ? wayBack(name, json) : name,
          );
        }
    }
  });

  test('NetFlow 9 tells neither addresses nor ports of flows that do not share them', () => {
    const session = new Netflow9Session({
      observationDomainId: 1,
      messageOctetsMax: 512,
      leaveOut: { ports: false, macs: false },
    });
    const decoder = new Netflow9Decoder();
    for (const message of session.templateMessages(1_700_000_100)) {
      expect(message.length).toBeLessThanOrEqual(512);
      decoder.decode(message);
    }
    for (const row of ofMany(rows)) {
      const json = rowToJson(row, 0);
      const { message, notRepresentable } = session.dataMessage(row, 0, 1, 0n, 1_700_000_100);
      if (json.ethernetType === 0x88cc) {
        expect(notRepresentable).toEqual([{ from: 0, count: 1 }]);
        continue;
      }
      const { records } = decoder.decode(message);
      expect(records.map(({ values }) => values.packetDeltaCount)).toEqual(
        [json.packetDeltaCount, json.reversePacketDeltaCount].filter((packets) => packets !== undefined),
      );
      for (const { values } of records) {
        expect('sourceIPv4Address' in values).toBe(json.sourceIPv4Address !== undefined);
        expect('sourceIPv6Address' in values).toBe(json.sourceIPv6Address !== undefined);
        const ports = ['sourceTransportPort', 'destinationTransportPort'].filter((name) => name in values);
        expect(ports.map((name) => values[name])).toEqual(json.destinationTransportPort === undefined ? [] : [443]);
        expect(values).not.toHaveProperty('ipClassOfService');
      }
    }
  });

  test('what is downloaded as JSON and made a row again is of the same kind', () => {
    for (const row of ofMany(rows)) {
      const again = new Uint8Array(ROW_BYTES);
      rowFromJson(rowToJson(row, 0), again);
      expect(rowFamilies[new RowCursor(again).family]).toBe('aggregate');
      expect(rowToJson(again, 0)).toEqual(rowToJson(row, 0));
    }
  });
});

/** Identifiers that flows of one pair may have in common; 0 where they have none, or none in common. */
const zeroMeansNone =
  /AsNumber$|CountryCode$|LabelId$|^tunnelType$|^layer2SegmentId$|^mpls|^greKey$|^outer|^flowLabelIPv6$|^networkLocality$|^flowDirection$|^selectorId$|^ingressInterface$|cmpUnreachable/;
/** What the row calls what a record of the way back has. */
const wayBack = (name: string, json: RowJson): string => {
  const reverse = `reverse${name[0]!.toUpperCase()}${name.slice(1)}`;
  if (name === 'sourceTransportPort') return 'destinationTransportPort';
  return reverse in json ? reverse : name;
};
