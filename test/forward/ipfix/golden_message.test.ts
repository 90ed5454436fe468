/**
 * Messages against octets worked out by hand from RFC 7011, so that an encoder and a decoder that are wrong in the same way
 * are found. The rows are `writeRow`'s: number n starts n ms after 1,700,000,000,000 ms, with 100 × (n + 1) octets.
 */
import { expect, test } from 'vitest';
import { referenceProjector } from '../../../src/flow/projector.ts';
import { IpfixDecoder } from '../../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { IpfixSession } from '../../../src/forward/ipfix/session.ts';
import { addonProjector } from '../../../src/meter/projector.ts';
import { addon } from '../../meter/metering.ts';
import { meteringFacts } from '../export_box.ts';
import { blockOf } from '../rows.ts';
import { hex, octets } from './octets.ts';

const exportTimeS = 1_700_000_100;

// Sections 3.1, 3.3.2, 3.4.1 and 3.2 (enterprise numbers). Two templates a family: one-way, two-way.
const templateMessage = octets(`
  00 0a                     version 10
  02 04                     16 + 4 + 168 of one flow (28, 36, 28, 36, 16, 24) + 328 of many = 516 octets
  65 53 f1 64               export time 1,700,000,100 s
  00 00 00 00               no data record was sent before
  00 00 00 07               observation domain 7
  00 02 01 f4               template set of 516 − 16 octets
  01 00 00 06               template 256, IPv4 one-way, 6 fields
  00 98 00 08               flowStartMilliseconds (152), 8 octets
  00 01 00 08               octetDeltaCount (1)
  00 08 00 04               sourceIPv4Address (8)
  00 0c 00 04               destinationIPv4Address (12)
  00 04 00 01               protocolIdentifier (4)
  00 20 00 02               icmpTypeCodeIPv4 (32)
  01 01 00 07               template 257, IPv4 two-way, 7 fields
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79   its reverse: enterprise bit, RFC 5103's number 29305
  00 08 00 04
  00 0c 00 04
  00 04 00 01
  00 20 00 02
  01 02 00 06               template 258, IPv6 one-way
  00 98 00 08
  00 01 00 08
  00 1b 00 10               sourceIPv6Address (27), 16 octets
  00 1c 00 10               destinationIPv6Address (28)
  00 04 00 01
  00 8b 00 02               icmpTypeCodeIPv6 (139)
  01 03 00 07               template 259, IPv6 two-way
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 1b 00 10
  00 1c 00 10
  00 04 00 01
  00 8b 00 02
  01 04 00 03               template 260, Ethernet one-way
  00 98 00 08
  00 01 00 08
  01 00 00 02               ethernetType (256)
  01 05 00 04               template 261, Ethernet two-way
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  01 00 00 02
  01 06 00 03               template 262, many flows that share nothing else, one-way
  00 98 00 08
  00 01 00 08
  00 03 00 04               deltaFlowCount (3), reduced from 8 octets to 4 (section 6.2)
  01 07 00 04               template 263, two-way
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 03 00 04
  01 08 00 04               template 264, many flows of one EtherType
  00 98 00 08
  00 01 00 08
  01 00 00 02
  00 03 00 04
  01 09 00 05
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  01 00 00 02
  00 03 00 04
  01 0a 00 04               template 266, many flows of one protocol
  00 98 00 08
  00 01 00 08
  00 04 00 01
  00 03 00 04
  01 0b 00 05
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 04 00 01
  00 03 00 04
  01 0c 00 04               template 268, of one protocol and port; no port was asked for
  00 98 00 08
  00 01 00 08
  00 04 00 01
  00 03 00 04
  01 0d 00 05
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 04 00 01
  00 03 00 04
  01 0e 00 07               template 270, of one pair of IPv4 addresses
  00 98 00 08
  00 01 00 08
  00 08 00 04
  00 0c 00 04
  00 04 00 01
  00 20 00 02
  00 03 00 04
  01 0f 00 08
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 08 00 04
  00 0c 00 04
  00 04 00 01
  00 20 00 02
  00 03 00 04
  01 10 00 07               template 272, of one pair of IPv6 addresses
  00 98 00 08
  00 01 00 08
  00 1b 00 10
  00 1c 00 10
  00 04 00 01
  00 8b 00 02
  00 03 00 04
  01 11 00 08
  00 98 00 08
  00 01 00 08
  80 01 00 08 00 00 72 79
  00 1b 00 10
  00 1c 00 10
  00 04 00 01
  00 8b 00 02
  00 03 00 04
`);

