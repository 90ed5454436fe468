/**
 * A store that outlives its disk: a `Kv` that closes itself when the disk is full, read-only or damaged, says why, and
 * opens again by itself once it can. While it is stopped every call fails at once with the reason's code, so nobody waits.
 *
 * Owned by the event loop that made it; the file system is touched through `openStore` only.
 */
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { Kv, KvPut, KvRange } from '../core/kv.ts';
import type { Service } from '../core/lifecycle.ts';
import { RetrySchedule } from '../core/retry.ts';
import type { World } from '../core/world.ts';
import type { StoreStatus } from '../flow/status_shapes.ts';
import type { LevelKvOptions } from './level_kv.ts';
import { type OpenedStore, openStore } from './open_store.ts';

export interface GuardedKvOptions {
  readonly name: StoreStatus['name'];
  readonly path: string;
  /** Budget shown in the status; the owner of the records keeps it. */
  readonly octetsMax: number;
  readonly level?: LevelKvOptions;
  readonly retryFirstMs?: number;
  readonly retryCapMs?: number;
}

/** Opens the store; replaced in tests that need a disk to fail in a certain way. */
export type StoreOpener = (wallMs: number, suspect: boolean) => Promise<Omit<OpenedStore, 'kv'> & { kv: Kv }>;

/** Opens the store on this machine's disk. */
export const openerOf =
  ({ path, level }: GuardedKvOptions): StoreOpener =>
  (wallMs, suspect) =>
    openStore(path, wallMs, level, suspect);

// After one of these the store cannot go on as it is: LevelDB refuses every write after one that failed.
const stopping = new Set(['storeFull', 'storeUnwritable', 'storeDamaged', 'storeLocked']);
const sizePeriodMs = 10_000;

export class GuardedKv implements Kv, Service {
  readonly name: string;
  readonly #options: GuardedKvOptions;
  readonly #world: World;
  readonly #open: StoreOpener;
  readonly #retry: RetrySchedule;
  readonly #retryCapMs: number;
  #kv: Kv | undefined;
  #fault: ApplianceError | undefined = new ApplianceError('storeClosed', 'the store has not been started');
  #remedy = '';
  #begun = 0;
  #handedOctets = 0;
  /** By stores that were open before this one. */
  #rewrittenBefore = 0;
  #rewritten = 0;
  /** Set when the store opened well and then failed without a reason the disk could give: the next time it is repaired. */
  #suspect = false;
  #unexplained = 0;
  #running: AbortController | undefined;
  #reopening: Promise<void> = Promise.resolve();
  #octetsOnDisk = 0;
  #openedAtMs = 0;

  constructor(options: GuardedKvOptions, world: World, open?: StoreOpener) {
    this.name = `store.${options.name}`;
    this.#options = options;
    this.#world = { ...world, log: world.log.child(this.name) };
    this.#open = open ?? openerOf(options);
    this.#retryCapMs = options.retryCapMs ?? 60_000;
    this.#retry = new RetrySchedule({ firstMs: options.retryFirstMs ?? 1_000, capMs: this.#retryCapMs }, world.random);
  }

  /** Never fails for the disk: a store that does not open is stopped, and tried again. */
  async start(_signal: AbortSignal): Promise<void> {
    this.#running = new AbortController();
    this.#world.metrics.gauge(`${this.#options.name}_store_open`, `1 while the ${this.#options.name} store takes writes`, () =>
      this.#kv === undefined ? 0 : 1,
    );
    const { name } = this.#options;
    const { metrics } = this.#world;
    metrics.gauge(`${name}_store_written_octets`, `Octets handed to the ${name} store since start`, () => this.#handedOctets);
    metrics.gauge(
      `${name}_store_rewritten_octets`,
      `Octets that LevelDB has written since start to sort what the ${name} store was handed`,
      () => this.written.rewrittenOctets,
    );
    await this.#tryOpen();
    if (this.#kv === undefined) this.#reopening = this.#reopenUntilOpen(this.#running.signal);
    const measure = this.#world.clock.every(
      sizePeriodMs,
      () => this.#measure(),
      () => {}, // a size that cannot be read now is read the next time
    );
    this.#running.signal.addEventListener('abort', () => measure.cancel(), { once: true });
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#running?.abort(new ApplianceError('storeClosed', 'the store was stopped'));
    await this.#reopening;
    await this.close();
  }

  async close(): Promise<void> {
    this.#running?.abort(new ApplianceError('storeClosed', 'the store was closed'));
    const kv = this.#kv;
    this.#kv = undefined;
    this.#fault = new ApplianceError('storeClosed', 'the store is closed');
    await kv?.close();
  }

  /** How often a new store was begun in the place of a damaged one: nothing that was written before is in it. */
  get begun(): number {
    return this.#begun;
  }

