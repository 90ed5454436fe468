/**
 * The outbox: MQTT payloads that some broker has not acknowledged, in order, over a `Kv` of its own (DESIGN section 4).
 *
 * A message is held in memory first and goes to disk only when it is not acknowledged within `persistAfterS`, or on a
 * planned stop: with healthy brokers nothing is written. What was persisted is never lost; what a kill took from memory
 * is marked as a hole. When the store fails the outbox goes on in memory, within bounds, and says so.
 *
 * Acknowledgements of persisted messages are recorded without waiting for the device, `unsyncedMax` of them at most: they survive
 * a kill, and a power cut sends again what was acknowledged since the last sync. Owned by the main event loop; one write at a time.
 */
import type { Timer } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { Kv, KvPut } from '../core/kv.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { dropReasons } from '../flow/ledger.ts';
import type { BoxEvent, StoreStatus } from '../flow/status_shapes.ts';
import { type LaneStore, OutboxLane } from './outbox_lane.ts';
import { type LogEntry, OutboxLog } from './outbox_log.ts';
import {
  brokerOfKey,
  cursorKey,
  cursorRange,
  decodeMessage,
  decodeNumber,
  encodeMessage,
  encodeNumber,
  messageKey,
  messageRange,
  type OutboxMessage,
  openMarkerKey,
  sequenceOfKey,
} from './outbox_record.ts';

export type { OutboxItem, OutboxLane } from './outbox_lane.ts';
export type { OutboxMessage } from './outbox_record.ts';

export interface OutboxSettings {
  readonly outboxBytesMax: number;
  readonly outboxMemoryBytesMax: number;
  readonly outboxAgeMaxS: number;
  readonly outboxPersistAfterS: number;
}