// Rows 0 to 2: two-way, one-way, two-way. Another template is another set (section 3.3.1).
const dataMessage = octets(`
  00 0a
  00 7d                     16 + (4 + 35) + (4 + 27) + (4 + 35) = 125 octets
  65 53 f1 64
  00 00 00 00               templates do not count (section 3.1)
  00 00 00 07
  01 01 00 27               set of template 257, 39 octets
  00 00 01 8b cf e5 68 00   1,700,000,000,000 ms
  00 00 00 00 00 00 00 64   100 octets
  00 00 00 00 00 00 00 32   50 octets back
  0a 01 00 00               10.1.0.0
  0a 01 c8 c8               10.1.200.200
  06                        TCP
  00 00                     no ICMP
  01 00 00 1f               set of template 256, 31 octets
  00 00 01 8b cf e5 68 01
  00 00 00 00 00 00 00 c8   200 octets
  0a 01 00 01
  0a 01 c8 c8
  06
  00 00
  01 01 00 27               set of template 257
  00 00 01 8b cf e5 68 02
  00 00 00 00 00 00 01 2c   300 octets
  00 00 00 00 00 00 00 96   150 octets back
  0a 01 00 02
  0a 01 c8 c8
  06
  00 00
`);

// What starts and what ends the options message. Sections 3.4.2.2 (scope) and 7 (variable length); RFC 5477 section 8.2.1.
const optionsHead = octets(`
  00 03 00 1a               options template set, 26 octets
  02 00 00 04 00 01         template 512, 4 fields, the first of them the scope
  01 2e 00 08               selectorId (302)
  01 30 00 02               selectorAlgorithm (304)
  01 31 00 04               samplingPacketInterval (305)
  01 32 00 04               samplingPacketSpace (306)
  00 03 00 16               a set of its own for the next, 22 octets
  02 02 00 03 00 01         template 514, 3 fields, 1 scope
  00 0a 00 04               ingressInterface (10)
  00 52 ff ff               interfaceName (82), variable length
  00 53 ff ff               interfaceDescription (83)
`);
const optionsData = octets(`
  02 00 00 28               set of template 512, 4 + 2 × 18 octets
  00 00 00 00 00 00 00 01   selector 1
  00 01                     systematic count-based
  00 00 00 01               1 packet taken
  00 00 00 00               0 left out
  00 00 00 00 00 00 00 03   selector 3
  00 01
  00 00 00 01
  00 00 00 07               7 left out: 1 in 8
  02 02 00 19               set of template 514, 4 + 4 + 5 + 12 octets
  00 00 00 03               interface 3
  04 65 74 68 31            4 octets: eth1
  0b 6d 69 72 72 6f 72 20 70 6f 72 74   11 octets: mirror port
`);

const sessionWith = (projector: typeof referenceProjector): IpfixSession =>
  new IpfixSession({
    projector,
    profile: { uniflow: false, elements: ['flowStartMilliseconds', 'octetDeltaCount', 'protocolIdentifier'] },
    privatePen: 0,
    observationDomainId: 7,
    messageOctetsMax: 1_400,
  });

test.each([
  ['in TypeScript', referenceProjector],
  ['in C++', addonProjector(addon)],
])('templates and data are the octets that the specification gives, projected %s', (_, projector) => {
  const session = sessionWith(projector);
  expect(session.templateMessages(exportTimeS).map(hex)).toEqual([hex(templateMessage)]);
  const block = blockOf(0, 3);
  const encoded = session.dataMessage(block.bytes, block.firstRow, block.count, 0n, exportTimeS);
  expect({ rows: encoded.rows, records: encoded.records }).toEqual({ rows: 3, records: 3 });
  expect(hex(encoded.message)).toBe(hex(dataMessage));
});

