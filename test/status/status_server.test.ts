/** The server against everything that knocks: good questions, bad ones, and those that mean harm. */
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApplianceError } from '../../src/core/errors.ts';
import { dimensions } from '../../src/flow/history_shapes.ts';
import { exampleStatus, getRaw, pageText, type Served, sendRaw, serve } from './served.ts';

let box: Served;
beforeAll(async () => {
  box = await serve();
  box.live.pushStatus(exampleStatus);
  box.live.pushSecond({ atMs: 1_000, packets: 5, octets: 700, droppedPackets: 0, newFlows: 1 });
});
afterAll(() => box.stop());

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${box.url}${path}`, { headers });
  return { response, body: await response.text() };
};
const refused = async (path: string) => {
  const { response, body } = await get(path);
  const { error } = JSON.parse(body) as { error: { code: string; message: string; parameter?: string; value?: string } };
  return { status: response.status, ...error };
};

describe('answers', () => {
  it('gives status, seconds, top and series as JSON that nobody keeps', async () => {
    const { response, body } = await get('/api/v1/status');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(body)).toEqual(exampleStatus);
    expect(JSON.parse((await get('/api/v1/traffic/seconds')).body)).toEqual({
      seconds: [{ atMs: 1_000, packets: 5, octets: 700, droppedPackets: 0, newFlows: 1 }],
    });
    expect(JSON.parse((await get('/api/v1/top?by=vlan&from=1000&to=61000&limit=7')).body)).toMatchObject({ dimension: 'vlan' });
    expect(box.asked.at(-1)).toEqual({ dimension: 'vlan', fromMs: 1_000, toMs: 61_000, limit: 7 });
    await get(
      '/api/v1/series?from=2026-01-01T00:00:00Z&last=1d'.replace(
        '&last=1d',
        '&to=2026-01-02T00:00:00%2B01:00&by=host&key=10.0.0.1&points=10',
      ),
    );
    const fromMs = Date.UTC(2026, 0, 1);
    expect(box.asked.at(-1)).toEqual({
      fromMs,
      toMs: fromMs + 23 * 3_600_000,
      pointsMax: 10,
      dimension: 'host',
      key: '10.0.0.1',
    });
  });

  it('counts last back from now', async () => {
    const beforeMs = Date.now();
    await get('/api/v1/top?last=6h');
    const { fromMs, toMs, limit, dimension } = box.asked.at(-1) as Record<string, number>;
    expect(toMs! - fromMs!).toBe(6 * 3_600_000);
    expect(toMs).toBeGreaterThanOrEqual(beforeMs);
    expect({ limit, dimension }).toEqual({ limit: 20, dimension: 'host' });
  });

  it('says when it is alive and ready, and gives figures', async () => {
    expect((await get('/healthz')).body).toBe('ok\n');
    expect((await get('/readyz')).body).toBe('ready\n');
    const { response, body } = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(body).toContain('flowspan_page_streams 0');
  });

  it('describes every route it has', async () => {
    const { paths } = JSON.parse((await get('/api/v1/openapi.json')).body) as {
      paths: Record<string, { get: { parameters?: { name: string; schema: object }[] } }>;
    };
    // Who may use it stands beside, and needs a server with users.
    const read = Object.keys(paths).filter(
      (path) => !/session|setup|password|users|tokens|audit|updates\/|settings$|settings\/(?!changes)|\{/.test(path),
    );
    expect(read.sort()).toEqual(
      [
        'alerts',
        'anomalies',
        'events',
        'flows',
        'flows/sums',
        'health',
        'names',
        'series',
        'settings/changes',
        'status',
        'top',
        'traffic/seconds',
        'updates',
      ]
        .map((name) => `/api/v1/${name}`)
        .concat(['/healthz', '/metrics', '/readyz']),
    );
    expect(paths['/api/v1/top']!.get.parameters!.map(({ name }) => name)).toEqual(['by', 'from', 'to', 'last', 'limit', 'host']);
    for (const path of read.filter((name) => name !== '/api/v1/events')) expect((await get(path)).response.status).toBe(200);
  });

  it('is not ready before the box has reported, nor after its meter has failed', async () => {
    const fresh = await serve();
    try {
      expect((await fetch(`${fresh.url}/readyz`)).status).toBe(503);
      expect((await fetch(`${fresh.url}/healthz`)).status).toBe(200);
      const first = await fetch(`${fresh.url}/api/v1/health`);
      expect([first.status, await first.json()]).toMatchObject([
        503,
        { healthy: false, parts: [{ part: 'report', healthy: false }, {}] },
      ]);
      const early = await fetch(`${fresh.url}/api/v1/status`);
      expect([early.status, early.headers.get('retry-after')]).toEqual([503, '2']);
      fresh.live.pushStatus({ ...exampleStatus, meter: { ...exampleStatus.meter, state: 'failed', reason: 'eth1 is gone' } });
      const failed = await fetch(`${fresh.url}/readyz`);
      expect([failed.status, await failed.text()]).toEqual([503, 'not ready: the meter has failed: eth1 is gone\n']);
      const parts = [{ part: 'capture', healthy: false, found: 'eth1 is gone' }] as const;
      fresh.live.pushStatus({ ...exampleStatus, dataPlane: { healthy: false, parts } });
      const sick = await fetch(`${fresh.url}/api/v1/health`);
      expect([sick.status, await sick.json()]).toMatchObject([
        503,
        { healthy: false, parts: [parts[0], { part: 'report' }, { part: 'page' }] },
      ]);
    } finally {
      await fresh.stop();
    }
  });
});

describe('bad parameters', () => {
  it.each([
    ['/api/v1/top?by=planet', 'by', 'planet', `one of ${dimensions.join(', ')}`],
    ['/api/v1/top?limit=0', 'limit', '0', 'a whole number from 1 to 1000'],
    ['/api/v1/top?limit=ten', 'limit', 'ten', 'a whole number from 1 to 1000'],
    ['/api/v1/top?last=2w', 'last', '2w', 'a number and s, m, h or d, from 1s to 3650d, such as 90s, 15m, 6h or 7d'],
    ['/api/v1/top?last=1h&last=2h', 'last', '1h, 2h', 'given once'],
    [
      '/api/v1/series?from=yesterday',
      'from',
      'yesterday',
      'milliseconds since 1970 or ISO 8601, such as 1767264060000, 2026-01-01T10:41:00Z or 2026-01-01T11:41:00+01:00',
    ],
    ['/api/v1/series?points=2001', 'points', '2001', 'a whole number from 1 to 2000'],
    ['/api/v1/series?from=5000&to=4000', 'from', '5000', 'a time before to'],
  ])('%s is refused by name, value and what is allowed', async (path, parameter, value, allowed) => {
    const error = await refused(path);
    expect(error).toMatchObject({ status: 400, code: 'badParameter', parameter, value, allowed });
    expect(error.message).toContain(allowed);
  });

  it('refuses what it does not know, also under names that objects have of themselves', async () => {
    expect(await refused('/api/v1/top?dimension=host')).toMatchObject({
      status: 400,
      code: 'unknownParameter',
      parameter: 'dimension',
    });
    expect(await refused('/api/v1/status?__proto__=1')).toMatchObject({ status: 400, code: 'unknownParameter' });
    expect(await refused('/api/v1/series?key=10.0.0.1')).toMatchObject({ status: 400, code: 'badParameter', parameter: 'by' });
    expect(await refused('/api/v1/top?last=1h&from=1')).toMatchObject({ status: 400, code: 'badParameter', parameter: 'last' });
  });

  it('does not repeat a long value', async () => {
    const { value } = await refused(`/api/v1/top?by=${'x'.repeat(1_500)}`);
    expect(value!.length).toBeLessThan(70);
  });
});

describe('the history in trouble', () => {
  it('says why it cannot be read, and hides what a bug would tell', async () => {
    const broken = await serve({
      history: {
        top: async () => Promise.reject(new ApplianceError('storeFull', 'the disk is full')),
        series: async () => Promise.reject(new TypeError('cannot read /home/secret of undefined')),
      },
    });
    try {
      const full = await fetch(`${broken.url}/api/v1/top`);
      expect(full.status).toBe(503);
      expect(await full.json()).toEqual({
        error: { code: 'historyUnavailable', message: 'The history cannot be read: the disk is full' },
      });
      const bug = await fetch(`${broken.url}/api/v1/series`);
      expect([bug.status, await bug.text()]).toEqual([500, expect.not.stringContaining('secret')]);
      expect(broken.logged).toContainEqual(expect.objectContaining({ event: 'requestFailed' }));
    } finally {
      await broken.stop();
    }
  });

  it('answers a bounded number of questions at once', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = await serve({
      history: {
        top: async ({ dimension, fromMs, toMs }) => {
          await promise;
          const none = { outOctets: 0, inOctets: 0, outPackets: 0, inPackets: 0, flows: 0 };
          return { dimension, tier: '1m', fromMs, toMs, rows: [], other: none, total: none };
        },
      },
    });
    try {
      let refusals = 0;
      const all = Array.from({ length: 12 }, () =>
        fetch(`${slow.url}/api/v1/top`).then(({ status }) => {
          if (status === 503 && ++refusals === 4) resolve();
          return status;
        }),
      );
      const statuses = await Promise.all(all);
      expect(statuses.filter((status) => status === 200)).toHaveLength(8);
      expect(statuses.filter((status) => status === 503)).toHaveLength(4);
    } finally {
      await slow.stop();
    }
  });

  it('says so when figures cannot be collected', async () => {
    const broken = await serve({ metrics: async () => Promise.reject(new Error('the main thread is busy')) });
    try {
      const answer = await fetch(`${broken.url}/metrics`);
      expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: 'metricsUnavailable' } }]);
    } finally {
      await broken.stop();
    }
  });
});

describe('the page', () => {
  it('comes compressed, with a tag that is honoured', async () => {
    const raw = await getRaw(box.port, '/', ['accept-encoding: gzip, br']);
    expect(raw.head).toMatch(/content-encoding: br/i);
    expect(brotliDecompressSync(Buffer.from(raw.body, 'latin1')).toString()).toBe(pageText);
    const plain = await getRaw(box.port, '/', ['accept-encoding: br;q=0']);
    expect(plain.head).not.toMatch(/content-encoding/i);
    expect(plain.body).toBe(pageText);
    const tag = /etag: ("[^"]+")/i.exec(raw.head)![1]!;
    const again = await getRaw(box.port, '/', ['accept-encoding: gzip, br', `if-none-match: "other", W/${tag}`]);
    expect([again.status, again.body]).toEqual([304, '']);
    // Another encoding is another representation: its tag must not match.
    expect((await getRaw(box.port, '/', [`if-none-match: ${tag}`])).status).toBe(200);
  });

  it('lets names with a hash be kept, and asks again for the rest', async () => {
    expect((await get('/assets/main-a1b2c3.js')).response.headers.get('cache-control')).toContain('immutable');
    const { response } = await get('/');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('vary')).toBe('accept-encoding');
  });

  it('says how to build it when it is not', async () => {
    const bare = await serve({ withoutPage: true });
    try {
      const answer = await fetch(bare.url);
      expect([answer.status, await answer.json()]).toMatchObject([
        503,
        { error: { code: 'pageNotBuilt', message: expect.stringContaining('npm run build:page') } },
      ]);
      expect((await fetch(`${bare.url}/healthz`)).status).toBe(200);
    } finally {
      await bare.stop();
    }
  });
});

describe('harm', () => {
  it('sends the same strict headers with everything, refusals too', async () => {
    for (const path of ['/', '/api/v1/status', '/api/v1/top?by=planet', '/nowhere', '/metrics', '/%zz']) {
      const { response } = await get(path);
      const policy = response.headers.get('content-security-policy')!;
      expect(policy, path).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toMatch(/unsafe|\*|http:/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it.each(['localhost', '127.0.0.1:80', '[::1]', '127.8.8.8', hostname(), `${hostname()}.local`])(
    'answers to %s',
    async (host) => {
      expect((await sendRaw(box.port, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)).status).toBe(200);
    },
  );

  it.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.0.2.1',
    'localhost@evil.example',
    '',
    '[::2]',
    'a b',
  ])('does not answer to %j, which a foreign site could have pointed here', async (host) => {
    const { status, body } = await sendRaw(box.port, `GET /api/v1/status HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    expect([400, 421]).toContain(status);
    expect(body).not.toContain('ledger');
  });

  it('answers to further names when settings say so', async () => {
    const named = await serve({ settings: { allowedHosts: ['flows.branch.example'] } });
    try {
      const ask = (host: string) => sendRaw(named.port, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect((await ask('Flows.Branch.Example:8480')).status).toBe(200);
      expect((await ask('other.branch.example')).status).toBe(421);
    } finally {
      await named.stop();
    }
  });

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//secret.txt',
    '/assets/%00',
    '/index.html.br',
  ])('finds nothing at %s', async (path) => {
    const { status, body } = await getRaw(box.port, path);
    expect([400, 404]).toContain(status);
    expect(body).not.toContain('not for browsers');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('changes nothing by %s', async (method) => {
    const response = await fetch(`${box.url}/api/v1/status`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('takes no long address, no long headers, no bodies', async () => {
    expect((await getRaw(box.port, `/api/v1/top?key=${'k'.repeat(3_000)}`)).status).toBe(414);
    expect((await getRaw(box.port, '/', [`x-long: ${'k'.repeat(9_000)}`])).status).toBe(431);
    const head = 'POST /api/v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n';
    const { status } = await sendRaw(box.port, `${head}content-length: 2000000\r\n\r\n${'{'.repeat(1_000)}`);
    expect([405, 413]).toContain(status);
    expect((await sendRaw(box.port, 'what is this\r\n\r\n')).status).toBe(400);
  });

  it('does not let a header be split', async () => {
    const { head } = await getRaw(box.port, '/api/v1/top?by=a%0d%0aset-cookie:%20x=1');
    expect(head).not.toMatch(/set-cookie/i);
  });
});

describe('the port', () => {
  it('says what to do when it is in use', async () => {
    const settings = { port: box.port };
    await expect(serve({ settings })).rejects.toMatchObject({
      code: 'addressInUse',
      message: expect.stringMatching(/status\.port/),
    });
    await expect(serve({ settings: { address: '192.0.2.77' } })).rejects.toMatchObject({ code: 'addressUnavailable' });
  });

  it('is free again after a stop, with browsers still connected', async () => {
    const first = await serve();
    first.live.pushStatus(exampleStatus);
    const stream = await fetch(`${first.url}/api/v1/events`);
    await first.stop();
    await expect(stream.text()).resolves.toContain('event: status');
    const probe = createServer();
    await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(first.port, '127.0.0.1', resolve));
    probe.close();
  });
});
