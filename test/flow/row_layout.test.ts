import { describe, expect, test } from 'vitest';
import { elementNamed, VARIABLE_LENGTH } from '../../src/flow/elements.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import {
  formerGroups,
  layoutHash,
  presenceBit,
  presenceFrom,
  presenceGroups,
  ROW_BYTES,
  rowField,
  rowFields,
} from '../../src/flow/row_layout.ts';

describe('row layout', () => {
  test('fields follow each other without overlap and are aligned to their width', () => {
    let end = 0;
    for (const field of rowFields) {
      expect(field.offset, field.name).toBe(end);
      if (field.kind === 'unsigned' || field.kind === 'time') expect(field.offset % field.octets, field.name).toBe(0);
      end += field.octets;
    }
    expect(end).toBeLessThanOrEqual(ROW_BYTES);
    expect(ROW_BYTES % 64).toBe(0);
  });

  test('no field is wider than the element it is exported as', () => {
    for (const field of rowFields) {
      if (field.kind !== 'unsigned') continue;
      for (const name of field.elements) {
        const element = elementNamed(name);
        if (element.octets !== VARIABLE_LENGTH) expect(field.octets, name).toBeLessThanOrEqual(element.octets);
      }
    }
  });

  test('every presence group is used and fits the low word', () => {
    const used = new Set(rowFields.map((field) => field.presence));
    for (const group of presenceGroups) expect(used.has(group), group).toBe(true);
    expect(presenceGroups.length).toBeLessThanOrEqual(32);
  });

  test('presence of another version is read by name; a group that was part of another is there with it, unless they know it apart', () => {
    const older = ['vlan', 'serverName', 'ip', 'reverse', 'tcp', 'ports'];
    const [vlan, serverName, ip, , tcp, ports] = older.map((_, i) => 1 << i) as [number, number, number, number, number, number];
    const bits = (...groups: (typeof presenceGroups)[number][]): number =>
      groups.reduce((sum, group) => sum + presenceBit(group), 0);
    const ours = presenceFrom(older);
    expect(ours(ip)).toBe(bits('ip', 'classOfService'));
    expect(ours(vlan | serverName)).toBe(bits('vlan', 'priority'));
    expect(ours(tcp | ports)).toBe(bits('tcp', 'tcpSequence', 'ports', 'sourcePort'));
    const same = presenceFrom(presenceGroups);
    expect(same(bits('ip', 'etherType'))).toBe(bits('ip', 'etherType'));
    for (const [group, former] of Object.entries(formerGroups))
      expect([group, presenceGroups.includes(former)]).toEqual([group, true]);
  });

  test('the hash follows the description', () => {
    expect(layoutHash()).toBeGreaterThan(0);
    expect(layoutHash()).toBe(layoutHash());
  });
});

describe('row cursor', () => {
  test('what is set is read back from the row it was set in', () => {
    const bytes = new Uint8Array(ROW_BYTES * 3);
    const cursor = new RowCursor(bytes).at(1);
    cursor.octetDeltaCount = 5_000_000_000_123;
    cursor.sourceTransportPort = 65_535;
    cursor.flowStartNs = 1_700_000_000_123_456_789n;
    cursor.setSourceMacAddress(Uint8Array.of(1, 2, 3, 4, 5, 6));
    cursor.setPresent(presenceBit('etherType'));
    expect(cursor.octetDeltaCount).toBe(5_000_000_000_123);
    expect(cursor.sourceTransportPort).toBe(65_535);
    expect(cursor.flowStartMs).toBeCloseTo(1_700_000_000_123.4568, 2);
    expect([...cursor.sourceMacAddress]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(cursor.has(presenceBit('etherType'))).toBe(true);
    expect(cursor.has(presenceBit('reverse'))).toBe(false);
    expect(bytes.subarray(0, ROW_BYTES).every((octet) => octet === 0)).toBe(true);
    expect(bytes.subarray(2 * ROW_BYTES).every((octet) => octet === 0)).toBe(true);
  });

  test('numbers stand in network byte order where the layout says', () => {
    const bytes = new Uint8Array(ROW_BYTES);
    new RowCursor(bytes).packetDeltaCount = 0x0102_0304_0506;
    const { offset } = rowField('packetDeltaCount');
    expect([...bytes.subarray(offset, offset + 8)]).toEqual([0, 0, 1, 2, 3, 4, 5, 6]);
  });
});