test('options are the octets that the specification gives: templates first, each in a set of its own, then their data', () => {
  const session = sessionWith(referenceProjector);
  const facts = {
    ...meteringFacts,
    selectors: [
      { selectorId: 1, kind: 'none' as const, interval: 1 },
      { selectorId: 3, kind: 'count' as const, interval: 8 },
    ],
    observationDomainId: 7,
    nowMs: exportTimeS * 1_000,
    ...{ exportedMessages: 0, exportedOctets: 0, exportedRecords: 0, notSentRecords: 0, notSentPackets: 0, notSentOctets: 0 },
    gaps: [],
    plans: session.plans,
    anonymizations: [],
  };
  const messages = session.optionsMessages(facts, exportTimeS, false);
  expect(messages).toHaveLength(1);
  const message = hex(messages[0]!);
  expect(message.slice(32)).toMatch(new RegExp(`^${hex(optionsHead)}`));
  expect(message.split(hex(optionsData))).toHaveLength(2);
  // Section 3.1: 2 selectors, 1 interface, 3 statistics, 18 templates' keys and 1 name are data records as any other.
  expect(session.sequence).toBe(25);
  const block = blockOf(0, 3);
  const { message: data } = session.dataMessage(block.bytes, block.firstRow, block.count, 0n, exportTimeS);
  expect(hex(data.subarray(8, 12))).toBe('00000019');
});

// RFC 5477 section 8.2: uniform probabilistic sampling by its probability. RFC 5476 section 6.5.3: what came of it.
const randomHead = octets(`
  00 03 00 16               options template set, 22 octets
  02 01 00 03 00 01         template 513, 3 fields, 1 scope
  01 2e 00 08               selectorId (302)
  01 30 00 02               selectorAlgorithm (304)
  01 37 00 08               samplingProbability (311), float64
`);
const randomData = octets(`
  02 01 00 16               set of template 513, 4 + 18 octets
  00 00 00 00 00 00 00 02   selector 2
  00 04                     uniform probabilistic
  3f d0 00 00 00 00 00 00   0.25
`);
const statisticsTemplate = octets(`
  00 03 00 16
  02 0b 00 03 00 01         template 523
  01 2e 00 08               selectorId (302)
  01 3e 00 08               selectorIdTotalPktsObserved (318)
  01 3f 00 08               selectorIdTotalPktsSelected (319)
`);
const statisticsData = octets(`
  02 0b 00 1c               set of template 523, 4 + 24 octets
  00 00 00 00 00 00 00 02   selector 2
  00 00 00 00 00 00 10 00   shown 4 096 packets
  00 00 00 00 00 00 04 01   took 1 025
`);

test('random sampling is told by its probability, never as if it were by count', () => {
  const session = sessionWith(referenceProjector);
  const facts = {
    ...meteringFacts,
    selectors: [{ selectorId: 2, kind: 'random' as const, interval: 4, observedPackets: 4_096, selectedPackets: 1_025 }],
    observationDomainId: 7,
    nowMs: exportTimeS * 1_000,
    ...{ exportedMessages: 0, exportedOctets: 0, exportedRecords: 0, notSentRecords: 0, notSentPackets: 0, notSentOctets: 0 },
    gaps: [],
    anonymizations: [],
    plans: session.plans,
  };
  const messages = session.optionsMessages(facts, exportTimeS, false);
  const message = messages.map((octets) => hex(octets.subarray(16))).join('');
  expect(message).toMatch(new RegExp(`^${hex(randomHead)}`));
  for (const part of [randomData, statisticsTemplate, statisticsData]) expect(message.split(hex(part))).toHaveLength(2);
  const decoder = new IpfixDecoder();
  const told = messages.flatMap((octets) => decoder.decode(octets).records).map(({ values }) => values);
  expect(told.filter((values) => 'selectorId' in values)).toEqual([
    { selectorId: 2, selectorAlgorithm: 4, samplingProbability: 0.25 },
    { selectorId: 2, selectorIdTotalPktsObserved: 4_096, selectorIdTotalPktsSelected: 1_025 },
  ]);
  // 305 and 306 belong to counting, 309 and 310 to n out of N: none of them is anywhere.
  const names = new Set(told.flatMap((values) => Object.keys(values)));
  for (const wrong of ['samplingPacketInterval', 'samplingPacketSpace', 'samplingSize', 'samplingPopulation']) {
    expect(names).not.toContain(wrong);
  }
});

