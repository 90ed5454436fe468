/** Server and link in a real worker thread, as the appliance runs them. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { MainEnd } from '../../src/status/thread_link.ts';
import { exampleStatus, serve } from './served.ts';

function startThread(port: number, hangMs = 0) {
  const worker = new Worker(new URL('./page_thread_child.ts', import.meta.url), { workerData: { port, hangMs } });
  const listening = Promise.withResolvers<string>();
  const stopped = Promise.withResolvers<void>();
  const main = new MainEnd(worker, {
    metrics: async () => 'flowspan_main 1\n',
    onListening: listening.resolve,
    onFailed: listening.reject,
    onStopped: stopped.resolve,
  });
  main.open();
  worker.on('error', listening.reject);
  return { worker, main, listening: listening.promise, stopped: stopped.promise };
}

const second = (atMs: number) => ({ atMs, packets: 1, octets: 60, droppedPackets: 0, newFlows: 0 });

it('serves what the main thread says, with its figures, and ends when told', async () => {
  const { worker, main, listening, stopped } = startThread(0);
  const url = await listening;
  main.second(second(1_000));
  main.status(exampleStatus);
  const stream = (await fetch(`${url}/api/v1/events`)).body!.pipeThrough(new TextDecoderStream());
  let text = '';
  for await (const part of stream) {
    text += part;
    if (text.includes('event: status')) break;
  }
  expect(await (await fetch(`${url}/api/v1/status`)).json()).toEqual(exampleStatus);
  expect(await (await fetch(`${url}/metrics`)).text()).toBe('flowspan_main 1\n');
  expect(await (await fetch(`${url}/api/v1/top`)).json()).toMatchObject({ error: { code: 'historyUnavailable' } });
  const ended = once(worker, 'exit');
  main.requestStop(2_000);
  await stopped;
  expect(await ended).toEqual([0]);
});

it('does not hold the main thread up while it hangs, and has all it can have afterwards', async () => {
  const { worker, main, listening } = startThread(0, 1_500);
  const url = await listening;
  main.status(exampleStatus);
  for (let n = 0; n < 2_000; n++) main.second(second(n));
  // Nothing above waited: the page has not had a turn, and what it cannot take is bounded and counted.
  expect(main.figures()).toMatchObject({ items: 600, dropped: 2_000 - 63 - 600 });
  const { seconds } = (await (await fetch(`${url}/api/v1/traffic/seconds`)).json()) as { seconds: { atMs: number }[] };
  let held = seconds;
  while (held.at(-1)?.atMs !== 1_999) {
    held = ((await (await fetch(`${url}/api/v1/traffic/seconds`)).json()) as { seconds: { atMs: number }[] }).seconds;
  }
  expect(held.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 600 }, (_, n) => 1_400 + n));
  await worker.terminate();
});

it('tells the main thread why it cannot listen', async () => {
  const taken = await serve();
  const { worker, listening } = startThread(taken.port);
  await expect(listening).rejects.toMatchObject({ code: 'addressInUse', message: expect.stringContaining('status.port') });
  await worker.terminate();
  await taken.stop();
});
