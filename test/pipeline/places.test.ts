import { describe, expect, test } from 'vitest';
import type { Place, PlaceLookup } from '../../src/flow/places.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { enricherOf } from '../../src/pipeline/enrich.ts';
import { Places } from '../../src/pipeline/places.ts';
import { countRows, markLocality, rowCountsPlan } from './count_rows.ts';
import { blockOf, type RowFacts } from './rows.ts';

class Lookup implements PlaceLookup {
  generation = 1;
  asked: string[] = [];
  known: Record<string, Place> = {
    '192.0.2.1': { country: 'CH', as: { number: 64_500, organisation: 'Example\tNetworks ' } },
    '198.51.100.7': { country: 'US', as: { number: 0xffff_fffe, organisation: '' } },
    '2001:db8::1': { country: 'DE' },
    '10.0.0.1': { country: 'XX' },
  };

  of(address: string): Place {
    this.asked.push(address);
    return this.known[address] ?? {};
  }
}

function placed(places: Places, facts: Partial<RowFacts>) {
  const block = blockOf([{ startNs: 0n, endNs: 0n, octets: 1, packets: 1, ...facts }], 'boot', 0n);
  const row = new RowCursor(block.bytes).at(0, block.firstRow);
  enricherOf(['10.0.0.0/8'], markLocality).mark(block.bytes, block.firstRow, 1);
  places.apply(row);
  const counts = countRows(rowCountsPlan(['country', 'as']));
  counts.add(block.bytes, block.firstRow, 1, 0, 0, 0, 1);
  const [country, as] = [0, 1].map((dimension) => counts.take(dimension, 0, null, 1).keys[0]!) as [number, number];
  const { bgpSourceAsNumber, bgpDestinationAsNumber } = rowToJson(row.bytes, row.base);
  const code = (number: number): string => (number === 0 ? '' : String.fromCharCode(number >> 8, number & 0xff));
  return {
    from: code(row.sourceCountryCode),
    to: code(row.destinationCountryCode),
    fromAs: bgpSourceAsNumber,
    toAs: bgpDestinationAsNumber,
    counted: [code(country), as >>> 0],
  };
}

describe('places', () => {
  test('only the end outside the site is asked for, and counted by', () => {
    const lookup = new Lookup();
    const places = new Places(lookup);
    expect(placed(places, { source: '10.0.0.1', destination: '192.0.2.1' })).toEqual({
      from: '',
      to: 'CH',
      fromAs: undefined,
      toAs: 64_500,
      counted: ['CH', 64_500],
    });
    expect(placed(places, { source: '198.51.100.7', destination: '10.0.0.1' })).toMatchObject({
      from: 'US',
      fromAs: 0xffff_fffe,
      counted: ['US', 0xffff_fffe],
    });
    expect(placed(places, { source: '10.0.0.1', destination: '10.0.0.2' })).toMatchObject({ from: '', to: '', counted: ['', 0] });
    expect(lookup.asked).toEqual(['192.0.2.1', '198.51.100.7']);
    expect([places.asName(64_500), places.asName(0xffff_fffe), places.asName(7)]).toEqual([
      'AS64500 Example Networks',
      'AS4294967294',
      'AS7',
    ]);
  });

  test('between two outside ends the one that was addressed counts', () => {
    expect(placed(new Places(new Lookup()), { source: '192.0.2.1', destination: '2001:db8::1' })).toMatchObject({ from: 'CH' });
    expect(placed(new Places(new Lookup()), { source: '192.0.2.1', destination: '198.51.100.7' }).counted[0]).toBe('US');
  });

  test('an answer is remembered until other files were read', () => {
    const lookup = new Lookup();
    const places = new Places(lookup);
    const flow = { source: '10.0.0.1', destination: '192.0.2.1' };
    placed(places, flow);
    lookup.known = {};
    expect(placed(places, flow).to).toBe('CH');
    lookup.generation++;
    expect(placed(places, flow).to).toBe('');
    expect(lookup.asked).toHaveLength(2);
  });

  test('without files rows stay as they are', () => {
    const lookup = new Lookup();
    lookup.generation = 0;
    expect(placed(new Places(lookup), { source: '192.0.2.1', destination: '198.51.100.7' })).toMatchObject({ from: '', to: '' });
    expect(lookup.asked).toEqual([]);
  });

  test('a row without addresses, and AS 0, have no place', () => {
    const lookup = new Lookup();
    lookup.known = { '192.0.2.1': { as: { number: 0, organisation: 'nobody' } } };
    const places = new Places(lookup);
    expect(placed(places, { etherType: 0x0806 }).counted).toEqual(['', 0]);
    expect(placed(places, { source: '10.0.0.1', destination: '192.0.2.1' }).toAs).toBeUndefined();
  });
});
