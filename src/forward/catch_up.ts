/**
 * The backlog of one destination: rows that have waited too long to be called live. While live rows reach a collector, the
 * backlog follows in a transport session and an observation domain of its own, in the order of time, no faster than
 * `CatchUpPace` allows. It has no troubles of its own to tell: it ends with the live session and waits with it.
 */
import { unlessAborted } from '../core/abort.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { type RetryPolicy, RetrySchedule } from '../core/retry.ts';
import type { World } from '../core/world.ts';
import type { BoxEvent, CatchUpStatus } from '../flow/status_shapes.ts';
import type { CatchUpPace } from './catch_up_pace.ts';
import type { ExporterSession } from './exporter_session.ts';
import type { Link, Transport } from './link.ts';
import type { ExporterMember, MemberSessions } from './member_sessions.ts';
import type { DestinationPrivacy } from './privacy/destination_privacy.ts';
import type { SpoolCursor } from './spool_cursor.ts';

export interface CatchUpParts {
  readonly world: World;
  /** Of the destination or group. */
  readonly name: string;
  readonly cursor: SpoolCursor;
  readonly sessions: MemberSessions;
  readonly pace: CatchUpPace;
  readonly retry: RetryPolicy;
  readonly observationDomainId: number;
  readonly say: (level: BoxEvent['level'], event: string, text: string) => void;
}

const closeMaxMs = 2_000;
/** At a planned stop: so long it is waited for what is on its way. The rest is on disk and waits. */
const stopMaxMs = 1_000;
const pollMs = 20;

export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #retry: RetrySchedule;
  #session: ExporterSession | undefined;
  /** The program is about to end. */
  #leaving = false;
  /** What had arrived when this backlog began; undefined while there is none. */
  #arrivedBefore: number | undefined;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    this.#retry = new RetrySchedule(parts.retry, parts.world.random);
  }

  /** For as long as live rows reach this member: until the signal aborts. Never rejects for the collector. */
  async run(member: ExporterMember, transport: Transport, privacy: DestinationPrivacy, signal: AbortSignal): Promise<void> {
    const { cursor, world } = this.#parts;
    while (!signal.aborted) {
      try {
        await cursor.wait(signal);
        this.#begin();
        const trouble = await this.#drain(member, transport, privacy, signal);
        if (trouble === undefined) this.#finish();
        else {
          world.log.info('catchUpInterrupted', { reason: messageOf(trouble) });
          await world.clock.sleep(this.#retry.nextMs(), signal);
        }
      } catch (error) {
        // Waiting ends by the signal; anything but its reason or an operating error is a bug.
        if (!(error instanceof ApplianceError)) throw error;
      }
    }
  }

  /** Takes no more rows, and waits a little for what is on its way. */
  async settle(deadlineMs: number): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    session.takeNoMore();
    this.#leaving = true;
    const { clock } = this.#parts.world;
    const endMs = clock.monotonicMs() + Math.min(deadlineMs, stopMaxMs);
    while (session.inFlight > 0 && clock.monotonicMs() < endMs) {
      await clock.sleep(pollMs);
      session.acknowledge();
    }
  }

  get bitsPerSecondMax(): number {
    return Math.round(this.#parts.pace.octetsPerSecond * 8);
  }

  /** Null while nothing is behind. */
  status(): CatchUpStatus | null {
    const { cursor, pace, world, observationDomainId } = this.#parts;
    if (cursor.outstanding === 0) return null;
    const nowMs = world.clock.monotonicMs();
    const sending = this.#session !== undefined;
    const recordsPerSecond = sending ? pace.rowsPerSecond(nowMs, cursor.arrived) : 0;
    const uplink = pace.uplinkOctetsPerSecond;
    return {
      state: sending ? 'sending' : 'waiting',
      observationDomainId,
      recordsLeft: cursor.outstanding,
      recordsDone: this.#arrivedBefore === undefined ? 0 : cursor.arrived - this.#arrivedBefore,
      recordsPerSecond: Math.round(recordsPerSecond),
      remainingMs: recordsPerSecond > 0 ? Math.round((cursor.outstanding / recordsPerSecond) * 1_000) : null,
      bitsPerSecondMax: this.bitsPerSecondMax,
      uplinkBitsPerSecond: uplink === undefined ? null : Math.round(uplink * 8),
    };
  }

  async #drain(
    member: ExporterMember,
    transport: Transport,
    privacy: DestinationPrivacy,
    signal: AbortSignal,
  ): Promise<ApplianceError | undefined> {
    const { cursor, sessions, pace, world } = this.#parts;
    let link: Link | undefined;
    let trouble: ApplianceError | undefined;
    let taken = false;
    const sampling = world.clock.every(
      1_000,
      () => pace.observe(world.clock.monotonicMs(), cursor.arrived),
      (error) => {
        throw error; // it only counts: a bug
      },
    );
    try {
      link = await transport.open(signal);
      if (link.lossy) await unlessAborted(signal, link.settled());
      pace.restart(world.clock.monotonicMs());
      pace.observe(world.clock.monotonicMs(), cursor.arrived);
      this.#session = sessions.converse(member, link, privacy, () => this.#retry.reset());
      trouble = await this.#session.run(signal);
      // Nobody waits long for a collector that live rows have just lost.
      if (trouble === undefined && (!signal.aborted || this.#leaving)) taken = await link.end(closeMaxMs);
      this.#session.acknowledge(); // ending it may have proven more
      if (trouble === undefined && !taken && !signal.aborted) {
        // Slow to read, or one that never closes its side: to send it all again at once would go on for ever.
        cursor.entrustMargin();
        taken = true;
      }
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      trouble = error;
    } finally {
      sampling.cancel();
      this.#session = undefined;
      link?.destroy();
      cursor.rewind(link !== undefined && !taken);
    }
    return trouble;
  }

  #begin(): void {
    if (this.#arrivedBefore !== undefined) return;
    const { cursor, name, observationDomainId, say } = this.#parts;
    this.#arrivedBefore = cursor.arrived;
    say(
      'info',
      'catchUpStarted',
      `${name}: ${cursor.outstanding} records that waited follow in a session of their own (observation domain ${observationDomainId})`,
    );
  }

  #finish(): void {
    const { cursor, name, say } = this.#parts;
    if (this.#arrivedBefore === undefined || cursor.outstanding > 0) return;
    say('info', 'catchUpFinished', `${name}: ${cursor.arrived - this.#arrivedBefore} records that waited have arrived`);
    this.#arrivedBefore = undefined;
  }
}
