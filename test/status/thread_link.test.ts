/** The line between the threads, over a real message channel: nothing is lost while the page keeps up, bounded when not. */
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock, SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { HistoryWindow } from '../../src/flow/history_shapes.ts';
import { type LinkPort, MainEnd, type MainEndEvents, PageEnd, type PageEndEvents } from '../../src/status/thread_link.ts';
import { exampleStatus } from './served.ts';

const second = (atMs: number) => ({ atMs, packets: 1, octets: 60, droppedPackets: 0, newFlows: 0 });
const window: HistoryWindow = { tier: '10s', startMs: 10_000, dimensions: [], partial: false };

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function ends(main: Partial<MainEndEvents>, page: Partial<PageEndEvents>, clock = new SystemClock()) {
  const { port1, port2 } = new MessageChannel();
  closing.push(() => port1.close());
  const silent = (): void => {};
  const mainEnd = new MainEnd(port1, {
    metrics: async () => 'a 1\n',
    onListening: silent,
    onFailed: silent,
    onStopped: silent,
    ...main,
  });
  const pageEnd = new PageEnd(clock, port2, { onSecond: silent, onStatus: silent, onWindow: silent, onStop: silent, ...page });
  mainEnd.open();
  return { mainEnd, pageEnd };
}

/** Lets both ports deliver what they hold. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('thread link', () => {
  it('hands over everything, in order, to a page that keeps up', async () => {
    const seen: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { mainEnd, pageEnd } = ends(
      {},
      {
        onSecond: ({ atMs }) => {
          seen.push(atMs);
          if (atMs === 499) resolve();
        },
        onWindow: (given) => seen.push(given),
        onStatus: (status) => seen.push(status),
      },
    );
    pageEnd.open();
    mainEnd.status(exampleStatus);
    mainEnd.window10s(window);
    for (let n = 0; n < 500; n++) mainEnd.second(second(n));
    await promise;
    expect(seen).toEqual([exampleStatus, window, ...Array.from({ length: 500 }, (_, n) => n)]);
    expect(mainEnd.figures()).toMatchObject({ items: 0, dropped: 0 });
  });

  it('tells the page that rows wait, which it does not acknowledge', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { mainEnd, pageEnd } = ends({}, { onRowsWait: resolve });
    pageEnd.open();
    mainEnd.rowsWait();
    await promise;
  });

  it('holds a bounded number of seconds and one status for a page that hangs', async () => {
    const posted: unknown[] = [];
    let answer: (message: unknown) => void = () => {};
    const port: LinkPort = { postMessage: (message) => posted.push(message), on: (_event, listener) => (answer = listener) };
    const mainEnd = new MainEnd(port, { metrics: async () => '', onListening() {}, onFailed() {}, onStopped() {} });
    mainEnd.open();
    for (let n = 0; n < 10_000; n++) {
      mainEnd.second(second(n));
      mainEnd.status({ ...exampleStatus, nowMs: n });
    }
    expect(posted).toHaveLength(64);
    expect(mainEnd.figures()).toMatchObject({ policy: 'drop-oldest', items: 600, dropped: 10_000 - 32 - 600 });
    // It comes back: the newest 600 seconds in order, and the newest status alone.
    for (let n = 0; n < 1_000; n++) answer({ kind: 'taken' });
    const late = posted.slice(64) as { kind: string; second?: { atMs: number }; status?: { nowMs: number } }[];
    expect(late.filter(({ kind }) => kind === 'second').map((message) => message.second!.atMs)).toEqual(
      Array.from({ length: 600 }, (_, n) => 9_400 + n),
    );
    expect(late.filter(({ kind }) => kind === 'status').map((message) => message.status!.nowMs)).toEqual([9_999]);
  });

  it('carries what is done about updates, and why it cannot be', async () => {
    const acts: unknown[] = [];
    const onUpdateAct = (act: { kind: string }): void => {
      acts.push(act);
      if (act.kind === 'discard') throw new ApplianceError('usage', 'there is nothing to discard');
    };
    const { pageEnd } = ends({ metrics: async () => '', onUpdateAct }, {});
    pageEnd.open();
    await pageEnd.updateAct({ kind: 'check', who: 'anna' });
    await expect(pageEnd.updateAct({ kind: 'discard', who: 'anna' })).rejects.toMatchObject({
      code: 'usage',
      message: 'there is nothing to discard',
    });
    expect(acts).toEqual([
      { kind: 'check', who: 'anna' },
      { kind: 'discard', who: 'anna' },
    ]);
  });

  it('asks for figures once for many who ask, and again afterwards', async () => {
    let rendered = 0;
    const { pageEnd } = ends({ metrics: async () => `n ${++rendered}\n` }, {});
    pageEnd.open();
    expect(await Promise.all([pageEnd.metrics(), pageEnd.metrics(), pageEnd.metrics()])).toEqual(['n 1\n', 'n 1\n', 'n 1\n']);
    expect(await pageEnd.metrics()).toBe('n 2\n');
  });

  it('tells who asks that figures failed, or that nobody answers', async () => {
    const { pageEnd } = ends({ metrics: async () => Promise.reject(new Error('registry broken')) }, {});
    pageEnd.open();
    await expect(pageEnd.metrics()).rejects.toThrow(/registry broken/);
    const clock = new SimulatedClock();
    const deaf = new PageEnd(clock, { postMessage() {}, on() {} }, { onSecond() {}, onStatus() {}, onWindow() {}, onStop() {} });
    const asked = deaf.metrics();
    const refused = expect(asked).rejects.toMatchObject({ code: 'deadlineExceeded' });
    await clock.advance(5_001);
    await refused;
  });

  it('carries news of the page to the main thread, errors with their code', async () => {
    const said: unknown[] = [];
    const stops: number[] = [];
    const { mainEnd, pageEnd } = ends(
      {
        onListening: (url) => said.push(url),
        onFailed: (error) => said.push(error),
        onStopped: () => said.push('stopped'),
      },
      { onStop: (deadlineMs) => stops.push(deadlineMs) },
    );
    pageEnd.open();
    pageEnd.listening('http://127.0.0.1:8480');
    pageEnd.failed(new ApplianceError('addressInUse', 'taken'));
    pageEnd.failed(new TypeError('a bug'));
    pageEnd.stopped();
    mainEnd.requestStop(5_000);
    await settle();
    expect(stops).toEqual([5_000]);
    expect(said).toMatchObject([
      'http://127.0.0.1:8480',
      { name: 'ApplianceError', code: 'addressInUse', message: 'taken' },
      { name: 'Error', message: 'a bug' },
      'stopped',
    ]);
  });
});