export interface OutboxParts {
  readonly world: World;
  readonly kv: Kv;
  readonly settings: OutboxSettings;
  /** Names of the brokers; what is kept for others is forgotten. */
  readonly brokers: readonly string[];
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** Messages in the log at most: bounds what the index of small messages takes (about 100 octets each). */
const entriesMax = 200_000;
const tickMs = 1_000;

/** Acknowledgements that a power cut may take: fewer than a window, for a sync costs the card some 20 KB. */
const unsyncedMax = 16;

export class Outbox implements Service, LaneStore {
  readonly name = 'outbox';
  readonly #parts: OutboxParts;
  readonly #log: OutboxLog;
  readonly #lanes: readonly OutboxLane[];
  #timer: Timer | undefined;
  /** Acknowledgements written down since the last sync. */
  #unsynced = 0;
  #recovered = false;
  #stopped = false;
  #failure: ApplianceError | undefined;
  /** The write that is under way; the next waits for it. */
  #writing: Promise<void> = Promise.resolve();
  #hole: { fromMs: number; toMs: number } | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    const { settings } = parts;
    this.#log = new OutboxLog(
      {
        bytesMax: settings.outboxBytesMax,
        memoryBytesMax: settings.outboxMemoryBytesMax,
        ageMaxMs: settings.outboxAgeMaxS * 1_000,
        entriesMax,
      },
      parts.brokers.length,
    );
    this.#lanes = parts.brokers.map((_, index) => new OutboxLane(this, this.#log, index));
  }

  /** The time about which messages may be missing, because the last run did not end as planned; wall time. */
  get hole(): { readonly fromMs: number; readonly toMs: number } | undefined {
    return this.#hole;
  }

  /** Resolves also when the store does not answer: then the outbox works in memory and keeps trying. */
  async start(): Promise<void> {
    const { brokers } = this.#parts;
    const { clock, metrics } = this.#parts.world;
    await this.#recover();
    this.#timer = clock.every(
      tickMs,
      () => this.#tick(),
      (error) => this.#failed(error),
    );
    metrics.gauge('outbox_messages', 'MQTT messages that wait for some broker', () => this.#log.length);
    metrics.gauge('outbox_octets', 'Octets of MQTT messages that wait for some broker', () => this.#log.octets);
    metrics.gauge(
      'outbox_dropped_messages',
      'MQTT messages given up, by broker and reason',
      () =>
        brokers.flatMap((broker, index) =>
          dropReasons.map((reason) => ({ labels: { broker, reason }, value: this.#log.account(index).dropped[reason] ?? 0 })),
        ),
      ['broker', 'reason'],
    );
  }

  /** Puts on disk whatever waits, so that a planned stop loses nothing. */
  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#stopped = true;
    await this.#write('all', { closing: true });
    const lost = this.#log.dropUnpersisted('shutdown');
    if (lost > 0) this.#say('error', 'outboxLost', `${lost} MQTT messages could not be put on disk before the stop and are lost`);
  }

  /** The power may go: what waits in memory goes on disk now. */
  putOnDisk(): void {
    if (!this.#stopped) void this.#write('all');
  }

  /** Takes a message for every broker. Never waits and never fails: what does not fit pushes the oldest out. */
  append(message: OutboxMessage): void {
    this.#log.append(encodeMessage(message), message.atMs, this.#parts.world.clock.monotonicMs());
    if (this.#stopped) this.#log.dropUnpersisted('shutdown');
    else if (this.#log.memoryHalfFull) void this.#write('due');
    for (const lane of this.#lanes) lane.wake();
  }

  /** The view of one broker. */
  lane(broker: string): OutboxLane {
    const lane = this.#lanes[this.#parts.brokers.indexOf(broker)];
    if (lane === undefined) throw new Error(`no broker named ${broker}`);
    return lane;
  }

  status(): StoreStatus {
    return {
      name: 'outbox',
      state: this.#failure === undefined ? 'open' : 'stopped',
      reason: this.#failure === undefined ? '' : `messages are held in memory only: ${messageOf(this.#failure)}`,
      octetsOnDisk: this.#log.octets - this.#log.memoryOctets,
      octetsMax: this.#parts.settings.outboxBytesMax,
    };
  }

  /** For a lane: the message behind an entry, from memory or disk; undefined when it is damaged. */
  async read(entry: LogEntry): Promise<OutboxMessage | undefined> {
    const value = entry.value ?? (await this.#parts.kv.get(messageKey(entry.sequence)));
    return value === undefined ? undefined : decodeMessage(value);
  }

  /** For a lane: writes how far the brokers are, without waiting for the device. */
  record(): Promise<void> {
    return this.#write('none');
  }

  async #tick(): Promise<void> {
    if (!this.#recovered) await this.#recover();
    const { clock } = this.#parts.world;
    const expired = this.#log.dropExpired(clock.monotonicMs());
    if (expired > 0) this.#say('warn', 'outboxExpired', `${expired} MQTT messages were older than allowed and are dropped`);
    await this.#write('due');
  }

  /** One write at a time; each does whatever is to be done when its turn comes. */
  #write(what: 'none' | 'due' | 'all', options: { closing?: boolean } = {}): Promise<void> {
    const turn = this.#writing.then(() => this.#writeNow(what, options.closing ?? false));
    this.#writing = turn;
    return turn;
  }

  async #writeNow(what: 'none' | 'due' | 'all', closing: boolean): Promise<void> {
    if (!this.#recovered) return;
    const { kv, world, settings, brokers } = this.#parts;
    const entries =
      what === 'all'
        ? this.#log.unpersisted()
        : what === 'due'
          ? this.#log.due(world.clock.monotonicMs(), settings.outboxPersistAfterS * 1_000)
          : [];
    const dead = this.#log.takeDead();
    const acknowledged = this.#lanes.some((lane) => lane.unrecorded > 0);
    if (entries.length === 0 && dead.length === 0 && !acknowledged && !closing) return;
    const recorded = this.#lanes.map((lane) => lane.unrecorded);
    const puts: KvPut[] = entries.map((entry) => ({ key: messageKey(entry.sequence), value: entry.value! }));
    // A cursor says something only about messages on disk; without any, none is written (wear).
    if (entries.length > 0 || dead.length > 0 || this.#log.holdsDisk) {
      brokers.forEach((broker, index) => {
        puts.push({ key: cursorKey(broker), value: encodeNumber(this.#log.cursor(index)) });
      });
    }
    const deletes = dead.map(messageKey);
    if (closing) deletes.push(openMarkerKey);
    const unsynced = this.#unsynced + Math.max(0, ...recorded);
    const sync = entries.length > 0 || closing || unsynced >= unsyncedMax;
    this.#log.setBeingWritten(entries, true);
    try {
      await kv.batch(puts, deletes, { sync });
    } catch (error) {
      this.#log.setBeingWritten(entries, false);
      this.#log.returnDead(dead);
      this.#failed(error);
      // A disk that fails must not stop the sending: what a kill may send twice is unbounded until it works again.
      this.#recorded(recorded);
      return;
    }
    this.#unsynced = sync ? 0 : unsynced;
    this.#log.setBeingWritten(entries, false);
    this.#log.persisted(entries);
    this.#recorded(recorded);
    this.#works();
  }

  #recorded(counts: readonly number[]): void {
    this.#lanes.forEach((lane, index) => {
      lane.recorded(counts[index]!);
    });
  }

  async #recover(): Promise<void> {
    const { kv, world, brokers } = this.#parts;
    try {
      const marker = await kv.get(openMarkerKey);
      const cursors = new Map<string, number>();
      // Where a broker's place cannot be read it gets all that is there: twice is better than not at all.
      for await (const [key, value] of kv.entries(cursorRange)) cursors.set(brokerOfKey(key), decodeNumber(value) ?? 0);
      const { found, unreadable } = await this.#scan();
      const strangers = [...cursors.keys()].filter((broker) => !brokers.includes(broker));
      const wallMs = world.clock.wallMs();
      await kv.batch([{ key: openMarkerKey, value: encodeNumber(wallMs) }], [...unreadable, ...strangers.map(cursorKey)], {
        sync: true,
      });
      this.#log.restore({
        found,
        cursors: brokers.map((broker) => cursors.get(broker)),
        lastSequence: Math.max(0, found.at(-1)?.sequence ?? 0, ...cursors.values()),
        nowMs: world.clock.monotonicMs(),
        wallMs,
      });
      this.#recovered = true;
      this.#tell(found.length, unreadable.length, marker, found.at(-1)?.atMs);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#works();
    for (const lane of this.#lanes) lane.wake();
  }

  async #scan(): Promise<{ found: { sequence: number; octets: number; atMs: number }[]; unreadable: Uint8Array[] }> {
    const found: { sequence: number; octets: number; atMs: number }[] = [];
    const unreadable: Uint8Array[] = [];
    for await (const [key, value] of this.#parts.kv.entries(messageRange)) {
      const sequence = sequenceOfKey(key);
      const message = decodeMessage(value);
      if (sequence === undefined || message === undefined) unreadable.push(key);
      else found.push({ sequence, octets: value.length, atMs: message.atMs });
    }
    return { found, unreadable };
  }

  #tell(found: number, unreadable: number, marker: Uint8Array | undefined, newestMs: number | undefined): void {
    if (found > 0) this.#say('info', 'outboxRecovered', `${found} MQTT messages from before the restart wait for a broker`);
    if (unreadable > 0) this.#say('error', 'outboxDamaged', `${unreadable} MQTT messages on disk could not be read and are lost`);
    const openedMs = marker === undefined ? undefined : decodeNumber(marker);
    if (openedMs === undefined) return;
    // The clock may stand before the last run's until it is set: then only where the hole begins is known.
    const fromMs = Math.max(openedMs, newestMs ?? 0);
    const toMs = Math.max(fromMs, this.#parts.world.clock.wallMs());
    this.#hole = { fromMs, toMs };
    this.#say(
      'warn',
      'gapMarked',
      `the last run did not end as planned: MQTT messages of its last ${this.#parts.settings.outboxPersistAfterS} s may be missing ` +
        `(it ended within the ${Math.ceil((toMs - fromMs) / 60_000)} min before this start)`,
    );
  }

  #failed(error: unknown): void {
    // Anything but an operating error of the store is a bug of ours: it goes on to the supervisor.
    if (!(error instanceof ApplianceError)) throw error;
    if (this.#failure === undefined) {
      this.#say('error', 'outboxStoreFailed', `MQTT messages are held in memory only: ${messageOf(error)}`);
    }
    this.#failure = error;
  }

  #works(): void {
    if (this.#failure !== undefined) this.#say('info', 'outboxStoreBack', 'MQTT messages are kept on disk again');
    this.#failure = undefined;
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    if (this.#parts.onEvent === undefined) this.#parts.world.log[level](event, { text });
    else this.#parts.onEvent(level, event, text);
  }
}
