/**
 * The outbox's log, as decisions: what waits for whom, what is dropped and why, what must go to disk. Pure; `outbox.ts`
 * does the reading and writing.
 *
 * Limits: `bytesMax` in all, `memoryBytesMax` not yet on disk, `entriesMax` messages, `ageMaxMs`; over any of them the
 * oldest goes first and is counted. A message waits for each broker on its own: one bit a broker, at most 31.
 */
import { ageByLabelMs } from '../core/clock.ts';
import { type DestinationAccount, type DropReason, dropReasons } from '../flow/ledger.ts';

export interface OutboxLimits {
  readonly bytesMax: number;
  readonly memoryBytesMax: number;
  readonly ageMaxMs: number;
  readonly entriesMax: number;
}

export interface LogEntry {
  /** Ascending; changes only while nothing of the log has been on disk yet. */
  sequence: number;
  readonly octets: number;
  /** Wall time, for people. */
  readonly atMs: number;
  /** Monotonic time, for the age limit: a step of the clock ages nothing. */
  readonly bornMs: number;
  /** Undefined once it is on disk. */
  value: Uint8Array | undefined;
  onDisk: boolean;
  /** It is being written, with cursors that say how far the brokers were before. */
  isBeingWritten: boolean;
  /** Bits of the brokers that have not acknowledged it. */
  waiting: number;
  /** Bits of the brokers it is on its way to. */
  inFlight: number;
}

/** What a look at the disk gave. */
export interface Recovered {
  /** Ascending by sequence. */
  readonly found: readonly { readonly sequence: number; readonly octets: number; readonly atMs: number }[];
  /** Up to which sequence each broker is done; undefined for one never seen, which starts with what comes from now on. */
  readonly cursors: readonly (number | undefined)[];
  /** The highest sequence that any key or cursor names. */
  readonly lastSequence: number;
  /** Monotonic and wall time, to carry ages over the restart. */
  readonly nowMs: number;
  readonly wallMs: number;
}

interface Reader {
  readonly bit: number;
  /** Everything before this position is done with. */
  floor: number;
  /** Everything before this position is done with or in flight. */
  next: number;
  /** Nothing from this position on has been taken in this session. */
  taken: number;
  handedOver: number;
  acknowledged: number;
  pending: number;
  pendingOctets: number;
  readonly dropped: Record<DropReason, number>;
}

const noDrops = (): Record<DropReason, number> =>
  Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;

export class OutboxLog {
  readonly #limits: OutboxLimits;
  readonly #readers: Reader[];
  /** Positions count from `#base`; they go on rising as the front is cut, so that readers stay where they are. */
  #entries: LogEntry[] = [];
  #head = 0;
  #base = 0;
  #octets = 0;
  #memoryOctets = 0;
  #memoryEntries = 0;
  #next = 1;
  /** On disk and waited for by nobody: to be deleted with the next write. */
  #dead: number[] = [];

