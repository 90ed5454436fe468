/** Live events to browsers that keep up, that do not, and that are too many. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { exampleStatus, type Served, serve } from './served.ts';

let box: Served;
const open: Socket[] = [];
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await box.stop();
});

interface Reader {
  readonly socket: Socket;
  text(): string;
  /** Waits for the text; fails after the test's time. */
  until(part: string): Promise<void>;
}

function listen(port: number): Promise<Reader> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
      resolve({
        socket,
        text: () => text,
        until: (part) =>
          new Promise((done) => {
            let seen = 0;
            const look = (): void => {
              const from = Math.max(0, seen - part.length);
              seen = text.length;
              if (!text.includes(part, from)) return;
              socket.off('data', look);
              done();
            };
            socket.on('data', look);
            look();
          }),
      });
    });
    open.push(socket);
    socket.on('error', reject);
    socket.on('data', (part) => {
      text += part.toString();
    });
  });
}

const second = (atMs: number) => ({ atMs, packets: 1, octets: 60, droppedPackets: 0, newFlows: 0 });
const statuses = (text: string): BoxStatus[] =>
  [...text.matchAll(/event: status\ndata: (.*)\n/g)].map((match) => JSON.parse(match[1]!) as BoxStatus);

describe('event streams', () => {
  it('begin with the whole status and go on with what changes', async () => {
    box = await serve();
    box.live.pushStatus(exampleStatus);
    const reader = await listen(box.port);
    await reader.until('event: status');
    expect(reader.text()).toMatch(/^HTTP\/1\.1 200/);
    expect(reader.text()).toMatch(/content-type: text\/event-stream/i);
    expect(reader.text()).toMatch(/content-security-policy/i);
    box.live.pushSecond(second(42_000));
    await reader.until('"atMs":42000');
    expect(statuses(reader.text())[0]).toEqual(exampleStatus);
  });

  it('carry the list of events only when it has changed', async () => {
    box = await serve();
    box.live.pushStatus(exampleStatus);
    const reader = await listen(box.port);
    await reader.until('event: status');
    box.live.pushStatus({ ...exampleStatus, nowMs: 7 });
    await reader.until('"nowMs":7,');
    const news = { atMs: 99, level: 'warn', event: 'uplinkLost', text: 'central is gone' } as const;
    box.live.pushStatus({ ...exampleStatus, nowMs: 8, events: [...exampleStatus.events, news] });
    await reader.until('"nowMs":8,');
    const [first, same, changed] = statuses(reader.text());
    expect(first!.events).toEqual(exampleStatus.events);
    expect(same).not.toHaveProperty('events');
    expect(changed!.events.at(-1)).toEqual(news);
  });

  it('skip a browser that does not read ahead, and hold nothing for it', async () => {
    box = await serve();
    const slow = await listen(box.port);
    box.live.pushStatus(exampleStatus);
    await slow.until('event: status');
    slow.socket.pause();
    const bulky = { ...exampleStatus, notConfigured: Array.from({ length: 100 }, () => 'x'.repeat(10_000)) };
    const skipped = async (): Promise<number> =>
      Number(/flowspan_page_events_skipped (\d+)/.exec(await (await fetch(`${box.url}/metrics`)).text())![1]);
    const used = (): number => process.memoryUsage().external + process.memoryUsage().heapUsed;
    const before = used();
    // The kernel's buffers take a few frames of 1 MB; from then on one waits in the process and the others are skipped.
    let pushes = 0;
    while ((await skipped()) < 60) box.live.pushStatus({ ...bulky, nowMs: ++pushes });
    expect(pushes).toBeLessThan(100);
    expect(used() - before).toBeLessThan(60e6);
    box.live.pushStatus({ ...exampleStatus, nowMs: 555 });
    slow.socket.resume();
    await slow.until('event: skipped');
    await slow.until('"nowMs":555,');
    const told = Number(/event: skipped\ndata: {"events":(\d+)}/.exec(slow.text())![1]);
    expect(told).toBe(await skipped());
    // Received and skipped are all that was said; the newest comes once more after the gap.
    expect(statuses(slow.text()).length - 1 + told).toBe(1 + pushes + 1);
  });

  it('are limited in number, and a place comes free when a browser leaves', async () => {
    box = await serve({ settings: { streamsMax: 2 } });
    const first = await listen(box.port);
    const other = await listen(box.port);
    await first.until('retry:');
    await other.until('retry:');
    const refused = await fetch(`${box.url}/api/v1/events`);
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: 'tooBusy' } }]);
    first.socket.destroy();
    let again = await listen(box.port);
    await again.until('\r\n\r\n');
    while (!again.text().includes('retry:')) {
      again.socket.destroy();
      again = await listen(box.port);
      await again.until('\r\n\r\n');
    }
    expect(again.text()).toMatch(/^HTTP\/1\.1 200/);
  });

  it('outlive browsers that break the connection in the middle', async () => {
    box = await serve();
    for (let n = 0; n < 20; n++) {
      const reader = await listen(box.port);
      await reader.until('retry:');
      reader.socket.resetAndDestroy();
      box.live.pushStatus(exampleStatus);
    }
    const reader = await listen(box.port);
    await reader.until('event: status');
    expect((await fetch(`${box.url}/healthz`)).status).toBe(200);
  });
});
