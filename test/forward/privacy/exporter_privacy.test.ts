/** What a destination must not see does not reach it, over a real socket; its neighbour sees everything. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { formatIpv4, parseAddress } from '../../../src/flow/addresses.ts';
import type { DecodedRecord } from '../../../src/forward/ipfix/decode/decoded.ts';
import { Pseudonyms } from '../../../src/forward/privacy/pseudonyms.ts';
import { TcpCollector, until } from '../collector.ts';
import { startBox } from '../export_box.ts';
import { blockOf, sumsOf } from '../rows.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const keyText = '0123456789abcdef'.repeat(4);
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'flowspan-privacy-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
const rows = 40;

async function collector(): Promise<TcpCollector> {
  const one = await TcpCollector.start();
  cleanups.push(() => one.kill());
  return one;
}

/** Sends IPv4 and IPv6 rows to one destination with these rules and to another without any. */
async function exchange(privacy: Record<string, unknown>, profile = 'standard') {
  const [shown, plain] = [await collector(), await collector()];
  const box = await startBox({
    destinations: [
      { name: 'shown', port: shown.port, profile, privacy },
      { name: 'plain', port: plain.port, profile },
    ],
  });
  cleanups.push(() => box.stop(200));
  box.spool.append(blockOf(0, rows, { familyOf: (n) => (n % 4 === 0 ? 'ipv6' : n % 4 === 1 ? 'ethernet' : 'ipv4') }));
  await until('both have all', () => box.arrived());
  await box.stop();
  return { shown, plain };
}

const addressesOf = (records: readonly DecodedRecord[]): string[] =>
  records.flatMap(({ values }) =>
    ['sourceIPv4Address', 'destinationIPv4Address', 'sourceIPv6Address', 'destinationIPv6Address'].flatMap((name) =>
      values[name] === undefined ? [] : [String(values[name])],
    ),
  );
const packetsOf = (records: readonly DecodedRecord[]): number =>
  records.reduce((sum, { values }) => sum + Number(values.packetDeltaCount) + Number(values.reversePacketDeltaCount ?? 0), 0);

test('addresses are cut to their prefix for the one, and whole for the other; counts stay', async () => {
  const { shown, plain } = await exchange({ addresses: 'truncate', ipv4PrefixLength: 20, ipv6PrefixLength: 56 });
  expect(new Set(addressesOf(shown.flows))).toEqual(new Set(['10.1.0.0', '10.1.192.0', '2001:db8::']));
  expect(new Set(addressesOf(plain.flows)).size).toBeGreaterThan(rows / 2);
  expect(packetsOf(shown.flows)).toBe(sumsOf(0, rows).packets);
  expect(packetsOf(plain.flows)).toBe(sumsOf(0, rows).packets);
  expect(shown.violations).toEqual([]);
});

test('pseudonyms are those of the key, and the collector is told what was done to which element', async () => {
  const keyFile = join(folder(), 'pseudonyms.key');
  writeFileSync(keyFile, `${keyText}\n`);
  const { shown, plain } = await exchange({ addresses: 'pseudonymise', keyFile });
  const pseudonyms = new Pseudonyms(Uint8Array.from(Buffer.from(keyText, 'hex')));
  const whole = plain.flows.filter(({ values }) => values.sourceIPv4Address !== undefined);
  const hidden = shown.flows.filter(({ values }) => values.sourceIPv4Address !== undefined);
  expect(hidden.map(({ values }) => values.sourceIPv4Address)).toEqual(
    whole.map(({ values }) => formatIpv4(pseudonyms.of(parseAddress(String(values.sourceIPv4Address))!))),
  );
  const told = shown.sessions[0]!.options.filter(({ values }) => 'anonymizationTechnique' in values).map(({ values }) => values);
  const templates = new Set(hidden.map(({ templateId }) => templateId));
  for (const templateId of templates)
    for (const informationElementId of [8, 12])
      expect(told).toContainEqual({ templateId, informationElementId, anonymizationTechnique: 6, anonymizationFlags: 2 });
  expect(plain.sessions[0]!.options.some(({ values }) => 'anonymizationTechnique' in values)).toBe(false);
});

test.each(['generic', 'full'])('ports and MACs are left out of profile %s, templates included', async (profile) => {
  const { shown, plain } = await exchange({ leaveOut: ['ports', 'macs'] }, profile);
  const names = (records: readonly DecodedRecord[]): Set<string> => new Set(records.flatMap(({ values }) => Object.keys(values)));
  expect([...names(shown.flows)].filter((name) => /Port$|MacAddress$/.test(name))).toEqual([]);
  expect([...names(plain.flows)].filter((name) => /Port$|MacAddress$/.test(name))).toHaveLength(4);
  expect(addressesOf(shown.flows)).toEqual(addressesOf(plain.flows));
});

test('without its key nothing is sent; what waits goes out once the key is there', async () => {
  const keyFile = join(folder(), 'pseudonyms.key');
  const one = await collector();
  const box = await startBox({
    destinations: [{ name: 'a', port: one.port, privacy: { addresses: 'pseudonymise', keyFile } }],
  });
  cleanups.push(() => box.stop(200));
  box.spool.append(blockOf(0, 10));
  const refused = (): string => {
    const status = box.exporters.statuses()[0]!;
    return status.state === 'refused' ? status.reason : '';
  };
  await until('it is said', () => refused().includes('pseudonyms.key: cannot be read'));
  writeFileSync(keyFile, 'too short');
  await until('what is allowed is said', () => refused().includes('64 hexadecimal digits'));
  expect(one.sessions).toEqual([]);
  writeFileSync(keyFile, keyText);
  await until('all has arrived', () => box.arrived());
  await until('all is read', () => one.flows.length >= 15);
  expect(addressesOf(one.flows).some((address) => address.startsWith('10.1.'))).toBe(false);
});
