/**
 * One destination, or the first of a failover group that takes records: reads rows at its place in the spool, encodes them
 * when it sends, and tells the spool what arrived. A broken session is followed by another, after a wait that grows and is
 * spread by chance; what was not proven to have arrived is sent again. A dead destination costs the others nothing: it only
 * holds its own place.
 *
 * Order is kept within a session. Owned by the main event loop.
 */
import type { DestinationSettings } from '../config/schema.ts';
import { ApplianceError, type ErrorCode, messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import { RetrySchedule } from '../core/retry.ts';
import type { World } from '../core/world.ts';
import type { DestinationAccount } from '../flow/ledger.ts';
import { type ProfileSpec, profileSpec } from '../flow/profiles.ts';
import type { Projector } from '../flow/projector.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { BoxEvent, UplinkState, UplinkStatus } from '../flow/status_shapes.ts';
import type { ExportSession } from './export_session.ts';
import { ExporterSession } from './exporter_session.ts';
import type { Gap } from './gaps.ts';
import type { ExportFacts, MeteringFacts } from './ipfix/options_tables.ts';
import { IpfixSession } from './ipfix/session.ts';
import type { Link, Transport } from './link.ts';
import { Netflow5Session } from './netflow/netflow5.ts';
import { Netflow9Session } from './netflow/netflow9.ts';
import type { DestinationPrivacy } from './privacy/destination_privacy.ts';
import { loadPrivacy } from './privacy/load_privacy.ts';
import type { SpoolLane } from './spool_lane.ts';

export interface ExporterMember {
  readonly settings: DestinationSettings;
  readonly transport: Transport;
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
  /** 0 for none. */
  readonly privatePen: number;
  readonly lane: SpoolLane;
  readonly rowClock: RowClock;
  readonly projector: Projector;
  readonly facts: () => MeteringFacts;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** A session that lasted this long was a good one: the next wait is short again. */
const goodSessionMs = 10_000;
/** A planned stop waits no longer for a collector that takes its time: what it has not taken is on disk. */
const drainMaxMs = 12_000;
/** At a planned stop: how often it is looked whether everything has arrived. */
const drainPeriodMs = 20;
const closeMaxMs = 2_000;
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
  /** Of members whose transport lets a session go on. */
  readonly #sessions = new Map<ExporterMember, ExportSession>();
  #sentMessages = 0;
  #sentOctets = 0;
  #sentRecords = 0;

  constructor(parts: ExporterParts) {
    this.name = `exporter.${parts.name}`;
    this.#parts = parts;
    this.#member = parts.members[0] as ExporterMember;
    const { retryFirstMs, retryCapMs } = this.#member.settings;
    this.#retry = new RetrySchedule({ firstMs: retryFirstMs, capMs: retryCapMs }, parts.world.random);
  }

  /** Resolves at once: whether the collector answers is a state, not a failure. */
  async start(_signal: AbortSignal): Promise<void> {
    this.#running = new AbortController();
    this.#enter('connecting', '');
    this.#loop = this.#run(this.#running.signal);
  }

  /**
   * Sends what is waiting and waits for its arrival until the deadline; with no session it stops at once. What is left
   * stays in the spool.
   */
  async stop(deadlineMs: number): Promise<void> {
    const { world, lane, members } = this.#parts;
    const endMs = world.clock.monotonicMs() + Math.min(deadlineMs * 0.8, drainMaxMs);
    while (this.#current?.awaitsTime === false && lane.account().pending > 0 && world.clock.monotonicMs() < endMs) {
      this.#current.acknowledge();
      // Over UDP the proof is asked for now, not when its time comes.
      const proof = lane.unread === 0 ? this.#link?.settled().catch(() => {}) : undefined; // a loss ends the session
      if (lane.account().pending > 0) await Promise.race([proof, world.clock.sleep(drainPeriodMs)]);
    }
    const link = this.#link;
    this.#running?.abort(new ApplianceError('connectionLost', 'the exporter was stopped'));
    await this.#loop;
    if (link !== undefined) {
      const closed = await link.end(Math.max(1, Math.min(closeMaxMs, endMs - world.clock.monotonicMs())));
      if (closed && lane.account().pending === 0) lane.releaseMargin();
    }
    for (const { transport } of members) transport.close();
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
      sentRecords: this.#sentRecords,
      acknowledgedRecords: account.acknowledged,
      droppedRecords: Object.values(account.dropped).reduce((sum, rows) => sum + rows, 0),
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
    const { world, lane, rowClock } = this.#parts;
    const { settings } = this.#member;
    const session = this.#sessionFor(link, privacy);
    const current = new ExporterSession({
      world,
      link,
      session,
      lane,
      privacy,
      rowClock,
      facts: (gaps) => this.#facts(session, privacy, gaps),
      templateResendMs: settings.templateResendS * 1_000,
      // What is synced to our own disk is not lost by anybody else.
      resendMarginOctets: settings.transport === 'file' ? 0 : settings.resendMarginBytes,
      onSent: (octets, records) => {
        this.#sentMessages++;
        this.#sentOctets += octets;
        this.#sentRecords += records;
      },
      onProven: () => {
        if (link.lossy) this.#up();
      },
    });
    this.#link = link;
    this.#current = current;
    // Over TCP the connection itself is the answer; over UDP the first proof is.
    if (!link.lossy) this.#up();
    else
      void link.settled().then(
        () => this.#up(),
        () => {},
      ); // a loss is told by the session
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    const betterOne = this.#member === this.#parts.members[0] ? undefined : this.#watchFirst(stop);
    betterOne?.then(
      () => ended.abort(new ApplianceError('connectionLost', 'the first of the group takes records again')),
      () => {}, // heard below
    );
    void link.finished?.then(() => ended.abort(new ApplianceError('connectionLost', 'the link came to its planned end')));
    try {
      const trouble = await current.run(stop);
      // A planned end: what the collector was seen to take need not be sent again.
      const taken = trouble === undefined && !signal.aborted && (await link.end(closeMaxMs));
      if (taken) current.acknowledge();
      return { trouble, taken };
    } finally {
      this.#current = undefined;
      ended.abort(new ApplianceError('connectionLost', 'the session ended'));
      await betterOne?.catch((error: unknown) => {
        if (!(error instanceof ApplianceError)) throw error; // a wait that was ended; anything else is a bug
      });
    }
  }

  /** A session that was only interrupted goes on with its templates and sequence numbers. */
  #sessionFor(link: Link, privacy: DestinationPrivacy): ExportSession {
    const before = link.fresh ? undefined : this.#sessions.get(this.#member);
    if (before !== undefined) {
      before.resize(link.messageOctetsMax);
      return before;
    }
    this.#sessions.delete(this.#member);
    const session = this.#newSession(link.messageOctetsMax, privacy);
    this.#sessions.set(this.#member, session);
    return session;
  }

  #newSession(messageOctetsMax: number, privacy: DestinationPrivacy): ExportSession {
    const { projector, privatePen, observationDomainId } = this.#parts;
    const { settings } = this.#member;
    if (settings.protocol === 'ipfix') {
      const profile = privacy.profile(profileOf(settings));
      return new IpfixSession({ projector, profile, privatePen, observationDomainId, messageOctetsMax });
    }
    const leaveOut = { ports: privacy.leavesOut('ports'), macs: privacy.leavesOut('macs') };
    const Session = settings.protocol === 'netflow9' ? Netflow9Session : Netflow5Session;
    return new Session({ observationDomainId, messageOctetsMax, leaveOut });
  }

  #facts(session: ExportSession, privacy: DestinationPrivacy, gaps: readonly Gap[]): ExportFacts {
    const { lane, facts, observationDomainId, world } = this.#parts;
    const dropped = Object.values(lane.account().dropped).reduce((sum, rows) => sum + rows, 0);
    return {
      ...facts(),
      observationDomainId,
      nowMs: world.clock.wallMs(),
      exportedMessages: this.#sentMessages,
      exportedOctets: this.#sentOctets,
      exportedRecords: this.#sentRecords,
      notSentRecords: dropped,
      notSentPackets: lane.notSent.packets,
      notSentOctets: lane.notSent.octets,
      gaps,
      plans: session.plans,
      anonymizations: privacy.anonymizations,
    };
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

  /** For `/metrics`, which one part of the box declares for all destinations. */
  figures(): { messages: number; octets: number; records: number; resentRecords: number; up: boolean } {
    return {
      messages: this.#sentMessages,
      octets: this.#sentOctets,
      records: this.#sentRecords,
      resentRecords: this.#parts.lane.resentRecords,
      up: this.#state === 'up',
    };
  }
}

function profileOf({ elements, uniflow, profile }: DestinationSettings): ProfileSpec {
  return elements.length > 0 ? { uniflow, elements } : profileSpec(profile);
}
