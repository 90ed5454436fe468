/**
 * The spool: rows that some collector has not acknowledged, over a `Kv` of its own (DESIGN section 4). Rows are kept as
 * rows; each destination encodes them when it sends.
 *
 * Rows are held in memory first and go to disk, as compressed chunks, only when they are not acknowledged within
 * `persistAfterS`, when memory or voltage is short, or on a planned stop: with healthy collectors nothing is written. What was
 * persisted is never lost; what a kill took from memory is marked as a gap of unknown size. When the store fails the spool
 * goes on in memory, within its bound, counts what that costs, and says so. Owned by the main event loop; one write at a time.
 */
import type { Timer } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { KvPut } from '../core/kv.ts';
import type { Service } from '../core/lifecycle.ts';
import { type RowBlock, WALL_BOOT_ID } from '../flow/row_block.ts';
import { describeLayout, layoutHash } from '../flow/row_layout.ts';
import type { BoxEvent, StoreStatus } from '../flow/status_shapes.ts';
import { type RowCompression, zstdCompression } from './row_compression.ts';
import { rowsIn, type SpoolChunk, timesOf } from './spool_chunk.ts';
import type { LaneStore } from './spool_cursor.ts';
import { SpoolLane } from './spool_lane.ts';
import { SpoolLog } from './spool_log.ts';
import { declareSpoolMetrics } from './spool_metrics.ts';
import type { SpoolParts } from './spool_parts.ts';
import { SpoolReader } from './spool_reader.ts';
import {
  destinationKey,
  encodeIndex,
  encodeLane,
  encodeRows,
  encodeWallMs,
  indexKey,
  layoutKey,
  openMarkerKey,
  rowsKey,
} from './spool_record.ts';
import { findingWords, recoverSpool, type SpoolFinding } from './spool_recovery.ts';
import { sealChunk } from './spool_shares.ts';
import { SpoolThinner } from './spool_thinner.ts';

export type { SpooledRows } from './spool_cursor.ts';
export type { SpoolLane } from './spool_lane.ts';
export type { SpoolOptions, SpoolParts } from './spool_parts.ts';

/** Pieces in the log at most: bounds what their index takes in memory (about 200 octets each). */
const chunksMax = 262_144;
/** Chunks written in one batch: bounds what a write holds in memory beside the rows. */
const chunksPerBatch = 16;
const tickMs = 1_000;
/**
 * How far destinations are is written without waiting for the device. A power cut may take what was not synced, and sends
 * it again: never more than this much of a drain.
 */
const syncWithinMs = 30_000;
/** How often it is said that records are merged. */
const thinSaidEveryMs = 3_600_000;
/** After so much was deleted and nothing is left, the store is asked to give the space back. */
const compactAfterOctets = 64 * 1024 * 1024;

export class Spool implements Service, LaneStore {
  readonly name = 'spool';
  readonly #parts: SpoolParts;
  readonly #log: SpoolLog;
  readonly #lanes: readonly SpoolLane[];
  readonly #reader: SpoolReader;
  readonly #compression: RowCompression;
  readonly #thinner: SpoolThinner;
  readonly #layout = layoutHash();
  #layoutKept = false;
  /** The store knows that a run is under way: before that nothing is written to it. */
  #marked = true;
  #timer: Timer | undefined;
  #startedAtMs = 0;
  #recovered = false;
  #stopped = false;
  #failure: ApplianceError | undefined;
  #writing: Promise<void> = Promise.resolve();
  #writeQueued = false;
  /** Since when the device may not know how far the destinations are, monotonic. */
  #unsyncedSinceMs: number | undefined;
  #writtenOctets = 0;
  #deletedOctets = 0;
  #storesBegun = 0;
  #thinSaidMs = Number.NEGATIVE_INFINITY;
  shift = 0;
  /** When its timer last had a turn, monotonic ms; undefined before the first time. A disk that does not answer keeps it from the next. */
  tickedAtMs: number | undefined;