  status(): StoreStatus {
    const stopped = this.#kv === undefined;
    return {
      name: this.#options.name,
      state: stopped ? 'stopped' : this.#remedy === '' ? 'open' : 'repaired',
      reason: stopped ? messageOf(this.#fault) : this.#remedy,
      octetsOnDisk: this.#octetsOnDisk,
      octetsMax: this.#options.octetsMax,
    };
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#guard((kv) => kv.get(key));
  }

  async batch(puts: readonly KvPut[], deletes: readonly Uint8Array[] = [], options: { sync?: boolean } = {}): Promise<void> {
    await this.#guard((kv) => kv.batch(puts, deletes, options));
    for (const { key, value } of puts) this.#handedOctets += key.length + value.length;
    for (const key of deletes) this.#handedOctets += key.length;
  }

  async *entries(range: KvRange): AsyncIterable<[Uint8Array, Uint8Array]> {
    const kv = this.#current();
    try {
      yield* kv.entries(range);
    } catch (error) {
      this.#noteFailure(kv, error);
      throw error;
    }
  }

  clear(range: KvRange): Promise<void> {
    return this.#guard((kv) => kv.clear(range));
  }

  approximateSize(range: KvRange): Promise<number> {
    return this.#guard((kv) => kv.approximateSize(range));
  }

  async compact(range: KvRange): Promise<void> {
    await this.#guard(async (kv) => kv.compact?.(range));
  }

  #current(): Kv {
    if (this.#kv !== undefined) return this.#kv;
    const { code, message } = this.#fault as ApplianceError;
    throw new ApplianceError(code, message, { cause: this.#fault?.cause });
  }

  async #guard<T>(work: (kv: Kv) => Promise<T>): Promise<T> {
    const kv = this.#current();
    try {
      return await work(kv);
    } catch (error) {
      this.#noteFailure(kv, error);
      throw error;
    }
  }

  #noteFailure(kv: Kv, error: unknown): void {
    if (!(error instanceof ApplianceError) || !stopping.has(error.code)) return;
    if (this.#kv !== kv || this.#running === undefined) return; // another call has noticed it before
    this.#kv = undefined;
    this.#fault = error;
    // A store that fails again as soon as it is open is opened less and less often.
    if (this.#world.clock.monotonicMs() - this.#openedAtMs > this.#retryCapMs) this.#retry.reset();
    // A write that failed on a disk that takes writes may have met a full one; a second one like that means damage.
    this.#unexplained =
      error.code === 'storeUnwritable' && error.cause !== undefined && !hasSystemCause(error) ? this.#unexplained + 1 : 0;
    this.#suspect = error.code === 'storeDamaged' || this.#unexplained > 1;
    this.#world.log.error('storeStopped', { store: this.#options.name, code: error.code, reason: messageOf(error) });
    this.#reopening = this.#closeAndReopen(kv, this.#running.signal);
  }

  async #closeAndReopen(kv: Kv, signal: AbortSignal): Promise<void> {
    try {
      await kv.close();
    } catch (error) {
      this.#world.log.warn('storeCloseFailed', { reason: messageOf(error) }); // opening again tells more
    }
    await this.#reopenUntilOpen(signal);
  }

  async #reopenUntilOpen(signal: AbortSignal): Promise<void> {
    while (this.#kv === undefined && !signal.aborted) {
      try {
        await this.#world.clock.sleep(this.#retry.nextMs(), signal);
      } catch {
        return; // stopped while waiting
      }
      await this.#tryOpen(signal);
    }
  }

  async #tryOpen(signal?: AbortSignal): Promise<void> {
    try {
      const { kv, remedy, setAsidePath } = await this.#open(this.#world.clock.wallMs(), this.#suspect);
      if (signal?.aborted) {
        await kv.close();
        return;
      }
      const first = this.#fault?.code === 'storeClosed';
      this.#kv = kv;
      this.#fault = undefined;
      this.#suspect = false;
      this.#openedAtMs = this.#world.clock.monotonicMs();
      if (remedy === 'repaired') this.#remedy = 'the store was damaged and has been repaired; some records may be missing';
      if (remedy === 'setAside') this.#begun++;
      if (remedy === 'setAside') this.#remedy = `the store was damaged; a new one was begun, the old one is ${setAsidePath}`;
      if (remedy !== 'none') this.#world.log.warn('storeRepaired', { store: this.#options.name, remedy, setAsidePath });
      else if (!first) this.#world.log.info('storeOpenedAgain', { store: this.#options.name });
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      this.#fault = error;
      this.#world.log.error('storeNotOpen', { store: this.#options.name, code: error.code, reason: messageOf(error) });
    }
    await this.#measure().catch(() => {}); // a size that cannot be read now is read the next time
  }

  /** Octets written to the card since start: as handed over, and once more for each time LevelDB has sorted them anew. */
  get written(): { readonly handedOctets: number; readonly rewrittenOctets: number } {
    return { handedOctets: this.#handedOctets, rewrittenOctets: this.#rewrittenBefore + this.#rewritten };
  }

  #measureRewritten(): void {
    const now = this.#kv?.rewrittenOctets?.() ?? 0;
    // Another store counts from zero.
    if (now < this.#rewritten) this.#rewrittenBefore += this.#rewritten;
    this.#rewritten = now;
  }

  async #measure(): Promise<void> {
    if (this.#kv !== undefined) this.#measureRewritten();
    if (this.#kv !== undefined) this.#octetsOnDisk = await this.#kv.approximateSize({});
  }
}

/** Whether the folder itself refused the probe (`ENOSPC`, `EROFS`, …), as opposed to LevelDB alone. */
function hasSystemCause(error: ApplianceError): boolean {
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && !code.startsWith('LEVEL_');
}
