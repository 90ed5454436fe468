/**
 * The NetFlow decoders against the specification's octets, our own messages, and whatever arrives: they give records or say
 * `messageMalformed` with the offset, no other error.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApplianceError } from '../../../../src/core/errors.ts';
import type { ExportSession } from '../../../../src/forward/export_session.ts';
import type { DecodedMessage } from '../../../../src/forward/ipfix/decode/decoded.ts';
import { ExportDecoder } from '../../../../src/forward/netflow/decode/export_decoder.ts';
import { ExportStream } from '../../../../src/forward/netflow/decode/export_stream.ts';
import { decodeNetflow5 } from '../../../../src/forward/netflow/decode/netflow5_decoder.ts';
import { Netflow9Decoder } from '../../../../src/forward/netflow/decode/netflow9_decoder.ts';
import { SequenceWatch } from '../../../../src/forward/netflow/decode/sequence_watch.ts';
import { Netflow5Session } from '../../../../src/forward/netflow/netflow5.ts';
import { Netflow9Session } from '../../../../src/forward/netflow/netflow9.ts';
import { meteringFacts } from '../../export_box.ts';
import { octets } from '../../ipfix/octets.ts';
import { anyFamily, blockOf, startNs } from '../../rows.ts';

const startMs = Number(startNs / 1_000_000n);
const exportTimeS = 1_700_000_100;

const header5 = (count: string, sampling = '0000'): string =>
  `0005 ${count} 00100000 65000000 1dcd6500 00000007 0102 ${sampling}`;
const record5 = (first: string, last: string): string =>
  `0a010203 0a040506 00000000 0003 0004 0000000a 000003e8 ${first} ${last} 0400 01bb 00 1b 06 28 fde8 0000 18 10 0000`;

test('version 5 is the octets of the specification: addresses, counters, times from the start of the exporter, the rate', () => {
  const message = decodeNetflow5(octets(`${header5('0001', '400a')} ${record5('000f0000', '000fff00')}`));
  expect(message).toMatchObject({ version: 5, sequence: 7, observationDomainId: 0x0102, exportTimeMs: 0x65000000 * 1_000 + 500 });
  expect(message.records.map(({ values }) => ({ ...values }))).toEqual([
    {
      ...{ sourceIPv4Address: '10.1.2.3', destinationIPv4Address: '10.4.5.6', ipNextHopIPv4Address: '0.0.0.0' },
      ...{ ingressInterface: 3, egressInterface: 4, packetDeltaCount: 10, octetDeltaCount: 1_000 },
      flowStartMilliseconds: 0x65000000 * 1_000 + 500 - 0x10000,
      flowEndMilliseconds: 0x65000000 * 1_000 + 500 - 0x100,
      ...{ sourceTransportPort: 1_024, destinationTransportPort: 443, tcpControlBits: 0x1b, protocolIdentifier: 6 },
      ...{ ipClassOfService: 0x28, bgpSourceAsNumber: 65_000, bgpDestinationAsNumber: 0 },
      ...{ sourceIPv4PrefixLength: 24, destinationIPv4PrefixLength: 16, samplingAlgorithm: 1, samplingInterval: 10 },
    },
  ]);
});

test('version 5: a flow from before the exporter’s clock wrapped lies in the past', () => {
  const { values } = decodeNetflow5(octets(`${header5('0001')} ${record5('fffffc18', '00000000')}`)).records[0]!;
  expect(values.flowStartMilliseconds).toBe(0x65000000 * 1_000 + 500 - 0x100000 - 1_000);
});

test.each([
  ['no octets', '', 0],
  ['another version', '0007 0001', 0],
  ['no record', header5('0000'), 2],
  ['more records than there may be', header5('001f'), 2],
  ['a record cut off', `${header5('0001')} 0a010203`, 28],
  ['an octet too many', `${header5('0001')} ${record5('0', '0').replace(' 0 0 ', ' 00000000 00000000 ')} 00`, 72],
  ['a flow that ends before it begins', `${header5('0001')} ${record5('000fff00', '000f0000')}`, 48],
])('version 5: %s is told with its offset', (_, text, offset) => {
  const words = text.replace(/\b0\b/g, '00');
  expect(() => decodeNetflow5(octets(words))).toThrowError(
    expect.objectContaining({ code: 'messageMalformed', fields: { offset } }),
  );
});

const header9 = (count: string): string => `0009 ${count} 00100000 65000000 00000007 00000011`;
const template9 = '0000 0018 0100 0004 0008 0004 0015 0004 0016 0004 0004 0001';
const options9 = '0001 0018 0101 0004 0008 0001 0004 0022 0004 0023 0001 0000';

test('version 9 is the octets of RFC 3954: templates, options with their scope, padding', () => {
  const text = `${header9('0005')} ${template9} ${options9} 0100 0020 0a010203 000fff00 000f0000 06 0a010204 00100000 00100000 11 0000 0101 0010 00000001 000000ff 02 000000`;
  const message = new Netflow9Decoder().decode(octets(text));
  expect(message).toMatchObject({ version: 9, sequence: 7, observationDomainId: 17, remarks: [], unknownSets: [] });
  expect(message.templates.map(({ templateId, scopeCount }) => [templateId, scopeCount])).toEqual([
    [256, 0],
    [257, 1],
  ]);
  const wall = 0x65000000 * 1_000;
  expect(message.records.map(({ values }) => ({ ...values }))).toEqual([
    {
      ...{ sourceIPv4Address: '10.1.2.3', flowEndSysUpTime: 0xfff00, flowStartSysUpTime: 0xf0000, protocolIdentifier: 6 },
      ...{ flowStartMilliseconds: wall - 0x10000, flowEndMilliseconds: wall - 0x100 },
    },
    {
      ...{ sourceIPv4Address: '10.1.2.4', flowEndSysUpTime: 0x100000, flowStartSysUpTime: 0x100000, protocolIdentifier: 17 },
      ...{ flowStartMilliseconds: wall, flowEndMilliseconds: wall },
    },
    { scopeSystem: 1, samplingInterval: 255, samplingAlgorithm: 2 },
  ]);
  expect(message.records[2]!.scope).toEqual(['scopeSystem']);
});

test('version 9: what breaks the RFC and can be read is a remark; data without a template is told', () => {
  const decoder = new Netflow9Decoder();
  expect(decoder.decode(octets(`${header9('0001')} 0100 0008 0a010203`))).toMatchObject({
    unknownSets: [{ templateId: 256, held: false }],
  });
  const { remarks } = decoder.decode(octets(`${header9('0009')} ${template9} 0100 0011 0a010203 000fff00 000f0000 06`));
  expect(remarks).toEqual([
    'offset 44: FlowSet 256 does not end on a multiple of 4 octets',
    'the header counts 9 records, there are 2',
  ]);
});

test.each([
  ['another version', '000a', 0],
  ['a header cut off', '0009 0001 0000', 4],
  ['a FlowSet longer than the message', `${header9('0001')} 0100 0009 0000`, 20],
  ['a FlowSet shorter than its header', `${header9('0001')} 0100 0003`, 20],
  ['a FlowSet ID without a meaning', `${header9('0001')} 0002 0004`, 20],
  ['a reserved template ID', `${header9('0001')} 0000 000c 00ff 0001 0008 0004`, 24],
  ['a template without fields', `${header9('0001')} 0000 0008 0100 0000`, 24],
  ['a template cut off', `${header9('0001')} 0000 000c 0100 0002 0008 0004`, 32],
  ['a field without octets', `${header9('0001')} 0000 000c 0100 0001 0008 0000`, 28],
  ['an options template without a scope', `${header9('0001')} 0001 000e 0100 0000 0004 0022 0004`, 26],
  ['scope specifiers that are no multiple of four', `${header9('0001')} 0001 000e 0100 0003 0004 0022 0004`, 26],
])('version 9: %s is told with its offset', (_, text, offset) => {
  expect(() => new Netflow9Decoder().decode(octets(text))).toThrowError(
    expect.objectContaining({ code: 'messageMalformed', fields: { offset } }),
  );
});

/** Messages as we send them: templates and options, then data of many rows. */
function ours(session: ExportSession): Uint8Array[] {
  const facts = {
    ...meteringFacts,
    selectors: [
      { selectorId: 0, kind: 'none' as const, interval: 1 },
      { selectorId: 2, kind: 'random' as const, interval: 10 },
    ],
    ...{ observationDomainId: 5, nowMs: exportTimeS * 1_000, exportedMessages: 0, exportedOctets: 0, exportedRecords: 0 },
    ...{ notSentRecords: 0, notSentPackets: 0, notSentOctets: 0, gaps: [], plans: [], anonymizations: [] },
  };
  const messages = [...session.templateMessages(exportTimeS), ...session.optionsMessages(facts, exportTimeS, false)];
  const block = blockOf(0, 240, { familyOf: anyFamily });
  for (let done = 0; done < block.count; ) {
    const encoded = session.dataMessage(block.bytes, block.firstRow + done * 384, block.count - done, 0n, exportTimeS);
    done += encoded.rows;
    if (encoded.records > 0) messages.push(encoded.message);
  }
  return messages;
}
const options = { observationDomainId: 5, messageOctetsMax: 1_400, leaveOut: { ports: false, macs: false } };
const messages5 = ours(new Netflow5Session(options));
const messages9 = ours(new Netflow9Session(options));

