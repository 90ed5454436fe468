/**
 * One session's deliveries: takes messages from the outbox in order, keeps at most `window` on their way, acknowledges at
 * PUBACK. A message whose acknowledgement the disk does not know of yet still counts as on its way, so that what a kill
 * sends twice never exceeds the window. Lives as long as its session.
 */
import type { BrokerSettings } from '../../config/schema.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { ApplianceError } from '../../core/errors.ts';
import type { OutboxItem, OutboxLane } from '../outbox.ts';
import { payloadFor } from './encoding.ts';
import { isPassing, isTooLongForSession } from './failure.ts';
import type { MqttSession, Publication } from './session.ts';

export interface DeliveryParts {
  readonly session: MqttSession;
  readonly lane: OutboxLane;
  readonly broker: BrokerSettings;
  readonly clock: Clock;
  /** A message the broker will never take; it is dropped and counted. */
  readonly onRefused: (error: ApplianceError) => void;
  /** So many messages go one at a time first: one of them is too large for the broker, which did not say which. */
  readonly suspects?: number;
}

/** How long a store that does not answer is left alone. */
const storePauseMs = 1_000;
const watchMs = 1_000;

export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #window: number;
  #inFlight = 0;
  #sent = 0;
  #acknowledged = 0;
  #refused = 0;
  #suspects = 0;
  #progressMs: number;
  #draining = false;
  #drainTimer: Timer | undefined;
  #storeTimer: Timer | undefined;
  #ended = false;
  #woken = false;
  #wakeUp: () => void = () => {};

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#window = Math.min(parts.broker.inFlightMax, parts.session.limits.receiveMaximum);
    this.#progressMs = parts.clock.monotonicMs();
  }

  /** Publishes begun, repeats of earlier sessions included. */
  get sent(): number {
    return this.#sent;
  }
  get acknowledged(): number {
    return this.#acknowledged;
  }
  get refused(): number {
    return this.#refused;
  }

  /** Messages on their way when the broker ended the session because one was too large, and did not say which. */
  get suspects(): number {
    return this.#suspects;
  }

  /** There may be something to do. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp();
  }

  /** Returns from `run` once nothing waits any more, or after the time: what is on its way by then is still awaited. */
  drain(withinMs: number): void {
    this.#draining = true;
    this.#drainTimer?.cancel();
    this.#drainTimer = this.#parts.clock.after(withinMs, () => {
      this.#ended = true;
      this.wake();
    });
    this.wake();
  }

  /** The session is over: nothing is waited for any more. A timer that goes on would keep the program from ending. */
  close(): void {
    this.#drainTimer?.cancel();
    this.#storeTimer?.cancel();
  }

  /** Delivers until the session ends (its reason) or all is drained (undefined). */
  async run(): Promise<ApplianceError | undefined> {
    const { session, clock, broker } = this.#parts;
    let reason: ApplianceError | undefined;
    void session.ended.then((why) => {
      reason = why;
      this.wake();
    });
    const watch = clock.every(
      watchMs,
      () => this.#checkProgress(broker.acknowledgeTimeoutMs),
      (error) => {
        throw error;
      },
    );
    try {
      while (reason === undefined && !(this.#ended && this.#inFlight === 0)) {
        const step = await this.#step();
        if (step === 'sent') continue;
        if (step === 'nothing' && this.#draining && this.#inFlight === 0) break;
        await this.#sleep();
      }
    } finally {
      watch.cancel();
    }
    return reason;
  }

  /** Sends one message, if there is one and room in the window. */
  async #step(): Promise<'sent' | 'full' | 'nothing'> {
    const { lane, clock } = this.#parts;
    if (this.#ended) return 'nothing';
    const oneByOne = this.#acknowledged + this.#refused < (this.#parts.suspects ?? 0);
    if (this.#inFlight + lane.unrecorded >= this.#window || (oneByOne && this.#inFlight > 0)) {
      lane.recordNow();
      return 'full';
    }
    try {
      const item = await lane.next();
      if (item === undefined) return 'nothing';
      void this.#deliver(item);
      return 'sent';
    } catch (error) {
      // The outbox says what ails its store; here it only means to wait.
      if (!(error instanceof ApplianceError)) throw error;
      this.#storeTimer?.cancel();
      this.#storeTimer = clock.after(storePauseMs, () => this.wake());
      return 'nothing';
    }
  }

  async #deliver(item: OutboxItem): Promise<void> {
    const { session, lane, broker, clock, onRefused } = this.#parts;
    if (this.#inFlight === 0) this.#progressMs = clock.monotonicMs();
    this.#inFlight++;
    this.#sent++;
    try {
      await session.publish(publicationOf(item, broker));
      this.#acknowledged++;
      lane.acknowledge(item);
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      // MQTT 5 4.13: a broker may end the session for a message, without a word of which. On its way alone it was that one.
      const isEnd = isTooLongForSession(error);
      const isFirst = isEnd && this.#suspects === 0;
      if (isFirst) this.#suspects = this.#inFlight;
      if (isPassing(error)) session.drop(error);
      else if (isEnd ? isFirst && this.#inFlight === 1 : error.code === 'publishRefused' || error.code === 'messageTooLong') {
        this.#refused++;
        lane.drop(item, 'refused');
        onRefused(error);
      }
      // Otherwise the session has ended; the lane is rewound and the message goes out again.
    } finally {
      this.#inFlight--;
      this.#progressMs = clock.monotonicMs();
      this.wake();
    }
  }

  /** A broker can answer pings and still acknowledge nothing. */
  #checkProgress(acknowledgeTimeoutMs: number): void {
    if (this.#inFlight === 0 || this.#parts.clock.monotonicMs() - this.#progressMs < acknowledgeTimeoutMs) return;
    const words = `the broker has acknowledged nothing for ${Math.round(acknowledgeTimeoutMs / 1_000)} s`;
    this.#parts.session.drop(new ApplianceError('connectTimedOut', words));
  }

  async #sleep(): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
    this.#woken = false;
  }
}

function publicationOf({ message }: OutboxItem, broker: BrokerSettings): Publication {
  const { topic, retain, schemaVersion } = message;
  return { topic, retain, schemaVersion, ...payloadFor(broker.encoding, message) };
}
