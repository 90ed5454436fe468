import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/core/clock.ts';
import { withLabelNumbers } from '../../src/flow/filter/filter_names.ts';
import { parseFilter } from '../../src/flow/filter/filter_parser.ts';
import { everyFlow, type Filter, writeFilter } from '../../src/flow/filter/filter_syntax.ts';
import type { FlowGroupQuestion, FlowListQuestion } from '../../src/flow/flow_search_shapes.ts';
import { countryCode } from '../../src/flow/places.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { presenceBit, rowField } from '../../src/flow/row_layout.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { segmentRows } from '../../src/store/flow_segment.ts';
import type { RecentFlows } from '../../src/store/recent_flows.ts';
import { addressRange, arbitraryFilter, labelNames, likelyTest } from '../flow/filter/arbitrary_filter.ts';
import { blockOf, type RowFacts } from '../pipeline/rows.ts';
import { baseMs, type ChanceRow, chanceRow } from './flow_rows.ts';
import { matchesNaively } from './naive_filter.ts';
import { openSegmentBytes, recentFlows, runOf, runOfBlock } from './packed_flows.ts';

const names = async () => labelNames;
const numbered = (filter: Filter): Filter => withLabelNumbers(filter, labelNames).filter!;

const clock = new SystemClock();
const always = { fromMs: 0, toMs: 2 ** 48 };
const list = (question: Partial<FlowListQuestion> = {}): FlowListQuestion => ({
  filter: everyFlow,
  ...always,
  order: 'arrival',
  limit: 1_000,
  offset: 0,
  ...question,
});
const group = (question: Partial<FlowGroupQuestion> = {}): FlowGroupQuestion => ({
  filter: everyFlow,
  ...always,
  by: ['host'],
  order: 'bytes',
  limit: 100,
  ...question,
});
const filterOf = (text: string): Filter => {
  const parsed = parseFilter(text);
  if (parsed.trouble !== undefined) throw new Error(parsed.trouble.message);
  return parsed.filter;
};

function keep(rows: readonly ChanceRow[], bytesMax = 1e9): RecentFlows {
  const flows = recentFlows(bytesMax);
  for (const { bytes, interval } of rows) flows.add(runOf(bytes, 0, [interval]));
  return flows;
}

describe('what is found', () => {
  test('is what the filter means, for every row and filter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(chanceRow, { minLength: 1, maxLength: 40 }),
        arbitraryFilter(likelyTest),
        async (rows, filter) => {
          const search = new FlowSearch({ flows: keep(rows), clock, names });
          const wanted = rows.filter(({ bytes }) => matchesNaively(numbered(filter), bytes));
          const { matched, flows } = await search.list(list({ filter }));
          expect(matched.records, writeFilter(filter)).toBe(wanted.length);
          expect(flows).toEqual(wanted.reverse().map(({ bytes }) => rowToJson(bytes, 0)));
        },
      ),
      { numRuns: 600 },
    );
  });

  test('thousands of addresses, as a name may stand for, and ranges that meet or lie in each other', async () => {
    const rows = fc.sample(chanceRow, { numRuns: 500, seed: 5 });
    const some = fc.sample(addressRange, { numRuns: 300, seed: 3 });
    const filter: Filter = { kind: 'test', field: 'ip', side: 'either', operator: '=', values: some };
    const { matched } = await new FlowSearch({ flows: keep(rows), clock }).list(list({ filter }));
    const wanted = rows.filter(({ bytes }) => matchesNaively(filter, bytes)).length;
    expect([matched.records, wanted > 20 && wanted < 500]).toEqual([wanted, true]);
  });

  test('rows come back as they were, from sealed segments too', async () => {
    const rows = fc.sample(chanceRow, { numRuns: segmentRows + 100, seed: 7 });
    const search = new FlowSearch({ flows: keep(rows), clock });
    const { flows, coverage } = await search.list(list({ offset: segmentRows - 400 }));
    expect(coverage).toMatchObject({ recordsKept: rows.length, recordsScanned: rows.length, recordsMissed: 0 });
    expect(flows).toEqual(
      rows
        .slice(0, 500)
        .reverse()
        .map(({ bytes }) => rowToJson(bytes, 0)),
    );
  });

  test.each(['tcp', 'not port 80', 'src ip 10.0.0.0/8 and bytes > 1k', 'vlan none or flags S', 'duration > 10s'])(
    'in a sealed segment as in an open one: %s',
    async (text) => {
      const rows = fc.sample(chanceRow, { numRuns: segmentRows + 50, seed: 11 });
      const filter = filterOf(text);
      const { matched } = await new FlowSearch({ flows: keep(rows), clock }).list(list({ filter }));
      expect(matched.records).toBe(rows.filter(({ bytes }) => matchesNaively(filter, bytes)).length);
    },
  );
});

