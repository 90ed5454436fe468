/**
 * The card of a simulated box: stores in memory that outlive its boots, with the faults of a real one. It can be full or
 * slow, and what was not synced goes with the power. A boot has a handle; when the boot ends, nobody answers there any more.
 */
import { ApplianceError } from '../../src/core/errors.ts';
import type { Kv, KvPut } from '../../src/core/kv.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import type { Random } from '../../src/core/random.ts';
import type { StoreOpener } from '../../src/store/guarded_kv.ts';
import type { TextStore } from '../../src/system/boot_file.ts';
import type { BoxClock } from './box_clock.ts';

export class SimDisk {
  readonly #stores = new Map<string, MemoryKv>();
  readonly #texts = new Map<string, string>();
  readonly #random: Random;
  full = false;
  /** A write waits for the card up to this long. */
  delayMaxMs = 0;
  /** Octets that programs wrote, by store. */
  readonly writtenOctets: Record<string, number> = {};

  constructor(random: Random) {
    this.#random = random;
  }

  store(name: string): MemoryKv {
    const kv = this.#stores.get(name) ?? new MemoryKv();
    this.#stores.set(name, kv);
    return kv;
  }

  /** The power goes: what no sync covered is lost. */
  powerCut(): void {
    for (const kv of this.#stores.values()) {
      kv.powerCut();
      kv.reopen();
    }
  }
  /** A shutdown in order: the file system is unmounted. */
  async unmount(): Promise<void> {
    for (const kv of this.#stores.values()) await kv.batch([], [], { sync: true });
  }

  opener(name: string, clock: BoxClock): StoreOpener {
    return async () => {
      const handle = new DiskHandle(this, name, this.store(name), clock, this.#random);
      await handle.write();
      return { kv: handle, remedy: 'none', setAsidePath: '' };
    };
  }

  textFile(path: string, clock: BoxClock): TextStore {
    return {
      read: async () => this.#texts.get(path),
      replace: async (text) => {
        if (!clock.alive) return await new Promise<never>(() => {});
        if (this.full) throw new ApplianceError('storeFull', 'no space left on the simulated disk');
        this.#texts.set(path, text);
      },
    };
  }
}

class DiskHandle implements Kv {
  readonly #disk: SimDisk;
  readonly #name: string;
  readonly #kv: MemoryKv;
  readonly #clock: BoxClock;
  readonly #random: Random;

  constructor(disk: SimDisk, name: string, kv: MemoryKv, clock: BoxClock, random: Random) {
    this.#disk = disk;
    this.#name = name;
    this.#kv = kv;
    this.#clock = clock;
    this.#random = random;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#here();
    return await this.#kv.get(key);
  }
  async batch(puts: readonly KvPut[], deletes: readonly Uint8Array[] = [], options: { sync?: boolean } = {}): Promise<void> {
    await this.write(options.sync);
    const octets = puts.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    this.#disk.writtenOctets[this.#name] = (this.#disk.writtenOctets[this.#name] ?? 0) + octets;
    await this.#kv.batch(puts, deletes, options);
    // The power may go between the write and the word that it is done.
    if (options.sync && this.#disk.delayMaxMs > 0) await this.#clock.sleep(1);
    await this.#here();
  }
  async *entries(range: Parameters<Kv['entries']>[0]): AsyncIterable<[Uint8Array, Uint8Array]> {
    await this.#here();
    yield* this.#kv.entries(range);
  }
  async clear(range: Parameters<Kv['clear']>[0]): Promise<void> {
    await this.write();
    await this.#kv.clear(range);
  }
  async approximateSize(range: Parameters<Kv['approximateSize']>[0]): Promise<number> {
    return await this.#kv.approximateSize(range);
  }
  async close(): Promise<void> {}

  /** Waits for the card. */
  async write(sync = false): Promise<void> {
    await this.#here();
    if (sync && this.#disk.delayMaxMs > 0) await this.#clock.sleep(this.#random.below(this.#disk.delayMaxMs));
    if (this.#disk.full) throw new ApplianceError('storeFull', 'no space left on the simulated disk');
  }

  /** Of a boot that is over nobody is there to be answered. */
  async #here(): Promise<void> {
    if (!this.#clock.alive) await new Promise<never>(() => {});
  }
}
