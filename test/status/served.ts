/** A status server over a small page and a history that the test writes; for the tests of the server. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { createLog, type LogFields } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import type { AlertAct } from '../../src/flow/alert_shapes.ts';
import type { FlowSearcher } from '../../src/flow/flow_search_shapes.ts';
import { emptyVolume, type HistoryReader } from '../../src/flow/history_shapes.ts';
import { exampleStatus } from '../../src/forward/mqtt/payload_examples.ts';
import { type KnownHosts, KnownNames } from '../../src/status/known_hosts.ts';
import { LiveBuffer } from '../../src/status/live_feed.ts';
import type { SetUpDesk } from '../../src/status/set_up_routes.ts';
import { StatusServer } from '../../src/status/status_server.ts';
import type { UpdateDesk } from '../../src/status/update_routes.ts';
import { searchOver } from '../store/kept_flows.ts';

export { exampleStatus };

export const pageText = `<!doctype html><title>flowspan</title>${'<p>page</p>'.repeat(400)}`;

export interface Served {
  readonly server: StatusServer;
  readonly url: string;
  readonly port: number;
  readonly live: LiveBuffer;
  readonly logged: { event: string; fields: LogFields }[];
  /** Where users are kept, with `signIn`. */
  readonly dataFolder: string;
  /** What stands on the console now. */
  setUpCode(): string;
  /** What the history was asked last. */
  readonly asked: unknown[];
  stop(): Promise<void>;
}

export interface ServedOptions {
  readonly settings?: Record<string, unknown>;
  readonly history?: Partial<HistoryReader>;
  /** Of none when left out. */
  readonly flows?: FlowSearcher | 'none';
  readonly hosts?: KnownHosts;
  readonly metrics?: () => Promise<string>;
  readonly withoutPage?: boolean;
  /** With users, as the appliance runs it; `settings` say whether sign-in is asked for. */
  readonly withAccess?: boolean;
  readonly dataFolder?: string;
  readonly clock?: World['clock'];
  readonly onAlertAct?: (act: AlertAct) => Promise<void>;
  readonly updates?: UpdateDesk;
  readonly setUp?: SetUpDesk;
}

export async function serve(options: ServedOptions = {}): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'flowspan-page-'));
  if (options.withoutPage !== true) await writePage(join(folder, 'page'));
  await writeFile(join(folder, 'secret.txt'), 'not for browsers');
  const logged: Served['logged'] = [];
  const asked: unknown[] = [];
  const clock = options.clock ?? new SystemClock();
  const dataFolder = options.dataFolder ?? join(folder, 'var');
  let setUpCode = '';
  const log = createLog(clock, (_level, _part, event, fields) => logged.push({ event, fields }));
  const world: World = { clock, random: new SystemRandom(), log, metrics: createMetrics() };
  const live = new LiveBuffer();
  const settings = settingsSchema.parse({ status: { port: 0, ...options.settings } }).status;
  const server = new StatusServer(world, settings, {
    live,
    topK: 100,
    ...(options.flows === 'none' ? {} : { flows: options.flows ?? searchOver([]) }),
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
    metrics: options.metrics ?? (() => world.metrics.render()),
    pageFolder: join(folder, 'page'),
    ...(options.withAccess === true
      ? {
          dataFolder,
          ...(options.onAlertAct === undefined ? {} : { onAlertAct: options.onAlertAct }),
          ...(options.updates === undefined ? {} : { updates: options.updates }),
          ...(options.setUp === undefined ? {} : { setUp: options.setUp }),
          onSetUpCode: (code: string) => {
            setUpCode = code;
          },
        }
      : {}),
    history: {
      async top(question) {
        asked.push(question);
        const { dimension, fromMs, toMs } = question;
        return { dimension, tier: '1m', fromMs, toMs, rows: [], other: emptyVolume(), total: emptyVolume() };
      },
      async series(question) {
        asked.push(question);
        return { tier: '1m', fromMs: question.fromMs, toMs: question.toMs, stepMs: 60_000, points: [] };
      },
      ...options.history,
    },
  });
  await server.start(new AbortController().signal);
  return {
    server,
    url: server.url,
    port: Number(new URL(server.url).port),
    live,
    logged,
    asked,
    dataFolder,
    setUpCode: () => setUpCode,
    stop: async () => {
      await server.stop(5_000);
      await rm(folder, { recursive: true });
    },
  };
}

/** Names by address, each learned from a lease; network cards of 02:00:5e are of one vendor. */
export function namedHosts(names: Readonly<Record<string, string>>): KnownHosts {
  const known = new KnownNames();
  const source = { source: 'dhcp', learnedMs: 1_800_000_000_000, holdsUntilMs: 1_800_000_600_000 } as const;
  known.take(Object.entries(names).map(([address, name]) => ({ address, name: { name, ...source } })));
  return { names: known, vendorOf: (mac) => (mac.startsWith('02:00:5e') ? 'Example Vendor' : undefined) };
}

async function writePage(folder: string): Promise<void> {
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(folder, 'index.html'), pageText);
  await writeFile(join(folder, 'index.html.br'), brotliCompressSync(pageText));
  await writeFile(join(folder, 'index.html.gz'), gzipSync(pageText));
  await writeFile(join(folder, 'assets', 'main-a1b2c3.js'), 'export {};');
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends octets as they are, which no HTTP client would, and reads until the server closes. */
export function sendRaw(port: number, text: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('error', reject);
    socket.on('close', () => {
      const whole = Buffer.concat(parts).toString('latin1');
      const [head = '', ...rest] = whole.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: rest.join('\r\n\r\n') });
    });
  });
}

export const getRaw = (port: number, target: string, headers: readonly string[] = []): Promise<RawAnswer> =>
  sendRaw(port, `GET ${target} HTTP/1.1\r\n${['host: localhost', 'connection: close', ...headers].join('\r\n')}\r\n\r\n`);
