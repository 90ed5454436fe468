/** A planned stop of the way to a broker: it ends when all is said, and leaves nothing behind that keeps the program from ending. */
import { afterEach, expect, test } from 'vitest';
import { SystemClock, type Timer } from '../../../src/core/clock.ts';
import { startBox } from './box.ts';
import { Mosquitto, Relay, until } from './broker.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Knows which timers are still to come. */
class CountingClock extends SystemClock {
  readonly open = new Set<Timer>();

  override after(delayMs: number, run: () => void): Timer {
    const handle = super.after(delayMs, () => {
      this.open.delete(timer);
      run();
    });
    const timer = {
      cancel: () => {
        this.open.delete(timer);
        handle.cancel();
      },
    };
    this.open.add(timer);
    return timer;
  }
}

test.each(['healthy', 'silent'])('with a broker that is %s no timer is left', async (broker) => {
  const clock = new CountingClock();
  const mosquitto = await Mosquitto.start();
  cleanups.push(() => mosquitto.remove());
  const between = await Relay.start(mosquitto.port);
  cleanups.push(() => between.stop());
  const box = await startBox(between.port, {}, { clock });
  await until('it is up', () => box.uplink.status().state === 'up');
  if (broker === 'silent') between.hold();
  box.say(5);
  await box.stop(broker === 'silent' ? 500 : 10_000);
  expect(clock.open.size).toBe(0);
});
