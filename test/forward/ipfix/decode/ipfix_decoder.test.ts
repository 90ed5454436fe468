/**
 * The decoder against whatever arrives: random octets, sets that are almost right, messages of ours with octets changed. It
 * gives records or says `messageMalformed` with the offset: no other error, and never more work than the octets are worth.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApplianceError } from '../../../../src/core/errors.ts';
import { profileSpec } from '../../../../src/flow/profiles.ts';
import { referenceProjector } from '../../../../src/flow/projector.ts';
import type { DecodedMessage } from '../../../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../../../src/forward/ipfix/decode/message_stream.ts';
import { makeSet, writeMessageHeader } from '../../../../src/forward/ipfix/message.ts';
import { IpfixSession } from '../../../../src/forward/ipfix/session.ts';
import { meteringFacts } from '../../export_box.ts';
import { anyFamily, blockOf } from '../../rows.ts';
import { octets } from '../octets.ts';

/** A decoding, or the error; anything else that is thrown ends the test. */
function decode(decoder: IpfixDecoder, bytes: Uint8Array): DecodedMessage | ApplianceError {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    return error;
  }
}

function expectSound(decoder: IpfixDecoder, bytes: Uint8Array, heldBefore: number): void {
  const result = decode(decoder, bytes);
  expect(decoder.heldOctets).toBeLessThanOrEqual(256 * 1_024);
  expect(decoder.heldOctets).toBeGreaterThanOrEqual(0);
  if (result instanceof ApplianceError) {
    expect(result.code).toBe('messageMalformed');
    expect(result.fields.offset).toSatisfy((offset) => Number.isInteger(offset) && Number(offset) >= 0);
    expect(result.fields.offset as number).toBeLessThanOrEqual(Math.max(bytes.length, heldBefore));
    expect(result.message).toContain(`offset ${String(result.fields.offset)}: `);
    return;
  }
  // A value takes an octet at least, so nothing can swell.
  const values = result.records.reduce((sum, one) => sum + Object.keys(one.values).length, 0);
  expect(values).toBeLessThanOrEqual(bytes.length + heldBefore);
  for (const { scope, values: of } of result.records) for (const name of scope) expect(of).toHaveProperty([name]);
}

/** A message with a right header and these octets. */
function messageOf(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(16 + body.length);
  message.set(body, 16);
  writeMessageHeader(message, 0, message.length, { exportTimeS: 1_700_000_000, sequence: 0, observationDomainId: 1 });
  return message;
}

const setId = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 255, 256, 257, 258), fc.nat(65_535));
const word = (value: number): number[] => [value >> 8, value & 0xff];
const fieldOctets = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, 16, 65_535), fc.nat(65_535));
const specifier = fc
  .tuple(fc.oneof(fc.nat(500), fc.nat(0xffff)), fieldOctets, fc.constantFrom(0, 29_305, 99_999))
  .map(([id, octets, pen]) => [
    ...word(id),
    ...word(octets),
    ...((id & 0x8000) === 0 ? [] : [...word(pen >>> 16), ...word(pen & 0xffff)]),
  ]);
const templateRecord = fc
  .tuple(fc.constantFrom(256, 257, 258, 2, 0), fc.array(specifier, { maxLength: 6 }), fc.integer({ min: -1, max: 1 }))
  .map(([id, fields, wrong]) => [...word(id), ...word(Math.max(0, fields.length + wrong)), ...fields.flat()]);
const optionsRecord = fc
  .tuple(fc.constantFrom(256, 257, 258, 3), fc.array(specifier, { maxLength: 6 }), fc.nat(7))
  .map(([id, fields, scopes]) => [...word(id), ...word(fields.length), ...word(scopes), ...fields.flat()]);
const set = fc
  .oneof(
    fc.tuple(
      fc.constant(2),
      fc.array(templateRecord, { maxLength: 4 }).map((all) => all.flat()),
    ),
    fc.tuple(
      fc.constant(3),
      fc.array(optionsRecord, { maxLength: 4 }).map((all) => all.flat()),
    ),
    fc.tuple(
      setId,
      fc.uint8Array({ maxLength: 60 }).map((bytes) => [...bytes]),
    ),
  )
  .chain(([id, body]) =>
    fc
      .oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }) })
      .map((wrong) => [...word(id), ...word(Math.max(0, body.length + 4 + wrong)), ...body]),
  );
