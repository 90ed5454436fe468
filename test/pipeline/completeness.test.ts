import { expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES } from '../../src/flow/row_layout.ts';
import { Completeness } from '../../src/pipeline/completeness.ts';

function row(change: (row: RowCursor) => void): RowCursor {
  const cursor = new RowCursor(new Uint8Array(ROW_BYTES)).at(0, 0);
  for (const group of ['addresses', 'protocol', 'ports', 'locality'] as const) cursor.setPresent(presenceBit(group));
  cursor.protocolIdentifier = 6;
  cursor.destinationTransportPort = 443;
  cursor.networkLocality = 1;
  change(cursor);
  return cursor;
}
const fill = (completeness: Completeness, change: (row: RowCursor) => void): void => {
  for (let n = 0; n < 16; n++) completeness.add(row(change), 0, 1);
};

test('a record is complete when it has all that is set up, and only then', () => {
  const setUp = { labels: false, places: false };
  const completeness = new Completeness(() => setUp);
  expect(completeness.percent(0)).toBeNull();
  expect(completeness.lackingPercent(0).locality).toBeNull();
  fill(completeness, () => {});
  expect(completeness.percent(0)).toBe(100);
  fill(completeness, (one) => {
    one.destinationTransportPort = 49_999;
  });
  expect([completeness.percent(0), completeness.lacking('application')]).toEqual([50, 0.5]);
  expect(completeness.lackingPercent(0)).toEqual({ locality: 0, application: 50, label: null, country: null, name: null });
  Object.assign(setUp, { labels: true, places: true });
  fill(completeness, () => {});
  fill(completeness, (one) => {
    one.setPresent(presenceBit('siteLabel'));
    one.setPresent(presenceBit('destinationCountry')); // the source is inside
  });
  expect([completeness.percent(0), completeness.lacking('label'), completeness.lacking('country')]).toEqual([50, 0.25, 0.25]);
});

test('the answer slides over what was lately seen', () => {
  const completeness = new Completeness(() => ({ labels: false, places: false }));
  fill(completeness, () => {});
  expect(completeness.percent(0)).toBe(100);
  expect(completeness.percent(700_000)).toBe(100);
  fill(completeness, (one) => {
    one.destinationTransportPort = 49_999;
  });
  expect(completeness.percent(700_001)).toBe(50);
  expect(completeness.percent(1_400_000)).toBe(0);
  expect(completeness.percent(9_000_000)).toBeNull();
});

test('a name of either end is told, and changes nothing about the whole', () => {
  const asked: string[] = [];
  const known = { name: 'laptop', source: 'dhcp', learnedMs: 0, holdsUntilMs: 0 } as const;
  const names = {
    of: (address: string) => {
      asked.push(address);
      return address === '10.0.0.9' ? known : undefined;
    },
  };
  const completeness = new Completeness(() => ({ labels: false, places: false, names }));
  const ends = (source: number, destination: number) => (one: RowCursor) => {
    one.ipVersion = 4;
    one.bytes.set([10, 0, 0, source], one.sourceAddressOffset);
    one.bytes.set([10, 0, 0, destination], one.destinationAddressOffset);
  };
  for (const [source, destination] of [
    [9, 1],
    [1, 9],
    [1, 2],
    [2, 1],
  ] as const)
    fill(completeness, ends(source, destination));
  expect(completeness.lackingPercent(0)).toMatchObject({ name: 50 });
  expect(completeness.percent(0)).toBe(100);
  expect(new Set(asked)).toEqual(new Set(['10.0.0.9', '10.0.0.1', '10.0.0.2']));
});

test('of the rows of a call every 16th is looked at, over the ends of calls too, and one is asked for names', () => {
  const asked: string[] = [];
  const names = { of: (address: string) => void asked.push(address) };
  const completeness = new Completeness(() => ({ labels: false, places: false, names }));
  const bytes = new Uint8Array(100 * ROW_BYTES);
  const cursor = new RowCursor(bytes);
  for (let i = 0; i < 100; i++) {
    cursor.at(i, 0).setPresent(presenceBit('addresses'));
    // Only those that are looked at know where they are from: 0, 16, and so on.
    if (i % 16 === 0) cursor.setPresent(presenceBit('locality'));
    cursor.ipVersion = 4;
    cursor.bytes.set([10, 0, 0, i], cursor.sourceAddressOffset);
    cursor.bytes.set([10, 0, 1, i], cursor.destinationAddressOffset);
  }
  completeness.add(cursor, 0, 3);
  completeness.add(cursor, 3 * ROW_BYTES, 13);
  completeness.add(cursor, 16 * ROW_BYTES, 84);
  expect(asked.sort()).toEqual(['10.0.0.0', '10.0.0.16', '10.0.1.0', '10.0.1.16']);
  expect(completeness.lackingPercent(0)).toMatchObject({ locality: 0, name: 100 });
  expect(completeness.percent(0)).toBe(100);
});
