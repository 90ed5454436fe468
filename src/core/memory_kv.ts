/**
 * `Kv` in memory, for the simulation: keeps what was synced apart from what was only written, so that `powerCut` can take
 * the unsynced away as a real one does. Not for production.
 */
import { ApplianceError } from './errors.ts';
import { compareKeys, type Kv, type KvPut, type KvRange } from './kv.ts';

type Entry = readonly [Uint8Array, Uint8Array];

export class MemoryKv implements Kv {
  #entries: Entry[] = [];
  #synced: Entry[] = [];
  #closed = false;
  /** Set to make every write fail, as a full disk does. */
  full = false;

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#check();
    const index = this.#lowerBound(key);
    const entry = this.#entries[index];
    return entry !== undefined && compareKeys(entry[0], key) === 0 ? entry[1] : undefined;
  }

  async batch(puts: readonly KvPut[], deletes: readonly Uint8Array[] = [], options: { sync?: boolean } = {}): Promise<void> {
    this.#check();
    if (this.full) throw new ApplianceError('storeFull', 'no space left on the simulated disk');
    for (const key of deletes) {
      const index = this.#lowerBound(key);
      if (this.#entries[index] !== undefined && compareKeys(this.#entries[index][0], key) === 0) this.#entries.splice(index, 1);
    }
    for (const { key, value } of puts) {
      const entry: Entry = [Uint8Array.from(key), Uint8Array.from(value)];
      const index = this.#lowerBound(key);
      const same = this.#entries[index] !== undefined && compareKeys(this.#entries[index][0], key) === 0;
      this.#entries.splice(index, same ? 1 : 0, entry);
    }
    if (options.sync) this.#synced = [...this.#entries];
  }

  async *entries(range: KvRange): AsyncIterable<[Uint8Array, Uint8Array]> {
    this.#check();
    const selected = this.#entries.filter(([key]) => inRange(key, range));
    if (range.reverse) selected.reverse();
    for (const [key, value] of selected.slice(0, range.limit ?? selected.length)) yield [key, value];
  }

  async clear(range: KvRange): Promise<void> {
    this.#check();
    const selected = this.#entries.filter(([key]) => inRange(key, range));
    if (range.reverse) selected.reverse();
    const doomed = new Set(selected.slice(0, range.limit ?? selected.length));
    this.#entries = this.#entries.filter((entry) => !doomed.has(entry));
  }

  async approximateSize(range: KvRange): Promise<number> {
    this.#check();
    return this.#entries.filter(([key]) => inRange(key, range)).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#synced = [...this.#entries];
  }

  /** Opens again after `close` or `powerCut`. */
  reopen(): void {
    this.#closed = false;
  }

  /** Loses what no sync covered. */
  powerCut(): void {
    this.#entries = [...this.#synced];
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new ApplianceError('storeClosed', 'the store is closed');
  }

  #lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys((this.#entries[middle] as Entry)[0], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function inRange(key: Uint8Array, range: KvRange): boolean {
  if (range.gte !== undefined && compareKeys(key, range.gte) < 0) return false;
  if (range.gt !== undefined && compareKeys(key, range.gt) <= 0) return false;
  if (range.lt !== undefined && compareKeys(key, range.lt) >= 0) return false;
  return range.lte === undefined || compareKeys(key, range.lte) <= 0;
}