const almostMessage = fc.array(set, { maxLength: 8 }).map((sets) => messageOf(Uint8Array.from(sets.flat())));

test('random octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (bytes, body) => {
      expectSound(new IpfixDecoder(), bytes, 0);
      expectSound(new IpfixDecoder(), messageOf(body), 0);
    }),
    { numRuns: 1_000 },
  );
});

test('sessions of messages that are almost right', () => {
  let [good, bad] = [0, 0];
  fc.assert(
    fc.property(fc.array(almostMessage, { minLength: 1, maxLength: 6 }), (messages) => {
      const decoder = new IpfixDecoder(99_999);
      for (const message of messages) {
        const before = decoder.heldOctets;
        expectSound(decoder, message, before);
        if (decode(new IpfixDecoder(), message) instanceof ApplianceError) bad++;
        else good++;
      }
    }),
    { numRuns: 1_000 },
  );
  // The generator reaches both sides.
  expect(Math.min(good, bad)).toBeGreaterThan(100);
});

/** Templates, options and data as we send them. */
function ourMessages(): Uint8Array[] {
  const session = new IpfixSession({
    projector: referenceProjector,
    profile: profileSpec('standard'),
    privatePen: 99_999,
    observationDomainId: 1,
    messageOctetsMax: 1_400,
  });
  const facts = {
    ...meteringFacts,
    observationDomainId: 1,
    nowMs: 1_700_000_000_000,
    ...{ exportedMessages: 0, exportedOctets: 0, exportedRecords: 0, notSentRecords: 0, notSentPackets: 0, notSentOctets: 0 },
    gaps: [],
    plans: session.plans,
    anonymizations: [],
  };
  const block = blockOf(0, 4, { familyOf: anyFamily });
  return [
    ...session.templateMessages(1_700_000_000),
    ...session.optionsMessages(facts, 1_700_000_000, false),
    session.dataMessage(block.bytes, block.firstRow, block.count, 0n, 1_700_000_000).message,
  ];
}
const ours = ourMessages();

test('our own messages with octets changed, cut off or doubled', () => {
  const change = fc.record({
    message: fc.nat(ours.length - 1),
    at: fc.nat(1_399),
    to: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    cut: fc.option(fc.nat(1_400), { freq: 8 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), fc.boolean(), (changes, dataFirst) => {
      const messages = ours.map((message) => message.slice());
      for (const { message, at, to, cut } of changes) {
        const changed = messages[message]!;
        changed[at % changed.length] = to;
        if (cut !== null) messages[message] = changed.slice(0, cut);
      }
      const decoder = new IpfixDecoder(99_999);
      for (const message of dataFirst ? messages.toReversed() : messages) expectSound(decoder, message, decoder.heldOctets);
    }),
    { numRuns: 500 },
  );
});

/** As one would write it who trusts the length of the first set. */
class CarelessDecoder extends IpfixDecoder {
  override decode(bytes: Uint8Array): DecodedMessage {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length > 20) view.getUint8(16 + view.getUint16(18) - 1);
    return super.decode(bytes);
  }
}

test('a decoder that reads beyond a message is caught: the canary', () => {
  const run = (decoder: () => IpfixDecoder): void =>
    fc.assert(
      fc.property(almostMessage, (message) => expectSound(decoder(), message, 0)),
      { numRuns: 300, seed: 1 },
    );
  run(() => new IpfixDecoder());
  expect(() => run(() => new CarelessDecoder())).toThrowError(/Property failed/);
});

test('a stream cut anywhere gives the same messages; what is no message is told with its place in the stream', () => {
  const stream = Buffer.concat(ours);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), fc.nat(2_000), (cuts, junk) => {
      const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const reader = new MessageStream();
      const read = places
        .slice(1)
        .flatMap((to, i) => [...reader.push(stream.subarray(places[i]!, to))].map((one) => one.slice()));
      expect(read.map((one) => Buffer.from(one).toString('hex'))).toEqual(ours.map((one) => Buffer.from(one).toString('hex')));
      expect(reader.pendingOctets).toBe(0);
      const wrong = Uint8Array.of(...word(junk === 10 ? 9 : junk), 0, 16);
      const error = (() => {
        try {
          return [...reader.push(wrong)];
        } catch (caught) {
          return caught;
        }
      })();
      expect(error).toMatchObject({ code: 'messageMalformed', fields: { offset: stream.length } });
    }),
    { numRuns: 200 },
  );
});

