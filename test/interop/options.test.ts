/**
 * What collectors are told beside flows is complete, and reads alike in our strict decoder and in tshark: selectors,
 * interfaces, keys, statistics, identity, gaps, types of private elements, anonymisation.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { profileSpec } from '../../src/flow/profiles.ts';
import { referenceProjector } from '../../src/flow/projector.ts';
import { ConformanceCheck } from '../../src/forward/ipfix/conformance.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import type { ExportFacts } from '../../src/forward/ipfix/options_tables.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import { meteringFacts } from '../forward/export_box.ts';

const exportTimeS = 1_700_000_100;
const privatePen = 99_999;

function messagesWith(change: Partial<ExportFacts>): Uint8Array[] {
  const profile = profileSpec('full');
  const session = new IpfixSession({
    projector: referenceProjector,
    profile,
    privatePen,
    observationDomainId: 7,
    messageOctetsMax: 65_535,
  });
  const gap = {
    reason: 'lostToPowerCut' as const,
    fromMs: 1_700_000_000_000,
    toMs: 1_700_000_060_000,
    records: null,
    packets: null,
    octets: null,
  };
  const facts: ExportFacts = {
    ...meteringFacts,
    selectors: [
      { selectorId: 1, kind: 'count', interval: 8 },
      { selectorId: 2, kind: 'random', interval: 10, observedPackets: 1_000, selectedPackets: 97 },
    ],
    ...{ ignoredPackets: 11, ignoredOctets: 1_100, droppedPackets: 10, observedFlows: 4_711 },
    ...{ exporterAddress: '192.0.2.17', observationDomainId: 7, nowMs: exportTimeS * 1_000 },
    ...{
      exportedMessages: 3,
      exportedOctets: 4_000,
      exportedRecords: 20,
      notSentRecords: 2,
      notSentPackets: 30,
      notSentOctets: 4_000,
    },
    ...{ gaps: [gap], stamps: 'uncertain', plans: session.plans, legacySampling: true },
    anonymizations: [{ element: 'sourceIPv4Address', technique: 6, flags: 2 }],
    ...change,
  };
  return session.optionsMessages(facts, exportTimeS, false);
}

/** What RFC 7011 sections 4.1 to 4.4, 5477, 5610, 6235 and the settings of a collector ask for. */
const asked = [
  ...[302, 304, 305, 306, 311, 318, 319], // selectors
  ...[34, 35], // and as NetFlow told them
  ...[40, 41, 42, 163, 164, 165, 166, 167, 168, 135], // statistics of metering and exporting
  ...[10, 82, 83], // interfaces
  ...[145, 173], // flow keys
  ...[130, 131, 144, 149, 160, 300], // who exports, since when
  ...[303, 339, 341, 342, 343, 344, 345, 346], // types of private elements; 345, 342 and 343 as far as they have any
  ...[285, 286], // anonymisation
  ...[152, 153, 320], // spans of totals and gaps, trust in the times
];
/** Not sent, and why. */
const notSent: Readonly<Record<number, string>> = {
  131: 'the exporter’s address is of one version: sent where it is IPv6',
  342: 'ranges: no private element has one',
  343: 'ranges: no private element has one',
};

test('every element that is asked for is in a template of ours, with a value', () => {
  const told = new Set<number>();
  for (const message of messagesWith({})) {
    for (const { fields, scopeCount } of new IpfixDecoder(privatePen).decode(message).templates) {
      expect(scopeCount).toBeGreaterThan(0);
      for (const { id, pen } of fields) if (pen === 0) told.add(id);
    }
  }
  expect(asked.filter((id) => !told.has(id) && notSent[id] === undefined)).toEqual([]);
  const version6 = messagesWith({ exporterAddress: '2001:db8::17' }).flatMap(
    (message) => new IpfixDecoder().decode(message).records,
  );
  expect(version6.find(({ values }) => values.exporterIPv6Address !== undefined)?.values).toMatchObject({
    exportingProcessId: 1,
    exporterIPv6Address: '2001:db8::17',
  });
});

test('our strict decoder finds them in order, and no rule broken', () => {
  const check = new ConformanceCheck('tcp', 65_535, privatePen);
  const decoder = new IpfixDecoder(privatePen);
  const records = messagesWith({}).flatMap((message) => {
    check.observe(message);
    return decoder.decode(message).records;
  });
  expect(check.violations).toEqual([]);
  const find = (name: string) => records.filter(({ values }) => name in values).map(({ values }) => ({ ...values }));
  expect(find('samplingPacketInterval')).toEqual([
    { selectorId: 1, selectorAlgorithm: 1, samplingPacketInterval: 1, samplingPacketSpace: 7 },
  ]);
  expect(find('samplingProbability')).toEqual([{ selectorId: 2, selectorAlgorithm: 4, samplingProbability: 0.1 }]);
  expect(find('samplingInterval')).toEqual([{ observationDomainId: 7, samplingInterval: 10, samplingAlgorithm: 2 }]);
  expect(find('observedFlowTotalCount')).toMatchObject([
    { observationDomainId: 7, observedFlowTotalCount: 4_711, droppedPacketTotalCount: 10 },
  ]);
  expect(find('exporterIPv4Address')).toEqual([{ exportingProcessId: 1, exporterIPv4Address: '192.0.2.17' }]);
  expect(find('absoluteError')).toHaveLength(2);
});

test('tshark reads the same values', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-options-'));
  try {
    const file = join(folder, 'options.ipfix');
    writeFileSync(file, Buffer.concat(messagesWith({})));
    const wanted: Readonly<Record<string, string>> = {
      ...{ 'cflow.sampling_packet_space': '7', 'cflow.sampling_probability': '0.1', 'cflow.selector_algorithm': '1,4' },
      ...{ 'cflow.sampling_interval': '10', 'cflow.sampling_algorithm': '2', 'cflow.selector_id_total_pkts_selected': '97' },
      ...{ 'cflow.if_name': 'eth1', 'cflow.if_descr': 'mirror port', 'cflow.observation_domain_name': 'site/node' },
      ...{ 'cflow.ignore_packets': '11', 'cflow.ignore_octets': '1100', 'cflow.exporter_addr': '192.0.2.17' },
      ...{ 'cflow.notsent_flows': '2,18446744073709551615', 'cflow.anonymization_technique': '6' },
    };
    const names = Object.keys(wanted);
    const text = execFileSync(
      'tshark',
      ['-r', file, '-T', 'fields', ...[...names, '_ws.malformed'].flatMap((one) => ['-e', one])],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const columns = text
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const shown = names.map((name, index) => [
      name,
      columns
        .map((line) => line[index] ?? '')
        .filter(Boolean)
        .join(),
    ]);
    expect(Object.fromEntries(shown)).toEqual(
      Object.fromEntries(
        names.map((name) => [name, name.startsWith('cflow.anonym') ? expect.stringMatching(/^6/) : wanted[name]]),
      ),
    );
    expect(columns.every((line) => (line[names.length] ?? '') === '')).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