// RFC 7014: whole flows, with the ranges of the hash; RFC 5477 section 8.2.8: the pool's name.
const flowSelection = octets(`
  00 03 00 26               options template set, 38 octets
  02 0c 00 07 00 01         template 524, 7 fields, 1 scope
  01 2e 00 08               selectorId (302)
  01 86 00 02               flowSelectorAlgorithm (390)
  01 37 00 08               samplingProbability (311)
  01 49 00 08               hashOutputRangeMin (329)
  01 4a 00 08               hashOutputRangeMax (330)
  01 4b 00 08               hashSelectedRangeMin (331)
  01 4c 00 08               hashSelectedRangeMax (332)
  00 03 00 12
  02 0d 00 02 00 01         template 525
  01 2e 00 08               selectorId (302)
  01 4f ff ff               selectorName (335), of variable length
  02 0c 00 36               set of template 524, 4 + 50 octets
  00 00 00 00 00 00 00 09   selector 9
  00 04                     uniform probabilistic
  3f b0 00 00 00 00 00 00   1/16
  00 00 00 00 00 00 00 00
  ff ff ff ff ff ff ff ff
  00 00 00 00 00 00 00 00
  0f ff ff ff ff ff ff ff   a sixteenth of the range
  02 0d 00 13               set of template 525, 4 + 15 octets
  00 00 00 00 00 00 00 09
  06 67 75 65 73 74 73      guests
`);

test('flow selection is told by its probability and its range, with the pool’s name, never as sampling of packets', () => {
  const message = Buffer.concat(
    sessionWith(referenceProjector)
      .optionsMessages(
        {
          ...meteringFacts,
          ...{ selectors: [{ selectorId: 9, kind: 'flowHash' as const, interval: 16, pool: 'guests' }], interfaces: [] },
          ...{ observationDomainId: 7, nowMs: exportTimeS * 1_000, gaps: [], anonymizations: [], plans: [] },
          ...{
            exportedMessages: 0,
            exportedOctets: 0,
            exportedRecords: 0,
            notSentRecords: 0,
            notSentPackets: 0,
            notSentOctets: 0,
          },
        },
        exportTimeS,
        false,
      )
      .map((octets) => octets.subarray(16)),
  );
  // Templates go first, then data; both parts stand together within them.
  const text = hex(message);
  const [head, data] = [hex(flowSelection.subarray(0, 56)), hex(flowSelection.subarray(56))];
  expect(text.split(head)).toHaveLength(2);
  expect(text.split(data)).toHaveLength(2);
  expect(text).not.toContain('013000020131'); // selectorAlgorithm
});