const millisecond = 1_000_000n;
const at = (s: number): bigint => BigInt(baseMs) * millisecond + BigInt(Math.round(s * 1_000)) * millisecond;

function keepFacts(facts: readonly RowFacts[], intervals: readonly number[] = []): RecentFlows {
  const flows = recentFlows(1e9);
  flows.add(runOfBlock(blockOf(facts, 'wall', 0n), intervals));
  return flows;
}

const tcp = (
  source: string,
  destination: string,
  startS: number,
  endS: number,
  octets: number,
  reverseOctets: number,
): RowFacts => ({
  source,
  destination,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort: 443,
  startNs: at(startS),
  endNs: at(endS),
  octets,
  packets: 10,
  reverseOctets,
  reversePackets: 5,
});
const three = [
  tcp('10.0.0.1', '192.0.2.1', 0, 1, 1_000, 5_000),
  tcp('10.0.0.2', '192.0.2.1', 5, 65, 100, 200),
  tcp('192.0.2.1', '10.0.0.1', 10, 10, 7_000, 0),
];
const octetsOfList = async (question: Partial<FlowListQuestion>): Promise<unknown[]> =>
  (await new FlowSearch({ flows: keepFacts(three), clock }).list(list(question))).flows.map((flow) => flow.layer2OctetDeltaCount);

describe('time, order and pages', () => {
  test('flows that were under way', async () => {
    const under = (fromS: number, toS: number): Promise<unknown[]> =>
      octetsOfList({ fromMs: baseMs + 1_000 * fromS, toMs: baseMs + 1_000 * toS });
    expect(await under(-5, 0)).toEqual([]);
    expect(await under(0, 1)).toEqual([1_000]);
    expect(await under(1, 5)).toEqual([1_000]);
    expect(await under(2, 5)).toEqual([]);
    expect(await under(20, 30)).toEqual([100]);
    expect(await under(10, 11)).toEqual([7_000, 100]);
    expect(await under(66, 99)).toEqual([]);
  });

  test('largest, longest, latest first; the next page goes on', async () => {
    expect(await octetsOfList({})).toEqual([7_000, 100, 1_000]);
    expect(await octetsOfList({ order: 'bytes' })).toEqual([7_000, 1_000, 100]);
    expect(await octetsOfList({ order: 'duration' })).toEqual([100, 1_000, 7_000]);
    expect(await octetsOfList({ order: 'end' })).toEqual([100, 7_000, 1_000]);
    expect(await octetsOfList({ order: 'bytes', limit: 1, offset: 1 })).toEqual([1_000]);
    expect(await octetsOfList({ limit: 0 })).toEqual([]);
  });
});