  constructor(parts: SpoolParts) {
    this.#parts = parts;
    const { settings, world, destinations } = parts;
    this.#log = new SpoolLog(
      { ...settings, ageMaxMs: settings.ageMaxS * 1_000, chunksMax },
      destinations,
      (chunk) => timesOf(chunk, parts.rowClock),
      parts.sharedBy,
    );
    this.#lanes = this.#log.lanes.map((lane) => new SpoolLane(this, this.#log, lane, () => world.clock.monotonicMs()));
    this.#compression = parts.compression ?? zstdCompression;
    this.#reader = new SpoolReader(parts.kv, this.#layout, this.#compression);
    this.#thinner = new SpoolThinner({
      ...{ log: this.#log, reader: this.#reader, compression: this.#compression, layout: this.#layout },
      write: (begin, puts, deletes) =>
        this.#inTurn(async () => !this.#stopped && begin() && (await this.#batchWithPlaces(puts, deletes))),
    });
  }

  /** Resolves also when the store does not answer: then the spool works in memory and keeps trying. */
  async start(): Promise<void> {
    const { clock } = this.#parts.world;
    this.#startedAtMs = clock.monotonicMs();
    declareSpoolMetrics(this.#parts.world.metrics, this.#log, () => this.#writtenOctets);
    await this.#recover();
    this.#timer = clock.every(
      tickMs,
      () => this.#tick(),
      (error) => this.#failed(error),
    );
  }

  /** Puts on disk whatever waits, so that a planned stop loses nothing. Exporters are to be stopped before. */
  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.tickedAtMs = undefined;
    this.#stopped = true;
    await this.#thinner.settled();
    const letGo = this.#log.dropUnpersisted('shutdown', true); // the closing write tells the next run of it
    await this.#write('all', true);
    const lost = letGo + this.#log.dropUnpersisted('shutdown');
    if (lost > 0) this.#say('error', 'spoolLost', `${lost} records could not be put on disk before the stop and are lost`);
  }

  putOnDisk(): void {
    if (!this.#stopped) void this.#write('all');
  }

  /** Copies the block's rows, for every destination. Never waits and never fails. */
  append(block: RowBlock): void {
    const { rowClock, world } = this.#parts;
    const offset = block.bootId === WALL_BOOT_ID ? 0n : rowClock.wallOffsetNs(block.bootId);
    this.#log.append(block, offset, this.#layout, world.clock.wallMs(), world.clock.monotonicMs());
    if (this.#stopped) this.#log.dropUnpersisted('shutdown');
    else if (this.#log.memoryPressed && !this.#writeQueued) void this.#write('due');
    for (const lane of this.#lanes) lane.wake();
  }

  /** The view of one destination. */
  lane(destination: string): SpoolLane {
    const lane = this.#lanes.find((one) => one.name === destination);
    if (lane === undefined) throw new Error(`no destination named ${destination}`);
    return lane;
  }

  status(): StoreStatus {
    return {
      name: 'spool',
      state: this.#failure === undefined ? 'open' : 'stopped',
      reason: this.#failure === undefined ? '' : `records are held in memory only: ${messageOf(this.#failure)}`,
      octetsOnDisk: this.#log.diskOctets,
      octetsMax: this.#parts.settings.diskBytesMax,
    };
  }

  /** Rows come faster than the disk takes them: more is waiting in memory than should be. */
  get pressed(): boolean {
    return this.#log.memoryPressed;
  }

  /** Octets handed to the store since start. */
  get writtenOctets(): number {
    return this.#writtenOctets;
  }

  /** For a lane: rows of a chunk that is on disk. */
  rowsOf(chunk: SpoolChunk): Promise<Uint8Array | undefined> {
    const next = this.#log.chunkAt(chunk.first + chunk.count);
    return this.#reader.read(chunk, next !== undefined && next.rows === undefined ? next : undefined);
  }

  /** For a lane: rows that are being merged can be read again. */
  thinned(): Promise<void> {
    return this.#thinner.settled();
  }

  /** For a lane: something was acknowledged or given up. The tick writes it; nothing waits for that. */
  changed(): void {}

  async #tick(): Promise<void> {
    const { clock } = this.#parts.world;
    this.tickedAtMs = clock.monotonicMs();
    if (!this.#recovered) await this.#recover();
    else if (this.#storesBegun !== (this.#parts.begun?.() ?? 0)) this.#beginAnew();
    this.#log.memory.rest();
    const before = this.#droppedRows();
    this.#log.enforce(clock.monotonicMs());
    await this.#write('due');
    if (this.#recovered && this.#parts.settings.thin !== false) await this.#thin();
    // What was just written may be more than the disk may hold.
    this.#log.enforce(clock.monotonicMs());
    const dropped = this.#droppedRows() - before;
    if (dropped > 0) this.#say('warn', 'spoolOverBudget', `${dropped} records were given up: too old, or more than may be held`);
  }

  async #thin(): Promise<void> {
    let fewer: number;
    try {
      fewer = await this.#thinner.run();
    } catch (error) {
      this.#failed(error); // it could not be read now
      return;
    }
    const nowMs = this.#parts.world.clock.monotonicMs();
    if (fewer === 0 || nowMs - this.#thinSaidMs < thinSaidEveryMs) return;
    this.#thinSaidMs = nowMs;
    this.#say(
      'warn',
      'spoolThinned',
      'the spool nears its budget: the oldest records are merged by minute, then by hour, and are told less finely',
    );
  }

  #droppedRows(): number {
    return this.#log.lanes.flatMap((lane) => Object.values(lane.account().dropped)).reduce((sum, rows) => sum + rows, 0);
  }

  /** One write at a time; each does whatever is to be done when its turn comes. */
  #write(what: 'due' | 'all', closing = false): Promise<void> {
    this.#writeQueued = true;
    return this.#inTurn(() => {
      this.#writeQueued = false;
      return this.#writeNow(what, closing);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#writing.then(work);
    // A bug in a write reaches who asked for it; the next write has its own turn.
    this.#writing = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  async #writeNow(what: 'due' | 'all', closing: boolean): Promise<void> {
    if (!this.#recovered || (this.#stopped && !closing)) return; // nothing comes behind the closing write
    this.#marked ||= await this.#batchWithPlaces([this.#openMarker], []);
    if (!this.#marked) return;
    const { clock } = this.#parts.world;
    const persistAfterMs = this.#parts.settings.persistAfterS * 1_000;
    const chunks = what === 'all' ? this.#log.unpersisted() : this.#log.due(clock.monotonicMs(), persistAfterMs);
    for (const chunk of chunks) sealChunk(chunk, this.#log.lanes);
    for (let at = 0; at < chunks.length; at += chunksPerBatch) {
      if (!(await this.#persist(chunks.slice(at, at + chunksPerBatch)))) return;
    }
    await this.#settle(closing);
  }

  /** Writes chunks with the destinations' cursors, in one batch that waits for the device. False when the store failed. */
  async #persist(chunks: readonly SpoolChunk[]): Promise<boolean> {
    const held = chunks.filter((chunk) => chunk.rows !== undefined && chunk.diskOctets === 0);
    const encode = (chunk: SpoolChunk): Promise<Uint8Array> =>
      this.#log.memory.whileHeld(chunk.rows!, () => encodeRows(rowsIn(chunk), this.#compression));
    const encoded = await Promise.all(held.map(async (chunk) => ({ chunk, rows: await encode(chunk) })));
    const puts: KvPut[] = encoded.flatMap(({ chunk, rows }) => [
      { key: rowsKey(chunk.first), value: rows },
      { key: indexKey(chunk.first), value: encodeIndex(chunk, rows.length) },
    ]);
    if (puts.length === 0) return true;
    if (!this.#layoutKept) puts.push({ key: layoutKey(this.#layout), value: Buffer.from(describeLayout(), 'utf8') });
    if (!(await this.#batchWithPlaces(puts, []))) return false;
    this.#layoutKept = true;
    for (const { chunk, rows } of encoded) this.#log.persisted(chunk, rows.length);
    return true;
  }

  /** Deletes what nobody waits for, and writes how far the destinations are, without waiting for the device. */
  async #settle(closing: boolean): Promise<void> {
    const { lanes, holdsDisk: held } = this.#log;
    const dead = this.#log.takeDead();
    const sync = closing || this.#syncIsDue;
    const changes = lanes.map((lane) => lane.takeChanges());
    const puts: KvPut[] = [];
    lanes.forEach((lane, index) => {
      // A cursor says something only about rows on disk; without any, none is written (wear).
      if (changes[index]!.facts || ((changes[index]!.rows || closing) && held) || sync)
        puts.push({ key: destinationKey(lane.name), value: encodeLane(lane.state(closing)) });
    });
    if (puts.length === 0 && dead.length === 0 && !closing) return;
    const deletes = dead.flatMap((position) => [rowsKey(position), indexKey(position)]);
    if (closing) deletes.push(openMarkerKey);
    if (!(await this.#batch(puts, deletes, sync))) {
      this.#log.returnDead(dead);
      for (const [index, lane] of lanes.entries()) lane.returnChanges(changes[index]!);
      return;
    }
    await this.#giveSpaceBack();
  }

  get #syncIsDue(): boolean {
    const { clock } = this.#parts.world;
    return this.#unsyncedSinceMs !== undefined && clock.monotonicMs() - this.#unsyncedSinceMs >= syncWithinMs;
  }

  async #giveSpaceBack(): Promise<void> {
    const { kv } = this.#parts;
    if (this.#log.holdsDisk || this.#deletedOctets < compactAfterOctets || kv.compact === undefined) return;
    this.#deletedOctets = 0;
    try {
      await kv.compact({ gte: rowsKey(0), lt: rowsKey(this.#log.nextPosition) });
    } catch (error) {
      this.#failed(error); // it needs room itself; what was deleted is deleted all the same
    }
  }

  /** With where every destination stands, and waits for the device. */
  #batchWithPlaces(puts: readonly KvPut[], deletes: readonly Uint8Array[]): Promise<boolean> {
    const places = this.#log.lanes.map((lane) => ({ key: destinationKey(lane.name), value: encodeLane(lane.state(false)) }));
    return this.#batch([...puts, ...places], deletes, true);
  }

  async #batch(puts: readonly KvPut[], deletes: readonly Uint8Array[], sync: boolean): Promise<boolean> {
    try {
      await this.#parts.kv.batch(puts, deletes, { sync });
    } catch (error) {
      this.#failed(error);
      return false;
    }
    // A sync covers every write before it.
    this.#unsyncedSinceMs = sync ? undefined : (this.#unsyncedSinceMs ?? this.#parts.world.clock.monotonicMs());
    const octets = puts.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    this.#writtenOctets += octets;
    this.#deletedOctets += octets;
    this.#works();
    return true;
  }

  async #recover(): Promise<void> {
    const { kv, world, destinations, rowClock, settings, wasDamaged } = this.#parts;
    let finding: SpoolFinding;
    try {
      const wallOfRows = (bootId: string, ns: bigint): number | undefined => {
        const offsetNs = bootId === WALL_BOOT_ID ? 0n : rowClock.wallOffsetNs(bootId);
        return offsetNs === undefined ? undefined : Number((ns + offsetNs) / 1_000_000n);
      };
      const { clock } = world;
      const bounds = { oldestMs: clock.wallMs() - settings.ageMaxS * 1_000, wasDamaged: wasDamaged?.() === true };
      finding = await recoverSpool(kv, destinations, clock.monotonicMs(), clock.wallMs(), bounds, wallOfRows);
      const puts: KvPut[] = [this.#openMarker];
      // The new marker hides when the last run began: its hole is on disk with it, should this run end at once too.
      if (finding.holes.length > 0)
        for (const [name, state] of finding.lanes) puts.push({ key: destinationKey(name), value: encodeLane(state) });
      await kv.batch(puts, finding.deletes, { sync: true });
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#storesBegun = this.#parts.begun?.() ?? 0;
    this.#layoutKept = finding.layouts.has(this.#layout);
    this.#reader.learn(finding.layouts);
    this.#log.restore(finding);
    this.shift += finding.nextPosition;
    this.#recovered = true;
    for (const { level, event, text } of findingWords(finding, this.#parts.settings.persistAfterS)) this.#say(level, event, text);
    this.#works();
    for (const lane of this.#lanes) lane.wake();
  }

  /** Rows have come since the start, also while the store did not answer: a kill takes those too. */
  get #openMarker(): KvPut {
    const { clock } = this.#parts.world;
    return { key: openMarkerKey, value: encodeWallMs(clock.wallMs() - (clock.monotonicMs() - this.#startedAtMs)) };
  }

  /** The store was set aside for a new one while the spool used it: what stands once in a run is written again. */
  #beginAnew(): void {
    this.#storesBegun = this.#parts.begun?.() ?? 0;
    this.#layoutKept = this.#marked = false;
    this.#log.diskLost();
  }

  #failed(error: unknown): void {
    // Anything but an operating error of the store is a bug of ours: it goes on to the supervisor.
    if (!(error instanceof ApplianceError)) throw error;
    if (this.#failure === undefined)
      this.#say('error', 'spoolStoreFailed', `records are held in memory only: ${messageOf(error)}`);
    this.#failure = error;
  }

  #works(): void {
    if (this.#failure !== undefined) this.#say('info', 'spoolStoreBack', 'records are kept on disk again');
    this.#failure = undefined;
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    if (this.#parts.onEvent === undefined) this.#parts.world.log[level](event, { text });
    else this.#parts.onEvent(level, event, text);
  }
}
