/** A wait that a signal ends. */
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { unlessAborted } from '../../src/core/abort.ts';

test('settles as the work does, and listens no longer', async () => {
  const { signal } = new AbortController();
  await expect(unlessAborted(signal, Promise.resolve(7))).resolves.toBe(7);
  await expect(unlessAborted(signal, Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  await new Promise((resolve) => setImmediate(resolve));
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('rejects with the reason when the signal aborts before or during the work; a later failure of the work disturbs nobody', async () => {
  const controller = new AbortController();
  let fail: (error: Error) => void = () => {};
  const work = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const waiting = unlessAborted(controller.signal, work);
  controller.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(unlessAborted(controller.signal, work)).rejects.toThrow('stopped');
  fail(new Error('later'));
  await new Promise((resolve) => setImmediate(resolve));
});