describe('sums', () => {
  const sum = async (question: Partial<FlowGroupQuestion>, facts = three, intervals: number[] = []) => {
    const { groups, ...rest } = await new FlowSearch({ flows: keepFacts(facts, intervals), clock }).group(group(question));
    return {
      groups: groups.map(({ keys, outOctets, inOctets, records }) => [keys.join(' | '), outOctets, inOctets, records]),
      ...rest,
    };
  };

  test('a host sends and receives, whichever end it is', async () => {
    expect((await sum({ by: ['host'] })).groups).toEqual([
      ['192.0.2.1', 12_200, 1_100, 3],
      ['10.0.0.1', 1_000, 12_000, 2],
      ['10.0.0.2', 100, 200, 1],
    ]);
  });

  test('a conversation has one order of ends', async () => {
    expect((await sum({ by: ['conversation'] })).groups).toEqual([
      ['10.0.0.1 192.0.2.1', 1_000, 12_000, 2],
      ['10.0.0.2 192.0.2.1', 100, 200, 1],
    ]);
  });

  test('several keys, orders and limits', async () => {
    expect((await sum({ by: ['source', 'application'], order: 'records' })).groups).toEqual([
      ['10.0.0.1 | tcp/443', 1_000, 5_000, 1],
      ['10.0.0.2 | tcp/443', 100, 200, 1],
      ['192.0.2.1 | tcp/443', 7_000, 0, 1],
    ]);
    const one = await sum({ by: ['source'], limit: 1 });
    expect(one).toMatchObject({ groupsFound: 3, crowded: false, matched: { records: 3, octets: 13_300, packets: 45 } });
    expect(one.groups).toHaveLength(1);
  });

  test('every key can be asked for, of every kind of row', async () => {
    const rows = fc.sample(chanceRow, { numRuns: 300, seed: 3 });
    const search = new FlowSearch({ flows: keep(rows), clock });
    const { flowKeys } = await import('../../src/flow/flow_search_shapes.ts');
    const total = (await search.list(list())).matched.octets;
    for (const key of flowKeys) {
      const { groups } = await search.group(group({ by: [key], limit: 1_000 }));
      const octets = groups.reduce((all, one) => all + one.octets, 0);
      // Both ends of a record count.
      expect(octets, key).toBe(key === 'host' || key === 'mac' ? 2 * total : total);
      expect(groups.map(({ keys }) => keys[0]).join()).not.toMatch(/undefined|NaN/);
    }
  });

  test('labels go by their names, as the history has them; one that nobody gave is told with those there are', async () => {
    const site = (number: number): ChanceRow => {
      const { bytes } = fc.sample(chanceRow, { numRuns: 1, seed: 5 })[0]!;
      const view = new DataView(bytes.buffer);
      const bit = presenceBit('siteLabel');
      const present = view.getUint32(4);
      view.setUint32(4, (number === 0 ? present & ~bit : present | bit) >>> 0);
      view.setUint32(rowField('siteLabelId').offset, number);
      return { bytes, interval: 1 };
    };
    const search = new FlowSearch({ flows: keep([site(1), site(1), site(2), site(0), site(99)]), clock, names });
    const { groups } = await search.group(group({ by: ['siteLabel'], order: 'records' }));
    expect(groups.map(({ keys, records }) => [keys[0], records])).toEqual([
      ['berlin', 2],
      ['New York (2)', 1],
      ['99', 1],
      ['(none)', 1],
    ]);
    const found = async (text: string): Promise<number> => (await search.list(list({ filter: filterOf(text) }))).matched.records;
    expect(await found('site berlin')).toBe(2);
    expect(await found('site [Berlin, "new york (2)"]')).toBe(3);
    expect(await found('site != berlin')).toBe(3);
    expect(await found('site none or site "New York (2)"')).toBe(2);
    expect(await found('site any')).toBe(4);
    await expect(found('site berln')).rejects.toThrow(
      /no site is called 'berln'; allowed: "a" b, 4711, New York \(2\), and, berlin/,
    );
    await expect(found('tenant "a b"')).rejects.toMatchObject({ code: 'usage', fields: { name: 'a b' } });
  });

  test('places are those of the end outside the site, as in the history, and filters ask for either end', async () => {
    const row = (source: string, destination: string, as = 0): ChanceRow => {
      const { bytes } = fc.sample(chanceRow, { numRuns: 1, seed: 5 })[0]!;
      const view = new DataView(bytes.buffer);
      let present = view.getUint32(4);
      const put = (group: 'sourceCountry' | 'destinationCountry' | 'sourceAs' | 'destinationAs', isThere: boolean): void => {
        present = (isThere ? present | presenceBit(group) : present & ~presenceBit(group)) >>> 0;
      };
      put('sourceCountry', source !== '');
      put('destinationCountry', destination !== '');
      put('sourceAs', false);
      put('destinationAs', as !== 0);
      view.setUint32(4, present);
      view.setUint16(rowField('sourceCountryCode').offset, countryCode(source) ?? 0);
      view.setUint16(rowField('destinationCountryCode').offset, countryCode(destination) ?? 0);
      view.setUint32(rowField('bgpDestinationAsNumber').offset, as);
      return { bytes, interval: 1 };
    };
    const rows = [row('', 'CH', 64_500), row('', 'CH', 4_294_967_295), row('DE', ''), row('DE', 'FR'), row('', '')];
    const search = new FlowSearch({ flows: keep(rows), clock });
    const by = async (key: 'country' | 'as'): Promise<unknown> => {
      const { groups } = await search.group(group({ by: [key], order: 'records' }));
      return Object.fromEntries(groups.map(({ keys, records }) => [keys[0], records]));
    };
    expect(await by('country')).toEqual({ CH: 2, DE: 1, FR: 1, '(none)': 1 });
    expect(await by('as')).toEqual({ AS64500: 1, AS4294967295: 1, '(none)': 3 });
    const found = async (text: string): Promise<number> => (await search.list(list({ filter: filterOf(text) }))).matched.records;
    const texts = ['country de', 'dst country ch', 'country none', 'country [fr, ch]', 'country != DE', 'as 64500'];
    expect(await Promise.all(texts.map(found))).toEqual([2, 2, 1, 3, 3, 1]);
  });

  test('sampled records stand for all packets, and are called estimates', async () => {
    const { groups, matched } = await sum({ by: ['application'] }, three.slice(0, 1), [8]);
    expect(groups).toEqual([['tcp/443', 8_000, 40_000, 1]]);
    expect(matched).toMatchObject({ estimated: true, octets: 48_000, packets: 120, records: 1 });
  });
});