describe.each([
  ['5', messages5],
  ['9', messages9],
])('our own messages of version %s', (version, messages) => {
  test('say what the rows said, without a remark, and no number is missing', () => {
    const decoder = new ExportDecoder();
    const watch = new SequenceWatch();
    const decoded = messages.map((message) => decoder.decode(message));
    expect(decoded.flatMap((message) => [...(message.remarks ?? []), ...[watch.missing(message) ?? []].flat()])).toEqual([]);
    const flows = decoded.flatMap(({ records }) => records.filter(({ scope }) => scope.length === 0));
    const row8 = flows.filter(
      ({ values }) => values.sourceIPv4Address === '10.1.0.8' || values.destinationIPv4Address === '10.1.0.8',
    );
    expect(row8.map(({ values }) => values)).toMatchObject([
      {
        ...{ sourceTransportPort: 1_032, destinationTransportPort: 443, packetDeltaCount: 9, octetDeltaCount: 900 },
        ...{ flowStartMilliseconds: startMs + 8, flowEndMilliseconds: startMs + 13, tcpControlBits: 0x1b, protocolIdentifier: 6 },
      },
      { sourceTransportPort: 443, destinationTransportPort: 1_032, packetDeltaCount: 5, octetDeltaCount: 450 },
    ]);
    if (version === '9') {
      const told = decoded.flatMap(({ records }) => records.filter(({ scope }) => scope.length > 0));
      expect(told.map(({ values }) => [values.samplerId, values.samplerMode, values.samplerRandomInterval])).toEqual([
        [0, 1, 1],
        [2, 2, 10],
      ]);
    }
  });

  test('a missing message shows', () => {
    const decoder = new ExportDecoder();
    const watch = new SequenceWatch();
    const found = messages.flatMap((message, index) =>
      index === messages.length - 2 ? [] : (watch.missing(decoder.decode(message)) ?? []),
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/ (\d+ records|1 messages) are missing$/);
  });
});

