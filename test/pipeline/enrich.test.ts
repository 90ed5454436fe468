import { describe, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { enricherOf } from '../../src/pipeline/enrich.ts';
import { markLocality } from './count_rows.ts';
import { blockOf, type RowFacts } from './rows.ts';

function enriched(facts: Partial<RowFacts>, siteNetworks = settingsSchema.parse({}).siteNetworks) {
  const block = blockOf([{ startNs: 0n, endNs: 0n, octets: 1, packets: 1, ...facts }], 'boot', 0n);
  const before = block.bytes.slice();
  const row = new RowCursor(block.bytes).at(0, block.firstRow);
  enricherOf(siteNetworks, markLocality).mark(block.bytes, block.firstRow, 1);
  const { flowDirection, networkLocality } = rowToJson(row.bytes, row.base);
  return { flowDirection, networkLocality, changed: Buffer.compare(before, block.bytes) !== 0 };
}

describe('enrich', () => {
  test.each<[string, string, number | undefined, number, string]>([
    ['10.1.2.3', '203.0.113.5', 1, 1, 'upload leaves the site'],
    ['203.0.113.5', '172.16.0.9', 0, 2, 'download enters it'],
    ['192.168.1.1', '10.0.0.1', undefined, 3, 'inside to inside crosses no boundary'],
    ['203.0.113.5', '198.51.100.1', undefined, 0, 'transit crosses it twice'],
    ['fd00::1', '2001:db8::1', 1, 1, 'IPv6 upload'],
    ['2001:db8::1', 'fe80::2', 0, 2, 'IPv6 to link-local'],
    ['10.0.0.1', '224.0.0.251', undefined, 3, 'mDNS is no upload'],
    ['10.0.0.1', '239.255.255.250', undefined, 3, 'SSDP is no upload'],
    ['0.0.0.0', '255.255.255.255', undefined, 3, 'DHCP of a host without address stays inside'],
    ['fe80::1', 'ff02::fb', undefined, 3, 'IPv6 link-local multicast stays inside'],
    ['10.0.0.1', '233.252.0.1', 1, 1, 'global multicast may leave'],
    ['fd00::1', 'ff0e::1', 1, 1, 'IPv6 multicast of global scope may leave'],
  ])('%s to %s: direction %s, locality %s (%s)', (source, destination, direction, locality) => {
    expect(enriched({ source, destination })).toMatchObject({ flowDirection: direction, networkLocality: locality });
  });

  test('a row without addresses is not touched', () => {
    expect(enriched({ etherType: 0x806, sourceMac: [2, 0, 0, 0, 0, 1], destinationMac: [2, 0, 0, 0, 0, 2] }).changed).toBe(false);
  });

  test('ingress is a value, not absence: its bit is set', () => {
    expect(enriched({ source: '8.8.8.8', destination: '10.0.0.1' }).flowDirection).toBe(0);
  });

  test('other networks, other sides', () => {
    expect(enriched({ source: '10.1.2.3', destination: '203.0.113.5' }, ['203.0.113.0/24'])).toMatchObject({
      flowDirection: 0,
      networkLocality: 2,
    });
  });
});