describe('memory', () => {
  test('stays within its budget, drops the oldest, and counts them', async () => {
    const budget = openSegmentBytes + 1_500_000;
    const flows = recentFlows(budget);
    const block = blockOf([three[0]!], 'wall', 0n);
    const view = new DataView(block.bytes.buffer);
    const run = runOfBlock(block);
    const source = block.firstRow + 160; // some octet of the row that differs from row to row
    let most = 0;
    for (let i = 0; i < 20 * segmentRows; i++) {
      view.setUint32(source, Math.imul(i, 0x9e37_79b1));
      view.setBigUint64(block.firstRow + 8, at(i / 100));
      view.setBigUint64(block.firstRow + 16, at(i / 100 + 1));
      flows.add(run);
      most = Math.max(most, flows.bytes);
    }
    expect(most).toBeLessThanOrEqual(budget);
    expect(flows.rows + flows.droppedRows).toBe(20 * segmentRows);
    expect(flows.droppedRows).toBeGreaterThan(0);
    expect(flows.oldestMs).toBeCloseTo(baseMs + flows.droppedRows * 10, -1);
    const { matched } = await new FlowSearch({ flows, clock }).list(list());
    expect(matched.records).toBe(flows.rows);
  });

  /** Different addresses in every row, so that a segment is not small. */
  function fill(flows: RecentFlows, segments: number): void {
    const block = blockOf([three[0]!], 'wall', 0n);
    const view = new DataView(block.bytes.buffer);
    const run = runOfBlock(block);
    for (let i = 0; i < segments * segmentRows; i++) {
      view.setUint32(block.firstRow + 160, Math.imul(i, 0x9e37_79b1));
      flows.add(run);
    }
  }

  test('what it tells is what the process has more', () => {
    // In a process of its own: whatever else a worker of the tests does would be counted too.
    const script = fileURLToPath(new URL('kept_memory.ts', import.meta.url));
    const printed = execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' });
    const { told, taken } = JSON.parse(printed) as { told: number; taken: number };
    expect(told).toBeGreaterThan(10_000_000);
    expect(taken / told).toBeGreaterThan(0.9);
    expect(taken / told).toBeLessThan(1.1);
  });

  test('what made room is given back at once, but to a search that reads it', async () => {
    const flows = recentFlows(openSegmentBytes + 200_000);
    fill(flows, 8);
    const before = flows.newestFirst();
    fill(flows, 20);
    expect(before.every(({ memory }) => memory!.detached)).toBe(true);

    const waiting = Promise.withResolvers<void>();
    const read = flows.whileRead(async () => {
      const segments = flows.newestFirst();
      await waiting.promise;
      return segments;
    });
    fill(flows, 20);
    waiting.resolve();
    const segments = await read;
    expect(segments.some(({ first }) => first < flows.firstRow)).toBe(true);
    expect(segments.every(({ memory }) => !memory!.detached)).toBe(true);
  });

  test('nothing kept is an answer too', async () => {
    const search = new FlowSearch({ flows: recentFlows(1e9), clock });
    expect(await search.list(list())).toMatchObject({
      flows: [],
      matched: { records: 0 },
      coverage: { keptFromMs: 0, recordsKept: 0 },
    });
    expect(await search.group(group())).toMatchObject({ groups: [], groupsFound: 0 });
  });
});