test('what is worth little costs little: many fields of one name, many empty sets, many templates', () => {
  const decoder = new IpfixDecoder();
  const fields = 12_000;
  const sameName = Uint8Array.from([...word(256), ...word(fields), ...Array(fields).fill([0, 4, 0, 1]).flat()]);
  decoder.decode(messageOf(makeSet(2, [sameName])));
  const { records } = decoder.decode(messageOf(makeSet(256, [new Uint8Array(5 * fields)])));
  expect(records).toHaveLength(5);
  expect(Object.keys(records[0]!.values).slice(-1)).toEqual([`protocolIdentifier#${fields}`]);

  // Nothing in them, but each would be held.
  const empty = messageOf(Uint8Array.from(Array(16_000).fill([1, 1, 0, 4]).flat()));
  const held = Array.from({ length: 20 }, () => decoder.decode(empty).unknownSets.filter((one) => one.held).length);
  expect(held.reduce((sum, one) => sum + one)).toBeLessThanOrEqual((256 * 1_024) / 4);

  // The oldest are forgotten: with room for 262,144 fields, a session does not keep hundreds of these.
  for (let id = 300; id < 340; id++) {
    sameName.set(word(id));
    decoder.decode(messageOf(makeSet(2, [sameName])));
  }
  const known = Array.from({ length: 40 }, (_, i) => decoder.decode(messageOf(makeSet(300 + i, [new Uint8Array(fields)]))));
  expect(known.filter(({ unknownSets }) => unknownSets.length === 0)).toHaveLength(Math.floor(262_144 / fields));
});

test.each([
  ['an empty message', '000a 0010 00000000 00000000 00000001', undefined],
  ['no octets', '', 0],
  ['another version', '0009 0010 00000000 00000000 00000001', 0],
  ['a length that is not the message’s', '000a 0011 00000000 00000000 00000001', 2],
  ['a set longer than the message', '000a 0014 00000000 00000000 00000001 0002 0005', 16],
  ['a set shorter than its header', '000a 0014 00000000 00000000 00000001 0002 0003', 16],
  ['a set id without a meaning', '000a 0014 00000000 00000000 00000001 0004 0004', 16],
  ['a template cut off', '000a 001c 00000000 00000000 00000001 0002 000c 0100 0002 0008 0004', 28],
  ['a reserved template id', '000a 001c 00000000 00000000 00000001 0002 000c 00ff 0001 0008 0004', 20],
  ['the withdrawal of a reserved template id', '000a 0018 00000000 00000000 00000001 0002 0008 00ff 0000', 20],
  ['a field without octets', '000a 001c 00000000 00000000 00000001 0002 000c 0100 0001 0008 0000', 24],
  ['an options template without a scope', '000a 001e 00000000 00000000 00000001 0003 000e 0100 0001 0000 0008 0004', 24],
  ['padding of a template set', '000a 0020 00000000 00000000 00000001 0002 0010 0100 0001 0008 0004 0000 0000', undefined],
])('%s', (_, text, offset) => {
  const result = decode(new IpfixDecoder(), octets(text));
  if (offset === undefined) expect(result).not.toBeInstanceOf(ApplianceError);
  else expect(result).toMatchObject({ code: 'messageMalformed', fields: { offset } });
});

test('a field that runs over its set is told where it begins, also when 255 announces its length', () => {
  const template = '0002 000c 0100 0001 0052 ffff';
  for (const [data, offset] of [
    ['0100 0006 02 61', 32],
    ['0100 0007 ff 00 05', 32],
    ['0100 0006 ff 00', 33],
  ] as const) {
    const body = octets(`${template} ${data}`);
    expect(decode(new IpfixDecoder(), messageOf(body))).toMatchObject({ fields: { offset } });
  }
  const whole = messageOf(octets(`${template} 0100 000a ff 0003 61 62 63`));
  expect(new IpfixDecoder().decode(whole).records[0]!.values).toEqual({ interfaceName: 'abc' });
});
