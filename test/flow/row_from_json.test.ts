import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowFromJson } from '../../src/flow/row_from_json.ts';
import { rowJsonKeys, rowToJson } from '../../src/flow/row_json.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { chanceRow } from '../store/flow_rows.ts';

test('every row comes back from its JSON with the same JSON, and every key is known beforehand', () => {
  const bytes = new Uint8Array(64 + ROW_BYTES).fill(255);
  fc.assert(
    fc.property(chanceRow, (row) => {
      const json = rowToJson(row.bytes, 0);
      rowFromJson(json, bytes, 64);
      expect(rowToJson(bytes, 64)).toEqual(json);
      expect(Object.keys(json).filter((key) => !rowJsonKeys.includes(key))).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(new Set(rowJsonKeys).size).toBe(rowJsonKeys.length);
});
