/**
 * The outbox as one broker sees it: the next message, what was acknowledged, what is still to come. A message is taken
 * at most once a session; `rewind` at the end of a session makes everything unacknowledged the next again, in order.
 */
import type { DestinationAccount, DropReason } from '../flow/ledger.ts';
import type { LogEntry, OutboxLog } from './outbox_log.ts';
import { decodeMessage, type OutboxMessage } from './outbox_record.ts';

/** A message on its way to one broker. */
export interface OutboxItem {
  readonly message: OutboxMessage;
  readonly entry: LogEntry;
}

/** What a lane asks of the outbox it belongs to. */
export interface LaneStore {
  /** Undefined when the message is damaged; throws ApplianceError when the store does not answer. */
  read(entry: LogEntry): Promise<OutboxMessage | undefined>;
  /** Writes down how far the brokers are. */
  record(): Promise<void>;
}

/** Acknowledgements after which they are written down, when the messages lie on disk. */
const recordEvery = 16;

export class OutboxLane {
  readonly #store: LaneStore;
  readonly #log: OutboxLog;
  readonly #broker: number;
  #unrecorded = 0;
  #recording = false;
  #onWork: () => void = () => {};

  constructor(store: LaneStore, log: OutboxLog, broker: number) {
    this.#store = store;
    this.#log = log;
    this.#broker = broker;
  }

  /**
   * Acknowledged messages of which the disk does not know yet. They count as in flight for a window that is to bound what
   * a kill sends twice.
   */
  get unrecorded(): number {
    return this.#unrecorded;
  }
  get pending(): number {
    return this.#log.account(this.#broker).pending;
  }
  get pendingOctets(): number {
    return this.#log.pendingOctets(this.#broker);
  }
  account(): DestinationAccount {
    return this.#log.account(this.#broker);
  }
  /** Monotonic time at which the oldest waiting message was made. */
  oldestBornMs(): number | undefined {
    return this.#log.oldestBornMs(this.#broker);
  }

  /** Called whenever `next` may have something that it did not have before. */
  onWork(listener: () => void): void {
    this.#onWork = listener;
  }
  wake(): void {
    this.#onWork();
  }

  /**
   * The next message of this session, or undefined when all are on their way. Damaged ones are dropped and counted.
   * While the store does not answer, what is in memory goes ahead of what is on disk; with nothing there it throws what
   * the store throws, and the message is the next again.
   */
  async next(): Promise<OutboxItem | undefined> {
    for (;;) {
      const entry = this.#log.take(this.#broker);
      if (entry === undefined) return undefined;
      let message: OutboxMessage | undefined;
      try {
        message = await this.#store.read(entry);
      } catch (error) {
        this.#log.giveBack(entry, this.#broker);
        const ahead = this.#log.takeFromMemory(this.#broker);
        if (ahead === undefined) throw error;
        return { message: decodeMessage(ahead.value!)!, entry: ahead };
      }
      // Dropped from the log while it was read from disk: it is counted already.
      if ((entry.waiting & (1 << this.#broker)) === 0) continue;
      if (message !== undefined) return { message, entry };
      this.#log.dropFor(entry, this.#broker, 'damaged');
    }
  }

  acknowledge(item: OutboxItem): void {
    const onDisk = item.entry.onDisk || item.entry.isBeingWritten;
    if (!this.#log.acknowledge(item.entry, this.#broker)) return;
    if (onDisk) this.#settledOnDisk();
  }

  /** The broker will never take this one: given up and counted, so that it does not block the others. */
  drop(item: OutboxItem, reason: DropReason): void {
    this.#log.dropFor(item.entry, this.#broker, reason);
    if (item.entry.onDisk || item.entry.isBeingWritten) this.#settledOnDisk();
  }

  rewind(): void {
    this.#log.rewind(this.#broker);
  }

  /** For the outbox: `count` of the acknowledgements are on disk. */
  recorded(count: number): void {
    if (count === 0) return;
    this.#unrecorded -= count;
    this.wake();
  }

  /** Has acknowledgements written down now, unless they are being written. */
  recordNow(): void {
    if (this.#unrecorded === 0 || this.#recording) return;
    this.#recording = true;
    void this.#store.record().finally(() => {
      this.#recording = false;
    });
  }

  #settledOnDisk(): void {
    this.#unrecorded++;
    if (this.#unrecorded >= recordEvery) this.recordNow();
  }
}
