/** The service with a real receiver of webhooks: signed, in order, tried again, over a restart; a disk that does not write. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SettingsInput, settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { ApplianceError } from '../../../src/core/errors.ts';
import { createLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { Alert } from '../../../src/flow/alert_shapes.ts';
import type { BoxStatus } from '../../../src/flow/status_shapes.ts';
import { exampleStatus } from '../../../src/forward/mqtt/payload_examples.ts';
import { AlertService } from '../../../src/system/alerts/alert_service.ts';
import type { TextStore } from '../../../src/system/boot_file.ts';

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}
const posted: Posted[] = [];
let answer: number | 'hang' = 200;
const receiver = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  request.on('end', () => {
    posted.push({ headers: request.headers, text });
    if (answer === 'hang') return;
    response.writeHead(answer, answer === 302 ? { location: 'http://127.0.0.1:9/' } : {}).end('x'.repeat(100_000));
  });
});
const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  writeFileSync(join(folder, 'secret'), 'our secret\n');
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  posted.length = 0;
  answer = 200;
});

class MemoryFile implements TextStore {
  text: string | undefined;
  broken = false;
  writes = 0;
  async read(): Promise<string | undefined> {
    return this.text;
  }
  async replace(text: string): Promise<void> {
    if (this.broken) throw new ApplianceError('storeFull', 'the disk is full');
    this.writes++;
    this.text = text;
  }
}

const host = { ...exampleStatus.host, complaints: [] };
const good: BoxStatus = { ...exampleStatus, host, mirror: { ...exampleStatus.mirror, findings: [] }, uplinks: [] };
const hot: BoxStatus = { ...good, host: { ...host, temperatureC: 91 } };

function make(alerts: NonNullable<SettingsInput>['alerts'] = {}, store = new MemoryFile()) {
  const clock = new SimulatedClock(1_000, 1_800_000_000_000);
  const logged: string[] = [];
  const world = {
    clock,
    random: new SeededRandom(7),
    metrics: createMetrics(),
    log: createLog(clock, (_level, _part, event) => logged.push(event)),
  };
  const changes: Alert[] = [];
  const state = { status: good };
  const service = new AlertService({
    world,
    settings: settingsSchema.parse({ alerts }).alerts,
    identity: { site: 'branch-17', node: 'box-1' },
    store,
    status: () => state.status,
    targets: () => [],
    onChange: (alert) => changes.push(alert),
  });
  return { clock, world, logged, changes, state, service, store };
}
type Made = ReturnType<typeof make>;
/** Simulated time passes, and real sockets have their say in between. */
async function pass({ clock }: Made, seconds: number): Promise<void> {
  for (let s = 0; s < seconds; s += 5) {
    await clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
const hook = (more = {}) => ({ webhooks: [{ name: 'noc', url, secretFile: join(folder, 'secret'), ...more }] });
const bodies = (): Record<string, unknown>[] => posted.map(({ text }) => JSON.parse(text));

describe('alerts as a service', () => {
  it('are posted signed, with what a receiver needs to tell repetitions and replays', async () => {
    const made = make(hook());
    await made.service.start();
    made.state.status = hot;
    await pass(made, 70);
    await expect.poll(() => posted.length).toBe(1);
    const { headers, text } = posted[0]!;
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-flowspan-signature']))!;
    expect(v1).toBe(createHmac('sha256', 'our secret').update(`${t}.${text}`).digest('hex'));
    expect(Number(t)).toBeCloseTo(made.clock.wallMs() / 1_000, -2);
    expect(JSON.parse(text)).toMatchObject({
      schema: 1,
      site: 'branch-17',
      node: 'box-1',
      what: 'raised',
      delivery: expect.stringMatching(/^box-1-/),
      alert: { id: 'hot', severity: 'ticket' },
    });
    made.state.status = good;
    await pass(made, 310);
    await expect.poll(() => bodies().map(({ what }) => what)).toEqual(['raised', 'cleared']);
    expect(made.changes.map(({ state }) => state)).toEqual(['raised', 'cleared']);
    // The receiver has the message before its answer is counted.
    await expect
      .poll(() => made.world.metrics.render())
      .toMatch(/flowspan_webhook_messages\{webhook="noc",outcome="delivered"\} 2/);
    await made.service.stop(0);
  });

  it.each([500, 404, 302])('are posted again after an answer of %s, the same, until they are taken', async (status) => {
    const made = make(hook());
    answer = status;
    await made.service.start();
    made.state.status = hot;
    await pass(made, 100);
    await expect.poll(() => posted.length).toBeGreaterThan(1);
    expect(new Set(bodies().map(({ delivery }) => delivery)).size).toBe(1);
    answer = 200;
    const before = posted.length;
    await pass(made, 700);
    await expect.poll(() => posted.length).toBe(before + 1);
    expect(made.logged).toContain('webhookWaits');
    await made.service.stop(0);
  });

  it('only pages, where only they are wanted', async () => {
    const made = make(hook({ severity: 'page' }));
    await made.service.start();
    made.state.status = { ...hot, stores: [{ ...exampleStatus.stores[0]!, state: 'stopped', reason: 'the disk is gone' }] };
    await pass(made, 120);
    await expect.poll(() => bodies().map(({ alert }) => (alert as Alert).id)).toEqual(['storeStopped.spool']);
    await made.service.stop(0);
  });

  it('that could not be posted are posted after a restart, and given up when they are old', async () => {
    const first = make(hook());
    answer = 503;
    await first.service.start();
    first.state.status = hot;
    await pass(first, 100);
    await first.service.stop(0);
    const { delivery } = bodies()[0]!;
    posted.length = 0;
    answer = 200;
    const second = make(hook(), first.store);
    second.state.status = hot;
    await second.service.start();
    await expect.poll(() => bodies().map((body) => body.delivery)).toEqual([delivery]);
    await pass(second, 600);
    // It stands, was told, and is not told again.
    expect(posted).toHaveLength(1);
    expect(second.service.alerts).toMatchObject([{ id: 'hot', state: 'raised' }]);
    await second.service.stop(0);

    answer = 503;
    const third = make(hook({ ageMaxS: 60 }));
    await third.service.start();
    third.state.status = hot;
    await pass(third, 2_000);
    expect(third.logged).toContain('webhookGivenUp');
    expect(await third.world.metrics.render()).toMatch(/outcome="waiting"\} 0[\s\S]*outcome="givenUp"\} 1/);
    await third.service.stop(0);
  });

  it('on their way when the box stops are broken off, and posted after the restart', async () => {
    const first = make(hook({ timeoutMs: 60_000 }));
    answer = 'hang';
    await first.service.start();
    first.state.status = hot;
    await pass(first, 70);
    await expect.poll(() => posted.length).toBe(1);
    await first.service.stop(0);
    await expect.poll(() => new Promise((resolve) => receiver.getConnections((_, count) => resolve(count)))).toBe(0);
    answer = 200;
    const second = make(hook(), first.store);
    second.state.status = hot;
    await second.service.start();
    await expect.poll(() => posted.length).toBe(2);
    expect(posted[1]!.text).toBe(posted[0]!.text);
    await second.service.stop(0);
  });

  it('go on without a disk, and write only when something has changed', async () => {
    const made = make();
    made.store.broken = true;
    await made.service.start();
    made.state.status = hot;
    await pass(made, 100);
    expect(made.service.alerts).toHaveLength(1);
    expect(made.logged).toContain('alertsUnwritten');
    made.store.broken = false;
    await pass(made, 20);
    expect(made.store.writes).toBe(1);
    await pass(made, 600);
    expect(made.store.writes).toBe(1);
    await made.service.stop(0);
  });

  it('with a damaged file begin anew, and say so', async () => {
    const store = new MemoryFile();
    store.text = '{"schema":1,"alerts"';
    const made = make({}, store);
    await made.service.start();
    expect([made.service.alerts, made.logged]).toEqual([[], ['alertsUnread']]);
    expect(() => made.service.act({ kind: 'mute', id: 'hot', who: 'olaf', forMs: 1 })).toThrow(/there is no alert hot/);
    await made.service.stop(0);
  });

  it('are off when a setting says so', async () => {
    const made = make({ enabled: false });
    await made.service.start();
    made.state.status = hot;
    await pass(made, 200);
    expect(made.service.alerts).toEqual([]);
    await made.service.stop(0);
  });
});
