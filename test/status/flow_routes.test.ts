import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FlowGroupAnswer, FlowListAnswer } from '../../src/flow/flow_search_shapes.ts';
import type { ApiErrorBody } from '../../src/status/answers.ts';
import { officeFlows, searchOver } from '../store/kept_flows.ts';
import { namedHosts, type Served, serve } from './served.ts';

let served: Served;
beforeAll(async () => {
  served = await serve({
    flows: searchOver(officeFlows(200)),
    hosts: namedHosts({ '10.20.1.11': 'laptop-of-anna', '10.20.1.12': 'laptop-of-olaf', '10.20.0.53': 'dns.lan' }),
  });
});
afterAll(() => served.stop());

async function get<T>(path: string, query: Record<string, string> = {}, from = served): Promise<{ status: number; body: T }> {
  const response = await fetch(`${from.url}${path}?${new URLSearchParams(query)}`);
  return { status: response.status, body: (await response.json()) as T };
}
const flows = (query: Record<string, string>) => get<FlowListAnswer>('/api/v1/flows', query);

describe('/api/v1/flows', () => {
  test('the newest of the last hour, with sums of all that match', async () => {
    const { status, body } = await flows({ filter: 'udp and dst port 53', limit: '3' });
    expect(status).toBe(200);
    expect(body.matched).toMatchObject({ records: 50, flows: 50, estimated: false });
    expect(body.flows.map(({ sourceIPv4Address }) => sourceIPv4Address)).toEqual(['10.20.1.11', '10.20.1.12', '10.20.1.13']);
    expect(body.coverage).toMatchObject({ recordsKept: 200, recordsMissed: 0 });
  });

  test('pages meet without gap or overlap', async () => {
    const seen: unknown[] = [];
    let before: number | undefined;
    do {
      const { body } = await flows({ limit: '70', ...(before === undefined ? {} : { before: String(before) }) });
      seen.push(...body.flows.map(({ flowStartMilliseconds }) => flowStartMilliseconds));
      before = body.nextBefore;
    } while (before !== undefined);
    expect(seen).toHaveLength(200);
    expect(seen).toEqual([...seen].sort((a, b) => Number(b) - Number(a)));
    const { body } = await flows({ order: 'bytes', limit: '2', offset: '1' });
    expect(body.flows.map(({ layer2OctetDeltaCount }) => layer2OctetDeltaCount)).toEqual([1_198, 1_197]);
  });

  test('a mistake in the filter is told with its place', async () => {
    const { status, body } = await get<ApiErrorBody>('/api/v1/flows', { filter: 'tcp and prot 80' });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'badParameter', parameter: 'filter', value: 'prot', at: 8, length: 4 });
    expect(body.error.message).toMatch(/filter, at 8: 'prot' is no field; did you mean/);
  });

  test.each([
    [{ limit: '5001' }, /limit.*from 0 to 5000/],
    [{ order: 'size' }, /order.*one of arrival, bytes/],
    [{ offset: '-1' }, /offset.*whole number/],
    [{ filter: 'x'.repeat(1_990), last: '1m' }, /is no field/],
    [{ by: 'host' }, /no parameter by/],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, /not before to/],
  ])('%j is refused', async (query, message) => {
    const { status, body } = await get<ApiErrorBody>('/api/v1/flows', query);
    expect([status, body.error.message]).toEqual([400, expect.stringMatching(message)]);
  });
});

describe('/api/v1/flows/sums', () => {
  test('by one key and by several', async () => {
    const { body } = await get<FlowGroupAnswer>('/api/v1/flows/sums', { by: 'service', filter: 'net 10.20.0.0/16' });
    expect(body.groups.map(({ keys, records }) => [keys, records])).toEqual([
      [['198.51.100.7 tcp/443'], 150],
      [['10.20.0.53 udp/53'], 50],
    ]);
    const { body: two } = await get<FlowGroupAnswer>('/api/v1/flows/sums', {
      by: 'source,protocol',
      order: 'records',
      limit: '4',
    });
    expect(two.groupsFound).toBe(10);
    expect(two.groups).toHaveLength(4);
    expect(two.groups[0]!.keys).toEqual(['10.20.1.10', 'tcp']);
  });

  test.each(['colour', 'host,host', 'host,vlan,protocol,tos', ''])('by=%s is refused', async (by) => {
    const { status, body } = await get<ApiErrorBody>('/api/v1/flows/sums', { by });
    expect([status, body.error.allowed]).toEqual([400, expect.stringMatching(/one to 3 of host, conversation/)]);
  });
});

test('without a memory of flows the answer says which setting', async () => {
  const bare = await serve({ flows: 'none' });
  const { status, body } = await get<ApiErrorBody>('/api/v1/flows', {}, bare);
  expect([status, body.error.message]).toEqual([503, expect.stringMatching(/history\.recentFlowsBytesMax is 0/)]);
  await bare.stop();
});

test('a label that no rule gave is told at its place in the filter', async () => {
  const { status, body } = await get<{ error: object }>('/api/v1/flows', { filter: 'tcp and site "Berln"' });
  expect([status, body.error]).toEqual([
    400,
    expect.objectContaining({
      parameter: 'filter',
      value: 'Berln',
      at: 14,
      length: 5,
      message: expect.stringMatching(/^filter, at 14: no site is called 'Berln'/),
    }),
  ]);
});

test.each([
  ['site site', 5, 4],
  ['not site none and tenant [none2, any] and site none2', 26, 5],
  ['tcp and site "te" and site te', 14, 2],
])('a label that nobody gave is told where it stands, and not where the same letters stand: %s', async (filter, at, length) => {
  const { status, body } = await get<{ error: object }>('/api/v1/flows', { filter });
  expect([status, body.error]).toEqual([400, expect.objectContaining({ at, length })]);
});

describe('a host’s name in the filter', () => {
  test('stands for the addresses that bear it, in lists and sums', async () => {
    const all = (await flows({ filter: 'src ip [10.20.1.11, 10.20.1.12]', limit: '0' })).body.matched;
    expect(all.records).toBeGreaterThan(0);
    expect((await flows({ filter: 'src hostname laptop-of-*', limit: '0' })).body.matched).toEqual(all);
    const { body } = await get<FlowGroupAnswer>('/api/v1/flows/sums', { by: 'source', filter: 'src hostname *-anna and udp' });
    expect(body.groups).toMatchObject([{ keys: ['10.20.1.11'] }]);
  });

  test.each(['/api/v1/flows', '/api/v1/flows/sums'])('that nobody bears is told at its place: %s', async (path) => {
    const { status, body } = await get<ApiErrorBody>(path, { filter: 'udp and hostname laptop-of-ana' });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'badParameter', value: 'laptop-of-ana', at: 17, length: 13 });
    expect(body.error.message).toMatch(
      /no host that is known now is called 'laptop-of-ana'; allowed: a name that the box has learned/,
    );
  });
});

test('both are described', async () => {
  const { body } = await get<{ paths: Record<string, { get: { parameters: { name: string }[] } }> }>('/api/v1/openapi.json');
  expect(body.paths['/api/v1/flows']!.get.parameters.map(({ name }) => name)).toEqual([
    'filter',
    'from',
    'to',
    'last',
    'order',
    'limit',
    'within',
    'offset',
    'before',
  ]);
  expect(body.paths['/api/v1/flows/sums']!.get.parameters.map(({ name }) => name)).toContain('by');
});
