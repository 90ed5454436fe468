import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/flow/addresses.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { presenceBit, ROW_BYTES, rowFamilies } from '../../src/flow/row_layout.ts';

function row(family: (typeof rowFamilies)[number], groups: Parameters<typeof presenceBit>[0][]): RowCursor {
  const cursor = new RowCursor(new Uint8Array(ROW_BYTES * 2)).at(1);
  cursor.family = rowFamilies.indexOf(family);
  for (const group of groups) cursor.setPresent(presenceBit(group));
  return cursor;
}

describe('row as JSON', () => {
  test('keys are element names, absent elements are left out, zero counters stay', () => {
    const cursor = row('ipv4', ['addresses', 'protocol', 'ports', 'sourcePort']);
    cursor.setSourceAddress(parseAddress('192.0.2.1')!);
    cursor.setDestinationAddress(parseAddress('198.51.100.9')!);
    cursor.protocolIdentifier = 17;
    cursor.sourceTransportPort = 53;
    cursor.flowStartNs = 1_700_000_000_999_999_999n;
    cursor.packetDeltaCount = 2;
    const json = rowToJson(cursor.bytes, cursor.base);
    expect(json).toMatchObject({
      sourceIPv4Address: '192.0.2.1',
      destinationIPv4Address: '198.51.100.9',
      protocolIdentifier: 17,
      sourceTransportPort: 53,
      destinationTransportPort: 0,
      flowStartMilliseconds: 1_700_000_000_999,
      packetDeltaCount: 2,
      octetDeltaCount: 0,
    });
    for (const key of [
      'reverseOctetDeltaCount',
      'tcpControlBits',
      'sourceIPv6Address',
      'dot1qVlanId',
      'reverseTcpControlBits',
      'flowStart',
    ]) {
      expect(json).not.toHaveProperty(key);
    }
  });

  test('IPv6 rows name IPv6 elements', () => {
    const cursor = row('ipv6', ['addresses', 'icmp']);
    cursor.setSourceAddress(parseAddress('2001:db8::1')!);
    cursor.icmpTypeCode = 0x8000;
    expect(rowToJson(cursor.bytes, cursor.base)).toMatchObject({ sourceIPv6Address: '2001:db8::1', icmpTypeCodeIPv6: 0x8000 });
  });

  test('a counter above 2^53 − 1 is a decimal string, to the last digit', () => {
    const cursor = row('ipv4', []);
    cursor.view.setBigUint64(cursor.base + 56, 0n);
    cursor.octetDeltaCount = 0;
    new DataView(cursor.bytes.buffer).setBigUint64(ROW_BYTES + 56, 9_007_199_254_740_993n);
    expect(rowToJson(cursor.bytes, cursor.base).octetDeltaCount).toBe('9007199254740993');
  });

  test('row times become wall time through the offset', () => {
    const cursor = row('ipv4', []);
    cursor.flowEndNs = 5_000_000_000n;
    expect(rowToJson(cursor.bytes, cursor.base, 1_700_000_000_000_000_000n).flowEndMilliseconds).toBe(1_700_000_005_000);
  });

  test('a one-way TCP row has no reverse TCP measures', () => {
    const cursor = row('ipv4', ['tcp']);
    expect(rowToJson(cursor.bytes, cursor.base)).toHaveProperty('tcpControlBits');
    expect(rowToJson(cursor.bytes, cursor.base)).not.toHaveProperty('reverseTcpControlBits');
  });
});
