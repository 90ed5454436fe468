import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Served, serve } from '../status/served.ts';
import { officeFlows, searchOver } from '../store/kept_flows.ts';
import { flowspan } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'flows-'));
const count = 12_000;
let served: Served;
beforeAll(async () => {
  served = await serve({ flows: searchOver(officeFlows(count)) });
});
afterAll(async () => {
  await served.stop();
  rmSync(folder, { recursive: true });
});

const flows = (...args: string[]) => flowspan('flows', ...args, '--url', served.url);
const query = (...args: string[]) => flowspan('query', ...args, '--url', served.url);

describe('flowspan flows', () => {
  test('a table of the newest, and how many there are', async () => {
    const { code, out } = await flows('udp and dst port 53', '--last', '30m', '--limit', '2');
    expect(code).toBe(0);
    expect(out).toMatch(/: 4\d\d records, [\d.]+ MB, [\d,]+ packets\n/);
    expect(out).toMatch(/udp {2,}10\.20\.1\.\d+:40\d+ +10\.20\.0\.53:53 +VLAN 20 +0\.250 s/);
    expect(out).toMatch(/4\d\d more: --limit/);
  });

  test('JSON: every record in pages, each once, whatever the shell made of the words', async () => {
    const { code, out } = await flows('tcp', 'and', 'src', 'net', '10.20.1.0/24', '--last', '1d', '--json');
    expect(code).toBe(0);
    const starts = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).flowStartMilliseconds as number);
    expect(new Set(starts).size).toBe((count * 3) / 4);
    expect(starts).toHaveLength((count * 3) / 4);
  });

  test('CSV of an exact range: the same octets each time, columns by name', async () => {
    const to = Date.now() - 3_600_000;
    const args = [
      '--from',
      String(to - 60_000),
      '--to',
      String(to),
      '--csv',
      '--fields',
      'sourceIPv4Address,destinationTransportPort,layer2OctetDeltaCount',
    ];
    const [first, again] = [await flows(...args), await flows(...args)];
    expect(first.code).toBe(0);
    expect(again.out).toBe(first.out);
    const lines = first.out.trim().split('\n');
    expect(lines[0]).toBe('sourceIPv4Address,destinationTransportPort,layer2OctetDeltaCount');
    expect(lines.length).toBeGreaterThanOrEqual(61);
    for (const line of lines.slice(1)) expect(line).toMatch(/^"10\.20\.1\.1\d",(53|443),\d+$/);
    expect((await flows('port 9', '--csv')).out).toMatch(/^flowStartMilliseconds,/);
  });

  test('an IPFIX file that decodes to the same flows', async () => {
    const file = join(folder, 'out.ipfix');
    expect(await flows('udp', '--last', '10m', '--ipfix', file)).toMatchObject({ code: 0, err: '' });
    const { out } = await flowspan('decode', file, '--json');
    const ports = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((record) => record.destinationTransportPort === 53);
    expect(ports.length).toBeGreaterThanOrEqual(120);
    expect(ports[0]).toMatchObject({ destinationIPv4Address: '10.20.0.53', protocolIdentifier: 17, dot1qVlanId: 20 });
  });

  test('a mistake is shown where it is, and is wrong usage', async () => {
    const { code, err } = await flows('tcp and prot 80');
    expect(code).toBe(2);
    expect(err).toContain("'prot' is no field; did you mean");
    expect(err).toContain('  tcp and prot 80\n          ^^^^\n');
    expect((await flows('--order', 'size')).code).toBe(2);
    expect((await flows('--last', 'soon')).err).toMatch(/last is "soon"; allowed: a number and s, m, h or d/);
    expect((await flows('--csv', '--fields', 'colour')).code).toBe(2);
  });

  test('a box that is not there is a failure: 1', async () => {
    const { code, err } = await flowspan('flows', '--url', 'http://127.0.0.1:9');
    expect(code).toBe(1);
    expect(err).toMatch(/no flowspan answers at http:\/\/127\.0\.0\.1:9; recent flows are in the memory of a running box/);
  });
});

describe('flowspan query', () => {
  test('sums by keys, as table, JSON and CSV', async () => {
    const table = await query('--by', 'service', '--last', '1d');
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/service +out +in +share/);
    expect(table.out).toMatch(/198\.51\.100\.7 tcp\/443 .* 9,000\n/);
    const json = JSON.parse((await query('udp', '--by', 'protocol,vlan', '--last', '1d', '--json')).out);
    expect(json.groups.map(({ keys, records }: { keys: string[]; records: number }) => [keys, records])).toEqual([
      [['udp', '20'], 3_000],
    ]);
    const csv = await query('--by', 'source', '--last', '1d', '--csv', '--limit', '2');
    expect(csv.out.split('\n')[0]).toBe('source,outOctets,inOctets,packets,flows,records,firstMs,lastMs,hostNames');
    expect(csv.out.trim().split('\n')).toHaveLength(3);
  });

  test('what cannot be asked is wrong usage', async () => {
    expect(await query('--by', 'colour')).toMatchObject({ code: 2, err: expect.stringMatching(/one to 3 of host/) });
  });
});