test('a file of messages of every kind, cut anywhere, gives the same messages', () => {
  const ipfix = octets('000a 001c 65000000 00000000 00000001 0002 000c 0100 0001 0008 0004');
  const messages = [...messages5.slice(0, 2), ...messages9, ipfix, messages5[0]!, ...messages9.slice(-1)];
  const file = Buffer.concat(messages);
  fc.assert(
    fc.property(fc.array(fc.nat(file.length), { maxLength: 40 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), file.length];
      const stream = new ExportStream();
      const read = places
        .slice(1)
        .flatMap((to, i) => [...stream.push(file.subarray(places[i]!, to))].map((one) => Buffer.from(one)));
      for (const last of stream.end()) read.push(Buffer.from(last));
      expect(read.map((one) => one.toString('hex'))).toEqual(messages.map((one) => Buffer.from(one).toString('hex')));
      expect(stream.pendingOctets).toBe(0);
    }),
    { numRuns: 200 },
  );
  const stream = new ExportStream();
  for (const message of stream.push(Buffer.concat([...messages, Buffer.of(7, 7, 0, 1)]).subarray(0, file.length))) void message;
  expect(() => [...stream.push(Buffer.of(7, 7, 0, 1))]).toThrowError(/FlowSet of|no message of NetFlow/);
});