  constructor(limits: OutboxLimits, brokers: number) {
    this.#limits = limits;
    this.#readers = Array.from({ length: brokers }, (_, index) => ({
      bit: 1 << index,
      floor: 0,
      next: 0,
      taken: 0,
      handedOver: 0,
      acknowledged: 0,
      pending: 0,
      pendingOctets: 0,
      dropped: noDrops(),
    }));
  }

  get octets(): number {
    return this.#octets;
  }
  get memoryOctets(): number {
    return this.#memoryOctets;
  }
  get length(): number {
    return this.#entries.length - this.#head;
  }
  /** Sequence of the newest message there has been, 0 for none. */
  get lastSequence(): number {
    return this.#next - 1;
  }
  /** Time to write, before memory has to let the oldest go. */
  get memoryHalfFull(): boolean {
    return this.#memoryOctets * 2 > this.#limits.memoryBytesMax;
  }
  get holdsDisk(): boolean {
    return this.length > this.#memoryEntries;
  }

  /** Adds the newest message, for every broker, and drops the oldest until all limits hold. */
  append(value: Uint8Array, atMs: number, nowMs: number): LogEntry {
    const entry: LogEntry = {
      sequence: this.#next++,
      octets: value.length,
      atMs,
      bornMs: nowMs,
      value,
      onDisk: false,
      isBeingWritten: false,
      waiting: 2 ** this.#readers.length - 1,
      inFlight: 0,
    };
    this.#entries.push(entry);
    this.#add(entry);
    this.#memoryOctets += entry.octets;
    this.#memoryEntries++;
    if (this.#readers.length === 0) this.#settled(entry);
    this.#enforce();
    return entry;
  }

  /** Puts what was found on disk in front of what has come since. To be called once, before anything is written. */
  restore(recovered: Recovered): void {
    const { found, cursors, nowMs, wallMs } = recovered;
    const entries: LogEntry[] = [];
    for (const { sequence, octets, atMs } of found) {
      let waiting = 0;
      this.#readers.forEach((reader, index) => {
        const cursor = cursors[index];
        if (cursor !== undefined && sequence > cursor) waiting |= reader.bit;
      });
      const bornMs = nowMs - ageByLabelMs(atMs, wallMs);
      if (waiting === 0) this.#dead.push(sequence);
      else {
        const onDisk = { value: undefined, onDisk: true, isBeingWritten: false };
        entries.push({ sequence, octets, atMs, bornMs, ...onDisk, waiting, inFlight: 0 });
      }
    }
    const since = this.#entries.slice(this.#head);
    this.#next = recovered.lastSequence + 1;
    for (const entry of since) entry.sequence = this.#next++;
    this.#entries = [...entries, ...since];
    this.#base += this.#head - entries.length;
    this.#head = 0;
    for (const reader of this.#readers) {
      reader.floor = this.#base;
      reader.next = this.#base;
    }
    for (const entry of entries) this.#add(entry);
    this.#enforce();
  }

  /** The oldest message that waits for the broker and is not on its way; it is now. */
  take(broker: number): LogEntry | undefined {
    const reader = this.#readers[broker]!;
    for (let at = this.#index(reader.next); at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      reader.next = this.#position(at) + 1;
      reader.taken = Math.max(reader.taken, reader.next);
      if ((entry.waiting & reader.bit) !== 0 && (entry.inFlight & reader.bit) === 0) {
        entry.inFlight |= reader.bit;
        return entry;
      }
    }
    return undefined;
  }

  /** The oldest that needs no disk: for when the disk does not answer and what is newer must not wait for it. */
  takeFromMemory(broker: number): LogEntry | undefined {
    const { bit } = this.#readers[broker]!;
    const entry = this.unpersisted().find(({ waiting, inFlight }) => (waiting & bit) !== 0 && (inFlight & bit) === 0);
    if (entry === undefined) return undefined;
    entry.inFlight |= bit;
    // Beyond what was taken in order: a rewind has to reach it.
    this.#readers[broker]!.taken = this.#position(this.#entries.length);
    return entry;
  }

  /** Gives one message back that could not be read or sent. It is the next again. */
  giveBack(entry: LogEntry, broker: number): void {
    const reader = this.#readers[broker]!;
    entry.inFlight &= ~reader.bit;
    reader.next = reader.floor;
  }

  /** The session is gone: whatever was on its way to the broker is to be sent again, in order. */
  rewind(broker: number): void {
    const reader = this.#readers[broker]!;
    for (let at = this.#index(reader.floor); at < this.#index(reader.taken); at++) this.#entries[at]!.inFlight &= ~reader.bit;
    reader.next = reader.floor;
    reader.taken = reader.floor;
  }

  /** False when the message no longer waited: an acknowledgement that came after it was dropped. */
  acknowledge(entry: LogEntry, broker: number): boolean {
    const reader = this.#readers[broker]!;
    if (!this.#settle(entry, reader)) return false;
    reader.acknowledged++;
    this.#trim();
    return true;
  }

  /** Gives a message up for one broker. */
  dropFor(entry: LogEntry, broker: number, reason: DropReason): void {
    const reader = this.#readers[broker]!;
    if (!this.#settle(entry, reader)) return;
    reader.dropped[reason]++;
    this.#trim();
  }

  /** Drops what is older than the limit. */
  dropExpired(nowMs: number): number {
    let dropped = 0;
    while (this.length > 0 && nowMs - this.#entries[this.#head]!.bornMs > this.#limits.ageMaxMs) {
      this.#drop(this.#entries[this.#head]!, 'tooOld');
      dropped++;
    }
    return dropped;
  }

  /** Messages a planned stop could not put on disk. */
  dropUnpersisted(reason: DropReason): number {
    const lost = this.unpersisted();
    for (const entry of lost) this.#drop(entry, reason);
    return lost.length;
  }

  /**
   * What must go to disk: all that is in memory, when any of it has waited for `persistAfterMs` or memory is half full.
   * The younger ride along, since a write costs the card the same for one as for many.
   */
  due(nowMs: number, persistAfterMs: number): LogEntry[] {
    const waiting = this.unpersisted();
    const oldest = waiting[0];
    if (oldest === undefined) return [];
    return nowMs - oldest.bornMs >= persistAfterMs || this.memoryHalfFull ? waiting : [];
  }

  unpersisted(): LogEntry[] {
    if (this.#memoryEntries === 0) return [];
    const found: LogEntry[] = [];
    for (let at = this.#entries.length - 1; at >= this.#head && !this.#entries[at]!.onDisk; at--) {
      if (this.#entries[at]!.waiting !== 0) found.push(this.#entries[at]!);
    }
    return found.reverse();
  }

  /** Whether the write that begins or has ended holds them: what is acknowledged in between it does not know. */
  setBeingWritten(entries: readonly LogEntry[], isBeingWritten: boolean): void {
    for (const entry of entries) entry.isBeingWritten = isBeingWritten;
  }

  /** They are on disk now; memory lets go of them. Those settled meanwhile are to be deleted again. */
  persisted(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.waiting === 0) {
        this.#dead.push(entry.sequence);
        continue;
      }
      entry.onDisk = true;
      entry.value = undefined;
      this.#memoryOctets -= entry.octets;
      this.#memoryEntries--;
    }
  }

  /** Sequence up to which the broker is done. */
  cursor(broker: number): number {
    const reader = this.#readers[broker]!;
    const at = this.#index(reader.floor);
    return at < this.#entries.length ? this.#entries[at]!.sequence - 1 : this.lastSequence;
  }

  takeDead(): number[] {
    const dead = this.#dead;
    this.#dead = [];
    return dead;
  }
  /** The write that should have deleted them failed. */
  returnDead(sequences: readonly number[]): void {
    this.#dead = [...sequences, ...this.#dead];
  }

  /** In messages; the equation of `flow/ledger.ts` holds at any moment. */
  account(broker: number): DestinationAccount {
    const { handedOver, acknowledged, pending, dropped } = this.#readers[broker]!;
    return { handedOver, acknowledged, pending, thinned: 0, notSelected: 0, notRepresentable: 0, dropped: { ...dropped } };
  }

  pendingOctets(broker: number): number {
    return this.#readers[broker]!.pendingOctets;
  }

  /** Monotonic birth of the oldest message that waits for the broker. */
  oldestBornMs(broker: number): number | undefined {
    return this.#entries[this.#index(this.#readers[broker]!.floor)]?.bornMs;
  }

  #add(entry: LogEntry): void {
    this.#octets += entry.octets;
    for (const reader of this.#readers) {
      if ((entry.waiting & reader.bit) === 0) continue;
      reader.handedOver++;
      reader.pending++;
      reader.pendingOctets += entry.octets;
    }
  }

  #settle(entry: LogEntry, reader: Reader): boolean {
    if ((entry.waiting & reader.bit) === 0) return false;
    entry.waiting &= ~reader.bit;
    entry.inFlight &= ~reader.bit;
    reader.pending--;
    reader.pendingOctets -= entry.octets;
    if (entry.waiting === 0) this.#settled(entry);
    return true;
  }

  #settled(entry: LogEntry): void {
    this.#octets -= entry.octets;
    if (entry.onDisk) this.#dead.push(entry.sequence);
    else {
      this.#memoryOctets -= entry.octets;
      this.#memoryEntries--;
      entry.onDisk = false;
    }
    entry.value = undefined;
  }

  #drop(entry: LogEntry, reason: DropReason): void {
    for (const reader of this.#readers) if (this.#settle(entry, reader)) reader.dropped[reason]++;
    this.#trim();
  }

  #enforce(): void {
    const { bytesMax, memoryBytesMax, entriesMax } = this.#limits;
    this.#trim();
    while (this.length > 0 && (this.#octets > bytesMax || this.length > entriesMax)) {
      this.#drop(this.#entries[this.#head]!, 'overBudget');
    }
    // Memory overflows only while the disk does not take what is handed to it.
    for (let at = this.#head; this.#memoryOctets > memoryBytesMax && at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      if (!entry.onDisk && entry.waiting !== 0) {
        for (const reader of this.#readers) if (this.#settle(entry, reader)) reader.dropped.overBudget++;
      }
    }
    this.#trim();
  }

  /** Cuts the front behind the slowest broker and moves every floor over what is done. */
  #trim(): void {
    while (this.length > 0 && this.#entries[this.#head]!.waiting === 0) this.#head++;
    const gone = this.#head;
    if (gone > 64 && gone * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(gone);
      this.#base += gone;
      this.#head = 0;
    }
    for (const reader of this.#readers) {
      let at = this.#index(reader.floor);
      while (at < this.#entries.length && (this.#entries[at]!.waiting & reader.bit) === 0) at++;
      reader.floor = this.#position(at);
      reader.next = Math.max(reader.next, reader.floor);
    }
  }

  #index(position: number): number {
    return Math.max(this.#head, position - this.#base);
  }
  #position(index: number): number {
    return this.#base + index;
  }
}
