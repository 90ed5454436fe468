/**
 * The API's description is complete and true: every method of every path is asked of a box that runs, and every answer, refusals
 * too, is what the description says, with no property more.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FlowListAnswer } from '../../src/flow/flow_search_shapes.ts';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { Box, endBoxes, until } from '../appliance/box.ts';
import { Visitor } from '../status/access/visitor.ts';
import { faultsOf } from './json_schema.ts';

type Operation = {
  readonly responses: Record<
    string,
    { readonly $ref?: string; readonly content?: Record<string, { schema: Record<string, unknown> }> }
  >;
  readonly parameters?: { readonly name: string }[];
};
interface Description extends Record<string, unknown> {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly responses: Record<string, Operation['responses'][string]> };
}

const code = '7Q2M-4KXW-9ZRT';
const settings = {
  siteNetworks: ['10.0.0.0/8', '2001:db8:17::/48'],
  labels: [{ prefixes: ['10.17.10.0/24'], site: 'berlin', costCentre: '4711 IT' }],
  line: { kbitsPerSecond: 100_000, costPerMonth: 300 },
  meter: { source: 'demo' as const, sampling: { kind: 'random' as const, interval: 2 } },
  history: { flowArchive: { bytesMax: 100_000_000 } },
  export: { destinations: [{ name: 'central', host: '127.0.0.1', port: 1, transport: 'tcp' as const }] },
  mqtt: { brokers: [{ name: 'broker', host: '127.0.0.1', port: 1 }] },
  alerts: { uplinkDownAfterS: 5 },
  status: { signIn: 'on' as const, setUpCode: code },
};

let box: Box;
let described: Description;
let admin: Visitor;
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;
const image = mkdtempSync(join(tmpdir(), 'image-'));

beforeAll(async () => {
  // A box of the image, as far as it can tell.
  writeFileSync(join(image, 'slots'), 'booted=A\ncompatible=flowspan-amd64\nORDER=A B\nA_OK=1\nA_GOOD=1\n');
  writeFileSync(join(image, 'log'), '1800000000\tfound\t0.1.0\tA\timage\t\t\n');
  Object.assign(process.env, { FLOWSPAN_UPDATE_FOLDER: join(image, 'update'), FLOWSPAN_UPDATE_TOLD: image });
  box = await new Box(settings).ready();
  const stranger = new Visitor(box.url);
  await until(
    async () => (await stranger.get('/readyz')).status === 200,
    () => 'not ready',
  );
  await expectTold(stranger, 'post', '/api/v1/setup', { code: 'wrong', name: 'anna', password: 'correct horse battery' });
  await expectTold(stranger, 'get', '/api/v1/session');
  admin = new Visitor(box.url);
  expect((await admin.setUp(code)).status).toBe(200);
  described = (await admin.get('/api/v1/openapi.json')).body as Description;
  for (const told of early) check(...told);
  // Until the alert is there, records can be found and figures are made.
  const holds = async (): Promise<boolean> => {
    const { figures, alerts } = (await admin.get('/api/v1/status')).body as BoxStatus;
    const { matched } = (await admin.get('/api/v1/flows?limit=0')).body as FlowListAnswer;
    return figures.length > 0 && alerts.length > 0 && matched.records > 60;
  };
  await until(holds, () => 'no alert, records or figures', 120_000);
}, 180_000);
afterAll(async () => {
  await endBoxes();
  rmSync(image, { recursive: true });
});

const early: Parameters<typeof check>[] = [];
const asked = new Set<string>();

async function expectTold(visitor: Visitor, method: string, path: string, body?: unknown): Promise<void> {
  const told = await visitor.ask(method.toUpperCase(), path, body);
  const one: Parameters<typeof check> = [method, path, told.status, told.headers.get('content-type') ?? '', told.body, told.text];
  if (described === undefined) early.push(one);
  else check(...one);
}

/** `/api/v1/users/bert` is `/api/v1/users/{name}`. */
function pathOf(path: string): string {
  const plain = path.split('?')[0]!;
  if (described.paths[plain] !== undefined) return plain;
  const found = Object.keys(described.paths).find((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain));
  if (found === undefined) throw new Error(`${plain} is not described`);
  return found;
}

