/** Rows of every kind by chance, for the search: few different values, so that filters find some of them. */
import fc from 'fast-check';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES, rowFamilies, rowFields } from '../../src/flow/row_layout.ts';

export const baseMs = 1_767_264_060_000;

const pool = {
  ipv4: [
    [10, 0, 0, 1],
    [10, 0, 0, 2],
    [10, 255, 255, 255],
    [192, 0, 2, 1],
    [0, 0, 0, 0],
    [255, 255, 255, 255],
  ],
  ipv6: [
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    Array.from({ length: 16 }, () => 255),
  ],
};

export interface ChanceRow {
  readonly bytes: Uint8Array;
  readonly interval: number;
}

const numbers = fc.oneof(fc.constantFrom(0, 1, 2, 6, 17, 20, 53, 80, 255, 443, 1_500, 65_535), fc.nat({ max: 2 ** 31 }));

/** A row whose every field has some value, and whose presence bits say which count. */
export const chanceRow: fc.Arbitrary<ChanceRow> = fc
  .record({
    kind: fc.constantFrom('ipv4' as const, 'ipv6' as const, 'ethernet' as const),
    presence: fc.nat({ max: 2 ** 32 - 1 }),
    values: fc.array(numbers, { minLength: rowFields.length, maxLength: rowFields.length }),
    ends: fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })),
    startUs: fc.nat({ max: 600_000_000 }),
    lastingUs: fc.oneof(fc.constant(0), fc.nat({ max: 60_000_000 })),
    interval: fc.constantFrom(1, 1, 1, 16),
  })
  .map(({ kind, presence, values, ends, startUs, lastingUs, interval }) => {
    const bytes = new Uint8Array(ROW_BYTES);
    const view = new DataView(bytes.buffer);
    const startNs = BigInt(baseMs) * 1_000_000n + BigInt(startUs) * 1_000n;
    rowFields.forEach((field, i) => {
      const value = values[i]!;
      if (field.kind === 'time')
        view.setBigUint64(field.offset, startNs + BigInt(field.name === 'flowStart' ? 0 : lastingUs) * 1_000n);
      else if (field.octets === 8) view.setBigUint64(field.offset, BigInt(value));
      else if (field.octets === 4) view.setUint32(field.offset, value);
      else if (field.octets === 2) view.setUint16(field.offset, value);
      else if (field.octets === 1) view.setUint8(field.offset, value);
      else
        for (let octet = 0; octet < field.octets; octet++) view.setUint8(field.offset + octet, octet % 3 === 0 ? value & 3 : 0);
    });
    const row = new RowCursor(bytes);
    row.family = rowFamilies.indexOf(kind);
    row.ipVersion = kind === 'ipv6' ? 6 : 4;
    row.biflowDirection = values[0]! % 3;
    const addresses = kind === 'ethernet' ? 0 : presenceBit('addresses');
    view.setUint32(4, ((presence & ~presenceBit('addresses')) | addresses) >>> 0);
    if (kind !== 'ethernet') {
      const list = pool[kind];
      bytes.fill(0, row.sourceAddressOffset, row.sourceAddressOffset + 16);
      bytes.fill(0, row.destinationAddressOffset, row.destinationAddressOffset + 16);
      bytes.set(list[ends[0] % list.length]!, row.sourceAddressOffset);
      bytes.set(list[ends[1] % list.length]!, row.destinationAddressOffset);
    }
    return { bytes, interval };
  });