type Decode = (bytes: Uint8Array) => DecodedMessage;

/** Records, or `messageMalformed` with an offset within the message; anything else that is thrown ends the test. */
function expectSound(decode: Decode, bytes: Uint8Array): 'read' | 'refused' {
  try {
    const { records } = decode(bytes);
    const values = records.reduce((sum, one) => sum + Object.keys(one.values).length, 0);
    // Of each field at least an octet; two values more where times are given twice, and the rate of a header.
    expect(values).toBeLessThanOrEqual(bytes.length + 4 * records.length);
    return 'read';
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    expect(error.code).toBe('messageMalformed');
    expect(error.fields.offset).toSatisfy(
      (offset) => Number.isInteger(offset) && Number(offset) >= 0 && Number(offset) <= bytes.length,
    );
    return 'refused';
  }
}

const change = fc.record({
  message: fc.nat(1_000),
  at: fc.nat(1_399),
  to: fc.constantFrom(0, 1, 4, 9, 0x7f, 0x80, 0xff),
  cut: fc.option(fc.nat(1_400), { freq: 8 }),
});

/** Sessions of our own messages with octets changed or cut off, and random octets behind a header. */
function fuzz(newDecode: () => Decode, numRuns: number, seed?: number): Record<'read' | 'refused', number> {
  const seen = { read: 0, refused: 0 };
  const originals = [...messages5, ...messages9];
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), fc.uint8Array({ maxLength: 120 }), (changes, body) => {
      const decode = newDecode();
      const messages = [...messages9.slice(0, 2), ...changes.map(({ message }) => originals[message % originals.length]!)].map(
        (one) => one.slice(),
      );
      changes.forEach(({ at, to, cut }, index) => {
        const target = messages[index % messages.length]!;
        target[at % target.length] = to;
        if (cut !== null) messages[index % messages.length] = target.slice(0, cut);
      });
      for (const message of messages) seen[expectSound(decode, message)]++;
      for (const version of [5, 9]) seen[expectSound(decode, Uint8Array.from([0, version, 0, 1, ...body]))]++;
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  );
  return seen;
}

test('whatever arrives is read or refused with its place', () => {
  const newDecode = (): Decode => {
    const decoder = new ExportDecoder();
    return (bytes) => decoder.decode(bytes);
  };
  const seen = fuzz(newDecode, 600);
  expect(seen.read).toBeGreaterThan(500);
  expect(seen.refused).toBeGreaterThan(500);
});

test('a decoder that reads beyond a message is caught: the canary', () => {
  const careless = (): Decode => {
    const decoder = new Netflow9Decoder();
    return (bytes) => {
      const message = decoder.decode(bytes);
      // As one would who trusts the count of the header.
      new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint8(
        20 + 4 * new DataView(bytes.buffer, bytes.byteOffset).getUint16(2),
      );
      return message;
    };
  };
  expect(() => fuzz(careless, 600, 1)).toThrowError(/RangeError|Property failed/);
});
