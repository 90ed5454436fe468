/**
 * Encoding and decoding give back the rows: any values, any profile or choice of elements, small and large messages, one
 * or two projectors. What a row means is told by `rowToJson`, which knows nothing of templates.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ProfileSpec, profileNames, profileSpec } from '../../../src/flow/profiles.ts';
import { type Projector, referenceProjector } from '../../../src/flow/projector.ts';
import { RowCursor } from '../../../src/flow/row_cursor.ts';
import { type RowJson, rowToJson } from '../../../src/flow/row_json.ts';
import { presenceBit, ROW_BYTES, rowFamilies } from '../../../src/flow/row_layout.ts';
import { ConformanceCheck } from '../../../src/forward/ipfix/conformance.ts';
import type { DecodedRecord } from '../../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { IpfixSession } from '../../../src/forward/ipfix/session.ts';
import { addonProjector } from '../../../src/meter/projector.ts';
import { addon } from '../../meter/metering.ts';

const privatePen = 99_999;

/** What many flows of one row do not share: the more of them, the more. */
const keyGroups = ['addresses', 'ports', 'protocol', 'etherType'] as const;

/** A row whose every field is there, but for keys of many flows, with any octets in it; counters and times near their ends too. */
const anyRow = fc
  .record({
    octets: fc.uint8Array({ minLength: ROW_BYTES, maxLength: ROW_BYTES }),
    family: fc.nat(rowFamilies.length - 1),
    twoWay: fc.boolean(),
    ipVersion: fc.constantFrom(4, 6),
    unshared: fc.nat(keyGroups.length).map((count) => keyGroups.slice(0, count)),
    fill: fc.option(fc.constantFrom(0, 0xff), { freq: 4 }),
  })
  .map(({ octets, family, twoWay, ipVersion, unshared, fill }) => {
    const bytes = fill === null ? octets.slice() : new Uint8Array(ROW_BYTES).fill(fill);
    const row = new RowCursor(bytes);
    row.family = family;
    const isAggregate = rowFamilies[family] === 'aggregate';
    row.ipVersion = rowFamilies[family] === 'ipv6' ? 6 : isAggregate ? ipVersion : 4;
    const absent = isAggregate ? unshared.reduce((bits, group) => bits | presenceBit(group), 0) : 0;
    row.view.setUint32(4, (0xffffffff & ~(absent | (twoWay ? 0 : presenceBit('reverse')))) >>> 0);
    return bytes;
  });

const biflowSpec: fc.Arbitrary<ProfileSpec> = fc.oneof(
  fc.constantFrom(...profileNames.map(profileSpec)).map(({ elements }) => ({ uniflow: false, elements })),
  // Never so few that a record is shorter than padding may be.
  fc
    .subarray([...profileSpec('full').elements])
    .map((elements) => ({ uniflow: false, elements: [...new Set([...elements, 'octetDeltaCount'])] })),
);
const projector: fc.Arbitrary<Projector> = fc.constantFrom(referenceProjector, addonProjector(addon));
const messageOctets = fc.oneof(fc.integer({ min: 700, max: 2_000 }), fc.constantFrom(16_384, 65_535));

/** All rows through as many messages as they take; the messages conform, and every row was taken. */
function sent(rows: readonly Uint8Array[], profile: ProfileSpec, by: Projector, messageOctetsMax: number): DecodedRecord[] {
  const session = new IpfixSession({ projector: by, profile, privatePen, observationDomainId: 3, messageOctetsMax });
  const memory = Uint8Array.from(rows.flatMap((row) => [...row]));
  const messages = session.templateMessages(1_700_000_000);
  for (let done = 0; done < rows.length; ) {
    const encoded = session.dataMessage(memory, done * ROW_BYTES, rows.length - done, 0n, 1_700_000_000);
    expect(encoded.rows).toBeGreaterThan(0);
    done += encoded.rows;
    messages.push(encoded.message);
  }
  const check = new ConformanceCheck('tcp', messageOctetsMax, privatePen);
  for (const message of messages) check.observe(message);
  expect(check.violations).toEqual([]);
  const decoder = new IpfixDecoder(privatePen);
  return messages.flatMap((message) => decoder.decode(message).records);
}

/** What `rowToJson` leaves out because it says nothing is a zero on the wire; it has one name for the VLAN where IANA has two. */
const valueIn = (json: RowJson, name: string): string | number => json[name === 'vlanId' ? 'dot1qVlanId' : name] ?? 0;

test('records of biflow profiles say what the rows say, in order', () => {
  fc.assert(
    fc.property(
      fc.array(anyRow, { minLength: 1, maxLength: 12 }),
      biflowSpec,
      projector,
      messageOctets,
      (rows, profile, by, octets) => {
        const records = sent(rows, profile, by, octets);
        expect(records).toHaveLength(rows.length);
        records.forEach(({ values }, index) => {
          const json = rowToJson(rows[index]!, 0);
          expect({ ...values }).toEqual(Object.fromEntries(Object.keys(values).map((name) => [name, valueIn(json, name)])));
        });
      },
    ),
    { numRuns: 300 },
  );
});

const swaps: Readonly<Record<string, string>> = {
  sourceIPv4Address: 'destinationIPv4Address',
  sourceIPv6Address: 'destinationIPv6Address',
  sourceTransportPort: 'destinationTransportPort',
  sourceMacAddress: 'destinationMacAddress',
  octetDeltaCount: 'reverseOctetDeltaCount',
  packetDeltaCount: 'reversePacketDeltaCount',
  tcpControlBits: 'reverseTcpControlBits',
  ipClassOfService: 'reverseIpClassOfService',
  flowStartMilliseconds: 'reverseFlowStartMilliseconds',
  flowEndMilliseconds: 'reverseFlowEndMilliseconds',
};
const swap = (name: string): string =>
  swaps[name] ?? Object.entries(swaps).find(([, other]) => other === name && !name.startsWith('reverse'))?.[0] ?? name;

test('uniflow records are the two directions of their row: source and destination change places, nothing else', () => {
  const generic = profileSpec('generic');
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1, maxLength: 12 }), projector, messageOctets, (rows, by, octets) => {
      const records = sent(rows, generic, by, octets);
      let at = 0;
      for (const bytes of rows) {
        const row = new RowCursor(bytes);
        const json = rowToJson(bytes, 0);
        // One direction's own times, not those of the whole.
        const forward: RowJson = {
          ...json,
          flowStartMilliseconds: Number(row.forwardFlowStartNs / 1_000_000n),
          flowEndMilliseconds: Number(row.forwardFlowEndNs / 1_000_000n),
        };
        const expectRecord = (of: (name: string) => string | number): void => {
          const { values } = records[at++]!;
          expect({ ...values }).toEqual(Object.fromEntries(Object.keys(values).map((name) => [name, of(name)])));
        };
        expectRecord((name) => valueIn(forward, name));
        if (row.has(presenceBit('reverse'))) expectRecord((name) => valueIn(json, swap(name)));
      }
      expect(at).toBe(records.length);
    }),
    { numRuns: 200 },
  );
});