function check(method: string, path: string, status: number, type: string, body: unknown, text: string): void {
  const operation = described.paths[pathOf(path)]![method]!;
  asked.add(`${method} ${pathOf(path)}`);
  const named = operation.responses[status] ?? operation.responses.default!;
  const response = named.$ref === undefined ? named : described.components.responses[named.$ref.split('/').at(-1)!]!;
  if (response.content === undefined) {
    expect([path, status, text]).toEqual([path, status, '']);
    return;
  }
  const [described0] = Object.entries(response.content);
  expect(type.startsWith(described0![0]), `${path}: ${status} ${type}`).toBe(true);
  const value = described0![0] === 'application/json' ? body : text;
  expect([path, status, [...new Set(faultsOf(value, described0![1].schema, described))]]).toEqual([path, status, []]);
}

const dimensions = ['total', 'host', 'conversation', 'application', 'service', 'protocol', 'vlan', 'siteLabel', 'country'];

describe('answers are as described', { timeout: 120_000 }, () => {
  test.each([
    '/api/v1/status',
    '/api/v1/traffic/seconds',
    ...dimensions.map((by) => `/api/v1/top?by=${by}&last=1h`),
    '/api/v1/top?by=conversation&host=10.17.10.10',
    '/api/v1/series?last=15m',
    '/api/v1/anomalies',
    '/api/v1/series?by=host&key=10.17.10.10&last=1d',
    '/api/v1/flows?limit=200',
    '/api/v1/flows?limit=20&order=bytes&filter=tcp',
    '/api/v1/flows/sums?by=host,application',
    '/api/v1/flows/sums?by=mac',
    '/api/v1/names',
    '/api/v1/settings/changes',
    '/api/v1/settings',
    '/api/v1/settings/state',
    '/api/v1/alerts',
    '/api/v1/updates',
    '/api/v1/session',
    '/api/v1/users',
    '/api/v1/tokens',
    '/api/v1/audit',
    '/api/v1/health',
    '/healthz',
    '/readyz',
    '/metrics',
  ])('GET %s', (path) => expectTold(admin, 'get', path));

  test.each([
    '/api/v1/top?by=nothing',
    '/api/v1/top?nothing=1',
    '/api/v1/top?last=0s',
    '/api/v1/series?key=a',
    '/api/v1/flows?filter=tcp+and+prot+80',
    '/api/v1/flows?filter=site+nowhere',
    '/api/v1/flows/sums?by=host,host',
    '/api/v1/names?limit=0',
  ])('a mistake: GET %s', (path) => expectTold(admin, 'get', path));

  test('what strangers are told', async () => {
    const stranger = new Visitor(box.url);
    for (const [path, operations] of Object.entries(described.paths))
      for (const method of methods)
        if (operations[method] !== undefined && !path.endsWith('/session') && !path.endsWith('/setup'))
          await expectTold(stranger, method, path.replaceAll(/\{\w+\}/g, 'x'));
    await expectTold(stranger, 'post', '/api/v1/session', { name: 'anna', password: 'wrong' });
  });

  test('what is changed', async () => {
    const id = 'uplinkDown.central';
    await expectTold(admin, 'post', `/api/v1/alerts/${id}/acknowledge`);
    await expectTold(admin, 'post', `/api/v1/alerts/${id}/mute`, { hours: 1 });
    await expectTold(admin, 'post', `/api/v1/alerts/${id}/mute`, { hours: 0 });
    await expectTold(admin, 'delete', `/api/v1/alerts/${id}/mute`);
    await expectTold(admin, 'post', '/api/v1/users', { name: 'bert', role: 'viewer', password: 'another long password' });
    await expectTold(admin, 'post', '/api/v1/users', { name: 'bert', role: 'nobody', password: 'another long password' });
    await expectTold(admin, 'patch', '/api/v1/users/bert', { role: 'operator' });
    await expectTold(admin, 'post', '/api/v1/tokens', { name: 'prometheus', role: 'viewer' });
    await expectTold(admin, 'get', '/api/v1/users');
    await expectTold(admin, 'get', '/api/v1/tokens');
    const { tokens } = (await admin.get('/api/v1/tokens')).body as { tokens: { id: string }[] };
    await expectTold(admin, 'delete', `/api/v1/tokens/${tokens[0]!.id}`);
    await expectTold(admin, 'post', '/api/v1/session/active');
    const bert = new Visitor(box.url);
    await expectTold(bert, 'post', '/api/v1/session', { name: 'bert', password: 'another long password' });
    bert.csrf = (await bert.get('/api/v1/session')).body.csrfToken;
    await expectTold(bert, 'get', '/api/v1/users');
    await expectTold(bert, 'post', '/api/v1/password', { current: 'another long password', next: 'yet another password' });
    await expectTold(bert, 'delete', '/api/v1/session');
    await expectTold(admin, 'delete', '/api/v1/users/bert');
    await expectTold(admin, 'delete', '/api/v1/users/bert');
    await expectTold(admin, 'get', '/api/v1/audit');
  });

  test('what is set', async () => {
    const path = '/api/v1/settings';
    const { form, revision } = (await admin.get(path)).body;
    await expectTold(admin, 'post', `${path}/check`, { form: { ...form, site: 'lisbon-02', vlan: 5_000 } });
    await expectTold(admin, 'post', `${path}/check`, { form: { ...form, site: 'lisbon-02' } });
    await expectTold(admin, 'post', `${path}/check`, {});
    await expectTold(admin, 'post', '/api/v1/session/proof', { password: 'correct horse battery' });
    await expectTold(admin, 'put', path, { form, revision });
    await expectTold(admin, 'post', `${path}/keep`);
    await expectTold(admin, 'post', `${path}/undo`);
  });

  test('what is uploaded', async () => {
    const upload = '/api/v1/updates/upload';
    await expectTold(admin, 'post', '/api/v1/updates/check');
    await expectTold(admin, 'post', '/api/v1/updates/install', { version: '1.0.0' });
    await expectTold(admin, 'put', `${upload}?from=0`);
    await expectTold(admin, 'post', upload, { octets: 0 });
    await expectTold(admin, 'post', upload, { octets: 6 });
    const headers = { cookie: admin.cookie, 'x-csrf-token': admin.csrf, 'content-type': 'application/octet-stream' };
    const piece = await fetch(`${box.url}${upload}?from=0`, { method: 'PUT', headers, body: 'bundle' });
    const text = await piece.text();
    check('put', upload, piece.status, piece.headers.get('content-type')!, JSON.parse(text), text);
    expect(piece.status).toBe(200);
    await expectTold(admin, 'post', `${upload}/end`);
    await expectTold(admin, 'post', `${upload}/end`);
    await expectTold(admin, 'delete', upload);
    await expectTold(admin, 'get', '/api/v1/updates');
  });

  test('what streams', async () => {
    const headers = { cookie: admin.cookie };
    const { body } = await fetch(`${box.url}/api/v1/events`, { headers });
    asked.add('get /api/v1/events');
    let text = '';
    for await (const part of body!) {
      text += Buffer.from(part).toString();
      if (/event: second[\s\S]*\n\n/.test(text) && /event: status[\s\S]*event: status[\s\S]*\n\n/.test(text)) break;
    }
    for (const [, event, data] of text.matchAll(/event: (second|status)\ndata: (.*)\n\n/g)) {
      const whole = described.components as unknown as { schemas: Record<string, Record<string, unknown>> };
      const schema = whole.schemas[event === 'second' ? 'TrafficSecond' : 'Status']!;
      // Lists that have not changed are left out.
      const missing = faultsOf(JSON.parse(data!), schema, described).filter(
        (fault) => !/^\.(events|alerts|figures): missing$/.test(fault),
      );
      expect([event, missing]).toEqual([event, []]);
    }
  });

  test('and every method of every path was asked', () => {
    const all = Object.entries(described.paths).flatMap(([path, operations]) =>
      methods.filter((method) => operations[method] !== undefined).map((method) => `${method} ${path}`),
    );
    expect([...asked].sort()).toEqual(all.sort());
  });

  test('and nothing in it is left open', () => {
    const open: string[] = [];
    const walk = (part: unknown, place: string): void => {
      if (part === null || typeof part !== 'object') return;
      const { type, properties, additionalProperties } = part as Record<string, unknown>;
      if (type === 'object' && properties === undefined && additionalProperties === undefined) open.push(place);
      for (const [name, inner] of Object.entries(part)) walk(inner, `${place}/${name}`);
    };
    walk(described, '');
    expect(open).toEqual([]);
  });
});
