/**
 * One destination, or the first of a group that takes records: reads rows at its place in the spool, encodes them when it
 * sends, and tells the spool what arrived. A broken session is followed by another, after a wait that grows and is spread by
 * chance; what was not proven to have arrived is sent again. A dead one costs the others nothing: it only holds its own place.
 *
 * Live rows go first: what has waited longer than `catchUp.afterMs` becomes backlog, which follows beside them (`CatchUp`).
 * Order is kept within a session. Owned by the main event loop.
 */
import { unlessAborted } from '../core/abort.ts';
import { ApplianceError, type ErrorCode, messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import { RetrySchedule } from '../core/retry.ts';
import type { World } from '../core/world.ts';
import type { DestinationAccount } from '../flow/ledger.ts';
import type { Projector } from '../flow/projector.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { BoxEvent, UplinkState, UplinkStatus } from '../flow/status_shapes.ts';
import { CatchUp } from './catch_up.ts';
import { type CatchUpLimits, CatchUpPace } from './catch_up_pace.ts';
import type { ExporterSession } from './exporter_session.ts';
import type { MeteringFacts } from './ipfix/options_tables.ts';
import type { Link } from './link.ts';
import { type ExporterMember, MemberSessions } from './member_sessions.ts';
import type { DestinationPrivacy } from './privacy/destination_privacy.ts';
import { loadPrivacy } from './privacy/load_privacy.ts';
import type { SpoolLane } from './spool_lane.ts';

export interface CatchUpOptions extends CatchUpLimits {
  /** Rows that have waited longer are backlog. */
  readonly afterMs: number;
  /** Of the session that the backlog has of its own. */
  readonly observationDomainId: number;
}

export interface ExporterParts {
  readonly world: World;
  /** Of the destination or the failover group, and of its place in the spool. */
  readonly name: string;
  /** At least one, in the order of preference. */
  readonly members: readonly ExporterMember[];
  /** How often the first is tried while another is used. */
  readonly failoverReturnMs: number;
  readonly observationDomainId: number;
  readonly catchUp: CatchUpOptions;
  /** 0 for none. */
  readonly privatePen: number;
  readonly lane: SpoolLane;
  readonly rowClock: RowClock;
  readonly projector: Projector;
  readonly facts: () => MeteringFacts;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
}

export interface ExporterFigures {
  readonly messages: number;
  readonly octets: number;
  readonly records: number;
  readonly resentRecords: number;
  /** Rows that arrived behind the live ones. */
  readonly behind: number;
  /** Bits a second that the backlog may take. */
  readonly allowedBits: number;
  readonly up: boolean;
}

/** A session that lasted this long was a good one: the next wait is short again. */
const goodSessionMs = 10_000;
/** A planned stop waits no longer for a collector that takes its time: what it has not taken is on disk. */
const drainMaxMs = 12_000;
/** Of a stop's time: by then nothing is waited for any more, and by then the link has ended. */
const drainShare = 0.6;
const closedShare = 0.9;
/** At a planned stop: how often it is looked whether everything has arrived. */
const drainPeriodMs = 20;
const closeMaxMs = 2_000;
/** A session of a backlog stays open for so long after its last row: a slow uplink leaves rows behind again and again. */
const backlogLingerMs = 10_000;
/** Troubles that somebody has to mend: the collector's or this box's settings are wrong. */
const refusals: readonly ErrorCode[] = [
  ...(['connectRefused', 'tlsFailed', 'credentialsRefused', 'messageTooLong'] as const),
  ...(['settingsUnreadable', 'settingsInvalid', 'storeFull', 'storeUnwritable'] as const),
];

export class Exporter implements Service {
  readonly name: string;
  readonly #parts: ExporterParts;
  readonly #retry: RetrySchedule;
  /** The member in use, or tried next. */
  #member: ExporterMember;
  /** Members that did not take records since one last did. */
  #failed = new Set<ExporterMember>();
  /** To the first member, opened while another was in use. */
  #openedToFirst: Link | undefined;
  #state: UplinkState = 'stopped';
  #sinceMs = 0;
  #reason = '';
  #retryAtMs = 0;
  #running: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  #link: Link | undefined;
  #current: ExporterSession | undefined;
  readonly #live: MemberSessions;
  readonly #backlog: MemberSessions;
  readonly #catchUp: CatchUp;

  constructor(parts: ExporterParts) {
    const { name, world, members, lane, catchUp, rowClock, projector, privatePen, facts, observationDomainId } = parts;
    this.name = `exporter.${name}`;
    this.#parts = parts;
    this.#member = members[0] as ExporterMember;
    const { retryFirstMs, retryCapMs } = this.#member.settings;
    const retry = { firstMs: retryFirstMs, capMs: retryCapMs };
    this.#retry = new RetrySchedule(retry, world.random);
    // The first member of a share is the one it belongs to; alone or in a failover group the name is not looked at.
    const ownName = (members[0] as ExporterMember).settings.name;
    const shared = { world, lane, rowClock, projector, privatePen, facts, ownName };
    const beforeReading = ({ catchUpTransport }: ExporterMember): void => {
      if (catchUpTransport === undefined) lane.promote();
      else lane.demote(catchUp.afterMs);
    };
    this.#live = new MemberSessions({ ...shared, cursor: lane, observationDomainId, beforeReading });
    const isLossy = members.some(({ settings }) => settings.transport === 'udp');
    // What an uplink carries cannot be seen over UDP: it is paced by the limits alone.
    const limits = isLossy ? { ...catchUp, uplinkShare: 1 } : catchUp;
    const pace = new CatchUpPace(limits, world.clock.monotonicMs());
    const domain = { observationDomainId: catchUp.observationDomainId };
    this.#backlog = new MemberSessions({
      ...{ ...shared, ...domain, cursor: lane.backlog, throttle: pace, lingerMs: backlogLingerMs },
    });
    const say = this.#say.bind(this);
    this.#catchUp = new CatchUp({
      ...{ world, name, cursor: lane.backlog, sessions: this.#backlog, pace, retry, ...domain, say },
    });
  }

  /** Resolves at once: whether the collector answers is a state, not a failure. */
  async start(_signal: AbortSignal): Promise<void> {
    this.#running = new AbortController();
    this.#enter('connecting', '');
    this.#loop = this.#run(this.#running.signal);
  }

  /**
   * Sends what is live and waits for its arrival until the deadline; with no session it stops at once. What is left, and
   * the backlog, stays in the spool.
   */
  async stop(deadlineMs: number): Promise<void> {
    const { world, lane, members } = this.#parts;
    const startMs = world.clock.monotonicMs();
    const drainedMs = startMs + Math.min(deadlineMs * drainShare, drainMaxMs);
    const behind = this.#catchUp.settle(deadlineMs);
    while (this.#current?.awaitsTime === false && lane.outstanding > 0 && world.clock.monotonicMs() < drainedMs) {
      this.#current.acknowledge();
      // Over UDP the proof is asked for now, not when its time comes. Not waited for alone: over TCP there is nothing to ask,
      // and a wait that is over at once would leave no turn to the sockets, nor to anything else.
      if (lane.unread === 0) void this.#link?.settled().catch(() => {}); // a loss ends the session
      if (lane.outstanding > 0) await world.clock.sleep(drainPeriodMs);
    }
    await behind;
    const [link, session] = [this.#link, this.#current];
    this.#running?.abort(new ApplianceError('connectionLost', 'the exporter was stopped'));
    await this.#loop;
    if (link !== undefined) {
      const leftMs = startMs + deadlineMs * closedShare - world.clock.monotonicMs();
      const closed = await link.end(Math.max(1, Math.min(closeMaxMs, leftMs)));
      session?.acknowledge(); // ending it may have proven more
      if (!closed) await this.#tellRefusal(link);
      if (closed && lane.outstanding === 0) lane.releaseMargin();
    }
    for (const { transport, catchUpTransport } of members) {
      transport.close();
      catchUpTransport?.close();
    }
    this.#enter('stopped', '');
  }

  account(): DestinationAccount {
    return this.#parts.lane.account();
  }

  status(): UplinkStatus {
    const { name, lane } = this.#parts;
    const { settings, transport } = this.#member;
    const account = lane.account();
    return {
      name,
      kind: settings.protocol === 'ipfix' ? 'ipfix' : 'netflow',
      address: transport.address,
      state: this.#state,
      sinceMs: this.#sinceMs,
      reason: this.#reason,
      backlogRecords: account.pending,
      backlogOctets: lane.backlogOctets,
      backlogAgeMs: lane.backlogAgeMs,
      catchUp: this.#catchUp.status(),
      sentRecords: this.#live.sent.records + this.#backlog.sent.records,
      acknowledgedRecords: account.acknowledged,
      droppedRecords: Object.values(account.dropped).reduce((sum, rows) => sum + rows, 0),
      ...this.#live.latencyStatus(),
      proof: transport.proof,
      retryAtMs: this.#retryAtMs,
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { world, lane } = this.#parts;
    while (!signal.aborted) {
      let link = this.#openedToFirst;
      this.#openedToFirst = undefined;
      let trouble: ApplianceError | undefined;
      let taken = false;
      const startMs = world.clock.monotonicMs();
      try {
        // Read each time, so that a key that was missing is found when it is there; without it nothing goes out.
        const privacy = await loadPrivacy(this.#member.settings.privacy);
        link ??= await this.#member.transport.open(signal);
        ({ trouble, taken } = await this.#converse(link, privacy, signal));
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof ApplianceError)) throw error;
        trouble = error;
      }
      if (signal.aborted) break;
      const returns = this.#openedToFirst !== undefined;
      link?.destroy();
      this.#link = undefined;
      lane.rewind(link !== undefined && !taken);
      if (returns) this.#use(this.#parts.members[0] as ExporterMember, 'it takes records again');
      else if (trouble !== undefined) {
        const wasGood = link !== undefined && world.clock.monotonicMs() - startMs >= goodSessionMs;
        if (wasGood) {
          this.#retry.reset();
          this.#failed.clear();
        }
        await this.#goOn(trouble, signal);
      }
    }
    this.#openedToFirst?.destroy();
  }

  /** To the first member that was not tried since; when all were, after a wait from the beginning. */
  async #goOn(trouble: ApplianceError, signal: AbortSignal): Promise<void> {
    const { members } = this.#parts;
    this.#failed.add(this.#member);
    const next = members.find((member) => !this.#failed.has(member));
    if (next !== undefined) {
      this.#enter('waiting', messageOf(trouble));
      this.#use(next, messageOf(trouble));
      return;
    }
    await this.#waitAfter(trouble, signal);
    this.#failed.clear();
    this.#member = members[0] as ExporterMember;
  }

  #use(member: ExporterMember, why: string): void {
    this.#member = member;
    this.#say('warn', 'uplinkFailover', `${this.#parts.name}: ${member.settings.name} is used now: ${why}`);
  }

  /** Resolves once the first member's transport is open again, into `#openedToFirst`. Rejects with the signal's reason. */
  async #watchFirst(signal: AbortSignal): Promise<void> {
    const { world, members, failoverReturnMs } = this.#parts;
    for (;;) {
      await world.clock.sleep(failoverReturnMs, signal);
      try {
        this.#openedToFirst = await (members[0] as ExporterMember).transport.open(signal);
        return;
      } catch (error) {
        if (signal.aborted || !(error instanceof ApplianceError)) throw error;
        // It does not take records yet: that is what is waited for.
      }
    }
  }

  /** Resolves to the trouble it ended with, if any, and whether the collector was seen to take everything. */
  async #converse(
    link: Link,
    privacy: DestinationPrivacy,
    signal: AbortSignal,
  ): Promise<{ trouble: ApplianceError | undefined; taken: boolean }> {
    const member = this.#member;
    const current = this.#live.converse(member, link, privacy, () => {
      if (link.lossy) this.#up();
    });
    this.#link = link;
    this.#current = current;
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    // Introduces itself at once: before anything was sent there is nothing to be proven below.
    const running = current.run(stop);
    // Over TCP the connection itself is the answer; over UDP the first proof is.
    if (!link.lossy) this.#up();
    else
      void link.settled().then(
        () => this.#up(),
        () => {},
      ); // a loss is told by the session
    const behind = this.#followUp(link, member, privacy, stop);
    const betterOne = member === this.#parts.members[0] ? undefined : this.#watchFirst(stop);
    betterOne?.then(
      () => ended.abort(new ApplianceError('connectionLost', 'the first of the group takes records again')),
      () => {}, // heard below
    );
    void link.finished?.then(() => ended.abort(new ApplianceError('connectionLost', 'the link came to its planned end')));
    try {
      const trouble = await running;
      // A planned end, also of a session that cannot go on: what the collector was seen to take need not be sent again.
      const isThere = !signal.aborted && (trouble === undefined || (await lossOf(link)) === undefined);
      const taken = isThere && (await link.end(closeMaxMs));
      // Nothing is proven behind our back: what was not acknowledged here is sent again.
      if (!signal.aborted) link.destroy();
      current.acknowledge();
      return { trouble: trouble ?? (taken ? undefined : await lossOf(link)), taken };
    } finally {
      this.#current = undefined;
      ended.abort(new ApplianceError('connectionLost', 'the session ended'));
      await betterOne?.catch((error: unknown) => {
        if (!(error instanceof ApplianceError)) throw error; // a wait that was ended; anything else is a bug
      });
      await behind;
    }
  }

  /** The backlog goes where live rows go, once something there is known to take them. */
  async #followUp(link: Link, member: ExporterMember, privacy: DestinationPrivacy, signal: AbortSignal): Promise<void> {
    try {
      await unlessAborted(signal, link.settled());
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      return; // the loss is told by the session
    }
    if (member.catchUpTransport !== undefined) await this.#catchUp.run(member, member.catchUpTransport, privacy, signal);
  }

  async #waitAfter(trouble: ApplianceError, signal: AbortSignal): Promise<void> {
    const { world } = this.#parts;
    const delayMs = this.#retry.nextMs();
    const refused = refusals.includes(trouble.code);
    this.#retryAtMs = world.clock.wallMs() + delayMs;
    this.#enter(refused ? 'refused' : 'waiting', messageOf(trouble));
    try {
      await world.clock.sleep(delayMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error; // the stop ends the wait; the loop sees it
    }
    this.#retryAtMs = 0;
  }

  /** The planned end failed by what somebody has to mend. */
  async #tellRefusal(link: Link): Promise<void> {
    const trouble = await lossOf(link);
    if (trouble !== undefined && refusals.includes(trouble.code)) this.#enter('refused', messageOf(trouble));
  }

  #up(): void {
    if (this.#state !== 'up') this.#enter('up', '');
  }

  #enter(state: UplinkState, reason: string): void {
    const before = this.#state;
    this.#reason = reason;
    if (state === before) return;
    this.#state = state;
    this.#sinceMs = this.#parts.world.clock.wallMs();
    const { name } = this.#parts;
    if (state === 'up') this.#say('info', 'uplinkUp', `${name}: connected, records are being sent`);
    else if (before === 'up' && state !== 'stopped')
      this.#say('warn', 'uplinkLost', `${name}: ${reason}; records wait in the spool`);
    else if (before === 'connecting' && state !== 'stopped')
      this.#say('warn', 'uplinkDown', `${name}: ${reason}; records wait in the spool`);
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    if (this.#parts.onEvent === undefined) this.#parts.world.log[level](event, { text });
    else this.#parts.onEvent(level, event, text);
  }

  /** From a flow's end to sent, of live rows: counts to be summed over exporters. */
  latencyCounts(): Uint32Array {
    return this.#live.latency.counts(this.#parts.world.clock.monotonicMs());
  }

  /** For `/metrics`, which one part of the box declares for all destinations. */
  figures(): ExporterFigures {
    const [live, backlog] = [this.#live.sent, this.#backlog.sent];
    return {
      messages: live.messages + backlog.messages,
      octets: live.octets + backlog.octets,
      records: live.records + backlog.records,
      resentRecords: this.#parts.lane.resentRecords,
      behind: this.#parts.lane.backlog.arrived,
      allowedBits: this.#catchUp.bitsPerSecondMax,
      up: this.#state === 'up',
    };
  }
}

/** The reason if the link is gone by now. */
const lossOf = (link: Link): Promise<ApplianceError | undefined> => Promise.race([link.lost, Promise.resolve(undefined)]);
