/** The real server over a fake office, fed once a second like the real one. For tests and the preview; not shipped. */
import { fileURLToPath } from 'node:url';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import type { Alert, AlertAct } from '../../src/flow/alert_shapes.ts';
import type { UpdateAct, UpdateStatus } from '../../src/flow/update_shapes.ts';
import { LiveBuffer, secondsKept } from '../../src/status/live_feed.ts';
import type { SetUpDesk } from '../../src/status/set_up_routes.ts';
import { StatusServer } from '../../src/status/status_server.ts';
import { officeFlows, searchOver } from '../store/kept_flows.ts';
import { fakeHistory, type Scenario, secondAt } from './fake_feed.ts';
import { fakeStatus } from './fake_status.ts';
import { namedHosts } from './served.ts';

export const pageFolder = fileURLToPath(new URL('../../build/page', import.meta.url));

export interface FakeBox {
  readonly url: string;
  readonly live: LiveBuffer;
  /** With users: what stands on the console. */
  setUpCode(): string;
  /** Ends the feed but not the server, as a main thread that hangs. */
  hang(): void;
  stop(): Promise<void>;
}

export async function startFakeBox(
  scenario: Scenario,
  where: Record<string, unknown> = { port: 0 },
  /** Where users are kept; without it nobody signs in. */
  dataFolder?: string,
  /** Of updates, instead of what the scenario says. */
  told: Partial<UpdateStatus> = {},
  /** Settings that can be set on the page. */
  setUp?: SetUpDesk,
): Promise<FakeBox> {
  const clock = new SystemClock();
  const world: World = { clock, random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
  const live = new LiveBuffer();
  const feed = (atMs: number): void => {
    const second = secondAt(atMs, scenario);
    if (second !== undefined) live.pushSecond(second);
  };
  let lastMs = Math.floor(clock.wallMs() / 1_000) * 1_000;
  const firstMs = scenario === 'first-start' ? lastMs - 240_000 : lastMs - (secondsKept - 1) * 1_000;
  for (let atMs = firstMs; atMs <= lastMs; atMs += 1_000) feed(atMs);
  const tended = new Map<string, AlertAct>();
  let updating = told;
  const push = (): void => {
    const status = fakeStatus(scenario, clock.wallMs());
    const alerts = status.alerts.map((alert) => tend(alert, tended.get(alert.id)));
    live.pushStatus({ ...status, alerts, updates: { ...status.updates, ...updating } });
  };
  push();
  const ticking = setInterval(() => {
    while (lastMs + 1_000 <= clock.wallMs()) {
      lastMs += 1_000;
      feed(lastMs);
    }
    push();
  }, 1_000);
  const { sessionIdleS, ...checked } = where;
  const parsed = settingsSchema.parse({ status: checked }).status;
  // Shorter than a setting may be: a test does not wait for a minute.
  const settings = sessionIdleS === undefined ? parsed : { ...parsed, sessionIdleS: Number(sessionIdleS) };
  let setUpCode = '';
  const onAlertAct = {
    onAlertAct: async (act: AlertAct) => {
      tended.set(act.id, act);
      push();
    },
  };
  /** Whatever is uploaded is version 0.3.0, with a good signature. */
  const updates = {
    folder: dataFolder ?? '',
    act: async (act: UpdateAct) => {
      if (act.kind === 'upload') updating = { state: 'uploading', reason: '' };
      if (act.kind === 'uploaded')
        updating = {
          ...{ state: 'toConfirm', reason: '' },
          offered: { version: '0.3.0', octets: act.octets, doneOctets: act.octets, source: 'page', sha256: act.sha256 },
        };
      if (act.kind === 'install') updating = { ...updating, state: 'restarting' };
      if (act.kind === 'discard') updating = {};
      push();
    },
  };
  const access = {
    updates,
    ...(setUp === undefined ? {} : { setUp }),
    onSetUpCode: (code: string) => {
      setUpCode = code;
    },
  };
  const server = new StatusServer(world, settings, {
    history: fakeHistory(scenario),
    topK: 100,
    ...(scenario === 'no-data' ? {} : { flows: searchOver(officeFlows(3_000)) }),
    hosts: namedHosts({ '10.20.1.14': 'laptop-anna', '142.250.185.78': 'www.example.com' }),
    live,
    metrics: () => world.metrics.render(),
    pageFolder,
    ...onAlertAct,
    ...(dataFolder === undefined ? {} : { dataFolder, ...access }),
  });
  await server.start(new AbortController().signal);
  return {
    url: server.url,
    live,
    setUpCode: () => setUpCode,
    hang: () => clearInterval(ticking),
    stop: async () => {
      clearInterval(ticking);
      await server.stop(5_000);
    },
  };
}

/** What the main thread does with an act. */
function tend(alert: Alert, act: AlertAct | undefined): Alert {
  if (act?.kind === 'acknowledge') return { ...alert, acknowledgedBy: act.who, acknowledgedMs: alert.raisedMs + 60_000 };
  return act?.kind === 'mute' ? { ...alert, mutedBy: act.who, mutedUntilMs: Date.now() + act.forMs } : alert;
}
