import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressColumns } from '../../src/flow/flow_columns.ts';
import { AddressDictionary } from '../../src/store/flow_addresses.ts';
import { OpenSegment, segmentRows } from '../../src/store/flow_segment.ts';
import { PackedAddressList, packAddresses, packedOrder } from '../../src/store/packed_addresses.ts';
import { blockOf } from '../pipeline/rows.ts';

const address = fc.oneof(
  fc.record({ version: fc.constant(4), octets: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ version: fc.constant(6), octets: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
  fc.constant({ version: 0, octets: new Uint8Array(0) }),
);

test('says of each address what it said unpacked, in 4 or 16 octets', () => {
  fc.assert(
    fc.property(fc.array(address, { maxLength: 300 }), (addresses) => {
      const list = new AddressDictionary();
      const places = addresses.map(({ version, octets }) => {
        const room = new Uint8Array(16);
        room.set(octets);
        return list.place(new DataView(room.buffer), 0, version);
      });
      const order = packedOrder(list);
      const words = new Uint32Array(order.words);
      packAddresses(list, order, words);
      const packed = new PackedAddressList(words, order.ipv4, list.count);
      const different = (version: number): number =>
        new Set(addresses.filter((one) => one.version === version).map(({ octets }) => octets.join())).size;
      expect(words.byteLength).toBe(4 * different(4) + 16 * different(6));
      expect(packed.count).toBe(list.count);
      for (const place of places) {
        const moved = order.moved[place]!;
        expect(packed.version(moved)).toBe(list.version(place));
        for (let i = 0; i < 4; i++) expect(packed.word(moved, i)).toBe(list.word(place, i));
        expect(packed.text(moved)).toBe(list.text(place));
      }
    }),
  );
});

test('addresses that no row has cost a segment nothing, whole or not', () => {
  const outer = addressColumns.findIndex(({ name }) => name === 'outerSourceAddress');
  const block = blockOf(
    [{ source: [10, 0, 0, 1, 0], destination: [10, 0, 0, 2, 0], startNs: 0n, endNs: 1n, octets: 60, packets: 1 }],
    'wall',
    0n,
  );
  const view = new DataView(block.bytes.buffer);
  const segment = new OpenSegment(0);
  const codesOf = (count: number): Uint16Array => {
    while (segment.count < count) segment.add(view, block.firstRow, 0, 1);
    const { addresses, memory } = segment.seal();
    expect(addresses[outer]!.codes.buffer).not.toBe(memory);
    expect(addresses[outer]!.list.version(0)).toBe(0);
    return addresses[outer]!.codes;
  };
  expect(codesOf(3)).toEqual(new Uint16Array(3));
  expect(codesOf(segmentRows)).toEqual(new Uint16Array(segmentRows));
});
