/**
 * An MQTT broker in the simulation: acknowledges what it took over, may be away, and goes with its line. Keeps of each
 * message how often it came, and watches that no session repeats more than its window.
 */
import type { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { MqttSession, OpenSession, Publication } from '../../src/forward/mqtt/session.ts';
import type { BoxClock } from './box_clock.ts';
import type { Witness } from './witness.ts';

const roundTripMs = 40;
const minuteMs = 60_000;

export class SimBroker {
  readonly #world: SimulatedClock;
  readonly #fault: (what: string) => void;
  readonly #sessions = new Set<SimSession>();
  lineUp = true;
  listening = true;
  /** How often each message came. */
  readonly arrived = new Map<string, number>();
  /** Starts of the minutes that were summed up, wall time of the box. */
  readonly minutes = new Set<number>();
  sessions = 0;

  constructor(world: SimulatedClock, fault: (what: string) => void) {
    this.#world = world;
    this.#fault = (what) => fault(`broker: ${what}`);
  }

  opener(clock: BoxClock): OpenSession {
    return async ({ broker }, signal) => {
      await clock.sleep(roundTripMs, signal);
      if (!this.lineUp) {
        await clock.sleep(broker.connectTimeoutMs, signal);
        throw new ApplianceError('connectTimedOut', 'the broker does not answer');
      }
      if (!this.listening) throw new ApplianceError('connectRefused', 'nothing listens there');
      const session = new SimSession(this, clock, broker.keepAliveS * 1_500, broker.inFlightMax);
      this.#sessions.add(session);
      this.sessions++;
      return session;
    };
  }

  /** It goes away: what it has not acknowledged it may have taken all the same. */
  leave(): void {
    this.listening = false;
    for (const session of this.#sessions) session.drop(new ApplianceError('connectionLost', 'the broker closed the connection'));
  }
  gone(session: SimSession): void {
    this.#sessions.delete(session);
  }
  /** After so much, on the line's time: it goes on when the box is off. */
  after(ms: number, run: () => void): void {
    this.#world.after(ms, run);
  }

  /**
   * At the end, with everything delivered: each minute that was metered whole was summed up, save what a kill may take.
   * Returns how many were looked for.
   */
  conclude(witness: Witness, trueOffsetMs: number, lateMs: number, persistAfterMs: number): number {
    let looked = 0;
    for (const run of witness.runs) {
      if (run.end === undefined || !Number.isFinite(run.clockRightSinceMs)) continue;
      const { how, atMs: endMs } = run.end;
      const first = Math.ceil((run.clockRightSinceMs + trueOffsetMs + minuteMs) / minuteMs) * minuteMs;
      for (let minute = first; ; minute += minuteMs) {
        // It closes late, for flows that are reported late; then it waits for the disk if the broker is not there.
        const closedMs = minute + minuteMs + lateMs + 10_000 - trueOffsetMs;
        const safeMs = closedMs + persistAfterMs + 1_000 + witness.writeMaxMs;
        if ((how === 'stop' ? closedMs : safeMs) > endMs) break;
        looked++;
        if (this.minutes.has(minute) || witness.diskTroubled(closedMs, endMs)) continue;
        this.#fault(
          `nothing came of the minute from ${(minute - trueOffsetMs) / 1_000} s on, in run ${run.number}, which ended by ${how}`,
        );
      }
    }
    return looked;
  }

  take({ topic, payload }: Publication, session: SimSession): void {
    const text = Buffer.from(payload).toString();
    const key = `${topic} ${text}`;
    const before = this.arrived.get(key) ?? 0;
    this.arrived.set(key, before + 1);
    if (before > 0 && !topic.endsWith('state') && ++session.repeats > session.inFlightMax + repeatSlack)
      this.#fault(`${session.repeats} messages came again in one session`);
    if (topic.endsWith('summary/1m')) this.minutes.add((JSON.parse(text) as { startMs: number }).startMs);
  }
}

/** A power cut takes the places that no sync covered: as many as are written down at once, and a second's worth. */
const repeatSlack = 64;

class SimSession implements MqttSession {
  readonly limits = { receiveMaximum: 65_535, packetBytesMax: 268_435_455, retainAvailable: true };
  readonly ended: Promise<ApplianceError>;
  readonly inFlightMax: number;
  repeats = 0;
  readonly #broker: SimBroker;
  readonly #clock: BoxClock;
  readonly #silenceMaxMs: number;
  #over: ApplianceError | undefined;
  readonly #pending = new Set<(reason: ApplianceError) => void>();
  #end!: (reason: ApplianceError) => void;

  constructor(broker: SimBroker, clock: BoxClock, silenceMaxMs: number, inFlightMax: number) {
    this.#broker = broker;
    this.#clock = clock;
    this.#silenceMaxMs = silenceMaxMs;
    this.inFlightMax = inFlightMax;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#listen(clock.monotonicMs());
  }

  publish(publication: Publication): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      this.#broker.after(roundTripMs / 2, () => {
        if (!this.#broker.lineUp || !this.#broker.listening) return;
        this.#broker.take(publication, this);
        this.#clock.after(roundTripMs / 2, () => {
          if (!this.#broker.lineUp || this.#over !== undefined) return;
          this.#pending.delete(reject);
          resolve();
        });
      });
    });
  }
  async subscribe(): Promise<void> {}
  async close(): Promise<void> {
    this.drop(new ApplianceError('connectionLost', 'closed by the box'));
  }
  drop(reason: ApplianceError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    this.#broker.gone(this);
    this.#end(reason);
  }

  /** A ping that is not answered ends the session. */
  #listen(heardMs: number): void {
    this.#clock.after(1_000, () => {
      if (this.#over !== undefined) return;
      const nowMs = this.#clock.monotonicMs();
      const heard = this.#broker.lineUp ? nowMs : heardMs;
      if (nowMs - heard > this.#silenceMaxMs) this.drop(new ApplianceError('connectionLost', 'no answer to a ping'));
      else this.#listen(heard);
    });
  }
}