test('stages are one rate: what the kernel passed on at random and the meter took whole is random', () => {
  const session = sessionWith(referenceProjector);
  const facts = {
    ...meteringFacts,
    selectors: [
      { selectorId: 2, kind: 'none' as const, interval: 1, kernelInterval: 4, observedPackets: 100, selectedPackets: 100 },
      { selectorId: 3, kind: 'count' as const, interval: 8, kernelInterval: 2 },
      { selectorId: 4, kind: 'flowHash' as const, interval: 4, kernelInterval: 2 },
    ],
    ...{ observationDomainId: 7, nowMs: exportTimeS * 1_000, gaps: [], anonymizations: [], plans: [] },
    ...{ exportedMessages: 0, exportedOctets: 0, exportedRecords: 0, notSentRecords: 0, notSentPackets: 0, notSentOctets: 0 },
  };
  const decoder = new IpfixDecoder();
  const told = session.optionsMessages(facts, exportTimeS, false).flatMap((octets) => decoder.decode(octets).records);
  expect(told.map(({ values }) => values).filter((values) => 'selectorId' in values)).toEqual([
    { selectorId: 2, selectorAlgorithm: 4, samplingProbability: 0.25 },
    { selectorId: 3, selectorAlgorithm: 4, samplingProbability: 1 / 16 },
    { selectorId: 2, selectorIdTotalPktsObserved: 400, selectorIdTotalPktsSelected: 100 },
    expect.objectContaining({ selectorId: 4, flowSelectorAlgorithm: 4, samplingProbability: 1 / 8, hashSelectedRangeMin: 0 }),
  ]);
});

test('the decoder reads the same octets as the specification does', () => {
  const decoder = new IpfixDecoder();
  const { templates } = decoder.decode(templateMessage);
  expect(templates.map(({ templateId, fields }) => [templateId, fields.length])).toEqual([
    [256, 6],
    [257, 7],
    [258, 6],
    [259, 7],
    [260, 3],
    [261, 4],
    ...[262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 272, 273].map((id, i) => [
      id,
      [3, 4, 4, 5, 4, 5, 4, 5, 7, 8, 7, 8][i]!,
    ]),
  ]);
  const { exportTimeMs, observationDomainId, records } = decoder.decode(dataMessage);
  expect({ exportTimeMs, observationDomainId }).toEqual({ exportTimeMs: 1_700_000_100_000, observationDomainId: 7 });
  expect(records.map(({ values }) => ({ ...values }))).toEqual(
    [
      { start: 0, octetDeltaCount: 100, back: 50, source: '10.1.0.0' },
      { start: 1, octetDeltaCount: 200, source: '10.1.0.1' },
      { start: 2, octetDeltaCount: 300, back: 150, source: '10.1.0.2' },
    ].map(({ start, octetDeltaCount, back, source }) => ({
      flowStartMilliseconds: 1_700_000_000_000 + start,
      octetDeltaCount,
      ...(back === undefined ? {} : { reverseOctetDeltaCount: back }),
      sourceIPv4Address: source,
      destinationIPv4Address: '10.1.200.200',
      protocolIdentifier: 6,
      icmpTypeCodeIPv4: 0,
    })),
  );
});

// The example of RFC 7011 appendices A.2.1 and A.3.
const appendix = octets(`
  00 0a
  00 6c                     16 + 28 + 64 = 108 octets
  65 53 f1 64
  00 00 00 00
  00 00 00 01
  00 02 00 1c               template set, 28 octets
  01 00 00 05
  00 08 00 04               sourceIPv4Address
  00 0c 00 04               destinationIPv4Address
  00 0f 00 04               ipNextHopIPv4Address
  00 02 00 04               packetDeltaCount, reduced to 4 octets
  00 01 00 04               octetDeltaCount
  01 00 00 40               data set, 64 octets
  c0 00 02 0c               192.0.2.12
  c0 00 02 fe               192.0.2.254
  c0 00 02 01               192.0.2.1
  00 00 13 91               5009
  00 51 8c 81               5344385
  c0 00 02 1b
  c0 00 02 17
  c0 00 02 02
  00 00 02 ec               748
  00 05 ef 46               388934
  c0 00 02 38
  c0 00 02 41
  c0 00 02 03
  00 00 00 05               5
  00 00 19 86               6534
`);

test('the decoder reads the specification’s own example', () => {
  const { records } = new IpfixDecoder().decode(appendix);
  expect(records.map(({ values }) => Object.values(values))).toEqual([
    ['192.0.2.12', '192.0.2.254', '192.0.2.1', 5_009, 5_344_385],
    ['192.0.2.27', '192.0.2.23', '192.0.2.2', 748, 388_934],
    ['192.0.2.56', '192.0.2.65', '192.0.2.3', 5, 6_534],
  ]);
});
