/** What the tests of the outbox share: a world on simulated time, messages that carry their number, a lane that is read dry. */
import { SimulatedClock } from '../../src/core/clock.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import { Outbox, type OutboxItem, type OutboxLane, type OutboxMessage, type OutboxSettings } from '../../src/forward/outbox.ts';

export const settings: OutboxSettings = {
  outboxBytesMax: 1_000_000,
  outboxMemoryBytesMax: 100_000,
  outboxAgeMaxS: 3_600,
  outboxPersistAfterS: 5,
};

export function simulatedWorld(clock = new SimulatedClock()): World & { clock: SimulatedClock } {
  return { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
}

/** The same wall time in another world: nothing of the old one's timers goes on, as after a kill. */
export function rebooted(world: World & { clock: SimulatedClock }): World & { clock: SimulatedClock } {
  return simulatedWorld(new SimulatedClock(1_000, world.clock.wallMs()));
}

/** A store that knows whether somebody waits for it: real I/O does not stand still with the simulated clock. */
export class WatchedKv implements Kv {
  readonly #kv: Kv;
  #busy = 0;

  constructor(kv: Kv) {
    this.#kv = kv;
  }
  get = (key: Uint8Array): Promise<Uint8Array | undefined> => this.#watch(this.#kv.get(key));
  batch: Kv['batch'] = (puts, deletes, options) => this.#watch(this.#kv.batch(puts, deletes, options));
  entries: Kv['entries'] = (range) => this.#kv.entries(range);
  clear: Kv['clear'] = (range) => this.#watch(this.#kv.clear(range));
  approximateSize: Kv['approximateSize'] = (range) => this.#kv.approximateSize(range);
  close: Kv['close'] = () => this.#kv.close();

  /** Lets time pass, second by second, with all I/O done in each. */
  async pass(world: { clock: SimulatedClock }, durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 1_000) {
      await world.clock.advance(Math.min(1_000, leftMs));
      await this.idle();
    }
  }
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet = this.#busy > 0 ? 0 : quiet + 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async #watch<T>(work: Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work;
    } finally {
      this.#busy--;
    }
  }
}

/** A store whose next write takes until it is released. */
export class HeldKv implements Kv {
  readonly #kv: Kv;
  #held: PromiseWithResolvers<void> | undefined;
  #begun = Promise.withResolvers<void>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }
  get begun(): Promise<void> {
    return this.#begun.promise;
  }
  hold(): void {
    this.#held = Promise.withResolvers();
    this.#begun = Promise.withResolvers();
  }
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }
  get: Kv['get'] = (key) => this.#kv.get(key);
  batch: Kv['batch'] = async (puts, deletes, options) => {
    this.#begun.resolve();
    await this.#held?.promise;
    await this.#kv.batch(puts, deletes, options);
  };
  entries: Kv['entries'] = (range) => this.#kv.entries(range);
  clear: Kv['clear'] = (range) => this.#kv.clear(range);
  approximateSize: Kv['approximateSize'] = (range) => this.#kv.approximateSize(range);
  close: Kv['close'] = () => this.#kv.close();
}

export interface Heard {
  readonly level: string;
  readonly event: string;
  readonly text: string;
}

export async function openOutbox(
  kv: Kv,
  world: World,
  brokers: readonly string[] = ['a'],
  changes: Partial<OutboxSettings> = {},
): Promise<{ outbox: Outbox; heard: Heard[] }> {
  const heard: Heard[] = [];
  const outbox = new Outbox({
    world: { ...world, metrics: createMetrics() },
    kv,
    settings: { ...settings, ...changes },
    brokers,
    onEvent: (level, event, text) => heard.push({ level, event, text }),
  });
  await outbox.start();
  return { outbox, heard };
}

export function numbered(number: number, atMs = 1_700_000_000_000, padding = 0): OutboxMessage {
  const payload = Buffer.from(`${number} ${'x'.repeat(padding)}`);
  return { topic: 'flowspan/v1/s/n/event', payload, retain: false, contentType: 'text/plain', schemaVersion: 1, atMs };
}

export const numberOf = (message: OutboxMessage): number => Number.parseInt(Buffer.from(message.payload).toString(), 10);

/** Everything the lane gives now, without acknowledging it. */
export async function takeAll(lane: OutboxLane): Promise<OutboxItem[]> {
  const items: OutboxItem[] = [];
  for (let item = await lane.next(); item !== undefined; item = await lane.next()) items.push(item);
  return items;
}

export const numbersOf = (items: readonly OutboxItem[]): number[] => items.map(({ message }) => numberOf(message));
