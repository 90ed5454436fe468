import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/core/clock.ts';
import { NameDictionary } from '../../src/flow/dictionary.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { FlowArchive } from '../../src/store/flow_archive.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { blockOf } from '../pipeline/rows.ts';
import { type Served, serve } from '../status/served.ts';
import { officeFlows } from '../store/kept_flows.ts';
import { recentFlows, runOf } from '../store/packed_flows.ts';
import { flowspan } from './flowspan.ts';

const data = mkdtempSync(join(tmpdir(), 'flows-on-disk-'));
const count = 12_000;
let search: FlowSearch;
beforeAll(async () => {
  const clock = new SystemClock();
  const options = { folder: join(data, 'flows'), bytesMax: 2 ** 30, forS: 1e9, writtenBytesPerDayMax: 2 ** 40 };
  const archive = new FlowArchive(options, { clock, clockTrusted: () => true, onEvent: () => {} });
  await archive.open();
  // Memory for nothing but the open segment: the oldest 8,192 are on disk alone.
  const flows = recentFlows(0, archive);
  const block = blockOf(officeFlows(count), 'wall', 0n);
  for (let i = 0; i < count; i++) {
    const base = block.firstRow + i * ROW_BYTES;
    flows.add(runOf(block.bytes.subarray(base, base + ROW_BYTES)));
    await archive.settled();
  }
  flows.seal();
  await archive.stop();
  const coverage = (): { recordsSkipped: number; trouble: string } => ({ recordsSkipped: 0, trouble: '' });
  search = new FlowSearch({ flows, clock, archive: { files: archive.files, coverage } });
});
afterAll(() => rmSync(data, { recursive: true }));

const lines = (text: string): string[] => text.trim().split('\n');

describe('a stopped box', () => {
  test('its records are listed and summed from its disk, by the same filters', async () => {
    const listed = await flowspan('flows', 'tcp and src net 10.20.1.0/24', '--last', '3d', '--json', '--data', data);
    expect(listed).toMatchObject({ code: 0 });
    const starts = lines(listed.out).map((line) => JSON.parse(line).flowStartMilliseconds as number);
    expect(starts).toHaveLength((count * 3) / 4);
    expect(starts).toEqual([...starts].sort((a, b) => b - a));
    const summed = await flowspan('query', 'udp', '--by', 'protocol,vlan', '--last', '3d', '--json', '--data', data);
    expect(JSON.parse(summed.out).groups).toMatchObject([{ keys: ['udp', '20'], records: count / 4 }]);
    const table = await flowspan('flows', 'udp', '--last', '3d', '--limit', '3', '--data', data);
    expect(table.out).toMatch(/: 3,000 records/);
    expect(table.err).toMatch(/records are kept since .* \(history\.flowArchive\)/);
  });

  test('its records are found by the names that it kept, and a name that it did not know is told under its place', async () => {
    const heardMs = Date.now();
    const names = [['10.20.1.11', 'dhcp', 'laptop-of-anna', heardMs, 3_600]];
    writeFileSync(join(data, 'host_names.json'), JSON.stringify({ version: 1, names }));
    const ask = (filter: string) => flowspan('query', filter, '--by', 'source', '--last', '3d', '--json', '--data', data);
    const byName = JSON.parse((await ask('src hostname laptop-*')).out);
    expect(byName.groups).toMatchObject([{ keys: ['10.20.1.11'] }]);
    expect(byName.groups).toEqual(JSON.parse((await ask('src ip 10.20.1.11')).out).groups);
    const { code, err } = await ask('udp and hostname lapdog');
    expect(code).toBe(2);
    expect(err).toMatch(/no host that is known now is called 'lapdog'.*\n {2}udp and hostname lapdog\n {19}\^{6}\n/);
  });

  test('a label that nobody gave is told under its place, with those there are', async () => {
    const entry = { number: 1, kind: 'siteLabel', name: 'Berlin' } as const;
    writeFileSync(join(data, 'names.json'), new NameDictionary([entry], 2).text());
    for (const command of [['flows'], ['query', '--by', 'source']]) {
      const [name, ...rest] = command as [string, ...string[]];
      const { code, err } = await flowspan(name, 'udp and site bärlin', ...rest, '--last', '3d', '--data', data);
      expect(code).toBe(2);
      expect(err).toMatch(/no site is called 'bärlin'; allowed: Berlin\n {2}udp and site bärlin\n {15}\^{6}\n/);
    }
  });

  test('one that kept nothing is said', async () => {
    const { code, err } = await flowspan('flows', '--data', join(data, 'none'));
    expect(code).toBe(1);
    expect(err).toMatch(/no flowspan answers at .*, and there are no flow records on disk at .*history\.flowArchive\.bytesMax/);
  });
});

describe('a running box', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve({ flows: search });
  });
  afterAll(() => served.stop());

  test('pages follow one another through memory and disk by their cursor', async () => {
    const numbers: number[] = [];
    let before = '';
    for (let page = 0; page < 10; page++) {
      const answer = await fetch(`${served.url}/api/v1/flows?last=2d&limit=5000${before}`);
      const { flows, nextBefore, coverage } = (await answer.json()) as never as {
        flows: { flowStartMilliseconds: number }[];
        nextBefore?: number;
        coverage: { archive: { records: number } };
      };
      numbers.push(...flows.map((flow) => flow.flowStartMilliseconds));
      expect(coverage.archive.records).toBe(count);
      if (nextBefore === undefined) break;
      before = `&before=${nextBefore}`;
    }
    expect(numbers).toHaveLength(count);
    expect(new Set(numbers).size).toBe(count);
  });

  test('one that had no time for all says so wherever the answer may be another for it', async () => {
    const hurried = await serve({
      flows: { list: (question) => search.list({ ...question, withinMs: -1 }), group: (question) => search.group(question) },
    });
    const asked = async (...args: string[]): Promise<string> =>
      (await flowspan('flows', '--last', '3d', '--limit', '3', '--url', hurried.url, ...args)).err;
    for (const form of [[], ['--json']]) expect(await asked('--order', 'bytes', ...form)).toMatch(/were not looked at/);
    // The newest are what they are, however far the search came behind them.
    expect(await asked()).not.toMatch(/were not looked at/);
    await hurried.stop();
  });
});
