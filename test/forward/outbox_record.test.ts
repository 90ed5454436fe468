import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../src/core/kv.ts';
import { decodeMessage, encodeMessage, messageKey, sequenceOfKey } from '../../src/forward/outbox_record.ts';

const message = fc.record({
  topic: fc.string(),
  payload: fc.uint8Array({ maxLength: 300 }),
  retain: fc.boolean(),
  contentType: fc.string(),
  schemaVersion: fc.nat(),
  atMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
});

describe('outbox record', () => {
  test('what was written is what is read', () => {
    fc.assert(
      fc.property(message, (written) => {
        const read = decodeMessage(encodeMessage(written))!;
        expect({ ...read, payload: [...read.payload] }).toEqual({ ...written, payload: [...written.payload] });
      }),
    );
  });

  test('no octets make reading throw, and a cut value is not taken for a whole one', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void decodeMessage(Uint8Array.of(1, ...octets))));
    const whole = encodeMessage({
      topic: 't',
      payload: Buffer.from('abc'),
      retain: true,
      contentType: 'c',
      schemaVersion: 1,
      atMs: 5,
    });
    for (let length = 0; length < whole.length; length++) expect(decodeMessage(whole.subarray(0, length))).toBeUndefined();
  });

  test('keys order as their sequences do, far beyond 32 bits', () => {
    const sequences = [1, 255, 256, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 45];
    const keys = sequences.map(messageKey);
    expect([...keys].sort(compareKeys)).toEqual(keys);
    expect(keys.map(sequenceOfKey)).toEqual(sequences);
  });
});
