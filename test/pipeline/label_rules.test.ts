import { describe, expect, test } from 'vitest';
import { NameDictionary } from '../../src/flow/dictionary.ts';
import { type LabelRule, labelKinds } from '../../src/flow/labels.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit } from '../../src/flow/row_layout.ts';
import { LabelRules } from '../../src/pipeline/label_rules.ts';
import { blockOf, type RowFacts } from './rows.ts';

const office: LabelRule[] = [
  { ports: ['udp/5060-5061', 'tcp/5060'], service: 'Telephony' },
  { prefixes: ['10.17.9.0/24', '2001:db8:9::/48'], tenant: 'Ward 4', costCentre: '4711' },
  { prefixes: ['10.17.0.0/16'], vlans: [20, '30-39'], service: 'Printing' },
  { vlans: ['untagged'], tenant: 'Guests' },
  { ports: ['icmp'], service: 'Probing' },
  { site: 'Zürich' },
];

function labelled(rules: readonly LabelRule[], facts: Partial<RowFacts>): Record<string, string> {
  const names = new NameDictionary();
  const labels = new LabelRules(rules, (kind, label) => names.numberOf(`${kind}Label`, label));
  const block = blockOf([{ startNs: 0n, endNs: 0n, octets: 1, packets: 1, vlan: 1, ...facts }], 'boot', 0n);
  const row = new RowCursor(block.bytes).at(0, block.firstRow);
  // Twice: the second time the combination is known.
  for (let i = 0; i < 2; i++) labels.apply(row);
  const numbers = {
    site: row.siteLabelId,
    tenant: row.tenantLabelId,
    service: row.serviceLabelId,
    costCentre: row.costCentreLabelId,
  };
  return Object.fromEntries(
    labelKinds.flatMap((kind) => {
      expect(row.has(presenceBit(`${kind}Label`))).toBe(numbers[kind] !== 0);
      const entry = names.entryOf(numbers[kind]);
      return entry === undefined ? [] : [[kind, entry.name]];
    }),
  );
}

const tcp = (source: string, destination: string, port: number): Partial<RowFacts> => ({
  source,
  destination,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort: port,
});

describe('rules for labels', () => {
  test.each<[string, Partial<RowFacts>, Record<string, string>]>([
    ['only the last rule', tcp('192.0.2.1', '192.0.2.2', 443), { site: 'Zürich' }],
    ['one end in a prefix', tcp('192.0.2.1', '10.17.9.7', 443), { site: 'Zürich', tenant: 'Ward 4', costCentre: '4711' }],
    ['the other end in it', tcp('10.17.9.7', '192.0.2.1', 443), { site: 'Zürich', tenant: 'Ward 4', costCentre: '4711' }],
    ['IPv6', tcp('2001:db8:9::1', '2001:db8:8::1', 443), { site: 'Zürich', tenant: 'Ward 4', costCentre: '4711' }],
    ['a port', tcp('192.0.2.1', '192.0.2.2', 5060), { site: 'Zürich', service: 'Telephony' }],
    ['the same port of another protocol', { ...tcp('192.0.2.1', '192.0.2.2', 5061) }, { site: 'Zürich' }],
    ['prefix and VLAN', { ...tcp('10.17.1.1', '192.0.2.2', 9100), vlan: 35 }, { site: 'Zürich', service: 'Printing' }],
    ['the prefix without the VLAN', { ...tcp('10.17.1.1', '192.0.2.2', 9100), vlan: 40 }, { site: 'Zürich' }],
    ['the first of two rules', { ...tcp('10.17.1.1', '192.0.2.2', 5060), vlan: 20 }, { site: 'Zürich', service: 'Telephony' }],
    [
      'a protocol without ports',
      { source: '192.0.2.1', destination: '192.0.2.2', protocol: 1 },
      { site: 'Zürich', service: 'Probing' },
    ],
    ['neither addresses nor protocol', { etherType: 0x0806 }, { site: 'Zürich' }],
  ])('%s', (_, facts, expected) => {
    expect(labelled(office, facts)).toEqual(expected);
  });

  test('the server’s port decides, not the client’s', () => {
    const answer = { source: '192.0.2.2', destination: '192.0.2.1', protocol: 6, sourcePort: 5060, destinationPort: 50_000 };
    expect(labelled(office, { ...answer, biflowDirection: 2 })).toMatchObject({ service: 'Telephony' });
    expect(labelled(office, { ...answer, biflowDirection: 1 })).not.toHaveProperty('service');
  });

  test('a frame without a tag is untagged, VLAN 0 is not', () => {
    const untagged = { ...tcp('192.0.2.1', '192.0.2.2', 443), vlan: undefined } as unknown as Partial<RowFacts>;
    expect(labelled(office, untagged)).toMatchObject({ tenant: 'Guests' });
    expect(labelled(office, { ...tcp('192.0.2.1', '192.0.2.2', 443), vlan: 0 })).not.toHaveProperty('tenant');
  });

  test('without rules a row stays as it is', () => {
    expect(labelled([], tcp('10.17.9.1', '192.0.2.2', 5060))).toEqual({});
  });
});
