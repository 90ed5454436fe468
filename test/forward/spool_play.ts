/**
 * Plays with a spool under random actions beside a model of it: rows come, collectors take, lose and refuse, the store is
 * slow, full, silent or damaged, the box stops and is killed, destinations come and go. Time is simulated; compression runs
 * in place. Everything that happens follows from the seed; FLOWSPAN_TRACE=1 tells it.
 */
import { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics, type Metrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { dropReasons } from '../../src/flow/ledger.ts';
import { WALL_BOOT_ID } from '../../src/flow/row_block.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import type { Gap } from '../../src/forward/gaps.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import { Spool, type SpoolLane, type SpoolOptions } from '../../src/forward/spool.ts';
import { rowsKey } from '../../src/forward/spool_record.ts';
import { FaultyKv } from './faulty_kv.ts';
import { blockOf, flowIdOf, rowClock } from './rows.ts';
import { LaneModel } from './spool_model.ts';
import { rowsIn, type StoreView, viewOf } from './spool_store_view.ts';

const MIB = 1024 * 1024;
const tickMs = 1_000;
const octetsPerRow = 100;
const pool = ['a', 'b', 'c', 'd'];

interface Session {
  up: boolean;
  lastId: number;
  /** Taken from the spool just now. */
  taken: readonly number[];
  inFlight: { readonly position: number; readonly ids: readonly number[] }[];
}
/** What a run left behind when it ended. */
interface Left {
  readonly view: StoreView;
  readonly old: Map<string, LaneModel>;
  /** Rows that were on their way: memory may have let go of them before they could be written. */
  readonly flying: ReadonlyMap<string, ReadonlySet<number>>;
  readonly atMs: number;
  readonly quietMs: number;
  readonly syncedMs: number;
  readonly planned: boolean;
  /** The power went: what was not synced may be gone. */
  readonly cut: boolean;
}
export class SpoolPlay {
  readonly #random: SeededRandom;
  readonly #settings: SpoolOptions;
  /** Nothing is ever given up for want of room or by age: then the margin is exact too. */
  readonly #roomy: boolean;
  readonly #slowMs: number;
  readonly #marginMax: number;
  readonly #kv = new MemoryKv();
  #clock = new SimulatedClock();
  #metrics!: Metrics;
  #disk!: FaultyKv;
  #spool!: Spool;
  #models = new Map<string, LaneModel>();
  #sessions = new Map<string, Session>();
  /** By destination and row: how often it has arrived. */
  #arrived = new Map<string, Map<number, number>>();
  /** Rows that a collector lost after it had acknowledged them, beyond what the margin covers. */
  #excused = new Map<string, Set<number>>();
  /** When rows came that are missing without a count: a gap of unknown size must be said of them until it was heard. */
  #holes = new Map<string, number[]>();
  #bornMs: number[] = [0];
  #damaged: (readonly number[])[] = [];
  #pieces = new Map<number, readonly number[]>();
  /** What the last run left, until this one has read it. */
  #left: Left | undefined;
  #stopping = false;
  #healthySinceMs = 0;
  /** The store worked for long enough until here. */
  #quietMs = 0;
  readonly happened: Record<string, number> = {};

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const r = this.#random;
    this.#roomy = r.below(2) === 0;
    this.#slowMs = r.below(3) === 0 ? 400 : 0;
    this.#marginMax = r.below(3) * 4_000;
    this.#settings = this.#roomy
      ? { memoryBytesMax: 256 * MIB, diskBytesMax: 256 * MIB, ageMaxS: 1e6, persistAfterS: 1 + r.below(8), thin: false }
      : {
          memoryBytesMax: (1 + r.below(3)) * MIB,
          diskBytesMax: 40_000 + r.below(200_000),
          ageMaxS: 20 + r.below(200),
          persistAfterS: 1 + r.below(8),
          thin: false, // rows would lose their numbers; `spool_thinning.test.ts` has a model of its own
        };
  }

  async start(): Promise<void> {
    await this.#run(['a', 'b'], 0);
  }

  async step(): Promise<void> {
    const r = this.#random;
    const dice = r.below(1_000);
    const name = [...this.#models.keys()][r.below(this.#models.size)]!;
    const session = this.#sessions.get(name)!;
    if (dice < 250) this.#append();
    else if (dice < 420) await this.#pass(r.below(2_000));
    else if (dice < 600) await this.#send(name, 1 + r.below(4));
    else if (dice < 780) this.#acknowledge(name, 1 + r.below(20));
    else if (dice < 830) this.#break(name, r.below(3) === 0);
    else if (dice < 870) this.#connect(name);
    else if (dice < 890) this.#tell(name);
    else if (dice < 910) await this.#pass(5_000 + r.below(20_000));
    else if (dice < 930) this.#fail(r.below(2) === 0 ? 'full' : 'silent');
    else if (dice < 965) this.#fail('works');
    else if (dice < 970) await this.#damage();
    else if (dice < 980) this.#disk.writesUntilKill ??= r.below(4);
    else if (dice < 985) await this.#restart('kill');
    else if (dice < 990) await this.#restart('powerCut');
    else await this.#restart('stop');
    if (session === this.#sessions.get(name) && session.up && r.below(8) === 0) await this.#send(name, 1);
    await this.#look();
    if (this.#disk.killed) await this.#restart(r.below(2) === 0 ? 'kill' : 'powerCut');
  }

  /** Everything works again: all that is owed arrives, and a planned stop leaves nothing behind. */
  async finish(): Promise<void> {
    this.#fail('works');
    this.#disk.delayMaxMs = 0;
    this.#disk.writesUntilKill = undefined;
    await this.#pass(4 * tickMs);
    for (const [name, model] of this.#models) {
      this.#break(name, false);
      for (let tries = 0; !this.#sessions.get(name)!.up && tries < 100; tries++) this.#connect(name);
      for (let rounds = 0; model.owed.size > 0 || model.again.size > 0; rounds++) {
        if (rounds > 2_000) throw new Error(`${name} never gets ${model.owed.size} rows: ${[...model.owed].slice(0, 5)}`);
        await this.#send(name, 50);
        this.#acknowledge(name, 1_000);
        await this.#look();
        // What cannot come again is not waited for; where it must, the look has seen it waiting.
        if (this.#spool.lane(name).unread === 0 && model.owed.size === 0) break;
      }
      this.#everythingArrived(name);
    }
    await this.#pass(3 * tickMs);
    if (this.#spool.status().octetsOnDisk > this.#settings.diskBytesMax) throw new Error('more on disk than allowed');
    for (const name of this.#models.keys()) this.#release(name);
    await this.#restart('stop', [...this.#models.keys()]);
    const view = await this.#view();
    if (view.pieces.length > 0) throw new Error(`${view.pieces.length} pieces stay on disk that nobody waits for`);
  }

  // What may happen.

  #trace(what: string): void {
    if (process.env.FLOWSPAN_TRACE !== undefined) process.stderr.write(`${this.#clock.wallMs() - 1.7e12} ${what}\n`);
  }

  #append(): void {
    const r = this.#random;
    const count = r.below(8) === 0 ? 1 + r.below(1_500) : 1 + r.below(150);
    const first = this.#bornMs.length - 1; // the row's flowId is one more
    const nowMs = this.#clock.wallMs();
    const ids = Array.from({ length: count }, (_, i) => first + 1 + i);
    for (const _ of ids) this.#bornMs.push(nowMs);
    const originNs = (BigInt(nowMs) - BigInt(first)) * 1_000_000n;
    const bootId = r.below(10) === 0 ? 'boot-a' : WALL_BOOT_ID;
    for (const model of this.#models.values()) model.handOver(ids);
    this.#spool.append(blockOf(first, count, { originNs, bootId }));
    this.#count('appended', count);
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#disk.killed; left -= 200) {
      await this.#clock.advance(Math.min(200, left));
      await this.#look();
    }
  }

  async #send(name: string, pieces: number): Promise<void> {
    const session = this.#sessions.get(name)!;
    const model = this.#models.get(name)!;
    const lane = this.#spool.lane(name);
    for (let piece = 0; session.up && piece < pieces; piece++) {
      const rows = await this.#drive(
        lane.next().catch((error: unknown) => {
          if (!(error instanceof ApplianceError) || this.#disk.state !== 'silent') throw error;
          return undefined;
        }),
      );
      if (rows === undefined) return;
      const ids = Array.from({ length: rows.count }, (_, i) => flowIdOf(rows.bytes, rows.firstRow + i * ROW_BYTES));
      session.taken = ids;
      await this.#look(); // what was found damaged or left by the last run meanwhile
      session.taken = [];
      for (let at = 0; at < ids.length; ) {
        const part = ids.slice(at, at + 1 + this.#random.below(200));
        this.#take(name, part);
        this.#trace(`${name} takes ${part[0]} to ${part.at(-1)}`);
        const position = rows.position + at;
        at += part.length;
        const fate = this.#random.below(40);
        if (fate < 2) for (const id of part) this.#excused.get(name)!.add(id);
        if (fate === 0) {
          lane.acknowledge(position, part.length, 0, 0, { notSelected: part.length });
          model.leaveOut(part, 'notSelected', this.#clock.wallMs());
        } else if (fate === 1 && part.length === 1) {
          lane.drop(position, 1, 'unencodable');
          model.leaveOut(part, 'unencodable', this.#clock.wallMs());
        } else session.inFlight.push({ position, ids: part });
      }
    }
  }

  /** Order, and nothing comes that is neither owed nor to be sent again. */
  #take(name: string, ids: readonly number[]): void {
    const session = this.#sessions.get(name)!;
    const model = this.#models.get(name)!;
    const flying = new Set(session.inFlight.flatMap((one) => one.ids));
    // Rows may be given up, as too old for one, in the moment after they were read and before they are looked at here.
    const gone = new Set(model.drops.flatMap((drop) => (drop.atMs === this.#clock.wallMs() ? drop.ids : [])));
    for (const id of ids) {
      if (id <= session.lastId) throw new Error(`${name}: row ${id} comes after ${session.lastId}`);
      session.lastId = id;
      if (flying.has(id)) throw new Error(`${name}: row ${id} comes twice in a session`);
      if (!model.owed.has(id) && !model.again.has(id) && !gone.has(id))
        throw new Error(`${name}: row ${id} comes and is not owed`);
    }
  }

  #acknowledge(name: string, messages: number): void {
    const session = this.#sessions.get(name)!;
    for (const { position, ids } of session.inFlight.splice(0, messages)) {
      const octets = ids.length * octetsPerRow;
      this.#spool.lane(name).acknowledge(position, ids.length, octets, this.#marginMax);
      this.#models.get(name)!.acknowledge(ids, octets, this.#marginMax, this.#clock.wallMs());
      this.#arrive(name, ids, 1);
      this.#count('acknowledged', ids.length);
    }
  }

  /** The session ends. A collector that falls has lost the newest of what it had acknowledged. */
  #break(name: string, falls: boolean): void {
    const session = this.#sessions.get(name)!;
    const model = this.#models.get(name)!;
    if (!session.up) return;
    if (falls) for (const { ids } of model.margin.slice(this.#random.below(model.margin.length + 1))) this.#arrive(name, ids, -1);
    else
      for (const { ids } of session.inFlight.slice(0, this.#random.below(session.inFlight.length + 1)))
        this.#arrive(name, ids, 1);
    Object.assign(session, { up: false, lastId: 0, taken: [], inFlight: [] });
    this.#spool.lane(name).rewind(true);
    model.rewind();
    this.#count('broken', 1, name);
  }

  #connect(name: string): void {
    const session = this.#sessions.get(name)!;
    if (session.up) return;
    session.up = this.#random.below(2) === 0;
    if (!session.up) this.#spool.lane(name).rewind(false);
  }

  #tell(name: string): void {
    const lane = this.#spool.lane(name);
    const gaps = lane.takeGaps();
    if (!this.#sessions.get(name)!.up || gaps.length === 0 || this.#random.below(3) === 0) return;
    lane.gapsTold(gaps);
    this.#models.get(name)!.told(gaps);
    this.#holes.set(
      name,
      this.#holes.get(name)!.filter((atMs) => !covered(atMs, gaps)),
    );
    this.#count('told', gaps.length);
  }

  #fail(how: FaultyKv['state']): void {
    if (how === 'works' && this.#disk.state !== 'works') this.#healthySinceMs = this.#clock.wallMs();
    this.#disk.state = how;
    this.#count(how);
  }

  async #damage(): Promise<void> {
    const { pieces } = await this.#view();
    const piece = pieces[this.#random.below(pieces.length)];
    if (piece === undefined || this.#damaged.includes(piece.ids)) return;
    const value = Uint8Array.from((await this.#kv.get(rowsKey(piece.position)))!);
    const at = this.#random.below(value.length);
    value[at] = value[at]! ^ (1 << this.#random.below(8));
    await this.#kv.batch([{ key: rowsKey(piece.position), value }]);
    this.#damaged.push(piece.ids);
    this.#count('damaged');
  }

  async #restart(how: 'kill' | 'powerCut' | 'stop', names?: string[]): Promise<void> {
    this.#count(how);
    if (how === 'stop') {
      this.#stopping = true;
      for (const name of this.#models.keys()) if (this.#random.below(2) === 0) this.#release(name);
      await this.#drive(this.#spool.stop(1_000));
      await this.#look();
    }
    if (how === 'stop' && this.#disk.killed) how = 'kill';
    this.#disk.killed = true;
    if (how === 'powerCut') {
      this.#kv.powerCut();
      this.#kv.reopen();
    }
    const view = await this.#view();
    const opened = this.#disk.openedMs !== undefined;
    const cut = how === 'powerCut';
    // A run whose store never opened has nothing on disk: what it was to send again ends with it.
    if (!opened) for (const [name, { spare }] of this.#models) for (const id of spare) this.#excused.get(name)!.add(id);
    if (this.#left === undefined) {
      this.#left = {
        view,
        old: opened ? this.#models : new Map(),
        flying: new Map([...this.#models.keys()].map((name) => [name, this.#flying(name)])),
        atMs: this.#clock.wallMs(),
        quietMs: this.#quietMs,
        syncedMs: this.#disk.syncedMs,
        planned: opened && !view.marked,
        cut,
      };
    } else {
      // A run that did not take up what was left has changed nothing of it; its own rows are gone. But its first write may
      // have reached the store with no answer: then destinations that this run did not have are forgotten.
      const had = this.#left.view.waiting;
      const old = new Map([...this.#left.old].filter(([name]) => view.waiting.has(name) || !had.has(name)));
      this.#left = { ...this.#left, view, old, cut: cut || this.#left.cut };
    }
    const chosen =
      names ?? (this.#random.below(3) > 0 ? [...this.#models.keys()] : pool.filter(() => this.#random.below(2) === 0));
    await this.#run(chosen.length === 0 ? ['a'] : chosen, this.#random.below(5) === 0 ? 60_000 : this.#random.below(3_000));
  }

  /** As an exporter does that saw its collector take everything. */
  #release(name: string): void {
    const model = this.#models.get(name)!;
    if (!this.#sessions.get(name)!.up) return;
    this.#acknowledge(name, Number.POSITIVE_INFINITY);
    if (model.owed.size > 0) return;
    const lane = this.#spool.lane(name);
    if (lane.unread > 0) return; // nothing is proven then: what is to be sent again was not, yet
    lane.releaseMargin();
    model.releaseMargin();
  }

  async #run(names: readonly string[], offMs: number): Promise<void> {
    const wallMs = this.#clock.wallMs() + offMs;
    this.#clock = new SimulatedClock(1_000, wallMs);
    this.#stopping = false;
    this.#metrics = createMetrics();
    this.#disk = new FaultyKv(this.#kv, this.#clock, this.#random);
    this.#disk.delayMaxMs = this.#slowMs;
    if (this.#random.below(10) === 0) this.#fail('silent');
    this.#healthySinceMs = this.#quietMs = wallMs;
    this.#spool = new Spool({
      world: { clock: this.#clock, random: this.#random, log: silentLog, metrics: this.#metrics },
      kv: this.#disk,
      settings: this.#settings,
      destinations: names,
      rowClock: rowClock(),
      compression: zstdInPlace,
      onEvent: () => {},
    });
    const before = this.#models;
    this.#models = new Map(names.map((name) => [name, new LaneModel(name)]));
    this.#sessions = new Map(names.map((name) => [name, { up: true, lastId: 0, taken: [], inFlight: [] }]));
    for (const name of pool) {
      if (before.has(name) && names.includes(name)) continue;
      this.#arrived.set(name, new Map());
      this.#excused.set(name, new Set());
      this.#holes.set(name, []);
    }
    await this.#drive(this.#spool.start());
    await this.#look();
  }

  // What must hold.

  async #look(): Promise<void> {
    if (this.#left !== undefined && this.#disk.openedMs !== undefined) this.#takeUp(this.#left);
    const nowMs = this.#clock.wallMs();
    await this.#learn();
    if (!this.#disk.killed && this.#disk.state === 'works' && nowMs - this.#healthySinceMs > this.#slackMs) this.#quietMs = nowMs;
    for (const [name, model] of this.#models) {
      const lane = this.#spool.lane(name);
      model.observe(lane.account(), lane.gaps, [...this.#pieces.values()], this.#damaged, this.#flying(name), nowMs);
      if (!this.#disk.killed) this.#unread(name, model, lane);
    }
    if (this.#disk.killed || this.#random.below(10) > 0) return;
    const held = Number(/^flowspan_spool_memory_octets (\d+)/m.exec(await this.#metrics.render())![1]);
    if (held > this.#settings.memoryBytesMax) throw new Error(`${held} octets in memory`);
  }

  #flying(name: string): Set<number> {
    const { inFlight, taken } = this.#sessions.get(name)!;
    return new Set([...taken, ...inFlight.flatMap(({ ids }) => ids)]);
  }

  #unread(name: string, { owed, again, drops }: LaneModel, lane: SpoolLane): void {
    const flying = this.#flying(name);
    const must = [...owed].filter((id) => !flying.has(id)).length;
    const may = [...again].filter((id) => !flying.has(id) && !owed.has(id));
    // Nothing is sent again of a piece that another destination found to be damaged.
    const damaged = new Set(this.#damaged.flat());
    const least = this.#roomy && !this.#stopping && drops.length === 0 ? may.filter((id) => !damaged.has(id)).length : 0;
    if (lane.unread < must + least || lane.unread > must + may.length)
      throw new Error(`${name}: ${lane.unread} rows are to be sent, should be ${must} and ${least} to ${may.length} again`);
  }

  /** A cycle of writing after which everything due is on disk, with a slow disk in it. */
  get #slackMs(): number {
    return this.#slowMs === 0 ? tickMs : 2 * (tickMs + 6 * this.#slowMs);
  }

  /** This run has read what the last one left: that must be what it owed, save what a kill may take. */
  #takeUp(left: Left): void {
    this.#left = undefined;
    for (const [name, fresh] of this.#models) {
      const { gaps } = this.#spool.lane(name);
      const old = left.old.get(name);
      const waiting = old === undefined ? new Set<number>() : (left.view.waiting.get(name) ?? new Set<number>());
      if (old !== undefined) this.#compare(name, old, waiting, left);
      fresh.takeUp(waiting, old === undefined ? [] : (left.view.gaps.get(name) ?? []));
      this.#sessions.get(name)!.lastId = 0;
      if (left.view.marked && !gaps.some(({ reason, toMs }) => reason === 'lostToPowerCut' && toMs >= left.atMs))
        throw new Error(`${name}: no gap is marked up to the end of the run`);
      for (const atMs of this.#holes.get(name)!)
        if (!covered(atMs, gaps))
          throw new Error(`${name}: rows that came at ${atMs} are missing, not in ${JSON.stringify(gaps)}`);
    }
  }

  #compare(name: string, old: LaneModel, waiting: ReadonlySet<number>, left: Left): void {
    const { atMs, quietMs, syncedMs, planned, cut } = left;
    const recorded = (ms: number): boolean => (cut ? ms < syncedMs : ms <= quietMs - this.#slackMs);
    const spare = old.spare;
    for (const id of old.owed) {
      if (waiting.has(id)) continue;
      const bornMs = this.#bornMs[id]!;
      const dueMs = bornMs + this.#settings.persistAfterS * 1_000;
      if (planned) throw new Error(`${name}: row ${id} is lost in a planned stop`);
      if (dueMs <= quietMs - this.#slackMs && (this.#roomy || !left.flying.get(name)!.has(id)))
        throw new Error(`${name}: row ${id} is lost, ${atMs - bornMs} ms old`);
      this.#holes.get(name)!.push(bornMs);
      this.#excused.get(name)!.add(id);
    }
    for (const id of waiting) {
      if (old.owed.has(id)) continue;
      const doneMs = old.doneMs.get(id);
      if (planned && !spare.has(id)) throw new Error(`${name}: row ${id} comes again after a planned stop`);
      if (!planned && (doneMs === undefined || recorded(doneMs)) && !spare.has(id))
        throw new Error(`${name}: row ${id} comes again, done with ${atMs - (doneMs ?? 0)} ms before the end`);
    }
    for (const id of spare) {
      if (waiting.has(id)) continue;
      if (planned && this.#roomy && !this.#damaged.some((ids) => ids.includes(id)))
        throw new Error(`${name}: row ${id} of the margin is forgotten`);
      this.#excused.get(name)!.add(id); // the margin is a precaution that a kill may take
    }
    for (const { ids } of old.drops) for (const id of ids) this.#excused.get(name)!.add(id);
    const gaps = left.view.gaps.get(name) ?? [];
    for (const reason of dropReasons) {
      if (reason === 'unencodable' || reason === 'lostToPowerCut') continue;
      const records = gaps.reduce((sum, gap) => sum + (gap.reason === reason ? (gap.records ?? 0) : 0), 0);
      const { least, most, untold } = old.gapRecords(reason, (drop) => planned || recorded(drop.atMs));
      if (records < least || records > most)
        throw new Error(`${name}: gaps tell ${records} rows ${reason}, should be ${least} to ${most}`);
      // What was given up last and is not told as such is back, or lies in the hole.
      let missing = untold - records;
      for (const drop of old.drops.filter((one) => one.reason === reason).reverse()) {
        const lost = drop.ids.filter((id) => !waiting.has(id));
        missing -= drop.ids.length - lost.length;
        if (missing > 0 && lost.length > 0) this.#holes.get(name)!.push(Math.max(...lost.map((id) => this.#bornMs[id]!)));
        missing -= lost.length;
      }
    }
  }

  /** With room, also what a collector lost after it had acknowledged it. */
  #everythingArrived(name: string): void {
    if (!this.#roomy) return;
    const excused = new Set([...this.#excused.get(name)!, ...this.#damaged.flat()]);
    for (const { ids } of this.#models.get(name)!.drops) for (const id of ids) excused.add(id);
    for (const [id, times] of this.#arrived.get(name)!)
      if (times < 1 && !excused.has(id)) throw new Error(`${name}: row ${id} was lost with its collector`);
  }

  #arrive(name: string, ids: readonly number[], times: 1 | -1): void {
    const arrived = this.#arrived.get(name)!;
    this.#trace(`${name} ${times} ${ids[0]} to ${ids.at(-1)}`);
    for (const id of ids) arrived.set(id, (arrived.get(id) ?? 0) + times);
  }

  async #learn(): Promise<void> {
    for (const { position, count, value } of this.#disk.written.splice(0)) this.#pieces.set(position, await rowsIn(value, count));
  }

  async #view(): Promise<StoreView> {
    await this.#clock.advance(0); // what is being written is whole
    await this.#learn();
    return await viewOf(this.#kv, this.#pieces);
  }

  /** Waits while the simulated time goes on; undefined when the run is killed meanwhile. */
  async #drive<T>(work: Promise<T>): Promise<T | undefined> {
    let outcome: { value: T } | { error: unknown } | undefined;
    work.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    for (let waited = 0; outcome === undefined && !this.#disk.killed; waited++) {
      if (waited > 2_000) throw new Error('something never ends');
      await this.#clock.advance(waited === 0 ? 0 : 20);
    }
    if (outcome === undefined) return undefined;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  #count(what: string, by = 1, name = ''): void {
    this.#trace(`${what} ${by} ${name}`);
    this.happened[what] = (this.happened[what] ?? 0) + by;
  }
}

function covered(atMs: number, gaps: readonly Gap[]): boolean {
  return gaps.some((gap) => gap.records === null && gap.fromMs <= atMs && gap.toMs >= atMs);
}
