/**
 * What one run of the box has of the store: slow, full or silent when it is told to, and gone for ever when the run is
 * killed, also in the middle of a write. The next run gets another one over the same store.
 */
import type { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { Kv, KvPut } from '../../src/core/kv.ts';
import type { MemoryKv } from '../../src/core/memory_kv.ts';
import type { Random } from '../../src/core/random.ts';
import { decodeIndex, indexRange, openMarkerKey, positionOfKey, rowsKey } from '../../src/forward/spool_record.ts';

export class FaultyKv implements Kv {
  readonly #kv: MemoryKv;
  readonly #clock: SimulatedClock;
  readonly #random: Random;
  state: 'works' | 'full' | 'silent' = 'works';
  delayMaxMs = 0;
  /** The run ends with this many writes from now; whether that one is still done is chance. */
  writesUntilKill: number | undefined;
  killed = false;
  /** The spool has read what the last run left. */
  openedMs: number | undefined;
  /** When the last write that waits for the device and holds every destination's place was begun, wall time. */
  syncedMs = 0;

  /** A write that puts pieces in the place of others has begun and is not answered yet. */
  replaces = false;

  /** Pieces of the spool that reached the store, until somebody looks at them. */
  written: { readonly position: number; readonly count: number; readonly value: Uint8Array }[] = [];

  constructor(kv: MemoryKv, clock: SimulatedClock, random: Random) {
    this.#kv = kv;
    this.#clock = clock;
    this.#random = random;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#io();
    return await this.#kv.get(key);
  }

  async batch(puts: readonly KvPut[], deletes: readonly Uint8Array[] = [], options: { sync?: boolean } = {}): Promise<void> {
    const isPiece = (key: Uint8Array): boolean => positionOfKey(key) !== undefined;
    this.replaces = deletes.some(isPiece) && puts.some(({ key }) => isPiece(key));
    try {
      await this.#write(puts, deletes, options);
    } finally {
      this.replaces = false;
    }
  }

  async #write(puts: readonly KvPut[], deletes: readonly Uint8Array[], options: { sync?: boolean }): Promise<void> {
    const beganMs = this.#clock.wallMs();
    await this.#io();
    if (this.state === 'full') throw new ApplianceError('storeFull', 'no space left on the simulated disk');
    const last = this.writesUntilKill !== undefined && --this.writesUntilKill < 0;
    if (last && this.#random.below(2) === 0) this.killed = true;
    await this.#io(false);
    await this.#kv.batch(puts, deletes, options);
    if (puts.some(({ key }) => key[0] === indexRange.gte[0])) this.syncedMs = beganMs;
    for (const { key, value } of puts) {
      const position = positionOfKey(key);
      if (position === undefined) continue;
      const rows = puts.find((one) => Buffer.compare(one.key, rowsKey(position)) === 0)!;
      this.written.push({ position, count: decodeIndex(position, value, 0, 0)!.count, value: rows.value });
    }
    if (last) this.killed = true;
    await this.#io(false);
    if (puts.some(({ key }) => key[0] === openMarkerKey[0])) this.openedMs = this.#clock.wallMs();
  }

  async *entries(range: Parameters<Kv['entries']>[0]): AsyncIterable<[Uint8Array, Uint8Array]> {
    await this.#io();
    yield* this.#kv.entries(range);
  }
  async clear(range: Parameters<Kv['clear']>[0]): Promise<void> {
    await this.#io();
    await this.#kv.clear(range);
  }
  approximateSize: Kv['approximateSize'] = (range) => this.#kv.approximateSize(range);
  close: Kv['close'] = async () => {};

  async #io(slow = true): Promise<void> {
    if (slow && this.delayMaxMs > 0 && !this.killed) await this.#clock.sleep(this.#random.below(this.delayMaxMs));
    if (this.killed) await new Promise<never>(() => {}); // nobody is there any more to be answered
    if (this.state === 'silent') throw new ApplianceError('storeClosed', 'the simulated store does not answer');
  }
}
